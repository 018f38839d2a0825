"""Checks on the log itself: what the messages of all topics, read from beginning to end, say of producers.

Pure, and imported by the helper program inside the image too, which reads the log.
"""

from __future__ import annotations

import hashlib
import json
from enum import StrEnum
from typing import NamedTuple

MOST_MESSAGES = 2_000_000  # for which keys and digests fit into memory
MOST_NAMED = 3  # offenders that a finding names
NAME_CHARACTERS = 60


class Check(StrEnum):
    """What an assignment may ask of the log."""

    COMPLETE = "complete"  # as many messages as lines were fed
    KEYED = "keyed"  # every message has a key
    PARTITIONED = "partitioned"  # no key in two partitions of a topic
    ORDERED = "ordered"  # for each key, the order field never goes back
    DISTINCT = "distinct"  # no message twice (the same key and value in one topic)
    CONSUMED = "consumed"  # every group has committed all that it read: its lag is 0


class Message(NamedTuple):
    """One message of the log."""

    topic: str
    partition: int
    key: bytes | None
    value: bytes | None


class Finding(NamedTuple):
    """A check that failed, and a sentence for people."""

    check: str
    words: str


class LogReader:
    """Takes in messages, each partition in the order of its offsets, and counts what is wrong with them."""

    def __init__(self, order_field: str, separator: str = ",") -> None:
        self.messages = 0
        self.size = 0
        self._order_field = order_field
        self._separator = separator
        self._without_key = 0
        self._partitions: dict[tuple[str, bytes], int] = {}
        self._split: dict[bytes, None] = {}  # keys in several partitions, in the order of being found
        self._last: dict[tuple[str, int, bytes | None], float] = {}
        self._disordered: dict[bytes, int] = {}
        self._unordered = 0  # messages whose order field can't be read
        self._seen: set[bytes] = set()
        self._doubles = 0

    def take(self, message: Message) -> None:
        """Take in the next message."""
        self.messages += 1
        self.size += len(message.key or b"") + len(message.value or b"")
        if self.messages > MOST_MESSAGES:
            return
        self._look_at_key(message)
        if self._order_field:
            self._look_at_order(message)
        self._look_for_double(message)

    def counters(self) -> dict[str, int]:
        """What was counted."""
        return {
            "messages": self.messages,
            "bytes": self.size,
            "keys": len(self._partitions),
            "without_key": self._without_key,
            "split_keys": len(self._split),
            "out_of_order": sum(self._disordered.values()),
            "duplicates": self._doubles,
        }

    def findings(self, checks: list[str], fed: int, lag: dict[str, int]) -> list[Finding]:
        """What is wrong, for these checks. `fed`: lines that producers were given; `lag`: by group."""
        if self.messages > MOST_MESSAGES:
            return [Finding("messages", f"the log holds more than {MOST_MESSAGES} messages")]
        words = {
            Check.COMPLETE: "" if self.messages == fed else f"{self.messages} messages for {fed} lines",
            Check.KEYED: self._without_key and f"{self._without_key} messages have no key",
            Check.PARTITIONED: self._split
            and f"{len(self._split)} keys are in several partitions: {_named(self._split)}",
            Check.ORDERED: self._words_of_order(),
            Check.DISTINCT: self._doubles and f"{self._doubles} messages are in the log twice or more",
            Check.CONSUMED: ", ".join(
                f"group {group} has not committed {behind} messages"
                for group, behind in lag.items()
                if behind
            ),
        }
        return [Finding(check, str(words[Check(check)])) for check in checks if words[Check(check)]]

    def _look_at_key(self, message: Message) -> None:
        if message.key is None:
            self._without_key += 1
            return
        known = self._partitions.setdefault((message.topic, message.key), message.partition)
        if known != message.partition:
            self._split.setdefault(message.key)

    def _look_at_order(self, message: Message) -> None:
        position = order_of(message.value or b"", self._order_field, self._separator)
        if position is None:
            self._unordered += 1
            return
        key = message.topic, message.partition, message.key
        if position < self._last.get(key, position):
            name = message.key or b""
            self._disordered[name] = self._disordered.get(name, 0) + 1
        self._last[key] = position

    def _look_for_double(self, message: Message) -> None:
        digest = hashlib.blake2b(digest_size=16)
        for part in (message.topic.encode(), message.key, message.value):
            digest.update(b"-" if part is None else b"+%d:" % len(part) + part)
        if digest.digest() in self._seen:
            self._doubles += 1
        self._seen.add(digest.digest())

    def _words_of_order(self) -> str:
        words = []
        if self._unordered:
            words.append(f"{self._unordered} messages have no number in field {self._order_field}")
        if self._disordered:
            count = sum(self._disordered.values())
            words.append(f"{count} messages come after a later one of their key: {_named(self._disordered)}")
        return "; ".join(words)


def order_of(value: bytes, field: str, separator: str = ",") -> float | None:
    """The number in a message's order field: a field counted from 1, or a member of a JSON object.

    None when it is not there, or no number.
    """
    try:
        text = value.decode()
        found = text.split(separator)[int(field) - 1] if field.isdecimal() else json.loads(text)[field]
        return float(found)
    except (ValueError, TypeError, LookupError, RecursionError):
        return None


def _named(keys: dict[bytes, int] | dict[bytes, None]) -> str:
    names = [key.decode(errors="replace")[:NAME_CHARACTERS] for key in list(keys)[:MOST_NAMED]]
    return ", ".join(names) + (", …" if len(keys) > MOST_NAMED else "")
