"""The engine in a hostile world, searched by Hypothesis: promises 1 and 2 of the design hold in every order.

Nodes crash with their outbox or without, come back, reconnect, pause, drain and leave; messages are lost,
doubled, late and out of order in both directions; the coordinator is killed anywhere in a round; people hand
in, cancel and ask for re-runs; the clock jumps. After every step the books are checked. Then the world turns
good, and every job must end soon.

HYPOTHESIS_PROFILE=long searches for longer.
"""

from __future__ import annotations

import os
import sys
from enum import Enum

import msgspec
from cast import SPARK, STREAMING, job
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from model_node import JUDGED, UNJUDGED
from model_shell import Crash
from model_world import NODES, TERMS, Luck, World, upload

from bighost.clock import seconds
from bighost.coordinator import events as on
from bighost.coordinator.engine import Engine
from bighost.coordinator.handout import avoided
from bighost.coordinator.recovery import recovered
from bighost.job.job import FaultKind, Requirement
from bighost.job.latency import Stamp
from bighost.job.state import State

OUTCOMES = [
    JUDGED,
    UNJUDGED,
    UNJUDGED,
    UNJUDGED,
    FaultKind.POD_DIED,
    FaultKind.POD_NOT_STARTED,
    FaultKind.DATASET,
]

nodes = st.sampled_from(sorted(NODES))
picks = st.integers(0, 1000)  # which of several; taken modulo their number


class Trouble(Enum):
    """What may happen to a node."""

    CRASH = "it is killed; results stay on its disk"
    LOSS = "its machine is lost"
    RECONNECT = "its connection breaks"
    PAUSE = "its owner wants the machine for a while, or gives it back"
    LEAVE = "it leaves in good order"
    DRAINED = "staff want it to leave"
    FORGOTTEN = "staff remove it"


