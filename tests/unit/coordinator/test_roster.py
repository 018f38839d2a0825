"""The roster against the naive model: every node looked at, every time."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from bighost.coordinator.roster import Node, Roster
from bighost.job.job import Requirement
from bighost.wire.messages import Capacity, CreditTerms, Profile

REQUIREMENTS = [
    Requirement(framework=framework, image="", cpus=cpus, memory_bytes=1)
    for framework in ("streaming", "spark")
    for cpus in (1, 4)
]
KEYS = [f"n{i}" for i in range(6)]


def node(key: str, *, slots: int = 2, cpus: int = 4, frameworks: tuple[str, ...] = ("streaming",)) -> Node:
    return Node(
        key=key,
        name=key,
        route=key.encode(),
        instance="first",
        profile=Profile.CORE,
        capacity=Capacity(slots=slots, cpus=cpus, memory_bytes=1, frameworks=frameworks),
        terms=CreditTerms(window=4, low_water=1, batch=4),
        said=4,
        joined=0,
        heard=0,
    )


def naive_choice(nodes: dict[str, Node], requirement: Requirement, avoid: frozenset[str]) -> str | None:
    fitting = [n for n in nodes.values() if n.fits(requirement)]
    ready = sorted((len(n.held) / n.capacity.slots, n.key) for n in fitting if n.hungry)
    wanted = [key for _, key in ready if key not in avoid]
    if not wanted and all(n.key in avoid for n in fitting if n.willing):
        wanted = [key for _, key in ready]
    return wanted[0] if wanted else None


class RosterMachine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.roster = Roster()
        self.nodes: dict[str, Node] = {}
        self.given = 0

    def pick(self, data: st.DataObject) -> Node:
        return self.nodes[data.draw(st.sampled_from(sorted(self.nodes)))]

    @initialize(opened=st.lists(st.sampled_from(REQUIREMENTS)))
    def some_were_asked_for(self, opened: list[Requirement]) -> None:
        for requirement in opened:
            self.roster.choose(requirement)

    @rule(
        key=st.sampled_from(KEYS),
        slots=st.integers(1, 3),
        cpus=st.sampled_from([1, 4]),
        frameworks=st.sampled_from([("streaming",), ("spark",), ("streaming", "spark")]),
    )
    def join(self, key: str, slots: int, cpus: int, frameworks: tuple[str, ...]) -> None:
        self.nodes[key] = node(key, slots=slots, cpus=cpus, frameworks=frameworks)
        self.roster.add(self.nodes[key])

    @precondition(lambda self: self.nodes)
    @rule(data=st.data())
    def leave(self, data: st.DataObject) -> None:
        gone = self.pick(data)
        assert self.roster.remove(gone.key) is gone
        del self.nodes[gone.key]

    @precondition(lambda self: self.nodes)
    @rule(data=st.data(), work_ns=st.integers(1, 9))
    def give(self, data: st.DataObject, work_ns: int) -> None:
        self.given += 1
        one = self.pick(data)
        self.roster.give(one, f"j{self.given}", work_ns)
        self.roster.settle(one)

    @precondition(lambda self: any(n.held for n in self.nodes.values()))
    @rule(data=st.data())
    def take(self, data: st.DataObject) -> None:
        held = sorted((n.key, job) for n in self.nodes.values() for job in n.held)
        key, job = data.draw(st.sampled_from(held))
        self.roster.take(key, job)
        assert job not in self.nodes[key].held

    @precondition(lambda self: self.nodes)
    @rule(data=st.data(), credit=st.integers(0, 5))
    def says(self, data: st.DataObject, credit: int) -> None:
        self.roster.says(self.pick(data), credit)

    @precondition(lambda self: self.nodes)
    @rule(data=st.data(), resting=st.booleans())
    def rest(self, data: st.DataObject, resting: bool) -> None:
        self.roster.rest(self.pick(data), resting)

    @precondition(lambda self: self.nodes)
    @rule(data=st.data())
    def drain(self, data: st.DataObject) -> None:
        self.roster.drain(self.pick(data))

    @rule(requirement=st.sampled_from(REQUIREMENTS), avoid=st.frozensets(st.sampled_from(KEYS)))
    def choose(self, requirement: Requirement, avoid: frozenset[str]) -> None:
        chosen = self.roster.choose(requirement, avoid)
        assert (chosen.key if chosen else None) == naive_choice(self.nodes, requirement, avoid)

    @rule(requirement=st.sampled_from(REQUIREMENTS))
    def ask(self, requirement: Requirement) -> None:
        fitting = [n for n in self.nodes.values() if n.fits(requirement)]
        assert self.roster.has_ready(requirement) == any(n.hungry for n in fitting)
        assert self.roster.has_willing(requirement) == any(n.willing for n in fitting)
        assert self.roster.slots(requirement) == sum(n.capacity.slots for n in fitting if n.willing)

    @invariant()
    def sums_are_right(self) -> None:
        assert self.roster.anybody_ready == any(n.hungry for n in self.nodes.values())
        assert {n.key: n for n in self.roster} == self.nodes
        for one in self.nodes.values():
            assert one.work_ns == sum(one.held.values())


TestRosterMachine = RosterMachine.TestCase
TestRosterMachine.settings = settings(max_examples=40, stateful_step_count=40, deadline=None)


def test_a_node_is_filled_to_its_window_before_it_is_settled() -> None:
    roster = Roster()
    only = node("n1")
    roster.add(only)
    for number in range(4):
        assert roster.choose(REQUIREMENTS[0]) is only
        roster.give(only, f"j{number}", 1)
    assert roster.choose(REQUIREMENTS[0]) is None


@given(said=st.integers(0, 6), held=st.integers(0, 6))
def test_hungry_is_at_or_below_low_water_and_below_what_it_takes(said: int, held: int) -> None:
    one = node("n1")
    one.said = said
    one.held = dict.fromkeys(map(str, range(held)), 1)
    assert one.hungry == (held <= 1 and held < min(4, said))
    assert one.willing == (said > 0)


@pytest.mark.parametrize("nodes", [10, 1000])
def test_a_change_of_one_node_costs_the_same_however_many_there_are(
    monkeypatch: pytest.MonkeyPatch, nodes: int
) -> None:
    roster = Roster()
    members = [node(f"n{i}") for i in range(nodes)]
    for member in members:
        roster.add(member)
    for requirement in REQUIREMENTS:
        roster.choose(requirement)
    looked_at: list[str] = []
    monkeypatch.setattr(Node, "fits", lambda self, _: looked_at.append(self.key) or True)
    roster.says(members[0], 1)
    roster.choose(REQUIREMENTS[0], frozenset({"n0", "n1"}))
    assert looked_at == ["n0"]
