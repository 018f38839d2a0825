"""The course of a run: topics, consumers that are known to be assigned, producers that are fed, the end.

The order is what makes a run reproducible: the offsets of every group are set to the beginning *before* its
first consumer starts, so that it does not matter when a consumer looks them up, and no line is fed before
every partition is assigned. The caller's thread conducts; each program has a thread of its own.
"""

from __future__ import annotations

import queue
import time
from collections.abc import Sequence

from bighost.pod.complaint import about_breach
from bighost.pod.contract import Outcome, Progress
from bighost.pod.frameworks.output import OutputLimit, PartFile
from bighost.pod.frameworks.records import Layout
from bighost.pod.kafka import blame
from bighost.pod.kafka.blame import Phase
from bighost.pod.kafka.broker import BOOTSTRAP, Broker
from bighost.pod.kafka.feed import Feed, Gate
from bighost.pod.kafka.groups import Groups
from bighost.pod.kafka.plan import End, Plan, Programs, Role
from bighost.pod.kafka.programs import Nothing, Spec, StudentProgram, Uncollected
from bighost.pod.kafka.steward import Ends, Refusal
from bighost.pod.messages import Breach, StageUsage
from bighost.pod.run import Run, Stop
from bighost.pod.sandbox import Fault, NoProcessLeft, Stage

LOOK_S = 0.1
JOIN_LOOK_S = 0.01
TICK_S = 0.25
END_AGAIN_S = 1.0
SETTLE_S = 0.5  # without output, after which consumers have read all that was fed
GRACE_S = 5.0  # between interrupting a consumer and killing it
AS_WRITTEN = Layout(b"\t", 0)  # consumers' lines are taken as they are


