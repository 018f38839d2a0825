"""Outputs against answers: what counts as equal, the first difference, and what each person is told."""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bighost.errors import AssignmentError, Ours
from bighost.job.assignment import Comparator, Compare, Feedback
from bighost.job.verdict import Verdict
from bighost.marking import Difference, Kind, compare, judge, verdict_of
from bighost.pod.contract import Outcome

EXACT, LINES, KEYED = (Comparator(kind=kind) for kind in Compare)
some_lines = st.lists(st.sampled_from([b"a\t1", b"a\t2", b"b\t1", b"c", b""]), max_size=8)


def differ(comparator: Comparator, answer: bytes, output: bytes) -> Difference:
    difference = compare(comparator, [[answer]], [[output]])
    assert difference is not None
    return difference


@given(some_lines, some_lines)
def test_lines_counts_what_multisets_do(answer: list[bytes], output: list[bytes]) -> None:
    difference = compare(LINES, [[line + b"\n" for line in answer]], [[line + b"\n"] for line in output])
    missing, extra = Counter(answer) - Counter(output), Counter(output) - Counter(answer)
    if difference is None:
        assert not missing
        assert not extra
    else:
        assert (difference.counts.missing, difference.counts.extra) == (missing.total(), extra.total())


@given(st.dictionaries(st.binary(max_size=2).filter(bytes.isalpha), st.integers(0, 3)), st.integers(1, 4))
def test_keyed_finds_the_smallest_key(answer: dict[bytes, int], step: int) -> None:
    output = {key: value + (i % step == 0) for i, (key, value) in enumerate(sorted(answer.items()))}
    difference = compare(KEYED, [_records(answer)], [_records(dict(reversed(output.items())))])
    wrong = [key for key in answer if answer[key] != output[key]]
    if difference is None:
        assert not wrong
    else:
        assert difference.kind is Kind.WRONG_VALUE
        assert difference.key == min(wrong).decode()
        assert difference.counts.wrong == len(wrong)


def _records(values: dict[bytes, int]) -> list[bytes]:
    return [b"%s\t%d\n" % pair for pair in values.items()]


@pytest.mark.parametrize(
    ("comparator", "answer", "output", "kind", "line"),
    [
        (EXACT, b"a\nb\n", b"a\nc\n", Kind.DIFFERENT_LINE, 2),
        (EXACT, b"a\nb\n", b"a\n", Kind.MISSING_LINE, 2),
        (EXACT, b"a\n", b"a\nb\n", Kind.EXTRA_LINE, 2),
        (EXACT, b"a\n", b"a\r\n", Kind.DIFFERENT_LINE, 1),
        (LINES, b"a\nb\n", b"b\n", Kind.MISSING_LINE, None),
        (LINES, b"b\n", b"b\na\n", Kind.EXTRA_LINE, 2),
        (LINES, b"a\t1\n", b"b\t1\na\t2\n", Kind.WRONG_VALUE, 2),
        (LINES, b"a\n", b"a\t2\n", Kind.WRONG_VALUE, 1),
        (LINES, b"a\t1\n", b"a\t1\na\t1\n", Kind.EXTRA_LINE, 2),
        (KEYED, b"a\t1\nb\t1\n", b"b\t1\n", Kind.MISSING_KEY, None),
        (KEYED, b"b\t1\n", b"b\t1\na\t1\n", Kind.EXTRA_KEY, 2),
        (KEYED, b"b\t1\n", b"b\t1\nb\t1\n", Kind.DUPLICATE_KEY, 2),
        (KEYED, b"b\t1\n", b"b\t1.1\n", Kind.WRONG_VALUE, 1),
        (KEYED, b"b\t1\n", b"b\tnan\n", Kind.WRONG_VALUE, 1),
        (KEYED, b"b\t1\n", b"b\t1\t1\n", Kind.WRONG_VALUE, 1),
        (KEYED, b"b\n", b"", Kind.MISSING_LINE, None),
    ],
)
def test_first_difference(
    comparator: Comparator, answer: bytes, output: bytes, kind: Kind, line: int | None
) -> None:
    difference = differ(comparator, answer, output)
    assert (difference.kind, difference.line) == (kind, line)


