"""Talks to the steward (`images/kafka/steward.py`), the helper program inside the image with a Kafka client.

One request at a time, a line of JSON each way. What Kafka refuses is a `Refusal`; whose fault that is, the
caller knows.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO, Any, NamedTuple

from bighost.pod.kafka.checks import Finding
from bighost.pod.kafka.plan import Topic
from bighost.pod.sandbox import ROOT, Fault

PYTHON = "/usr/bin/python3"
ANSWER_S = 60.0
READ_BYTES = 64 * 1024
END_S = 5.0
STABLE = "STABLE"

Ends = dict[str, list[int]]  # topic -> messages that each partition has seen


class Refusal(Exception):
    """The broker did not do what it was asked; the message is Kafka's own."""


class Group(NamedTuple):
    """A consumer group as its coordinator sees it."""

    is_stable: bool
    members: dict[str, list[tuple[str, int]]]  # member id -> topics and partitions

    @property
    def partitions(self) -> set[tuple[str, int]]:
        """All that is assigned to somebody."""
        return {place for places in self.members.values() for place in places}


class LogReport(NamedTuple):
    """What the log holds, and what is wrong with it."""

    counters: dict[str, int]
    findings: list[Finding]
    lag: dict[str, int]  # by group
    wall_s: float = 0.0  # that reading took


class Steward:
    """A running helper."""

    def __init__(self, program: Path, bootstrap: str, uid: int, log: IO[bytes]) -> None:
        self._process = subprocess.Popen(
            [PYTHON, "-P", str(program), bootstrap],
            env={"PYTHONPATH": str(ROOT), "LANG": "C.UTF-8", "PATH": "/usr/bin:/bin"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=log,
            user=uid,
            group=uid,
            extra_groups=[],
            cwd="/",
        )
        self._rest = b""

    def topics(self, within_s: float = ANSWER_S) -> dict[str, int]:
        """Every topic and the number of its partitions. Raises Fault when no answer comes in time."""
        found: dict[str, int] = self._ask("topics", within_s)
        return found

    def wake(self) -> None:
        """Wait until groups can be made. Raises Refusal."""
        self._ask("wake")

    def create(self, topics: Sequence[Topic]) -> None:
        """Make topics. Raises Refusal."""
        self._ask("create", topics=topics)

    def rewind(self, group: str, topics: Sequence[str]) -> None:
        """Set the offsets of a group that nobody has joined yet to the beginning. Raises Refusal."""
        self._ask("rewind", group=group, topics=topics)

    def group(self, name: str) -> Group:
        """Who is in a group. Raises Refusal."""
        found = self._ask("members", group=name)
        members = {
            member: [(topic, number) for topic, number in places]
            for member, places in found["members"].items()
        }
        return Group(found["state"] == STABLE, members)

    def evict(self, group: str, members: Sequence[str]) -> None:
        """Let a group forget members that have died. Raises Refusal."""
        self._ask("evict", group=group, members=members)

    def ends(self, topics: Sequence[str]) -> Ends:
        """How many messages each partition has seen. Raises Refusal when a topic is gone."""
        found: Ends = self._ask("ends", topics=topics)
        return found

    def lag(self, group: str, ends: Ends) -> int:
        """How many messages, up to these ends, the group has not committed. Raises Refusal."""
        committed = {(topic, number): offset for topic, number, offset in self._ask("committed", group=group)}
        return sum(
            max(0, end - max(0, committed[topic, number]))
            for topic, partitions in ends.items()
            for number, end in enumerate(partitions)
            if (topic, number) in committed
        )

    def write(self, topics: Sequence[str], value: str) -> None:
        """Write one message to every partition. Raises Refusal."""
        self._ask("write", topics=topics, value=value)

    def scan(
        self, ends: Ends, checks: Sequence[str], fed: int, lag: Mapping[str, int], order_field: str
    ) -> LogReport:
        """Read the whole log up to these ends, and judge it. Raises Refusal."""
        found = self._ask("scan", ends=ends, checks=checks, fed=fed, lag=lag, order_field=order_field)
        return LogReport(found["counters"], [Finding(*finding) for finding in found["findings"]], dict(lag))

    def clean(self) -> None:
        """Delete every topic and every group. Raises Refusal."""
        self._ask("clean")

    def close(self) -> None:
        """End the helper."""
        self._process.kill()
        self._process.wait(END_S)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            with suppress(BrokenPipeError):  # a request that nobody will read any more
                pipe.close()

    def _ask(self, what: str, within_s: float = ANSWER_S, **arguments: Any) -> Any:
        assert self._process.stdin is not None
        request = json.dumps({"do": what, **arguments}).encode() + b"\n"
        try:
            os.write(self._process.stdin.fileno(), request)
        except BrokenPipeError:
            raise Fault("the broker's steward has ended") from None
        answer = json.loads(self._line(what, time.monotonic() + within_s))
        if "error" in answer:
            raise Refusal(answer["error"])
        return answer["result"]

    def _line(self, what: str, deadline: float) -> bytes:
        assert self._process.stdout is not None
        handle = self._process.stdout.fileno()
        while b"\n" not in self._rest:
            if not select.select([handle], [], [], max(0.0, deadline - time.monotonic()))[0]:
                raise Fault(f"the broker did not answer ({what}) in time")
            data = os.read(handle, READ_BYTES)
            if not data:
                raise Fault(f"the broker's steward has ended ({self._process.wait(END_S)})")
            self._rest += data
        line, _, self._rest = self._rest.partition(b"\n")
        return line
