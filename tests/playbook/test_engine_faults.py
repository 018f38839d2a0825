"""Faults of ours: tried again elsewhere, bounded, quarantined, shown to staff, and never a mark."""

from __future__ import annotations

import pytest
from cast import LIGHTWEIGHT, fault, joined, left, passed, pulled, submitted

from bighost.coordinator.engine import Terms
from bighost.job.job import HARMLESS, FaultKind
from bighost.job.state import State
from playbook import SAVES, Playbook, ack, batch, kept, saved, tell

FROM_NODES = [
    FaultKind.POD_DIED,
    FaultKind.POD_NOT_STARTED,
    FaultKind.DATASET,
    FaultKind.NODE_DISK,
    FaultKind.NODE_BUG,
    FaultKind.POD_BUG,
]


@pytest.mark.parametrize("kind", FROM_NODES, ids=str)
def test_a_fault_of_ours_is_tried_again_on_another_node(kind: FaultKind) -> None:
    with Playbook() as play:
        play.quietly(joined("n1", slots=8), pulled("n1"), submitted("j1"))
        play.quietly(joined("n2", slots=1), pulled("n2"), submitted("j2"), submitted("j3"))
        loads = {node.key: len(node.held) / node.capacity.slots for node in play.engine.roster}
        assert loads == {"n1": 2 / 8, "n2": 1.0}
        play >> pulled("n1", fault("j1", 1, kind))
        play << saved("j1", State.WAITING, attempt=1, node="") << saved("j1", State.LEASED, node="n2")
        play << ack("n1", kept("j1")) << batch("n2", "j1", attempt=2)


def test_a_job_avoids_every_node_on_which_it_failed() -> None:
    with Playbook() as play:
        play.quietly(submitted("j1"))
        for attempt, node in enumerate(("n1", "n2", "n3"), 1):
            play.quietly(joined(node), pulled(node))
            assert play.job("j1").node == node
            play.quietly(pulled(node, fault("j1", attempt, FaultKind.POD_BUG), credit=0))
        play.quietly(joined("n4"), pulled("n4", credit=1), submitted("j2"))
        play >> left("n4", ("j1", 4)) << saved("j1", State.WAITING)
        play.quietly(joined("n5"), pulled("n1"), pulled("n2"), pulled("n3"))
        assert [f.node for f in play.job("j1").faults] == ["n1", "n2", "n3", "n4"]


def test_after_its_last_attempt_a_job_is_shown_to_staff_and_has_no_mark() -> None:
    with Playbook(Terms(max_attempts=3)) as play:
        play.quietly(joined("n1"), pulled("n1"), submitted("j1"))
        for attempt in (1, 2):
            play.quietly(pulled("n1", fault("j1", attempt, FaultKind.DATASET)))
        play >> pulled("n1", fault("j1", 3, FaultKind.DATASET))
        play << saved("j1", State.FAILED, verdict=None, score=None)
        play << tell("j1", "ours", "3 attempts") << ack("n1", kept("j1", 3))
        assert "costs no try" in play.job("j1").message
        assert play.engine.jobs == {}


def test_a_job_that_takes_pods_down_on_two_nodes_is_quarantined() -> None:
    with Playbook() as play:
        play.quietly(joined("n1"), pulled("n1"), submitted("j1"), joined("n2"), pulled("n2"))
        play.quietly(pulled("n1", fault("j1", 1)))
        play >> pulled("n2", fault("j1", 2))
        play << saved("j1", State.FAILED, verdict=None) << tell("j1", "quarantined")
        play << ack("n2", kept("j1", 2))


def test_a_job_that_takes_pods_down_on_one_node_only_is_tried_to_its_last_attempt() -> None:
    with Playbook() as play:
        play.quietly(joined("n1"), pulled("n1"), submitted("j1"))
        last = play.terms.max_attempts
        for attempt in range(1, last):
            play.quietly(pulled("n1", fault("j1", attempt)))
            assert play.job("j1").state is State.LEASED
        play >> pulled("n1", passed("j1", last)) << saved("j1", State.GRADED) << ack("n1", kept("j1", last))


def test_only_leaving_in_good_order_is_free() -> None:
    assert frozenset({FaultKind.HANDED_BACK}) == HARMLESS
    with Playbook(Terms(max_attempts=1)) as play:
        play.quietly(joined("n1", credit=LIGHTWEIGHT), pulled("n1"), submitted("j1"), submitted("j2"))
        play >> left("n1", ("j1", 1)) << SAVES << tell("j2", "ours")
        assert (play.job("j1").state, play.job("j2").state) == (State.WAITING, State.FAILED)
