"""Options of the framework `kafka` as a plan, and what is said of options that contradict themselves."""

from __future__ import annotations

from typing import Any

import pytest

from bighost.pod.contract import ContractError, check_options
from bighost.pod.frameworks.kafka import Kafka
from bighost.pod.kafka.plan import End, Pause, Plan, Programs, Role, Topic


def plan_of(**options: Any) -> Plan:
    return Plan.of(check_options(Kafka.OPTIONS, options))


def test_by_default_a_producer_and_a_consumer_share_a_topic_of_one_partition() -> None:
    plan = plan_of()
    assert plan.topics == (Topic("events", 1, {}),)
    assert plan.producers == (Programs(Role.PRODUCER, "producer.py", 1, ("events",)),)
    assert plan.consumers == (Programs(Role.CONSUMER, "consumer.py", 1, ("events",), "consumers"),)
    assert plan.end is End.MESSAGE


def test_a_topic_has_partitions_and_settings_of_kafka() -> None:
    plan = plan_of(topics=["prices partitions=4 max.message.bytes=2000", "trades"])
    assert plan.topics == (
        Topic("prices", 4, {"max.message.bytes": "2000"}),
        Topic("trades", 1, {}),
    )


def test_programs_have_topics_groups_and_copies() -> None:
    plan = plan_of(
        topics=["a", "b"],
        producers=["p.py count=2 topics=a", "q.py topics=b"],
        consumers=["c.py group=x count=2", "d.py group=y topics=b", "e.py group=x topics=b"],
    )
    assert [(each.file, each.copies, each.topics) for each in plan.producers] == [
        ("p.py", 2, ("a",)),
        ("q.py", 1, ("b",)),
    ]
    assert plan.groups == {"x": ("a", "b"), "y": ("b",)}
    assert (plan.members("x"), plan.members("y")) == (3, 1)


def test_pauses_are_sorted_by_when_they_come() -> None:
    plan = plan_of(pauses=["1 after 300", "0.5s after 20"])
    assert plan.pauses == (Pause(20, 0.5), Pause(300, 1.0))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"topics": []}, "topics is empty"),
        ({"topics": ["a", "a partitions=2"]}, "names one twice"),
        ({"topics": ["a/b"]}, "can't be a topic's name"),
        ({"topics": ["__offsets"]}, "can't be a topic's name"),
        ({"topics": ["a partitions=0"]}, "partitions is a number from 1"),
        ({"topics": ["a partitions"]}, "should read name=value"),
        ({"topics": [1]}, "texts are needed"),
        ({"producers": ["p.py group=x"]}, "'group' is not known"),
        ({"producers": ["p.py count=17"]}, "count is a number from 1 to 16"),
        ({"consumers": ["c.py count=9", "d.py count=9"]}, "more than 16 programs"),
        ({"consumers": ["c.py topics=nowhere"]}, "there is no topic 'nowhere'"),
        ({"end": "never"}, "'never' is none of message, idle, count"),
        ({"end": "count"}, "end_count"),
        ({"end_message": ""}, "end_message is empty"),
        ({"kill_after_lines": 5}, "another one of its group"),
        ({"log_checks": ["sorted"]}, "none of complete, keyed"),
        ({"log_checks": ["ordered"]}, "needs option order_field"),
        ({"pauses": ["soon"]}, "should read like"),
        ({"join_s": 0.5}, "at least 1"),
        ({"replicas": 3}, "not known"),
    ],
)
def test_a_contradiction_is_refused_in_words(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ContractError, match=words):
        plan_of(**options)
