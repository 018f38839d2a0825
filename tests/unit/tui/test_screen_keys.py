"""Keys from the bytes of a terminal, however they are cut."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from bighost.tui.keys import Decoder, Key, Named

WHOLE: dict[bytes, list[Key]] = {
    b"q": ["q"],
    "ä€😀".encode(): ["ä", "€", "😀"],
    b"\x1b[A\x1b[B\x1b[C\x1b[D": [Named.UP, Named.DOWN, Named.RIGHT, Named.LEFT],
    b"\x1bOA\x1bOH": [Named.UP, Named.HOME],
    b"\x1b[5~\x1b[6~": [Named.PAGE_UP, Named.PAGE_DOWN],
    b"\x1b[H\x1b[F\x1b[1~\x1b[4~": [Named.HOME, Named.END, Named.HOME, Named.END],
    b"\x1b[1;5A": [Named.UP],
    b"\t\x1b[Z": [Named.TAB, Named.BACK_TAB],
    b"\r\x7f\x08\x03": [Named.ENTER, Named.BACKSPACE, Named.BACKSPACE, Named.INTERRUPT],
    b"\x1b\x1b[A": [Named.ESCAPE, Named.UP],
    b"\x1b[24~\x1b[200~\x1b[?1;2c": [],
    b"\x00\x01\x1f": [],
    b"\xff": [],
}


@pytest.mark.parametrize("data", WHOLE)
def test_keys_that_come_at_once(data: bytes) -> None:
    assert Decoder().feed(data) == WHOLE[data]


@pytest.mark.parametrize("data", WHOLE)
def test_keys_that_come_a_byte_at_a_time(data: bytes) -> None:
    decoder = Decoder()

    assert [key for n in range(len(data)) for key in decoder.feed(data[n : n + 1])] == WHOLE[data]
    assert decoder.pending is False


def test_a_lone_escape_waits_until_nothing_follows() -> None:
    decoder = Decoder()

    assert decoder.feed(b"\x1b") == []
    assert decoder.pending
    assert decoder.flush() == [Named.ESCAPE]
    assert not decoder.pending


def test_a_sequence_cut_short_is_no_key() -> None:
    decoder = Decoder()
    decoder.feed(b"\x1b[1;")

    assert decoder.flush() == []
    assert decoder.feed(b"q") == ["q"]


@settings(deadline=None)
@given(some.lists(some.binary(max_size=40)))
def test_no_bytes_give_anything_but_keys_and_none_are_kept_for_ever(chunks: list[bytes]) -> None:
    decoder = Decoder()

    keys = [key for chunk in chunks for key in decoder.feed(chunk)] + decoder.flush()

    assert all(isinstance(key, Named) or (len(key) == 1 and key.isprintable()) for key in keys)
    assert not decoder.pending