class Course:
    """One run, from its topics to the last program's end."""

    def __init__(self, run: Run, plan: Plan, broker: Broker) -> None:
        self.run = run
        self.plan = plan
        self.broker = broker
        self.phase = Phase.JOINING
        self.producers: list[StudentProgram] = []
        self.consumers: list[StudentProgram] = []
        self.parts: list[PartFile] = []
        self.feeds: list[Feed] = []
        self.ends: Ends = {}  # of the data: what the producers wrote, without the end messages
        self.was_one_killed = False
        self._limit = OutputLimit(run.limits.output_bytes)
        self._ended: queue.SimpleQueue[StudentProgram] = queue.SimpleQueue()
        self._open: list[StudentProgram] = []  # started, and their end not noted yet
        self._groups = Groups(plan, broker.steward)
        self._gate = Gate(plan.kill_after_lines)
        self._victim: list[str] = []  # what the group calls the consumer that is to be killed
        self._topics = [topic.name for topic in plan.topics]
        self._charged = 0
        self._next_tick = 0.0

    def go(self) -> tuple[StageUsage, Stop | None]:
        """Run all programs; gives what they used, and why the run has to stop. Raises Fault."""
        self._prepare()
        with self.run.sandbox.stage(self.run.begin_of_stage()) as stage:
            self.run.enter(stage)
            stop = None
            try:
                self._conduct(stage)
            except Stop as early:
                stop = early
            finally:
                self.run.enter(None)
                self._end_all(stage)
            usage = stage.end()
        return usage, self._breach(usage) or stop

    @property
    def lines_fed(self) -> int:
        """How many lines the producers were given."""
        return sum(feed.records for feed in self.feeds)

    def _prepare(self) -> None:
        try:
            self.broker.steward.create(self.plan.topics)
            self._groups.rewind()
        except Refusal as refusal:
            raise Fault(f"the topics can't be made as the assignment asks: {refusal}") from None

    def _conduct(self, stage: Stage) -> None:
        try:
            self._start_consumers(stage)
            self._await_groups()
            self.phase = Phase.FEEDING
            self._start_producers(stage)
            self._feed()
            self.phase = Phase.DRAINING
            self.ends = self.broker.steward.ends(self._topics)
            self._drain()
        except Refusal as refusal:
            self._check_topics()
            self.broker.check()
            raise Fault(f"the broker refused: {refusal}") from None

    # -- starting

    def _start_consumers(self, stage: Stage) -> None:
        for programs in self.plan.consumers:
            for _ in range(programs.copies):
                index = len(self.consumers)
                part = PartFile(self.run.workdir.output, index, AS_WRITTEN, self._limit)
                self.parts.append(part)
                self.consumers.append(StudentProgram(self._spec(programs, index), Nothing(), part))
                self._start(self.consumers[-1], stage)
                if index == 0 and self.plan.kill_after_lines:
                    self._victim = self._id_of_first()
        self._tell(Role.CONSUMER, self.consumers)

    def _start_producers(self, stage: Stage) -> None:
        count = sum(programs.copies for programs in self.plan.producers)
        for programs in self.plan.producers:
            for _ in range(programs.copies):
                index = len(self.producers)
                gate = self._gate if index == 0 and self.plan.kill_after_lines else None
                pace = self.plan.lines_per_s, self.plan.pauses
                feed = Feed(self.run.order.inputs, (index, count), *pace, gate)
                self.feeds.append(feed)
                self.producers.append(StudentProgram(self._spec(programs, index), feed, Uncollected()))
        for program in self.producers:
            self._start(program, stage)
        self._tell(Role.PRODUCER, self.producers)

    def _start(self, program: StudentProgram, stage: Stage) -> None:
        self._open.append(program)
        program.start(self.run, stage, self._ended)

    def _spec(self, programs: Programs, index: int) -> Spec:
        topics = ",".join(programs.topics)
        environment = {"KAFKA_BOOTSTRAP": BOOTSTRAP, "KAFKA_TOPIC": topics, "PYTHONUNBUFFERED": "1"}
        arguments = [BOOTSTRAP, topics]
        if programs.group:
            environment["KAFKA_GROUP"] = programs.group
            arguments.append(programs.group)
        if self.plan.end is End.MESSAGE:
            environment["KAFKA_END"] = self.plan.end_message
        arguments += self.run.order.arguments
        return Spec(programs.role, index, programs.file, arguments, environment)

    # -- groups

    def _await_groups(self) -> None:
        """Wait until the members of every group share all its partitions. Raises Stop."""
        deadline = time.monotonic() + self.plan.join_s
        while (late := self._groups.late()) is not None:
            self._wait_for(late, deadline)

    def _wait_for(self, group: str, deadline: float) -> None:
        """Give a group that is late a little time. Raises Stop when there is none left."""
        if time.monotonic() > deadline:
            words = self._groups.words_of_late(group, self.plan.join_s)
            raise Stop(Outcome.TIME_LIMIT, words, Role.CONSUMER)
        self._look(JOIN_LOOK_S)
        for program in self.consumers:
            has_left = program.end and not program.end.complaint and not program.was_killed
            if has_left and program.spec.environment["KAFKA_GROUP"] == group:
                words = f"{program.spec.who} ended before its group {group} was complete"
                raise Stop(Outcome.RUNTIME_ERROR, words, Role.CONSUMER)

    def _id_of_first(self) -> list[str]:
        """What its group calls the first consumer, found while it is alone. Raises Stop."""
        group = self.plan.consumers[0].group
        deadline = time.monotonic() + self.plan.join_s
        while not (members := self._groups.members(group)):
            self._wait_for(group, deadline)
        return members

    def _kill_one(self) -> None:
        """Kill the first consumer once all have read what there is, and wait for the others. Raises Stop."""
        victim, halted = self.consumers[0], time.monotonic()
        while self._quiet_s(halted) < SETTLE_S:
            self._look(JOIN_LOOK_S)
        victim.kill()
        while victim in self._open:
            self._look(JOIN_LOOK_S)
        self._groups.forget(self.plan.consumers[0].group, self._victim)
        self.was_one_killed = True
        self._await_groups()
        self._gate.opened.set()

    # -- feeding and the end

    def _feed(self) -> None:
        while any(program in self._open for program in self.producers):
            self._look(JOIN_LOOK_S if self.plan.kill_after_lines else LOOK_S)
            if self._gate.reached.is_set() and not self._gate.opened.is_set():
                self._kill_one()

    def _drain(self) -> None:
        fed = time.monotonic()
        if self.plan.end is End.MESSAGE:
            self._say_end()
            return
        while self._running() and not self._is_over(fed):
            self._look(min(LOOK_S, self.plan.end_idle_s))
        self._interrupt()

    def _say_end(self) -> None:
        """Write the end message until all consumers have ended.

        One that ends leaves its partitions to another of its group, which would wait for their end for ever.
        """
        due = 0.0
        while self._running():
            if time.monotonic() >= due:
                self.broker.steward.write(self._topics, self.plan.end_message)
                due = time.monotonic() + END_AGAIN_S
            self._look(LOOK_S)

    def _is_over(self, fed: float) -> bool:
        if self.plan.end is End.COUNT:
            return sum(part.records for part in self.parts) >= self.plan.end_count
        return self._quiet_s(fed) > self.plan.end_idle_s

    def _quiet_s(self, since: float) -> float:
        """For how long, from then on, no consumer has written anything."""
        return time.monotonic() - max(since, *(program.last_output for program in self.consumers))

    def _interrupt(self) -> None:
        for program in self._running():
            program.interrupt()
        deadline = time.monotonic() + GRACE_S
        while self._running() and time.monotonic() < deadline:
            self._look(LOOK_S)
        for program in self._running():
            program.kill()
        while self._running():
            self._look(LOOK_S)

    def _running(self) -> list[StudentProgram]:
        return [program for program in self.consumers if program in self._open]

    # -- looking

    def _look(self, wait_s: float) -> None:
        """Wait for a program's end, and look after the broker. Raises Stop and Fault."""
        try:
            ended = self._ended.get(timeout=wait_s)
        except queue.Empty:
            ended = None
        if self.run.cancelled:
            self.run.check(Role.CONSUMER)
        if ended is not None:
            self._note_end(ended)
        if time.monotonic() >= self._next_tick:
            self._next_tick = time.monotonic() + TICK_S
            self._tick()

    def _note_end(self, program: StudentProgram) -> None:
        role = program.spec.role
        self._open.remove(program)
        self._tell(role, self.producers if role is Role.PRODUCER else self.consumers)
        if isinstance(program.failure, NoProcessLeft):
            raise Stop(*about_breach(role, Breach.PROCESSES, self.run.limits), role)
        if program.failure is not None:
            raise program.failure
        if program.end and program.end.complaint:
            if not self.run.cancelled:
                self._check_topics()
            raise Stop(program.end.complaint.outcome, program.end.complaint.message, role)

    def _tick(self) -> None:
        self.broker.check()
        self._check_topics()
        size = self.broker.topic_bytes()
        if size > self._charged:
            self.run.charge(size - self._charged)
            self._charged = size

    def _check_topics(self) -> None:
        there = self.broker.steward.topics()
        for name in self._topics:
            if name not in there:
                raise Stop(Outcome.RUNTIME_ERROR, f"topic {name} was deleted while the run went on", None)

    def _tell(self, role: Role, programs: Sequence[StudentProgram]) -> None:
        ended = sum(program not in self._open for program in programs)
        status = next((p.end.reporter_status for p in programs if p.end and p.end.reporter_status), "")
        self.run.tell(Progress(role.value, ended, len(programs), status))

    def _end_all(self, stage: Stage) -> None:
        for feed in self.feeds:
            feed.stop()
        for program in [*self.producers, *self.consumers]:
            if program in self._open:
                program.kill()
        stage.kill()
        for program in [*self.producers, *self.consumers]:
            program.join()

    def _breach(self, usage: StageUsage) -> Stop | None:
        if usage.breach is None or self.run.cancelled:
            return None
        breach = Breach(usage.breach)
        if breach is Breach.WALL:
            is_all_given = all(feed.is_exhausted for feed in self.feeds)
            return blame.of_time(self.phase, self.plan, self.run.limits, is_all_given)
        return blame.of_breach(breach, self.run.limits, self.producers, self.consumers, self._charged)
