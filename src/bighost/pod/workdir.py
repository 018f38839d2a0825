"""The folders of a pod's work directory, and their wiping.

| folder | whose | what |
|---|---|---|
| `code/` | ours, all may read | the student's files |
| `scratch/NAME/` | the student's | one a program: its current directory, gone when it ends |
| `private/spill/` | ours alone | intermediate data |
| `private/output/` | ours alone | the output files, kept until the next order or a reset |
| `daemons/` | ours alone | what a framework's daemons keep for as long as the pod lives |
"""

from __future__ import annotations

import itertools
import os
import stat
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

SHARED_FOLDERS = ("/tmp", "/var/tmp", "/dev/shm", "/dev/mqueue")
FULL_BYTES = 64 * 1024
SYSV = ("msg", "sem", "shm")
MODES = {
    "code": 0o755,
    "scratch": 0o711,
    "private": 0o700,
    "private/spill": 0o700,
    "private/output": 0o700,
    "daemons": 0o700,
}


class Workdir:
    """A folder that is ours alone. Raises ValueError when something else lies in it.

    `uid` is the student's user, None when that is our own.
    """

    def __init__(self, root: Path, uid: int | None) -> None:
        self._root = root
        self._uid = uid
        self.code = root / "code"
        self.scratch = root / "scratch"
        self.spill = root / "private" / "spill"
        self.output = root / "private" / "output"
        self.daemons = root / "daemons"
        root.mkdir(mode=0o711, parents=True, exist_ok=True)
        strangers = sorted({entry.name for entry in root.iterdir()} - MODES.keys())
        if strangers:
            raise ValueError(f"{root} is to be the pod's alone, but holds {', '.join(strangers[:3])}")
        root.chmod(0o711)
        self._empty(root)
        self.wipe()

    def prepare(self, files: dict[str, bytes]) -> None:
        """Lay out the student's files for a new run; the output of the last one is gone."""
        self.wipe_after_run()
        self._empty(self.output)
        for name, content in files.items():
            path = self.code / name
            for folder in reversed(path.relative_to(self.code).parents[:-1]):
                _make(self.code / folder, 0o755)
            path.write_bytes(content)
            path.chmod(0o644)

    def new_scratch(self, name: str) -> Path:
        """An empty folder for one program."""
        folder = self.scratch / name
        _make(folder, 0o700)
        if self._uid is not None:
            os.chown(folder, self._uid, self._uid)
        return folder

    def wipe(self) -> None:
        """Empty everything but what daemons keep. No student process may live."""
        self.wipe_student_files()
        for entry in list(self._root.iterdir()):
            if entry != self.daemons:
                remove(entry)
        for name, mode in MODES.items():
            _make(self._root / name, mode)

    def wipe_after_run(self) -> None:
        """Empty all of our folders but the output."""
        for folder in (self.code, self.scratch, self.spill):
            self._empty(folder)

    def wipe_student_files(self) -> None:
        """Remove what the student's user left in folders that all may write to."""
        for path in self._shared_files():
            remove(path)

    def is_full(self) -> bool:
        """Whether there is no room left on the disk that the folder lies on."""
        disk = os.statvfs(self._root)
        return disk.f_bavail * disk.f_frsize < FULL_BYTES or (disk.f_files > 0 and disk.f_favail == 0)

    def leftovers(self) -> str | None:
        """What a wipe has left behind, in words; None when nothing is there."""
        ours = (path for path in self._root.rglob("*") if self.daemons not in path.parents)
        strangers = [path for path in ours if str(path.relative_to(self._root)) not in MODES]
        strangers += self._shared_files()
        if strangers:
            return f"{strangers[0]} is left"
        return self._shared_memory()

    def _empty(self, folder: Path) -> None:
        for entry in list(folder.iterdir()):
            remove(entry)

    def _shared_files(self) -> Iterator[Path]:
        if self._uid is None:
            return
        for folder in SHARED_FOLDERS:
            with suppress(FileNotFoundError, PermissionError):  # this pod does not have it, or only for show
                yield from [path for path in Path(folder).iterdir() if _owner(path) == self._uid]

    def _shared_memory(self) -> str | None:
        """System V objects outlive their processes, and only their owner can remove them."""
        for kind in SYSV if self._uid is not None else ():
            table = Path("/proc/sysvipc", kind)
            if not table.exists():  # a kernel without them
                continue
            header, *rows = (line.split() for line in table.read_text().splitlines())
            column = header.index("uid")
            if any(int(row[column]) == self._uid for row in rows):
                return f"the student left System V objects ({kind})"
        return None


def remove(path: Path) -> None:
    """Remove a file, or a folder however deep: folders inside are first moved up beside it."""
    names = (path.with_name(f"{path.name}.{number}") for number in itertools.count())
    todo = [path]
    while todo:
        victim = todo.pop()
        if not stat.S_ISDIR(victim.lstat().st_mode):
            victim.unlink()
            continue
        _unlock(victim)
        for folder in _remove_files(victim):
            _unlock(folder)  # moving a folder writes to it
            todo.append(folder.rename(next(name for name in names if not os.path.lexists(name))))
        victim.rmdir()


def _remove_files(folder: Path) -> list[Path]:
    """Remove the files of one folder; gives its folders."""
    folders = []
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders.append(Path(entry.path))
            else:
                Path(entry.path).unlink()
    return folders


def _unlock(folder: Path) -> None:
    folder.chmod(0o700)  # its owner may have taken the right from everybody


def _owner(path: Path) -> int | None:
    try:
        return path.lstat().st_uid
    except FileNotFoundError:
        return None  # somebody else's, just removed


def _make(folder: Path, mode: int) -> None:
    folder.mkdir(exist_ok=True)
    folder.chmod(mode)
