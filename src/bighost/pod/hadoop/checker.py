"""The staff's own test of convergence: a program that sees two rounds and says whether to go on.

It reads lines of both rounds, each with `old` or `new` and a TAB before it, and writes one line: `converged`
or `continue`, and after a space the delta to show. It runs as the student's user, under the run's limits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from bighost.pod.contract import Outcome
from bighost.pod.run import Run, Stop
from bighost.pod.sandbox import Fault
from bighost.pod.stages import StageRun
from bighost.pod.stderr import Offence
from bighost.pod.task import Task

ANSWER_BYTES = 4096
WORDS = {"converged": True, "continue": False}


class Answer(NamedTuple):
    """What the program says."""

    converged: bool
    delta: str


class TwoRounds:
    """What the program reads."""

    def __init__(self, old: Sequence[Path], new: Sequence[Path]) -> None:
        self.records = 0
        self._lines = self._all(old, new)

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        return next(self._lines)

    def _all(self, old: Sequence[Path], new: Sequence[Path]) -> Iterator[bytes]:
        for word, paths in ((b"old\t", old), (b"new\t", new)):
            for path in paths:
                with path.open("rb") as lines:
                    for line in lines:
                        self.records += 1
                        yield word + line


class Collected:
    """What the program writes."""

    def __init__(self) -> None:
        self.records = 0
        self.size = 0
        self.content = b""

    def write(self, data: bytes) -> None:
        """Take the next bytes. Raises Offence when it is more than an answer."""
        self.content += data
        self.size += len(data)
        if self.size > ANSWER_BYTES:
            raise Offence(Outcome.RUNTIME_ERROR, "says more than an answer")

    def close(self) -> None:
        """Nothing is to be done."""


def ask(run: Run, program: str, stage: str, old: Sequence[Path], new: Sequence[Path]) -> Answer:
    """Let the program compare two rounds. Raises Fault when it fails or can't be understood: it is not the
    student's; Stop when the run's time is up.
    """
    answer = Collected()
    try:
        StageRun(run, stage, 1, lambda _: Task(program, {}, TwoRounds(old, new), answer)).go()
    except Stop as stop:
        if stop.outcome in (Outcome.CANCELLED, Outcome.TIME_LIMIT):
            raise
        raise Fault(f"the assignment's check program failed: {stop.message}") from stop
    word, _, delta = answer.content.decode(errors="replace").strip().partition(" ")
    if word not in WORDS:
        raise Fault(f"the assignment's check program says neither converged nor continue, but {word[:80]!r}")
    return Answer(WORDS[word], delta)
