"""The output folder: a file for each last task, as TextOutputFormat writes it, within the output limit."""

from __future__ import annotations

import threading
from pathlib import Path

from bighost.pod.contract import Outcome, OutputFile
from bighost.pod.frameworks.records import Layout, Lines
from bighost.pod.frameworks.shuffle import new_digest
from bighost.pod.stderr import Offence

HELD_BYTES = 256 * 1024


class OutputLimit:
    """Counts the bytes of all output files of a run."""

    def __init__(self, most_bytes: int) -> None:
        self._most_bytes = most_bytes
        self._written = 0
        self._lock = threading.Lock()

    def take(self, size: int) -> None:
        """Count `size` bytes more. Raises Offence when that is too much."""
        with self._lock:
            self._written += size
            if self._written > self._most_bytes:
                raise Offence(Outcome.OUTPUT_LIMIT, f"wrote more than {self._most_bytes} bytes of output")


class PartFile:
    """Takes what a program writes and makes an output file of it."""

    def __init__(self, folder: Path, index: int, layout: Layout, limit: OutputLimit) -> None:
        self.records = 0
        self.size = 0
        self.name = f"part-{index:05}"
        self._layout = layout
        self._limit = limit
        self._lines = Lines()
        self._digest = new_digest()
        self._path = folder / self.name
        self._path.touch()
        self._held: list[bytes] = []
        self._held_bytes = 0

    def write(self, data: bytes) -> None:
        """Take the next bytes. Raises Offence when the output gets too large, or a line too long."""
        self._append(self._lines.feed(data))

    def close(self) -> None:
        """End the last line, and write what is still held."""
        self._append(self._lines.end())
        self._flush()

    def described(self) -> OutputFile:
        """The file's name, size and digest."""
        return OutputFile(self.name, self.size, self._digest.hexdigest())

    def _append(self, text: bytes) -> None:
        if not text:
            return
        lines = text.split(b"\n")
        lines.pop()
        text = b"\n".join([*self._layout.complete(lines), b""])
        self._limit.take(len(text))
        self._digest.update(text)
        self.records += len(lines)
        self.size += len(text)
        self._held.append(text)
        self._held_bytes += len(text)
        if self._held_bytes > HELD_BYTES:
            self._flush()

    def _flush(self) -> None:
        with self._path.open("ab") as file:
            file.writelines(self._held)
        self._held = []
        self._held_bytes = 0
