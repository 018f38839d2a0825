"""Consumer groups, as the assignment plans them and as the broker sees them."""

from __future__ import annotations

from bighost.pod.kafka.plan import Plan
from bighost.pod.kafka.steward import Steward


class Groups:
    """The groups of a run."""

    def __init__(self, plan: Plan, steward: Steward) -> None:
        self._plan = plan
        self._steward = steward
        self._gone = dict.fromkeys(plan.groups, 0)  # members that we have killed

    def rewind(self) -> None:
        """Set every group's offsets to the beginning; nobody has joined yet. Raises Refusal."""
        for group, topics in self._plan.groups.items():
            self._steward.rewind(group, topics)

    def late(self) -> str | None:
        """The first group that does not have all its members, or not all its partitions; None: all are there.

        Raises Refusal.
        """
        return next((group for group in self._plan.groups if not self._is_assigned(group)), None)

    def words_of_late(self, group: str, seconds: float) -> str:
        """What is to be said of a group that is still late after so long. Raises Refusal."""
        found = self._steward.group(group)
        places = self._places(group)
        return (
            f"after {seconds:g} s group {group} had {len(found.members)} of its {self._members(group)} "
            f"consumers, and {len(places - found.partitions)} of its {len(places)} partitions had nobody: "
            "a consumer has to subscribe to its topic with the group that it is told, and poll"
        )

    def members(self, group: str) -> list[str]:
        """The ids of those who are in a group now. Raises Refusal."""
        return list(self._steward.group(group).members)

    def forget(self, group: str, members: list[str]) -> None:
        """Members of the group have been killed: it shall not wait for them. Raises Refusal."""
        self._steward.evict(group, members)
        self._gone[group] += len(members)

    def _is_assigned(self, group: str) -> bool:
        found = self._steward.group(group)
        is_full = found.is_stable and len(found.members) >= self._members(group)
        return is_full and self._places(group) <= found.partitions

    def _members(self, group: str) -> int:
        return self._plan.members(group) - self._gone[group]

    def _places(self, group: str) -> set[tuple[str, int]]:
        partitions = {topic.name: topic.partitions for topic in self._plan.topics}
        return {(topic, n) for topic in self._plan.groups[group] for n in range(partitions[topic])}
