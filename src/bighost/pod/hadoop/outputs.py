"""Takes over what a job has written: its part files become the run's output."""

from __future__ import annotations

from pathlib import Path

from bighost.pod.contract import Outcome, OutputFile
from bighost.pod.frameworks.shuffle import new_digest
from bighost.pod.run import Run, Stop

READ_BYTES = 1 << 20


def parts_of(folder: Path) -> list[Path]:
    """The part files of a job's output folder, in order."""
    return sorted(folder.glob("part-*"))


def hand_in(folder: Path, run: Run) -> list[OutputFile]:
    """Move part files to the run's output. Raises Stop when they are larger than the run may write."""
    parts = parts_of(folder)
    if sum(path.stat().st_size for path in parts) > run.limits.output_bytes:
        words = f"the job wrote more than {run.limits.output_bytes} bytes of output"
        raise Stop(Outcome.OUTPUT_LIMIT, words, run.stages[-1].name if run.stages else None)
    return [_described(path.rename(run.workdir.output / path.name)) for path in parts]


def _described(path: Path) -> OutputFile:
    digest, size = new_digest(), 0
    with path.open("rb") as file:
        while piece := file.read(READ_BYTES):
            digest.update(piece)
            size += len(piece)
    return OutputFile(path.name, size, digest.hexdigest())
