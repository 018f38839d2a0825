"""The verdict of one test: from the pod's word where the run failed, else from its output."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from bighost.errors import Ours
from bighost.job.assignment import Comparator
from bighost.job.verdict import Verdict
from bighost.marking.compare import compare
from bighost.marking.difference import Difference
from bighost.marking.lines import Parts

_OF_OUTCOME = {
    "runtime_error": Verdict.RUNTIME_ERROR,
    "time_limit": Verdict.TIME_LIMIT,
    "memory_limit": Verdict.MEMORY_LIMIT,
    "output_limit": Verdict.OUTPUT_LIMIT,
}


class Judgement(msgspec.Struct, frozen=True):
    """What an output gets, and where it first differs when it is not right."""

    verdict: Verdict
    difference: Difference | None = None


def judge(comparator: Comparator, answer: Parts, output: Parts) -> Judgement:
    """The verdict of an output whose run was ok: passed, wrong_answer or no_output.

    Raises AssignmentError where no output can equal the answer.
    """
    weighed = _Weighed(output)
    difference = compare(comparator, answer, weighed)
    if difference is None:
        return Judgement(Verdict.PASSED)
    return Judgement(Verdict.WRONG_ANSWER if weighed.size else Verdict.NO_OUTPUT, difference)


def verdict_of(outcome: str) -> Verdict | None:
    """The verdict for a run's outcome (a value of `pod.contract.Outcome`); None for "ok": judge its output.

    Raises Ours for every other outcome, such as "fault": those are not the student's doing.
    """
    if outcome == "ok":
        return None
    try:
        return _OF_OUTCOME[outcome]
    except KeyError:
        raise Ours(f"a run that ended as {outcome!r} has no verdict") from None


class _Weighed:
    """Parts that know how many bytes of them were read."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.size = 0

    def __iter__(self) -> Iterator[Iterable[bytes]]:
        return map(self._blocks, self._parts)

    def _blocks(self, part: Iterable[bytes]) -> Iterator[bytes]:
        for block in part:
            self.size += len(block)
            yield block
