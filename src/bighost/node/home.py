"""A node's data folder: what lies where, and that one process at a time uses it.

node.key        CURVE key pair: the node's identity
identity.json   what the coordinator said at enrolment, and the node's token
outbox/         results that are not acknowledged yet, and outputs that may be asked for
datasets/       files by digest; pods see this folder, read-only, as /data
logs/           {name}/{life}/{stream}_logs.txt, the latest lives
lock            held while a node runs
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bighost.errors import OperatorError

LIVES_KEPT = 10


class Home:
    """The folder `root`, made where it is missing; only its owner may enter it."""

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()
        self.keys = self.root / "node.key"
        self.identity = self.root / "identity.json"
        self.outbox = self.root / "outbox"
        self.datasets = self.root / "datasets"
        self._logs = self.root / "logs"

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold the folder. Raises OperatorError when another node holds it, or it can't be written."""
        try:
            self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
            self.root.chmod(0o700)
            descriptor = os.open(self.root / "lock", os.O_RDWR | os.O_CREAT, 0o600)
        except OSError as error:
            raise OperatorError(f"the data folder {self.root} can't be used: {error}") from None
        try:
            self._lock(descriptor)
            self.outbox.mkdir(mode=0o700, exist_ok=True)
            # Pods may come in as another user; the folder above keeps everybody else out.
            self.datasets.mkdir(exist_ok=True)
            self.datasets.chmod(0o700)  # student code must not read the inputs of other tests; pods' root may
            yield
        finally:
            os.close(descriptor)

    def logs(self, name: str, life: str) -> Path:
        """The folder for the log streams of a new life; of the former ones the latest are kept."""
        above = self._logs / name
        above.mkdir(parents=True, exist_ok=True)
        lives = sorted((p for p in above.iterdir() if p.is_dir()), key=lambda p: p.stat().st_mtime_ns)
        for old in lives[: max(0, len(lives) - LIVES_KEPT + 1)]:
            shutil.rmtree(old, ignore_errors=True)
        return above / life

    def _lock(self, descriptor: int) -> None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise OperatorError(
                f"another node runs with the data folder {self.root}",
                hint="end it, or give this one a folder of its own by --data (or another --name)",
            ) from None
