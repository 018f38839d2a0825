"""The feed of a producer: which lines it gives, and when."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bighost.pod.kafka.feed import PIECE_BYTES, Feed, Gate
from bighost.pod.kafka.plan import Pause
from bighost.pod.sandbox import Program

LONG_S = 600.0


@pytest.fixture
def lines(tmp_path: Path) -> list[str]:
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_bytes(b"1\n2\r\n3\n4")
    second.write_bytes(b"5\n6\n")
    return [str(first), str(second)]


@pytest.fixture
def program() -> Iterator[tuple[Program, socket.socket]]:
    ours, theirs = socket.socketpair()
    yield Program(-1, -1, -1, ours), theirs
    ours.close()
    theirs.close()


def text(feed: Feed) -> list[str]:
    return b"".join(feed).decode().split()


def test_at_once_a_feed_gives_every_line_of_every_file(lines: list[str]) -> None:
    feed = Feed(lines)
    assert text(feed) == ["1", "2", "3", "4", "5", "6"]
    assert feed.records == 6
    assert feed.is_exhausted


def test_several_feeds_share_the_lines_in_turn(lines: list[str]) -> None:
    assert [text(Feed(lines, (n, 4))) for n in range(4)] == [["1", "5"], ["2", "6"], ["3"], ["4"]]


def test_pieces_are_of_bounded_size_and_end_with_a_line(tmp_path: Path) -> None:
    path = tmp_path / "long"
    path.write_bytes(b"x" * 999 + b"\n" + b"y" * 999 + b"\n" * 1000 + b"z" * 500_000)
    pieces = list(Feed([str(path)]))
    assert all(piece.endswith(b"\n") for piece in pieces)
    assert all(len(piece) <= PIECE_BYTES + 1000 for piece in pieces[:-1])


def test_an_empty_dataset_ends_at_once(tmp_path: Path) -> None:
    path = tmp_path / "empty"
    path.touch()
    feed = Feed([str(path)])
    assert text(feed) == []
    assert feed.is_exhausted


def test_a_rate_gives_lines_one_by_one_and_not_before_they_are_due(lines: list[str]) -> None:
    began = time.monotonic()
    pieces = list(Feed(lines, lines_per_s=50.0))
    assert len(pieces) == 6
    assert time.monotonic() - began >= 5 / 50


def test_a_pause_comes_after_its_line(lines: list[str]) -> None:
    feed = Feed(lines, pauses=[Pause(2, 0.2)])
    assert next(feed) == b"1\n2\n"
    began = time.monotonic()
    assert next(feed) == b"3\n4\n5\n6\n"
    assert time.monotonic() - began >= 0.19


@pytest.mark.parametrize(
    "waiting", [{"lines_per_s": 1 / LONG_S}, {"pauses": [Pause(1, LONG_S)]}, {"gate": Gate(1)}]
)
def test_a_feed_that_waits_ends_with_its_program(
    lines: list[str], waiting: dict[str, Any], program: tuple[Program, socket.socket]
) -> None:
    running, its_end = program
    feed = Feed(lines, **waiting)
    feed.attend(running)
    assert next(feed) == b"1\n"
    its_end.send(b"exited")
    assert list(feed) == []
    assert not feed.is_exhausted


def test_a_feed_that_waits_can_be_stopped(lines: list[str]) -> None:
    feed = Feed(lines, pauses=[Pause(1, LONG_S)])
    next(feed)
    threading.Timer(0.01, feed.stop).start()
    assert list(feed) == []


def test_a_gate_stops_the_feed_until_it_is_opened(lines: list[str]) -> None:
    gate = Gate(3)
    feed = Feed(lines, gate=gate)
    assert next(feed) == b"1\n2\n3\n"
    assert not gate.reached.is_set()

    def open_it() -> None:
        gate.reached.wait()
        gate.opened.set()

    threading.Thread(target=open_it).start()
    assert text(feed) == ["4", "5", "6"]
    assert gate.reached.is_set()
