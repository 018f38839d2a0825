"""Digests of outputs: equal ones mean equal outputs, however parts, blocks and lines fall."""

from __future__ import annotations

import hashlib
from itertools import pairwise

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from bighost.errors import AssignmentError
from bighost.job.assignment import Comparator, Compare
from bighost.marking import check_answer, compare, normalised

EXACT, LINES, KEYED = (Comparator(kind=kind) for kind in Compare)

# Few words, so that outputs that are nearly equal are drawn often.
words = st.sampled_from(
    [b"a", b"b", b"", b"1", b"1.0", b"01", b"2", b"1e0", b"nan", b"\t", b"\t\t", b"\r", b"\r\n", b"\n", b"\n"]
)
parts = st.lists(st.lists(words, max_size=8), max_size=3)
comparators = st.sampled_from([EXACT, LINES, KEYED, Comparator(kind=Compare.KEYED, separator="1")])


def digest(comparator: Comparator, output: list[list[bytes]]) -> str:
    normaliser = normalised(comparator)
    for part in output:
        for block in part:
            normaliser.update(block)
        normaliser.end_of_part()
    return normaliser.hexdigest()


def acceptable(comparator: Comparator, answer: list[list[bytes]]) -> bool:
    try:
        check_answer(comparator, answer)
    except AssignmentError:
        return False
    return True


@given(comparators, parts, parts)
def test_equal_digests_are_equal_outputs_and_without_tolerance_the_other_way_round(
    comparator: Comparator, answer: list[list[bytes]], output: list[list[bytes]]
) -> None:
    assume(acceptable(comparator, answer))
    same = digest(comparator, answer) == digest(comparator, output)
    assert same == (compare(comparator, answer, output) is None)


@given(comparators, st.binary(max_size=60), st.lists(st.integers(0, 60), max_size=4))
def test_blocks_do_not_matter(comparator: Comparator, data: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(min(cut, len(data)) for cut in cuts), len(data)]
    blocks = [data[a:b] for a, b in pairwise(edges)]
    assert digest(comparator, [blocks]) == digest(comparator, [[data]])


@given(st.lists(st.sampled_from([b"a\t1", b"b\t2", b"c"]), max_size=8), st.randoms(use_true_random=False))
def test_order_and_parts_do_not_matter_to_lines(lines: list[bytes], random) -> None:
    shuffled = random.sample(lines, len(lines))
    cut = random.randint(0, len(lines))
    spread = [[b"\n".join(shuffled[:cut])], [b"\n".join(shuffled[cut:])]]
    assert digest(LINES, spread) == digest(LINES, [[line + b"\n" for line in lines]])


def test_exact_is_the_plain_digest_of_the_bytes() -> None:
    assert digest(EXACT, [[b"a\n"], [b"b"]]) == hashlib.blake2b(b"a\nb", digest_size=32).hexdigest()


@pytest.mark.parametrize(
    ("comparator", "one", "other", "equal"),
    [
        (EXACT, b"a\n", b"a", False),
        (EXACT, b"a\t\n", b"a\n", False),
        (LINES, b"a\n", b"a", True),
        (LINES, b"a\t\n", b"a\r\n", True),
        (LINES, b"a\n", b"a\na\n", False),
        (LINES, b"a\n", b"a\n\n", False),
        (LINES, b"a\t1.50\n", b"a\t1.5\n", False),
        (LINES, b"a\tb\t\n", b"a\tb\n", False),
        (KEYED, b"a\t1.50\n", b"a\t1.5\n", True),
        (KEYED, b"a\t1.50x\n", b"a\t1.5x\n", False),
        (KEYED, b"1.50\t1\n", b"1.5\t1\n", False),
        (KEYED, b"a\t1\t2\n", b"a\t1 2\n", False),
        (KEYED, b"a\t\t\n", b"a\n", False),
    ],
)
def test_what_the_normal_form_keeps(comparator: Comparator, one: bytes, other: bytes, equal: bool) -> None:
    assert (digest(comparator, [[one]]) == digest(comparator, [[other]])) == equal
    assert (compare(comparator, [[one]], [[other]]) is None) == equal


def test_comparators_have_digests_of_their_own() -> None:
    assert len({digest(comparator, [[b"a\n"]]) for comparator in (EXACT, LINES, KEYED)}) == 3


def test_a_line_of_many_columns_is_not_cut_up() -> None:
    line = b"k" + b"\t1.0" * 300_000
    assert digest(KEYED, [[line]]) == digest(KEYED, [[line + b"\r\n"]])
    assert digest(KEYED, [[line]]) != digest(KEYED, [[line + b"\t1"]])
