"""What an assignment asks of Kafka: topics, programs and how the run ends, read from its options.

Lists of options hold texts, so a topic or a group of programs is a line of words, its name first:

    topics    = ["prices partitions=4 max.message.bytes=2000"]
    producers = ["producer.py count=2 topics=prices"]
    consumers = ["consumer.py group=aggregates count=2 topics=prices"]
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Any, NamedTuple, TypeVar

from bighost.pod.contract import ContractError
from bighost.pod.kafka.checks import Check

MOST_PARTITIONS = 64
MOST_PROGRAMS = 16
NAME = re.compile(r"[A-Za-z0-9._-]{1,200}")  # Kafka's rule for topics, a little shorter
E = TypeVar("E", bound=StrEnum)
PAUSE = re.compile(r"(?P<seconds>\d+(\.\d+)?)s? after (?P<lines>\d+)")


class End(StrEnum):
    """How consumers learn that nothing more comes."""

    MESSAGE = "message"  # by an end message in every partition, after which they end by themselves
    IDLE = "idle"  # they are interrupted once none of them has written anything for a while
    COUNT = "count"  # they are interrupted once they have written so many lines


class Role(StrEnum):
    """What a program is for; its stage has the same name."""

    PRODUCER = "producer"
    CONSUMER = "consumer"


class Topic(NamedTuple):
    """A topic; what is not in `config` is the broker's default."""

    name: str
    partitions: int
    config: dict[str, str]


class Programs(NamedTuple):
    """So many processes of one file, at the same time. `group` is empty for producers."""

    role: Role
    file: str
    copies: int
    topics: tuple[str, ...]
    group: str = ""


class Pause(NamedTuple):
    """The feed rests for so long once it has given so many lines."""

    lines: int
    seconds: float


class Plan(NamedTuple):
    """All that a run needs to know."""

    topics: tuple[Topic, ...]
    producers: tuple[Programs, ...]
    consumers: tuple[Programs, ...]
    lines_per_s: float  # 0: at once
    pauses: tuple[Pause, ...]
    join_s: float
    end: End
    end_message: str
    end_idle_s: float
    end_count: int
    kill_after_lines: int  # 0: nobody is killed
    checks: tuple[Check, ...]
    order_field: str

    @classmethod
    def of(cls, options: Mapping[str, Any]) -> Plan:
        """The plan that these options make. Raises ContractError."""
        topics = tuple(_topic(line) for line in _lines("topics", options))
        names = tuple(topic.name for topic in topics)
        plan = cls(
            topics=topics,
            producers=tuple(_programs(Role.PRODUCER, line, names) for line in _lines("producers", options)),
            consumers=tuple(_programs(Role.CONSUMER, line, names) for line in _lines("consumers", options)),
            lines_per_s=options["lines_per_s"],
            pauses=tuple(sorted(_pause(text) for text in _texts("pauses", options))),
            join_s=options["join_s"],
            end=_word("end", options["end"], End),
            end_message=options["end_message"],
            end_idle_s=options["end_idle_s"],
            end_count=options["end_count"],
            kill_after_lines=options["kill_after_lines"],
            checks=tuple(_word("log_checks", text, Check) for text in _texts("log_checks", options)),
            order_field=options["order_field"],
        )
        plan._check()
        return plan

    @property
    def groups(self) -> dict[str, tuple[str, ...]]:
        """Every consumer group and the topics that it reads."""
        found: dict[str, list[str]] = {}
        for programs in self.consumers:
            found.setdefault(programs.group, []).extend(programs.topics)
        return {group: tuple(dict.fromkeys(topics)) for group, topics in found.items()}

    def members(self, group: str) -> int:
        """How many consumers a group has."""
        return sum(programs.copies for programs in self.consumers if programs.group == group)

    def _check(self) -> None:
        for what, programs in (("producers", self.producers), ("consumers", self.consumers)):
            if sum(each.copies for each in programs) > MOST_PROGRAMS:
                raise ContractError(f"option {what} asks for more than {MOST_PROGRAMS} programs")
        names = [topic.name for topic in self.topics]
        if len(set(names)) < len(names):
            raise ContractError("option topics names one twice")
        if self.end is End.MESSAGE and not self.end_message:
            raise ContractError("option end_message is empty")
        if self.end is End.COUNT and self.end_count < 1:
            raise ContractError("with end = 'count', option end_count says after how many lines")
        if self.kill_after_lines and self.members(self.consumers[0].group) < 2:
            raise ContractError("kill_after_lines kills a consumer: another one of its group has to be there")
        if Check.ORDERED in self.checks and not self.order_field:
            raise ContractError("the log check 'ordered' needs option order_field")


def _topic(line: str) -> Topic:
    name, settings = _words("topics", line)
    if not NAME.fullmatch(name) or name in (".", "..") or name.startswith("__"):
        raise ContractError(f"option topics: {name!r} can't be a topic's name")
    partitions = _count("topics", "partitions", settings, MOST_PARTITIONS)
    return Topic(name, partitions, settings)


def _programs(role: Role, line: str, topics: tuple[str, ...]) -> Programs:
    option = f"{role.value}s"
    file, settings = _words(option, line)
    count = _count(option, "count", settings, MOST_PROGRAMS)
    wanted = tuple(settings.pop("topics", ",".join(topics)).split(","))
    group = settings.pop("group", "consumers") if role is Role.CONSUMER else ""
    for key in settings:
        raise ContractError(f"option {option}: {key!r} is not known")
    for topic in wanted:
        if topic not in topics:
            raise ContractError(f"option {option}: there is no topic {topic!r}")
    return Programs(role, file, count, wanted, group)


def _words(option: str, line: str) -> tuple[str, dict[str, str]]:
    """`name key=value key=value` as name and dictionary."""
    name, *settings = line.split()
    pairs = [setting.partition("=") for setting in settings]
    for key, equals, value in pairs:
        if not (key and equals and value):
            raise ContractError(f"option {option}: {key!r} should read name=value")
    return name, {key: value for key, _, value in pairs}


def _count(option: str, key: str, settings: dict[str, str], most: int) -> int:
    text = settings.pop(key, "1")
    if not (text.isdecimal() and 1 <= int(text) <= most):
        raise ContractError(f"option {option}: {key} is a number from 1 to {most}, not {text!r}")
    return int(text)


def _pause(text: str) -> Pause:
    found = PAUSE.fullmatch(text)
    if not found:
        raise ContractError(f"option pauses: {text!r} should read like '0.5s after 1000'")
    return Pause(int(found["lines"]), float(found["seconds"]))


def _lines(option: str, options: Mapping[str, Any]) -> list[str]:
    lines = _texts(option, options)
    if not lines or not all(line.split() for line in lines):
        raise ContractError(f"option {option} is empty")
    return lines


def _texts(option: str, options: Mapping[str, Any]) -> list[str]:
    texts: list[str] = options[option]
    if not all(isinstance(text, str) for text in texts):
        raise ContractError(f"option {option}: texts are needed")
    return texts


def _word(option: str, text: str, kind: type[E]) -> E:
    try:
        return kind(text)
    except ValueError:
        raise ContractError(f"option {option}: {text!r} is none of {_listed(kind)}") from None


def _listed(kind: Iterable[StrEnum]) -> str:
    return ", ".join(word.value for word in kind)
