"""Verdicts: what a student's program did, and nothing else. Faults of ours never become one.

`docs/verdicts.md` is drawn from the table below.
"""

from __future__ import annotations

from enum import StrEnum


class Verdict(StrEnum):
    """What a graded submission, or one test of it, got."""

    PASSED = "passed"
    PARTIAL = "partial"
    WRONG_ANSWER = "wrong_answer"
    RUNTIME_ERROR = "runtime_error"
    TIME_LIMIT = "time_limit"
    MEMORY_LIMIT = "memory_limit"
    OUTPUT_LIMIT = "output_limit"
    NO_OUTPUT = "no_output"

    @property
    def given(self) -> str:
        """Exactly when this verdict is given."""
        return _GIVEN[self]


_GIVEN = {
    Verdict.PASSED: "Every test with a weight ended by itself with exit code 0 in every task, within all "
    "limits, and its output equals the key under the assignment's comparator.",
    Verdict.PARTIAL: "Some tests with a weight passed and some did not, and the assignment gives partial "
    'credit (`marks.partial = "tests"`). The message names the first test that failed, and why.',
    Verdict.WRONG_ANSWER: "The program ended by itself with exit code 0 in every task, within all limits, "
    "wrote some output, and the output differs from the key under the assignment's comparator.",
    Verdict.RUNTIME_ERROR: "A process of the submission ended with an exit code other than 0, or by a signal "
    "that nobody of ours sent. A program that could not be started counts here.",
    Verdict.TIME_LIMIT: "The processes of one stage used more CPU seconds (user and system, added up) "
    "than `limits.cpu`, or the test took longer than `limits.wall` by the clock; it was ended by us.",
    Verdict.MEMORY_LIMIT: "The resident memory of the submission's processes, added up, went above "
    "`limits.memory`, or an allocation that would have gone there was refused and ended the program.",
    Verdict.OUTPUT_LIMIT: "The output files grew above `limits.output`, or what the submission wrote to its "
    "work folder and between its stages grew above `limits.disk`.",
    Verdict.NO_OUTPUT: "The program ended by itself with exit code 0 within all limits, the key is not "
    "empty, and the output holds not one byte.",
}
