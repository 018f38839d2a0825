"""What people ask for: stop a job, in whatever state; run one again that has ended."""

from __future__ import annotations

import pytest
from cast import cancelled, fault, joined, marked, passed, progressed, pulled, retried, submitted, unjudged

from bighost.coordinator import events as on
from bighost.job.job import FaultKind
from bighost.job.latency import Stamp
from bighost.job.state import IllegalStep, State
from playbook import SAVES, Playbook, ack, batch, cancel, fenced, kept, reject, saved

IDLE: tuple[on.Event, ...] = (joined("n1"), pulled("n1"))
ON_NODE: dict[State, tuple[on.Event, ...]] = {
    State.LEASED: (*IDLE, submitted("j1")),
    State.RUNNING: (*IDLE, submitted("j1"), progressed("n1", "j1")),
    State.MARKING: (*IDLE, submitted("j1"), pulled("n1", unjudged("j1"))),
}
FAULTS = tuple(pulled("n1", fault("j1", attempt, FaultKind.DATASET)) for attempt in range(1, 6))
ENDED: dict[State, tuple[on.Event, ...]] = {
    State.REJECTED: (submitted("j1", refused="it does not compile"),),
    State.GRADED: (*IDLE, submitted("j1"), pulled("n1", passed("j1"))),
    State.CANCELLED: (submitted("j1"), cancelled("j1")),
    State.FAILED: (*IDLE, submitted("j1"), *FAULTS),
}


def test_a_waiting_job_is_cancelled() -> None:
    with Playbook() as play:
        play.quietly(submitted("j1"), submitted("j2"))
        play >> cancelled("j1") << saved("j1", State.CANCELLED, message="Cancelled by a student.")
        assert play.engine.waiting.position("j2") == 0
        assert play.engine.deadline("j1") is None


@pytest.mark.parametrize("state", ON_NODE, ids=str)
def test_a_job_with_a_node_is_cancelled_there_too_and_makes_room(state: State) -> None:
    with Playbook() as play:
        play.quietly(*ON_NODE[state])
        assert play.job("j1").state is state
        play >> cancelled("j1") << saved("j1", State.CANCELLED) << cancel("n1", "j1")
        assert play.engine.jobs == {}
        assert not play.engine.roster.get("n1").held
        assert len(play.engine.leases) == 0
        assert play.engine.deadline("j1") is None


@pytest.mark.parametrize("state", ENDED, ids=str)
def test_a_job_that_has_ended_can_not_be_cancelled(state: State) -> None:
    with Playbook() as play:
        play.quietly(*ENDED[state])
        assert play.job("j1").state is state
        play >> cancelled("j1") << reject("j1")
        assert play.job("j1").state is state


def test_a_job_that_is_unknown_can_not_be_cancelled() -> None:
    with Playbook() as play:
        play >> cancelled("j1") << reject("j1")


@pytest.mark.parametrize("state", [State.GRADED, State.CANCELLED, State.FAILED], ids=str)
def test_staff_run_a_job_again_that_has_ended(state: State) -> None:
    with Playbook() as play:
        play.quietly(*ENDED[state])
        before = play.job("j1")
        play.quietly(joined("n1", instance="second"), retried(before))
        again = play.job("j1")
        assert (again.state, again.rerun, again.attempt) == (State.WAITING, True, before.attempt)
        assert (again.verdict, again.score, again.message) == (None, None, "")
        assert (again.tests, again.faults, again.node) == ((), (), "")
        assert set(again.stamps) == {Stamp.RECEIVED, Stamp.WAITING_QUEUE_ENTRY}
        attempt = before.attempt + 1
        play >> pulled("n1") << SAVES << batch("n1", "j1", attempt=attempt)
        play >> pulled("n1", passed("j1", before.attempt)) << ack("n1", fenced("j1", before.attempt))
        play >> pulled("n1", passed("j1", attempt, score=3.0))
        play << saved("j1", State.GRADED, score=3.0) << ack("n1", kept("j1", attempt))


def test_a_job_that_was_rejected_is_not_run_again() -> None:
    with Playbook() as play:
        play.quietly(*ENDED[State.REJECTED])
        play >> retried(play.job("j1")) << reject("j1")
        assert play.engine.jobs == {}


def test_a_job_is_not_run_again_before_it_has_ended() -> None:
    with Playbook() as play:
        play.quietly(*ON_NODE[State.RUNNING])
        play >> retried(play.job("j1")) << reject("j1")
        play.quietly(cancelled("j1"))
        ended = play.job("j1")
        play.quietly(retried(ended))
        play >> retried(ended) << reject("j1")  # asked for twice


def test_a_job_that_had_not_ended_when_it_was_read_is_not_run_again() -> None:
    with Playbook() as play:
        play.quietly(*ON_NODE[State.MARKING])
        stale = play.job("j1")
        play.quietly(marked("j1"))
        play >> retried(stale) << reject("j1")


def test_a_retry_from_before_the_last_run_is_refused_so_that_no_attempt_is_counted_twice() -> None:
    with Playbook() as play:
        play.quietly(*ENDED[State.GRADED])
        read = play.job("j1")
        play.quietly(retried(read), cancelled("j1"))
        assert play.job("j1").attempt == 2
        play >> retried(read) << reject("j1")
        play >> retried(play.job("j1")) << SAVES << batch("n1", "j1", attempt=3)


def test_a_job_is_handed_in_once() -> None:
    with Playbook() as play:
        play.quietly(submitted("j1"))
        with pytest.raises(IllegalStep, match="j1 was handed in already"):
            play >> submitted("j1")
