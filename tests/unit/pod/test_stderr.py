"""Reporter lines are understood, text is kept at its end, and memory is bounded."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bighost.pod.contract import Outcome
from bighost.pod.stderr import MOST_COUNTERS, TAIL_BYTES, Offence, Stderr, add_counters


def said(*pieces: bytes) -> Stderr:
    stderr = Stderr()
    for piece in pieces:
        stderr.feed(piece)
    return stderr


def test_counters_add_up_and_are_no_text() -> None:
    stderr = said(b"hello\nreporter:counter:words,long,2\nreporter:counter:words,long,-1\nbye\n")
    assert stderr.end() == "hello\nbye\n"
    assert stderr.counters == {"words": {"long": 1}}


def test_the_last_status_counts() -> None:
    stderr = said(b"reporter:status:one\nreporter:status:two, still\n")
    assert (stderr.end(), stderr.status) == ("", "two, still")


@pytest.mark.parametrize(
    "line",
    [
        b"reporter:counter:a,b\n",
        b"reporter:counter:a,b,c\n",
        b"reporter:counter:a,b,1,2\n",
        b"reporter:counter:a,b,99999999999999999999999\n",
        b"reporter:nonsense\n",
        b" reporter:status:not at the start\n",
    ],
)
def test_what_is_no_reporter_line_is_text(line: bytes) -> None:
    stderr = said(line)
    assert (stderr.end(), stderr.counters, stderr.status) == (line.decode(), {}, "")


lines = st.lists(
    st.one_of(
        st.just(b"reporter:counter:g,c,1"),
        st.just(b"reporter:status:s"),
        st.text("rep:x", max_size=12).map(str.encode),
    ),
    max_size=10,
)


@given(lines, st.lists(st.integers(0, 200), max_size=6))
def test_it_does_not_matter_how_the_bytes_arrive(some: list[bytes], cuts: list[int]) -> None:
    text = b"".join(line + b"\n" for line in some)
    edges = [0, *sorted(min(cut, len(text)) for cut in cuts), len(text)]
    stderr = said(*(text[start:end] for start, end in pairwise(edges)))
    assert stderr.end().encode() == b"".join(
        line + b"\n" for line in some if not line.startswith(b"reporter:")
    )
    assert stderr.counters.get("g", {}).get("c", 0) == some.count(b"reporter:counter:g,c,1")


def test_only_the_end_of_a_flood_is_kept() -> None:
    stderr = said(*[b"x" * 100_000] * 20, b"the end")
    text = stderr.end()
    assert len(text) == TAIL_BYTES
    assert text.endswith("xxthe end")


def test_the_middle_of_a_long_line_is_never_a_reporter_line() -> None:
    stderr = said(b"x" * 10_000, b"reporter:status:no\n", b"reporter:status:yes\n")
    assert stderr.status == "yes"
    assert stderr.end().endswith("xreporter:status:no\n")


def test_bytes_that_are_no_text_do_not_hurt() -> None:
    assert said(b"\xff\xfe\n").end() == "\ufffd\ufffd\n"


def test_too_many_counters_are_an_offence() -> None:
    stderr = Stderr()
    flood = b"".join(b"reporter:counter:g,c%d,1\n" % number for number in range(100_000))
    with pytest.raises(Offence) as caught:
        stderr.feed(flood)
    assert caught.value.outcome is Outcome.RUNTIME_ERROR
    assert len(stderr.counters["g"]) == MOST_COUNTERS + 1


def test_names_and_sums_are_bounded() -> None:
    stderr = said(b"reporter:counter:%s,%s,%d\n" % (b"g" * 500, b"c" * 500, 2**63 - 1) * 2)
    assert stderr.counters == {"g" * 128: {"c" * 64: 2**63 - 1}}


def test_counters_of_tasks_are_summed() -> None:
    total = {"g": {"a": 1}}
    add_counters(total, {"g": {"a": 2, "b": 3}, "h": {"c": 4}})
    assert total == {"g": {"a": 3, "b": 3}, "h": {"c": 4}}
