"""Does for the control server what needs a Kafka client: it has none, because it is standard library only.

`python3 steward.py BOOTSTRAP`, as the broker's user. A request is a line of JSON on stdin,
`{"do": NAME, ...}` with the arguments of the method of that name; the answer is a line on stdout:
`{"result": ...}`, or `{"error": "a sentence"}`.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from typing import Any

from confluent_kafka import (
    Consumer,
    ConsumerGroupTopicPartitions,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic, OffsetSpec

from bighost.pod.kafka.checks import LogReader, Message

ANSWER_S = 20.0
LOOK_S = 0.005
NOT_YET = (
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.NOT_COORDINATOR,
)
PATIENCE_S = 5.0  # for the next messages of a log that is known to hold some
EAGER = {  # while the broker still starts
    "reconnect.backoff.ms": 20,
    "reconnect.backoff.max.ms": 50,
    "log_level": 0,
}


class Steward:
    """The requests, by name."""

    def __init__(self, bootstrap: str) -> None:
        self._settings = {"bootstrap.servers": bootstrap, **EAGER}
        self._admin = AdminClient(self._settings)

    def topics(self) -> dict[str, int]:
        """Every topic of ours, and how many partitions it has."""
        found = self._admin.list_topics(timeout=ANSWER_S).topics
        return {name: len(topic.partitions) for name, topic in found.items() if not name.startswith("__")}

    def wake(self) -> None:
        """Have the broker make what it keeps groups in, which it does for the first one."""
        patiently(lambda: self.members("bighost-steward"))

    def create(self, topics: list[tuple[str, int, dict[str, str]]]) -> None:
        """Make topics of these names, partitions and settings."""
        wanted = [NewTopic(name, partitions, 1, config=config) for name, partitions, config in topics]
        for made in self._admin.create_topics(wanted, operation_timeout=ANSWER_S).values():
            made.result(ANSWER_S)
        deadline = time.monotonic() + ANSWER_S
        while (
            not {name for name, *_ in topics} <= self.topics().keys()
        ):  # not all of the broker knows at once
            if time.monotonic() > deadline:
                raise KafkaException("the topics were made, and are not there")
            time.sleep(LOOK_S)

    def rewind(self, group: str, topics: list[str]) -> None:
        """Set the group's offsets to the beginning; it must have no members."""
        known = self.topics()
        places = [TopicPartition(name, number, 0) for name in topics for number in range(known[name])]
        request = ConsumerGroupTopicPartitions(group, places)

        def alter() -> None:
            (done,) = self._admin.alter_consumer_group_offsets([request]).values()
            for place in done.result(ANSWER_S).topic_partitions:
                if place.error:
                    raise KafkaException(place.error)

        patiently(alter)

    def members(self, group: str) -> dict[str, Any]:
        """The group's state, and the partitions of each of its members."""
        (asked,) = self._admin.describe_consumer_groups([group]).values()
        found = asked.result(ANSWER_S)
        return {
            "state": found.state.name,
            "members": {
                member.member_id: [[p.topic, p.partition] for p in member.assignment.topic_partitions]
                for member in found.members
            },
        }

    def evict(self, group: str, members: list[str]) -> None:
        """Have the group forget members at once that have died, as it would after their session's time."""
        from kafka.admin import KafkaAdminClient, MemberToRemove  # only a run that kills needs it

        admin = KafkaAdminClient(bootstrap_servers=self._settings["bootstrap.servers"])
        try:
            admin.remove_group_members(group, [MemberToRemove(member_id=name) for name in members])
        finally:
            admin.close()

    def ends(self, topics: list[str]) -> dict[str, list[int]]:
        """How many messages each partition has seen."""
        known = self.topics()
        asked = self._admin.list_offsets(
            {
                TopicPartition(name, number): OffsetSpec.latest()
                for name in topics
                for number in range(known[name])
            }
        )
        ends = {name: [0] * known[name] for name in topics}
        for place, answer in asked.items():
            ends[place.topic][place.partition] = answer.result(ANSWER_S).offset
        return ends

    def committed(self, group: str) -> list[tuple[str, int, int]]:
        """Topic, partition and offset of everything that the group has committed."""
        (asked,) = self._admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)]).values()
        return [(p.topic, p.partition, p.offset) for p in asked.result(ANSWER_S).topic_partitions]

    def write(self, topics: list[str], value: str) -> None:
        """Write one message, without a key, to every partition."""
        producer = Producer({**self._settings, "linger.ms": 0})
        known, failed = self.topics(), []
        for name in topics:
            for number in range(known[name]):
                producer.produce(
                    name,
                    value=value,
                    partition=number,
                    on_delivery=lambda error, _: error and failed.append(error),
                )
        if producer.flush(ANSWER_S) or failed:
            raise KafkaException(*failed[:1])

    def scan(
        self, ends: dict[str, list[int]], checks: list[str], fed: int, lag: dict[str, int], order_field: str
    ) -> Any:
        """Read every partition up to its end, and judge what is there."""
        reader = LogReader(order_field)
        for topic, partitions in ends.items():
            for number, end in enumerate(partitions):
                self._read(reader, topic, number, end)
        return {"counters": reader.counters(), "findings": reader.findings(checks, fed, lag)}

    def clean(self) -> None:
        """Delete every topic and group."""
        if names := list(self.topics()):
            for gone in self._admin.delete_topics(names, operation_timeout=ANSWER_S).values():
                gone.result(ANSWER_S)
        groups = [group.group_id for group in self._admin.list_consumer_groups().result(ANSWER_S).valid]
        if groups:
            for gone in self._admin.delete_consumer_groups(groups).values():
                gone.result(ANSWER_S)

    def _read(self, reader: LogReader, topic: str, number: int, end: int) -> None:
        if not end:
            return
        consumer = Consumer(
            {
                **self._settings,
                "group.id": "bighost-steward",
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
                "enable.partition.eof": True,
                "isolation.level": "read_committed",
            }
        )
        try:
            consumer.assign([TopicPartition(topic, number, 0)])
            while message := consumer.poll(PATIENCE_S):
                if message.error() or message.offset() >= end:
                    return
                reader.take(Message(topic, number, message.key(), message.value()))
                if message.offset() == end - 1:
                    return
        finally:
            consumer.close()


def patiently(attempt: Callable[[], Any]) -> None:
    """Try again while the broker says that it can't yet."""
    deadline = time.monotonic() + ANSWER_S
    while True:
        try:
            attempt()
        except KafkaException as error:
            if error.args[0].code() not in NOT_YET or time.monotonic() > deadline:
                raise
            time.sleep(LOOK_S)
        else:
            return


def main() -> None:
    """Serve until stdin ends."""
    steward = Steward(sys.argv[1])
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"result": getattr(steward, request.pop("do"))(**request)}
        except KafkaException as error:
            reason = error.args[0] if error.args else "the broker did not answer in time"
            answer = {"error": reason.str() if hasattr(reason, "str") else str(reason)}
        except KeyError as error:
            answer = {"error": f"there is no topic {error}"}
        sys.stdout.write(json.dumps(answer) + "\n")
        sys.stdout.flush()


main()
