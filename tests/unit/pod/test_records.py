"""Keys, partitions and line ends, as Hadoop has them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bighost.pod.contract import Outcome
from bighost.pod.frameworks import records
from bighost.pod.frameworks.records import Layout, Lines, Newlines, partition_of, text_hash
from bighost.pod.stderr import Offence


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (b"", 1),
        (b"a", 31 + 97),
        (b"ab", 31 * (31 + 97) + 98),
        (b"hello", 127791473),  # h = 1, then 31 h + byte, five times
        ("é".encode(), 31 * (31 * 1 - 61) - 87 & 0xFFFFFFFF),  # its bytes, C3 A9, are negative in Java
        (b"\xff", 30),  # -1 as a signed byte
    ],
)
def test_the_hash_is_that_of_java_text(key: bytes, expected: int) -> None:
    assert text_hash(key) == expected


@given(st.binary(max_size=40), st.integers(1, 50))
def test_the_partition_is_what_java_arithmetic_gives(key: bytes, reducers: int) -> None:
    value = 1
    for byte in key:
        signed = byte - 256 if byte > 127 else byte
        value = 31 * value + signed
        value = (value + 2**31) % 2**32 - 2**31  # a Java int wraps around
    assert partition_of(key, reducers) == (value & 0x7FFFFFFF) % reducers


@pytest.mark.parametrize(
    ("layout", "line", "key", "complete"),
    [
        (Layout(b"\t"), b"k\tv", b"k", b"k\tv"),
        (Layout(b"\t"), b"k\tv\tw", b"k", b"k\tv\tw"),
        (Layout(b"\t"), b"k", b"k", b"k\t"),
        (Layout(b"\t"), b"", b"", b"\t"),
        (Layout(b"\t"), b"\tv", b"", b"\tv"),
        (Layout(b"\t", 2), b"a\tb\tv", b"a\tb", b"a\tb\tv"),
        (Layout(b"\t", 2), b"a\tb", b"a\tb", b"a\tb\t"),
        (Layout(b"\t", 2), b"a", b"a", b"a\t"),
        (Layout(b", "), b"a, b, c", b"a", b"a, b, c"),
    ],
)
def test_a_line_is_divided_at_its_nth_separator(
    layout: Layout, line: bytes, key: bytes, complete: bytes
) -> None:
    assert layout.key_of()(line) == key
    assert layout.complete([line]) == [complete]


pieces = st.lists(st.text("ab\r\n\t", max_size=6).map(str.encode), max_size=8)


def universal(text: bytes) -> list[bytes]:
    """Python's own idea of lines that end with CR, LF or both."""
    lines = text.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    return lines[:-1] if lines[-1] == b"" else lines


@given(pieces)
def test_line_ends_do_not_depend_on_how_a_stream_is_cut(blocks: list[bytes]) -> None:
    newlines = Newlines()
    text = b"".join(newlines.translate(block) for block in blocks) + newlines.end()
    assert text == b"".join(line + b"\n" for line in universal(b"".join(blocks)))


@given(pieces)
def test_lines_are_whole_in_every_piece(blocks: list[bytes]) -> None:
    lines = Lines()
    out = [lines.feed(block) for block in blocks] + [lines.end()]
    assert all(piece == b"" or piece.endswith(b"\n") for piece in out)
    assert b"".join(out) == b"".join(line + b"\n" for line in universal(b"".join(blocks)))


def test_an_endless_line_is_an_offence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(records, "RECORD_BYTES", 1000)
    lines = Lines()
    lines.feed(b"x" * 1000)
    with pytest.raises(Offence) as caught:
        lines.feed(b"x")
    assert caught.value.outcome is Outcome.OUTPUT_LIMIT
