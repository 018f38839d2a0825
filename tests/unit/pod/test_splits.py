"""Splits cut files anywhere, and still every line is read once, whole, and in order."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bighost.pod.frameworks import splits
from bighost.pod.frameworks.splits import Split, SplitReader, splits_of

texts = st.text("a\r\né", max_size=60).map(str.encode)
reuse_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def read(split: Split) -> bytes:
    return b"".join(SplitReader(split))


def written(folder: Path, content: bytes) -> str:
    path = folder / "input"
    path.write_bytes(content)
    return str(path)


@reuse_folder
@given(texts, st.integers(1, 70))
def test_any_split_size_gives_the_lines_of_the_whole_file(tmp_path: Path, text: bytes, size: int) -> None:
    path = written(tmp_path, text)
    (whole,) = splits_of([path], 1000)
    assert b"".join(read(split) for split in splits_of([path], size)) == read(whole)


@reuse_folder
@given(texts, st.integers(1, 70))
def test_splits_cover_the_file_without_gaps(tmp_path: Path, text: bytes, size: int) -> None:
    position = 0
    for split in splits_of([written(tmp_path, text)], size):
        assert split.start == position
        assert split.length <= 1.1 * size
        position += split.length
    assert position == len(text)


def line_record_reader(text: bytes, start: int, end: int) -> bytes:
    """Hadoop's LineRecordReader, word for word: throw a line away, then read while the position is <= end."""

    def after_line(position: int) -> int:
        ends = [text.find(mark, position) for mark in (b"\n", b"\r")]
        found = min((at for at in ends if at >= 0), default=len(text))
        return min(len(text), found + (2 if text[found : found + 2] == b"\r\n" else 1))

    position = after_line(start) if start else 0
    out = b""
    while position <= end and position < len(text):
        following = after_line(position)
        out += text[position:following].rstrip(b"\r\n") + b"\n"
        position = following
    return out


@reuse_folder
@given(texts, st.integers(1, 20))
def test_each_split_has_the_lines_that_hadoop_gives_it(tmp_path: Path, text: bytes, size: int) -> None:
    for split in splits_of([written(tmp_path, text)], size):
        assert read(split) == line_record_reader(text, split.start, split.start + split.length)


def test_blocks_may_cut_a_line_end_in_two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = written(tmp_path, b"one\r\ntwo\rthree\r\n\r\nfive")
    for size in range(1, 8):
        monkeypatch.setattr(splits, "BLOCK_BYTES", size)
        monkeypatch.setattr(splits, "PROBE_BYTES", size)
        for split_bytes in range(1, 25):
            text = b"".join(read(split) for split in splits_of([path], split_bytes))
            assert text == b"one\ntwo\nthree\n\nfive\n"


def test_an_empty_file_is_an_empty_split(tmp_path: Path) -> None:
    (split,) = splits_of([written(tmp_path, b"")], 10)
    assert (split.length, read(split)) == (0, b"")


def test_the_last_split_may_be_a_tenth_longer(tmp_path: Path) -> None:
    path = written(tmp_path, b"x" * 109)
    assert [split.length for split in splits_of([path], 100)] == [109]
    path = written(tmp_path, b"x" * 111)
    assert [split.length for split in splits_of([path], 100)] == [100, 11]


def test_a_packed_file_is_one_split(tmp_path: Path) -> None:
    path = tmp_path / "named-by-its-digest"
    path.write_bytes(gzip.compress(b"a\r\n" * 1000) + gzip.compress(b"b"))  # two members
    (split,) = splits_of([str(path)], 10)
    assert read(split) == b"a\n" * 1000 + b"b\n"


def test_a_byte_order_mark_is_left_out_at_the_start_only(tmp_path: Path) -> None:
    mark = b"\xef\xbb\xbf"
    path = written(tmp_path, mark + b"a\n" + mark + b"b\n")
    assert b"".join(read(split) for split in splits_of([path], 3)) == b"a\n" + mark + b"b\n"


def test_a_reader_counts_its_lines(tmp_path: Path) -> None:
    (split,) = splits_of([written(tmp_path, b"a\nb\n\nc")], 100)
    reader = SplitReader(split)
    assert list(reader)
    assert reader.records == 4


def test_a_file_that_shrinks_is_our_fault(tmp_path: Path) -> None:
    path = Path(written(tmp_path, b"a\n" * 10))
    (split,) = splits_of([str(path)], 100)
    path.write_bytes(b"a\n")
    with pytest.raises(OSError, match="shorter"):
        read(split)


def test_a_missing_input_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        splits_of([str(tmp_path / "nowhere")], 100)
