"""Whose fault it is when producers and consumers together have broken a limit: one of both is named."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from bighost.pod.complaint import about_breach
from bighost.pod.contract import RunLimits
from bighost.pod.kafka.plan import End, Plan, Role
from bighost.pod.kafka.programs import StudentProgram
from bighost.pod.messages import Breach
from bighost.pod.run import Stop


class Phase(Enum):
    """How far a run has come."""

    JOINING = "joining"
    FEEDING = "feeding"
    DRAINING = "draining"


def of_time(phase: Phase, plan: Plan, limits: RunLimits, is_all_given: bool) -> Stop:
    """The wall limit ended the run in this phase; `is_all_given`: producers have had their last line."""
    role = Role.PRODUCER if phase is Phase.FEEDING else Role.CONSUMER
    given = ", though it had been given all its lines" if is_all_given else ""
    words = {
        Phase.JOINING: "consumer had not joined its group",
        Phase.FEEDING: f"producer had not ended{given}",
        Phase.DRAINING: {
            End.MESSAGE: f"consumer had not ended after the end message {plan.end_message!r}",
            End.IDLE: "consumer still wrote",
            End.COUNT: f"consumer had not written {plan.end_count} lines",
        }[plan.end],
    }
    outcome, _ = about_breach(role, Breach.WALL, limits)
    return Stop(outcome, f"the run took longer than {limits.wall_s:g} s: {words[phase]}", role)


def of_breach(
    breach: Breach,
    limits: RunLimits,
    producers: Sequence[StudentProgram],
    consumers: Sequence[StudentProgram],
    topic_bytes: int,
) -> Stop:
    """Another limit was broken: the role is blamed that has used most of what ran out."""

    def used(programs: Sequence[StudentProgram]) -> float:
        ends = [program.end for program in programs if program.end]
        return sum(end.peak_bytes if breach is Breach.MEMORY else end.cpu_s for end in ends)

    of_producers = topic_bytes if breach is Breach.DISK else used(producers)
    of_consumers = limits.disk_bytes / 2 if breach is Breach.DISK else used(consumers)
    role = Role.PRODUCER if of_producers > of_consumers else Role.CONSUMER
    return Stop(*about_breach(role, breach, limits), role)
