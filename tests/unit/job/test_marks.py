"""What a submission gets from the verdicts of its tests, and which assignments can't be built."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bighost.job import assignment as a
from bighost.job.verdict import Verdict

DATASET = a.Dataset(name="d", files=(), size=0)
verdicts = st.sampled_from([v for v in Verdict if v is not Verdict.PARTIAL])
graded = st.lists(st.tuples(verdicts, st.integers(1, 5)), min_size=1, max_size=5)


def assignment(weights: list[float], **fields: Any) -> a.Assignment:
    tests = tuple(a.Test(name=f"t{i}", dataset="d", weight=w) for i, w in enumerate(weights))
    return a.Assignment(**({"id": "x", "title": "X", "datasets": {"d": DATASET}, "tests": tests} | fields))


def marked(got: list[tuple[Verdict, int]], partial: a.Partial) -> a.Marking:
    marks = a.Marks(total=20, partial=partial)
    return a.mark(
        assignment([w for _, w in got], marks=marks), {f"t{i}": verdict for i, (verdict, _) in enumerate(got)}
    )


@given(graded)
def test_partial_credit_is_the_share_of_the_weights(got: list[tuple[Verdict, int]]) -> None:
    marking = marked(got, a.Partial.TESTS)
    passed = sum(w for v, w in got if v is Verdict.PASSED)
    assert marking.score == pytest.approx(20 * passed / sum(w for _, w in got), abs=1e-4)
    assert (marking.verdict is Verdict.PARTIAL) == (0 < marking.score < 20)


@given(graded)
def test_without_partial_credit_it_is_all_or_nothing(got: list[tuple[Verdict, int]]) -> None:
    marking = marked(got, a.Partial.NONE)
    failed = [v for v, _ in got if v is not Verdict.PASSED]
    assert marking == a.Marking(failed[0] if failed else Verdict.PASSED, 0 if failed else 20)


@given(graded, st.integers(0, 4))
def test_passing_one_more_test_never_costs_marks(got: list[tuple[Verdict, int]], which: int) -> None:
    better = list(got)
    better[which % len(got)] = (Verdict.PASSED, got[which % len(got)][1])
    for partial in a.Partial:
        assert marked(better, partial).score >= marked(got, partial).score


def test_every_verdict_says_when_it_is_given() -> None:
    assert len({verdict.given for verdict in Verdict}) == len(Verdict)


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"id": "../x"}, "id '../x'"),
        ({"opens": datetime(2026, 1, 1)}, "opens has no time zone"),
        ({"tests": ()}, "at least one test"),
        ({"tests": (a.Test(name="t", dataset="e"),)}, "asks for dataset 'e', which isn't defined"),
        ({"tests": (a.Test(name="t", dataset="d"),) * 2}, "two tests have the same name"),
        ({"tests": (a.Test(name="t", dataset="d", weight=0),)}, "a weight above zero"),
    ],
)
def test_assignments_that_cannot_be(fields: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        assignment([1], **fields)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: a.FileRule(name="../mapper.py"), "can't be a file's name"),
        (lambda: a.FileRule(name="m", max_bytes=0), "max_bytes must be at least 1"),
        (lambda: a.Limits(cpu_s=0), "cpu_s must be above zero"),
        (lambda: a.Limits(wall_s=float("nan")), "wall_s must be above zero"),
        (lambda: a.Limits(memory_bytes=1000), "at least 8 MiB"),
        (lambda: a.Comparator(separator="::"), "one ASCII character"),
        (lambda: a.Comparator(separator="é"), "one ASCII character"),
        (lambda: a.Comparator(relative=1), "relative must be in"),
        (lambda: a.Comparator(absolute=float("nan")), "absolute at least 0"),
        (lambda: a.Test(name="t", dataset="d", weight=-1), "weight must be zero or more"),
        (lambda: a.Marks(total=0), "total must be above zero"),
        (lambda: a.Tries(per_hour=0), "at least 1"),
    ],
)
def test_values_that_cannot_be(build, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        build()


def test_hand_ins_are_taken_between_two_moments_until_staff_close_it() -> None:
    opens = datetime(2026, 1, 5, tzinfo=timezone(timedelta(hours=5, minutes=30)))
    due = opens + timedelta(days=1)
    one = assignment([1], opens=opens, due=due)
    start, second = round(opens.timestamp() * 1e9), 10**9
    assert one.window(start - second) is a.Window.NOT_YET_OPEN
    assert one.window(start) is a.Window.OPEN
    assert one.window(start + 86400 * second) is a.Window.OPEN
    assert one.window(start + 86401 * second) is a.Window.CLOSED
    assert assignment([1]).window(0) is a.Window.OPEN
    assert assignment([1], closed=True).window(start) is a.Window.CLOSED
