"""After a kill of the coordinator the engine is derived from the store, and nodes go on as before."""

from __future__ import annotations

import pytest
from cast import (
    SPARK,
    TIME_BOUND_S,
    beaten,
    fault,
    joined,
    left,
    marked,
    passed,
    progressed,
    pulled,
    submitted,
    unjudged,
)

from bighost.clock import seconds
from bighost.coordinator.recovery import recovered
from bighost.errors import Ours
from bighost.job.job import FaultKind
from bighost.job.state import State
from playbook import SAVES, Playbook, ack, batch, cancel, fenced, kept, saved, welcome


@pytest.mark.parametrize("started", [False, True])
def test_a_job_on_a_node_keeps_its_attempt_and_is_graded_once(started: bool) -> None:
    with Playbook() as play:
        play.quietly(joined("n1"), pulled("n1"), submitted("j1"))
        if started:
            play.quietly(progressed("n1", "j1"))
        play.after(3600).restart()
        play >> pulled("n1", passed("j1"))  # it has to greet first
        play >> joined("n1", held=[("j1", 1)]) << welcome("n1")
        play >> pulled("n1", passed("j1")) << saved("j1", State.GRADED, attempt=1) << ack("n1", kept("j1"))
        play >> pulled("n1", passed("j1")) << ack("n1", fenced("j1"))


def test_a_node_that_does_not_come_back_loses_its_jobs() -> None:
    with Playbook() as play:
        play.quietly(joined("n1"), pulled("n1"), submitted("j1")).restart()
        assert play.engine.next_deadline() == play.now + seconds(play.terms.rejoin_s)
        play.tick_at_deadline() << saved("j1", State.WAITING, attempt=1)
        play.quietly(joined("n2"))
        play >> pulled("n2") << SAVES << batch("n2", "j1", attempt=2)
        play.quietly(joined("n1", held=[("j1", 1)]))
        play >> pulled("n1", passed("j1", 1)) << ack("n1", fenced("j1"))


def test_a_node_that_comes_back_without_the_job_loses_it() -> None:
    with Playbook() as play:
        play.quietly(joined("n1"), pulled("n1"), submitted("j1")).restart()
        play >> joined("n1", instance="second") << saved("j1", State.WAITING) << welcome("n1")
        play >> pulled("n1") << SAVES << batch("n1", "j1", attempt=2)


def test_waiting_jobs_keep_their_order_and_those_with_faults_come_first() -> None:
    with Playbook() as play:
        play.quietly(*(submitted(f"a{i}", "A") for i in range(3)), submitted("b", "B"))
        play.quietly(joined("n1"), pulled("n1", credit=1), left("n1"))
        play.restart()
        positions = {id: play.engine.waiting.position(id) for id in ("a0", "a1", "a2", "b")}
        assert positions == {"a0": 0, "a1": 1, "b": 2, "a2": 3}


def test_a_job_in_marking_is_marked_from_what_is_stored() -> None:
    with Playbook() as play:
        play.quietly(joined("n1"), pulled("n1"), submitted("j1"), pulled("n1", unjudged("j1"))).restart()
        play.quietly(joined("n1", held=[("j1", 1)]))
        play >> pulled("n1", unjudged("j1")) << ack("n1", kept("j1", 1, "large"))
        play >> marked("j1") << saved("j1", State.GRADED)


def test_faults_are_remembered() -> None:
    with Playbook() as play:
        play.quietly(joined("n1"), pulled("n1"), submitted("j1"), pulled("n1", fault("j1"), credit=0))
        play.restart()
        play.quietly(joined("n2"), pulled("n2", credit=0), joined("n1"))
        play >> pulled("n1") << SAVES << batch("n1", "j1", attempt=2)


def test_a_deep_queue_on_a_node_has_its_time_after_a_restart_too() -> None:
    with Playbook() as play:
        ids = [f"j{i}" for i in range(8)]
        play.quietly(*map(submitted, ids), joined("n1"), pulled("n1"))
        overdue = {id: play.engine.leases.get(id).overdue for id in ids}
        play.restart()
        play.quietly(joined("n1", held=[(id, 1) for id in ids]))
        assert all(play.engine.leases.get(id).overdue >= overdue[id] for id in ids)
        play.after(10).quietly(joined("n1", held=[(id, 1) for id in ids]))
        assert max(play.engine.leases.get(id).overdue for id in ids) == max(overdue.values())


def test_a_running_job_does_not_get_more_than_its_time_bound_after_a_restart() -> None:
    with Playbook() as play:
        play.quietly(joined("n1"), pulled("n1"), submitted("j1"), progressed("n1", "j1")).restart()
        end = play.now + seconds(TIME_BOUND_S)
        play.quietly(joined("n1", held=[("j1", 1)]), pulled("n1"))
        while play.now < end - seconds(10):
            play.after(10).quietly(beaten("n1", ("j1", 1)))
        play.after(10).tick() << SAVES << cancel("n1", "j1") << batch("n1", "j1", attempt=2)
        assert play.job("j1").faults[0].kind is FaultKind.OVERDUE


def test_a_day_of_waiting_is_counted_across_restarts() -> None:
    with Playbook() as play:
        play.quietly(submitted("j1", needs=SPARK))
        end = play.engine.deadline("j1")
        play.after(3600).restart()
        assert play.engine.deadline("j1") == end
        play.after(2 * play.terms.waiting_deadline_s).restart()
        assert play.engine.deadline("j1") == play.now + seconds(play.terms.rejoin_s)


def test_a_job_that_has_ended_is_not_taken_up() -> None:
    with Playbook() as play:
        play.quietly(submitted("j1", refused="no"))
        with pytest.raises(Ours, match="j1 is rejected"):
            recovered([play.job("j1")], play.now, play.terms)