def test_columns_are_compared_one_by_one_within_the_tolerance() -> None:
    comparator = Comparator(kind=Compare.KEYED, relative=1e-3)
    assert compare(comparator, [[b"k\tUA\t100\t7\n"]], [[b"k\tUA\t100.05\t7.0\n"]]) is None
    difference = differ(comparator, b"k\tUA\t100\t7\n", b"k\tUA\t101\t7\n")
    assert difference.column == 2
    assert differ(comparator, b"k\tUA\t100\t7\n", b"k\tua\t100\t7\n").column == 1


@pytest.mark.parametrize("answer", [b"a\t1\na\t2\n", b"a\tnan\n", b"a\t1\tNaN\n"])
def test_an_answer_that_nothing_equals_is_the_fault_of_staff(answer: bytes) -> None:
    with pytest.raises(AssignmentError, match="the answer holds"):
        compare(KEYED, [[answer]], [[answer]])


@pytest.mark.parametrize("comparator", [EXACT, LINES, KEYED])
@pytest.mark.parametrize("output", [b"", b"the\t41000\n", b"the\n", b"zoo\t1\n", b"and\t3\nzoo\t2"])
def test_students_never_see_the_answer(comparator: Comparator, output: bytes) -> None:
    difference = differ(comparator, b"and\t3\nthe\t41927\n", output)
    told = difference.for_student(Feedback.FULL)
    assert "41927" not in told
    assert "In all: " in told
    assert difference.for_student(Feedback.STAGE) == difference.for_student(Feedback.VERDICT) == ""


def test_a_missing_line_that_is_all_answer_is_not_told_to_students() -> None:
    for comparator in (EXACT, LINES, KEYED):
        difference = differ(comparator, b"secret\n", b"")
        assert "secret" in difference.for_staff()
        assert "secret" not in difference.for_student(Feedback.FULL)


def test_sentences() -> None:
    difference = differ(KEYED, b"a\t1\nb\t2\nc\t3\n", b"a\t1\nb\t7\nd\t1\nd\t1\na\t1\n")
    counts = "In all: 1 key missing, 2 keys too many, 1 key wrong, 1 key repeated."
    assert difference.for_staff() == f"Key 'a' comes again with value '1' (line 5). {counts}"
    difference = differ(KEYED, b"b\t2\n", b"b\t7\n")
    assert (
        difference.for_staff() == "Key 'b' has value '7' (line 1) where '2' is expected. In all: 1 key wrong."
    )
    assert difference.for_student(Feedback.FULL) == (
        "Your value '7' of key 'b' (line 1) is not the expected one. In all: 1 key wrong."
    )


def test_hostile_output_is_shown_short_and_escaped() -> None:
    difference = differ(LINES, b"a\n", b"\x1b[2J\xff\xe2\x80\xae" + b"x" * 10_000_000)
    told = difference.for_staff() + difference.for_student(Feedback.FULL)
    assert told.isprintable()
    assert len(told) < 600


def test_verdicts_of_outputs() -> None:
    assert judge(LINES, [[b"a\n"]], [[b"a"]]).verdict is Verdict.PASSED
    assert judge(LINES, [[b"a\n"]], [[b"b"], []]).verdict is Verdict.WRONG_ANSWER
    assert judge(LINES, [[b"a\n"]], [[], [b""]]).verdict is Verdict.NO_OUTPUT
    assert judge(LINES, [[b"a\n"]], [[b"\n"]]).verdict is Verdict.WRONG_ANSWER
    assert judge(EXACT, [[]], []).verdict is Verdict.PASSED


def test_verdicts_of_outcomes() -> None:
    assert verdict_of(Outcome.OK) is None
    for outcome in set(Outcome) - {Outcome.OK, Outcome.FAULT, Outcome.CANCELLED}:
        assert verdict_of(outcome.value) is Verdict(outcome.value)
    for outcome in (Outcome.FAULT, Outcome.CANCELLED):
        with pytest.raises(Ours):
            verdict_of(outcome.value)
