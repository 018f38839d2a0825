"""Sorting and merging against a model: Python's own stable sort by key, of everything at once."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bighost.pod.frameworks import merge
from bighost.pod.frameworks.merge import Run, join, merged, sort_lines
from bighost.pod.frameworks.records import Layout

TAB = Layout(b"\t")
keys = st.one_of(st.sampled_from([b"", b"a", b"b", b"ab"]), st.binary(max_size=4))
values = st.binary(max_size=5)
lines = st.tuples(keys, values).map(
    lambda pair: (pair[0] + b"\t" + pair[1]).replace(b"\n", b"").replace(b"\r", b"")
)
many_lines = st.lists(lines, max_size=40)


def key_of(line: bytes) -> bytes:
    return line.partition(b"\t")[0]


@given(many_lines)
def test_only_keys_are_compared(some: list[bytes]) -> None:
    assert sort_lines(some, TAB) == sorted(some, key=key_of)


def test_equal_keys_keep_their_order_whether_there_are_few_or_many() -> None:
    few = [b"%d\t%d" % (i % 7, -i) for i in range(5000)]
    many = [b"%d\t%d" % (i * 7919 % 4001, -i) for i in range(5000)]
    for some in (few, many):
        assert sort_lines(some, TAB) == sorted(some, key=key_of)


def test_a_line_with_a_lesser_value_does_not_overtake() -> None:
    assert sort_lines([b"k\tz", b"k\ta", b"a"], TAB) == [b"a", b"k\tz", b"k\ta"]


@pytest.fixture
def small_buffers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(merge, "MERGE_BYTES", 64)
    monkeypatch.setattr(merge, "LEAST_BUFFER_BYTES", 8)
    monkeypatch.setattr(merge, "BLOCK_BYTES", 16)
    monkeypatch.setattr(merge, "FAN_IN", 3)


def runs_of(folder: Path, parts: list[list[bytes]]) -> list[Run]:
    """Each part sorted, all in one file, as a map task leaves them."""
    path = folder / "runs"
    texts = [join(sorted(part, key=key_of)) for part in parts]
    path.write_bytes(b"".join(texts))
    ends = list(itertools.accumulate(map(len, texts), initial=0))
    return [Run(path, start, len(text)) for start, text in zip(ends, texts, strict=False)]


@pytest.mark.usefixtures("small_buffers")
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(st.lists(many_lines, max_size=8))
def test_a_merge_is_the_stable_sort_of_all_runs(tmp_path: Path, parts: list[list[bytes]]) -> None:
    model = sorted((line for part in parts for line in sorted(part, key=key_of)), key=key_of)
    assert b"".join(merged(runs_of(tmp_path, parts), TAB, tmp_path)) == join(model)


@pytest.mark.usefixtures("small_buffers")
def test_one_key_may_fill_many_buffers(tmp_path: Path) -> None:
    parts = [[b"k\t%d-%d" % (part, i) for i in range(100)] + [b"z"] for part in range(4)]
    model = sorted((line for part in parts for line in part), key=key_of)
    assert b"".join(merged(runs_of(tmp_path, parts), TAB, tmp_path)) == join(model)


@pytest.mark.usefixtures("small_buffers")
def test_a_line_may_be_longer_than_the_buffers(tmp_path: Path) -> None:
    parts = [[b"b" * 500 + b"\t1", b"a\t1"], [b"a" * 500, b"c"]]
    model = sorted((line for part in parts for line in sorted(part, key=key_of)), key=key_of)
    assert b"".join(merged(runs_of(tmp_path, parts), TAB, tmp_path)) == join(model)


@pytest.mark.usefixtures("small_buffers")
def test_a_merge_goes_piece_by_piece(tmp_path: Path) -> None:
    parts = [[b"%03d\t%d" % (i, part) for i in range(50)] for part in range(3)]
    pieces = list(merged(runs_of(tmp_path, parts), TAB, tmp_path))
    assert len(pieces) > 10
    assert all(piece.endswith(b"\n") for piece in pieces)


def test_nothing_merges_to_nothing(tmp_path: Path) -> None:
    assert list(merged(runs_of(tmp_path, [[], []]), TAB, tmp_path)) == []


@settings(deadline=None)
@given(many_lines)
def test_keys_may_have_several_fields(some: list[bytes]) -> None:
    layout = Layout(b"\t", 2)
    assert sort_lines(some, layout) == sorted(some, key=lambda line: b"\t".join(line.split(b"\t", 2)[:2]))
