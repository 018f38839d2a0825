"""Which of both roles is named when a limit was broken, and in which words."""

from __future__ import annotations

from typing import Any

import pytest

from bighost.pod.contract import Outcome, RunLimits, check_options
from bighost.pod.frameworks.kafka import Kafka
from bighost.pod.kafka import blame
from bighost.pod.kafka.blame import Phase
from bighost.pod.kafka.plan import Plan, Role
from bighost.pod.kafka.programs import Nothing, ProgramEnd, Spec, StudentProgram, Uncollected
from bighost.pod.messages import Breach

MIB = 1 << 20
LIMITS = RunLimits(2.0, 30.0, 64 * MIB, 16, MIB, 8 * MIB)


def ended(role: Role, cpu_s: float = 0.0, peak_bytes: int = 0) -> StudentProgram:
    program = StudentProgram(Spec(role, 0, f"{role.value}.py", [], {}), Nothing(), Uncollected())
    program.end = ProgramEnd(9, None, "", "", {}, cpu_s, peak_bytes, 0.0)
    return program


def plan_of(**options: Any) -> Plan:
    return Plan.of(check_options(Kafka.OPTIONS, options))


@pytest.mark.parametrize("heavy", list(Role))
def test_whoever_used_most_is_named(heavy: Role) -> None:
    def blamed(breach: Breach) -> str | None:
        both = [[ended(role, 3.0, 90 * MIB) if role is heavy else ended(role, 0.1, MIB)] for role in Role]
        return blame.of_breach(breach, LIMITS, both[0], both[1], 0).stage

    assert blamed(Breach.CPU) == heavy
    assert blamed(Breach.MEMORY) == heavy


def test_who_fills_topics_is_the_producer() -> None:
    producer, consumer = [ended(Role.PRODUCER)], [ended(Role.CONSUMER)]
    assert blame.of_breach(Breach.DISK, LIMITS, producer, consumer, 9 * MIB).stage == Role.PRODUCER
    stop = blame.of_breach(Breach.DISK, LIMITS, producer, consumer, 0)
    assert (stop.stage, stop.outcome) == (Role.CONSUMER, Outcome.OUTPUT_LIMIT)


@pytest.mark.parametrize(
    ("phase", "options", "given", "stage", "words"),
    [
        (Phase.JOINING, {}, False, Role.CONSUMER, "consumer had not joined its group"),
        (Phase.FEEDING, {}, False, Role.PRODUCER, "producer had not ended"),
        (
            Phase.FEEDING,
            {},
            True,
            Role.PRODUCER,
            "producer had not ended, though it had been given all its lines",
        ),
        (Phase.DRAINING, {}, True, Role.CONSUMER, "consumer had not ended after the end message 'EOF'"),
        (Phase.DRAINING, {"end": "idle"}, True, Role.CONSUMER, "consumer still wrote"),
        (
            Phase.DRAINING,
            {"end": "count", "end_count": 7},
            True,
            Role.CONSUMER,
            "consumer had not written 7 lines",
        ),
    ],
)
def test_a_run_out_of_time_says_what_it_waited_for(
    phase: Phase, options: dict[str, Any], given: bool, stage: Role, words: str
) -> None:
    stop = blame.of_time(phase, plan_of(**options), LIMITS, given)
    assert stop.outcome is Outcome.TIME_LIMIT
    assert stop.stage == stage
    assert stop.message == f"the run took longer than 30 s: {words}"
