"""Checks on the log: what is found in messages, and what is said of it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bighost.pod.kafka import checks
from bighost.pod.kafka.checks import Check, LogReader, Message, order_of

ALL = [check.value for check in Check]


def read(*messages: tuple[int, bytes | None, bytes], order_field: str = "1") -> LogReader:
    reader = LogReader(order_field)
    for partition, key, value in messages:
        reader.take(Message("prices", partition, key, value))
    return reader


def failed(reader: LogReader, fed: int, lag: dict[str, int] | None = None) -> dict[str, str]:
    return dict(reader.findings(ALL, fed, lag or {}))


def test_a_log_as_it_should_be_passes_every_check() -> None:
    reader = read((0, b"AA", b"1,x"), (0, b"AA", b"2,x"), (1, b"BB", b"1,y"))
    assert failed(reader, fed=3, lag={"group": 0}) == {}
    counters = reader.counters()
    assert (counters["messages"], counters["keys"], counters["bytes"]) == (3, 2, 15)


def test_each_check_finds_what_it_is_for() -> None:
    reader = read(
        (0, b"AA", b"5,x"), (0, b"AA", b"4,x"), (1, b"AA", b"6,x"), (1, None, b"7"), (1, None, b"7")
    )
    assert failed(reader, fed=9, lag={"one": 0, "two": 3}) == {
        "complete": "5 messages for 9 lines",
        "keyed": "2 messages have no key",
        "partitioned": "1 keys are in several partitions: AA",
        "ordered": "1 messages come after a later one of their key: AA",
        "distinct": "1 messages are in the log twice or more",
        "consumed": "group two has not committed 3 messages",
    }


def test_only_the_checks_that_are_asked_for_are_made() -> None:
    reader = read((0, None, b"1"))
    assert [found.check for found in reader.findings(["keyed"], 5, {})] == ["keyed"]


def test_the_order_of_different_keys_and_partitions_does_not_matter() -> None:
    reader = read((0, b"AA", b"9"), (0, b"BB", b"1"), (1, b"AA", b"2"))
    assert "ordered" not in failed(reader, 3)


def test_messages_whose_order_cannot_be_told_are_not_in_order() -> None:
    assert (
        "2 messages have no number in field 2"
        in failed(read((0, b"A", b"1"), (0, b"A", b"1,x"), order_field="2"), 2)["ordered"]
    )


def test_equal_bytes_divided_otherwise_are_different_messages() -> None:
    reader = read((0, b"ab", b"c"), (0, b"a", b"bc"), (0, None, b"abc"), (0, b"", b"abc"))
    assert "distinct" not in failed(reader, 4)


def test_only_some_of_many_keys_are_named() -> None:
    reader = read(*((n % 2, b"key-%d" % (n // 2), b"1") for n in range(20)))
    assert failed(reader, 20)["partitioned"].endswith("key-0, key-1, key-2, …")


def test_a_log_too_large_for_memory_is_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "MOST_MESSAGES", 2)
    reader = read((0, b"A", b"1"), (0, b"A", b"2"), (0, b"A", b"3"))
    assert failed(reader, 3) == {"messages": "the log holds more than 2 messages"}


@pytest.mark.parametrize(
    ("value", "field", "order"),
    [
        (b"3,AA", "1", 3.0),
        (b"AA,2.5", "2", 2.5),
        (b'{"time": 7}', "time", 7.0),
        (b'{"time": "7"}', "time", 7.0),
        (b"AA", "2", None),
        (b"AA", "1", None),
        (b"[1]", "time", None),
        (b'{"time": null}', "time", None),
        (b"\xff", "1", None),
    ],
)
def test_the_order_field_is_a_column_or_a_member(value: bytes, field: str, order: float | None) -> None:
    assert order_of(value, field) == order


@given(st.lists(st.tuples(st.integers(0, 3), st.none() | st.binary(max_size=3), st.binary(max_size=5))))
def test_any_bytes_can_be_read(messages: list[tuple[int, bytes | None, bytes]]) -> None:
    reader = read(*messages)
    distinct = len({(key, value) for _, key, value in messages})
    assert reader.counters()["duplicates"] == len(messages) - distinct
    assert reader.counters()["without_key"] == sum(key is None for _, key, _ in messages)
