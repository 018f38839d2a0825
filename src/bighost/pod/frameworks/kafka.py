"""Kafka: students' producers and consumers on a real broker inside the pod, fresh for each submission.

Consumers are started first; once they share all partitions, producers are fed the dataset, line by line, and
what consumers write is the output. Programs are told the same by their arguments and their environment:

| program | arguments | environment |
|---|---|---|
| producer | bootstrap server, topics, then the order's arguments | `KAFKA_BOOTSTRAP`, `KAFKA_TOPIC` |
| consumer | bootstrap server, topics, group, then the order's arguments | the same and `KAFKA_GROUP` |

Several topics are written with commas between. `KAFKA_END` holds the end message, where the run ends by one.
A consumer has to subscribe with its group: without one nobody can know that it is ready.
"""

from __future__ import annotations

import base64
import time
from typing import Any, ClassVar

from bighost.pod.contract import ContractError, Option, RunLimits, RunOrder, Segments
from bighost.pod.frameworks.base import Framework
from bighost.pod.kafka.broker import Broker
from bighost.pod.kafka.course import Course
from bighost.pod.kafka.plan import Plan, Role
from bighost.pod.kafka.report import log_stage, stage_report, write_findings
from bighost.pod.kafka.steward import LogReport, Refusal
from bighost.pod.messages import StageUsage
from bighost.pod.run import Run, Stop
from bighost.pod.sandbox import Fault

TRIAL = "trial"
TRIAL_PRODUCER = b"""\
import sys
from confluent_kafka import Producer
producer = Producer({"bootstrap.servers": sys.argv[1]})
for line in sys.stdin:
    producer.produce(sys.argv[2], key=line[:1], value=line.strip())
producer.flush()
"""
TRIAL_CONSUMER = b"""\
import os, sys
from confluent_kafka import Consumer
consumer = Consumer({"bootstrap.servers": sys.argv[1], "group.id": sys.argv[3]})
consumer.subscribe([sys.argv[2]])
while (message := consumer.poll(10)).value() != os.environ["KAFKA_END"].encode():
    print(message.value().decode())
consumer.close()
"""


class Kafka(Framework):
    """Runs producers and consumers against a broker of its own."""

    REUSE: ClassVar[str] = "never"  # of a pod, where neither assignment nor node says otherwise
    OVERHEAD_BYTES: ClassVar[int] = 640 << 20  # broker, steward, control server and warden
    OVERHEAD_PROCESSES: ClassVar[int] = 256  # their threads
    OPTIONS: ClassVar[dict[str, Option]] = {
        "topics": Option(
            list,
            ["events"],
            "the topics: 'NAME partitions=N', and any of Kafka's topic settings as NAME=VALUE",
        ),
        "producers": Option(list, ["producer.py"], "the producers: 'FILE count=N topics=A,B'"),
        "consumers": Option(list, ["consumer.py"], "the consumers: 'FILE count=N topics=A,B group=G'"),
        "lines_per_s": Option(float, 0.0, "lines that each producer is fed in a second; 0: at once", 0),
        "pauses": Option(list, [], "when the feed of each producer rests: '0.5s after 1000' lines"),
        "join_s": Option(float, 15.0, "seconds that consumers have to be assigned all partitions", 1, 600),
        "end": Option(
            str,
            "message",
            "how consumers learn of the end: message (then they end by themselves), idle, count",
        ),
        "end_message": Option(str, "EOF", "the value of the message that each partition gets last"),
        "end_idle_s": Option(
            float, 2.0, "seconds without output after which consumers are interrupted (as by Ctrl-C)", 0, 600
        ),
        "end_count": Option(int, 0, "lines of output after which consumers are interrupted", 0),
        "kill_after_lines": Option(
            int, 0, "lines fed to the first producer after which the first consumer is killed; 0: never", 0
        ),
        "log_checks": Option(
            list,
            [],
            "what must hold for the log: complete, keyed, partitioned, ordered, distinct, consumed",
        ),
        "order_field": Option(
            str, "", "for 'ordered': a number in each value, as a field (1 is the first) or a JSON member"
        ),
    }

    def __init__(self) -> None:
        self._broker = Broker()
        self._is_worn = False  # a submission has used the broker

    def start(self) -> None:
        """Start the broker. Raises Fault."""
        self._broker.start()

    def trial(self) -> RunOrder:
        """Sends the lines of this file through a topic, so that broker and clients have been used once."""
        programs = {"producer.py": TRIAL_PRODUCER, "consumer.py": TRIAL_CONSUMER}
        return RunOrder(
            run=TRIAL,
            framework="kafka",
            files={name: base64.b64encode(text).decode() for name, text in programs.items()},
            inputs=[__file__],
            limits=RunLimits(30.0, 60.0, 512 << 20, 64, 1 << 20, 16 << 20),
        )

    def check(self, order: RunOrder, options: dict[str, Any]) -> None:
        """Raises ContractError when there is no input, or a program that was not handed in."""
        if not order.inputs:
            raise ContractError("the order names no inputs")
        plan = Plan.of(options)
        for programs in (*plan.producers, *plan.consumers):
            if programs.file not in order.files:
                raise ContractError(f"{programs.role.value} {programs.file!r} is not among the files")

    def run(self, run: Run) -> None:
        """See `Framework.run`."""
        if self._is_worn:
            self._broker.renew()
        self._is_worn = True
        course = Course(run, Plan.of(run.options), self._broker)
        usage, stop = course.go()
        run.workdir.wipe_student_files()
        log = None if stop else self._read_log(course)
        _report(run, course, usage, stop, log)
        if not usage.clean:
            raise Fault("processes of producer or consumer can't be killed")
        if stop:
            raise stop
        if run.order.run == TRIAL:
            self._broker.steward.clean()
            self._is_worn = False

    def reset(self) -> None:
        """Replace the broker: what a submission has left in it is gone. Raises Fault."""
        if self._is_worn:
            self._broker.renew()
            self._is_worn = False

    def stop(self) -> None:
        """End the broker."""
        self._broker.stop()

    def _read_log(self, course: Course) -> LogReport:
        plan, steward = course.plan, self._broker.steward
        began = time.monotonic()
        try:
            lag = {group: steward.lag(group, course.ends) for group in plan.groups}
            log = steward.scan(course.ends, plan.checks, course.lines_fed, lag, plan.order_field)
        except Refusal as refusal:
            raise Fault(f"the log can't be read: {refusal}") from None
        return log._replace(wall_s=time.monotonic() - began)


def _report(run: Run, course: Course, usage: StageUsage, stop: Stop | None, log: LogReport | None) -> None:
    """Fill in the run's stages and, where it is not stopped, its output."""
    messages = log.counters["messages"] if log else sum(map(sum, course.ends.values()))
    written = sum(part.records for part in course.parts)
    for role, programs, records in (
        (Role.PRODUCER, course.producers, (course.lines_fed, messages)),
        (Role.CONSUMER, course.consumers, (messages, written)),
    ):
        if programs:
            is_blamed = stop is not None and stop.stage == role
            run.stages.append(stage_report(role, programs, usage, is_blamed, records))
    if log is None:
        return
    run.stages.append(log_stage(log, course.was_one_killed))
    run.output = [part.described() for part in course.parts]
    if log.findings:
        run.output.append(write_findings(run.workdir.output, log.findings))
    run.segments = Segments(reduce_output=[part.digest for part in run.output])
