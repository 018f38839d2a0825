"""Map output: partitioned, sorted by key, spilled when it is large, and always the same."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bighost.pod.frameworks.records import Layout, partition_of
from bighost.pod.frameworks.shuffle import Collector, MergedReader

TAB = Layout(b"\t")
outputs = st.lists(st.text("abc\t\n\r", max_size=20).map(str.encode), max_size=10)
reuse_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def collect(folder: Path, blocks: list[bytes], partitions: int, buffer_bytes: int = 1 << 20) -> Collector:
    collector = Collector(folder / "map-00000", TAB, partitions, lambda _: None, buffer_bytes)
    for block in blocks:
        collector.write(block)
    collector.close()
    return collector


def text_of(collector: Collector, partition: int) -> bytes:
    run = collector.segments[partition].run
    return run.path.read_bytes()[run.start : run.start + run.size]


def model(blocks: list[bytes], partitions: int) -> Iterator[bytes]:
    text = b"".join(blocks).replace(b"\r\n", b"\n").replace(b"\r", b"\n")
    lines = text.split(b"\n")
    whole = [line if b"\t" in line else line + b"\t" for line in (lines if lines[-1] else lines[:-1])]
    whole.sort(key=lambda line: line.partition(b"\t")[0])
    for part in range(partitions):
        mine = [line for line in whole if partition_of(line.partition(b"\t")[0], partitions) == part]
        yield b"".join(line + b"\n" for line in mine)


@reuse_folder
@given(outputs, st.integers(1, 4), st.sampled_from([1, 100, 1 << 20]))
def test_segments_are_the_sorted_lines_of_each_partition(
    tmp_path: Path, blocks: list[bytes], partitions: int, buffer_bytes: int
) -> None:
    collector = collect(tmp_path, blocks, partitions, buffer_bytes)
    expected = list(model(blocks, partitions))
    assert [text_of(collector, part) for part in range(partitions)] == expected
    assert [segment.digest for segment in collector.segments] == [
        hashlib.blake2b(text, digest_size=32).hexdigest() for text in expected
    ]
    assert collector.records == sum(text.count(b"\n") for text in expected)


def test_spills_are_gone_in_the_end(tmp_path: Path) -> None:
    collect(tmp_path, [b"%d\tx\n" % i for i in range(1000)], 2, buffer_bytes=1000)
    assert [path.name for path in tmp_path.iterdir()] == ["map-00000"]


def test_what_comes_in_is_charged(tmp_path: Path) -> None:
    charged: list[int] = []
    collector = Collector(tmp_path / "map", TAB, 1, charged.append)
    collector.write(b"a\t1\r\nb")
    collector.close()
    assert sum(charged) == len(b"a\t1\nb\n") == collector.size


@pytest.fixture
def two_segments(tmp_path: Path) -> list[Collector]:
    folders = [tmp_path / name for name in ("one", "two")]
    for folder in folders:
        folder.mkdir()
    return [collect(folders[0], [b"b\t1\na\t1\n"], 1), collect(folders[1], [b"a\t0\n"], 1)]


def test_equal_keys_come_in_the_order_of_splits(tmp_path: Path, two_segments: list[Collector]) -> None:
    reader = MergedReader([collector.segments[0] for collector in two_segments], TAB, tmp_path)
    assert b"".join(reader) == b"a\t1\na\t0\nb\t1\n"
    assert reader.records == 3


def test_the_digest_is_of_all_lines_even_if_nobody_read_them(
    tmp_path: Path, two_segments: list[Collector]
) -> None:
    reader = MergedReader([collector.segments[0] for collector in two_segments], TAB, tmp_path)
    assert reader.digest() == hashlib.blake2b(b"a\t1\na\t0\nb\t1\n", digest_size=32).hexdigest()