class EngineMachine(RuleBasedStateMachine):
    """What may happen to the world."""

    def __init__(self) -> None:
        super().__init__()
        self.world = World()
        self.shell = self.world.shell

    @initialize(jobs=st.integers(1, 8))
    def a_working_day(self, jobs: int) -> None:
        self.world.carry_all()
        for number in range(jobs):
            self.hand_in("ABC"[number % 3], SPARK if number % 4 == 3 else STREAMING)
        self.world.carry_all()

    # -- people

    @rule(team=st.sampled_from("ABC"), needs=st.sampled_from([STREAMING, STREAMING, SPARK]))
    def hand_in(self, team: str, needs: Requirement) -> None:
        number = self.world.handed_in = self.world.handed_in + 1
        new = msgspec.structs.replace(job(f"j{number}", team, needs=needs), stamps={Stamp.RECEIVED: number})
        self.shell.inbox.append(on.Submitted(at=0, job=new))

    @rule(pick=picks)
    def cancel(self, pick: int) -> None:
        self.shell.inbox.append(on.CancelAsked(at=0, job=f"j{pick % self.world.handed_in + 1}", by="x"))

    @precondition(lambda self: any(job.state.final for job in self.shell.store.values()))
    @rule(pick=picks)
    def retry(self, pick: int) -> None:
        ended = [job for job in self.shell.store.values() if job.state.final]
        self.shell.inbox.append(on.RetryAsked(at=0, job=ended[pick % len(ended)], by="x"))

    # -- the coordinator

    @rule(crash=st.sampled_from([Crash.NOT, Crash.NOT, Crash.NOT, *Crash]))
    def round(self, crash: Crash) -> None:
        self.shell.round(self.world.now, crash)

    @rule(by_s=st.sampled_from([1, 4, 16, 40, 90, 700]), punctual=st.sampled_from([True, True, False]))
    def time_passes(self, by_s: float, punctual: bool) -> None:
        """The coordinator is told of its deadlines in time, or sleeps and is told with the next round."""
        if punctual:
            self.world.advance(by_s)
        else:
            self.world.now += seconds(by_s)

    # -- the network

    @rule(and_begins=st.booleans())
    def all_arrives(self, and_begins: bool) -> None:
        self.world.carry_all()
        if and_begins:
            for node in self.world.nodes.values():
                for id in list(node.queue):
                    node.start(id)

    @precondition(lambda self: self.world.up)
    @rule(pick=picks, luck=st.sampled_from(Luck))
    def one_arrives_at_the_coordinator(self, pick: int, luck: Luck) -> None:
        self.world.carry_up(pick % len(self.world.up), luck)

    @precondition(lambda self: self.world.down)
    @rule(pick=picks, luck=st.sampled_from(Luck))
    def one_arrives_at_a_node(self, pick: int, luck: Luck) -> None:
        self.world.carry_down(pick % len(self.world.down), luck)

    # -- nodes

    @precondition(lambda self: any(node.queue for node in self.world.nodes.values()))
    @rule(pick=picks)
    def begin(self, pick: int) -> None:
        queues = [(node, id) for node in self.world.nodes.values() for id in node.queue]
        node, id = queues[pick % len(queues)]
        node.start(id)

    @precondition(lambda self: any(node.running for node in self.world.nodes.values()))
    @rule(pick=picks, outcome=st.sampled_from(OUTCOMES), arrives=st.booleans())
    def finish(self, pick: int, outcome: str | FaultKind, arrives: bool) -> None:
        running = [(node, id) for node in self.world.nodes.values() for id in node.running]
        node, id = running[pick % len(running)]
        if isinstance(outcome, FaultKind):
            node.fail(id, outcome)
        else:
            node.finish(id, outcome)
        self.world.post()
        if arrives:
            self.world.carry_all()

    @precondition(lambda self: any(node.wanted for node in self.world.nodes.values()))
    @rule(pick=picks, luck=st.sampled_from(Luck), compared=st.booleans())
    def upload(self, pick: int, luck: Luck, compared: bool) -> None:
        """An output arrives (and is marked, or can't be), or is lost, and the node says so."""
        wanted = [(node, id) for node in self.world.nodes.values() for id in node.wanted]
        node, id = wanted[pick % len(wanted)]
        if luck is Luck.NEVER:
            node.lose_output(id)
        elif compared:
            upload(node, self.shell, id)
        else:
            failed = on.MarkingFailed(at=0, job=id, attempt=node.wanted[id], message="x")
            self.shell.inbox += [failed] * luck.value

    @precondition(lambda self: self.shell.marks)
    @rule(pick=picks)
    def an_output_is_compared(self, pick: int) -> None:
        self.shell.inbox.append(self.shell.marks.pop(pick % len(self.shell.marks)))

    @rule(node=nodes, beat=st.booleans())
    def speak(self, node: str, beat: bool) -> None:
        one = self.world.nodes[node]
        if not one.up:
            one.restart()
        elif not one.welcomed:
            one.greet()
        elif beat:
            one.beat()
        else:
            one.pull()

    @rule(node=nodes, trouble=st.sampled_from(Trouble))
    def trouble(self, node: str, trouble: Trouble) -> None:
        one = self.world.nodes[node]
        match trouble:
            case Trouble.CRASH:
                one.crash(keeps_outbox=True)
            case Trouble.LOSS:
                one.crash(keeps_outbox=False)
            case Trouble.RECONNECT if one.up:
                one.reconnect()
            case Trouble.PAUSE if one.welcomed:
                one.paused = not one.paused
                one.pull()
            case Trouble.LEAVE if one.welcomed:
                one.leave()
            case Trouble.DRAINED:
                self.shell.inbox.append(on.NodeDrained(at=0, node=node))
            case Trouble.FORGOTTEN:
                self.shell.inbox.append(on.NodeForgotten(at=0, node=node))

    # -- the books

    @invariant()
    def what_was_said_is_on_its_way(self) -> None:
        self.world.post()

    @invariant()
    def nothing_acknowledged_is_lost(self) -> None:
        assert self.shell.acknowledged <= self.shell.store.keys()

    @invariant()
    def every_job_is_in_one_place(self) -> None:
        check_places(self.shell.engine)

    @invariant()
    def every_job_has_a_deadline(self) -> None:
        engine = self.shell.engine
        for id in engine.jobs:
            deadline = engine.deadline(id)
            assert deadline is not None
            assert engine.next_deadline() <= deadline

    @invariant()
    def nodes_hold_what_was_leased_to_them_and_no_more_than_their_window(self) -> None:
        engine = self.shell.engine
        for node in engine.roster:
            assert set(node.held) == {lease.job for lease in engine.leases.held_by(node.key)}
            assert len(node.held) <= node.terms.window

    @invariant()
    def no_job_waits_that_a_hungry_node_may_take(self) -> None:
        engine = self.shell.engine
        for one in engine.jobs.values():
            if one.state is State.WAITING:
                assert engine.roster.choose(one.requirement, avoided(one)) is None

    @invariant()
    def the_engine_is_what_the_store_says(self) -> None:
        derived = recovered(self.shell.live(), self.world.now, TERMS)
        assert sketch(derived) == sketch(self.shell.engine)

    def teardown(self) -> None:
        if sys.exc_info()[0] is not None:
            return  # it has failed already
        self.world.turn_good()
        for id in self.shell.acknowledged:
            assert self.shell.store[id].state.final
        check_places(self.shell.engine)


def check_places(engine: Engine) -> None:
    """Each live job is where its state says, and nowhere else."""
    for id, one in engine.jobs.items():
        lease = engine.leases.get(id)
        assert one.state in (State.WAITING, State.LEASED, State.RUNNING, State.MARKING)
        assert (one.state is State.WAITING) == (id in engine.waiting)
        assert (one.state in (State.LEASED, State.RUNNING)) == (lease is not None)
        if lease is not None:
            assert (lease.node, lease.attempt) == (one.node, one.attempt)
    states = [one.state for one in engine.jobs.values()]
    assert len(engine.waiting) == states.count(State.WAITING)
    assert len(engine.leases) == states.count(State.LEASED) + states.count(State.RUNNING)


def sketch(engine: Engine) -> tuple[object, ...]:
    """What must survive a restart: the jobs, who has them, and the order of each team's hand-ins."""
    leases = {lease.job: (lease.node, lease.attempt) for lease in engine.leases.all()}
    fresh = [
        one for one in engine.jobs.values() if one.id in engine.waiting and not (one.faults or one.rerun)
    ]
    order: dict[tuple[str, Requirement], list[str]] = {}
    for one in sorted(fresh, key=lambda one: engine.waiting.position(one.id)):
        order.setdefault((one.team, one.requirement), []).append(one.id)
    return engine.jobs, leases, order


def _profile() -> settings:
    examples = 2000 if os.environ.get("HYPOTHESIS_PROFILE") == "long" else 400
    return settings(max_examples=examples, stateful_step_count=50, deadline=None)


TestEngineMachine = EngineMachine.TestCase
TestEngineMachine.settings = _profile()
