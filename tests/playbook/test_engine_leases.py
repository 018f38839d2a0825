"""A node that is not heard of, or gets nowhere, loses its jobs; what an earlier holder says moves nothing."""

from __future__ import annotations

from cast import TIME_BOUND_S, beaten, cancelled, joined, passed, progressed, pulled, submitted

from bighost.clock import seconds
from bighost.coordinator.leases import SLACK_S
from bighost.job.job import FaultKind
from bighost.job.state import State
from bighost.wire.messages import CreditTerms
from playbook import REST, SAVES, Playbook, ack, batch, cancel, fenced, kept, saved, tell

ONE = CreditTerms(window=1, low_water=0, batch=1)


def with_job_on_n1(play: Playbook) -> Playbook:
    return play.quietly(joined("n1"), pulled("n1"), submitted("j1"))


def beats_for(play: Playbook, wait_s: float) -> None:
    """Let time pass with a heartbeat every ten seconds that names j1."""
    for _ in range(int(wait_s // 10)):
        play.after(10).quietly(beaten("n1", ("j1", 1)))


# -- silence


def test_a_silent_node_is_dropped_and_its_jobs_run_elsewhere_in_their_next_attempt() -> None:
    with Playbook() as play:
        with_job_on_n1(play).after(10).quietly(joined("n2"), pulled("n2"))
        play.tick_at_deadline()
        play << saved("j1", State.WAITING, attempt=1, node="")
        play << saved("j1", State.LEASED, attempt=2, node="n2")
        play << tell("n1") << batch("n2", "j1", attempt=2)
        assert play.engine.roster.get("n1") is None
        assert [(f.kind, f.node, f.attempt) for f in play.job("j1").faults] == [
            (FaultKind.LEASE_LOST, "n1", 1)
        ]


def test_a_job_whose_lease_was_lost_is_first_in_line() -> None:
    with Playbook() as play:
        play.quietly(joined("n1", credit=ONE), pulled("n1"), submitted("j1", "A"))
        play.quietly(submitted("j2", "B"), submitted("j3", "C"))
        play.tick_at_deadline() << saved("j1", State.WAITING) << tell("n1")
        assert [play.engine.waiting.position(id) for id in ("j1", "j2", "j3")] == [0, 1, 2]


def test_a_batch_that_never_arrived_is_missed_by_the_heartbeats_and_sent_elsewhere() -> None:
    with Playbook() as play:
        with_job_on_n1(play).quietly(joined("n2"), pulled("n2"))
        play.after(14).quietly(beaten("n1"), beaten("n2"))
        play.after(1).tick() << SAVES << cancel("n1", "j1") << batch("n2", "j1", attempt=2)


def test_heartbeats_that_name_the_job_keep_its_lease() -> None:
    with Playbook() as play:
        with_job_on_n1(play)
        beats_for(play, 300)
        play.tick()
        assert play.job("j1").state is State.LEASED


def test_a_heartbeat_that_names_a_job_of_somebody_else_is_told_to_stop_it() -> None:
    with Playbook() as play:
        with_job_on_n1(play).quietly(joined("n2"), pulled("n2"))
        play >> beaten("n2", ("j1", 1), ("never heard of", 3))
        play << cancel("n2", "j1") << cancel("n2", "never heard of", 3)
        play >> beaten("n1", ("j1", 2)) << cancel("n1", "j1", 2)


def test_a_heartbeat_of_the_attempt_before_does_not_renew_the_present_one() -> None:
    with Playbook() as play:
        with_job_on_n1(play).after(14).quietly(beaten("n1"))
        play.after(1).tick() << SAVES << cancel("n1", "j1") << batch("n1", "j1", attempt=2)
        lease = play.engine.leases.get("j1")
        play.after(1)
        play >> beaten("n1", ("j1", 1)) << cancel("n1", "j1")
        assert play.engine.leases.get("j1") == lease


# -- getting nowhere


def test_progress_starts_the_job_once() -> None:
    with Playbook() as play:
        with_job_on_n1(play) >> progressed("n1", "j1") << saved("j1", State.RUNNING)
        play >> progressed("n1", "j1")


def test_progress_of_another_node_or_attempt_starts_nothing() -> None:
    with Playbook() as play:
        with_job_on_n1(play).quietly(joined("n2"))
        play >> progressed("n2", "j1")
        play >> progressed("n1", "j1", 2)
        assert play.job("j1").state is State.LEASED


def test_a_job_that_runs_past_its_time_bound_is_taken_away_however_often_it_reports() -> None:
    with Playbook() as play:
        with_job_on_n1(play).quietly(joined("n2"), pulled("n2"), progressed("n1", "j1"))
        end = play.now + seconds(TIME_BOUND_S)
        while play.now < end - seconds(10):
            play.after(10).quietly(progressed("n1", "j1"), beaten("n2"))
        play.after(10).tick() << SAVES << cancel("n1", "j1") << batch("n2", "j1", attempt=2)
        assert play.job("j1").faults[0].kind is FaultKind.OVERDUE


def test_a_job_that_is_never_started_is_taken_away_as_well() -> None:
    with Playbook() as play:
        with_job_on_n1(play)
        beats_for(play, TIME_BOUND_S + SLACK_S - 10)
        assert play.engine.deadline("j1") == play.now + seconds(10)
        play.tick_at_deadline() << SAVES << cancel("n1", "j1") << REST
        assert play.job("j1").faults[0].kind is FaultKind.OVERDUE


def test_a_job_behind_others_on_its_node_has_their_time_as_well() -> None:
    with Playbook() as play:
        with_job_on_n1(play).quietly(submitted("j2"))
        first, second = play.engine.leases.get("j1"), play.engine.leases.get("j2")
        assert second.overdue - first.overdue == seconds(TIME_BOUND_S)


# -- late, doubled, out of order


def test_a_late_result_of_the_attempt_before_is_fenced_off() -> None:
    with Playbook() as play:
        with_job_on_n1(play).quietly(joined("n2"), pulled("n2"))
        play.after(14).quietly(beaten("n1"), beaten("n2"))
        play.after(1).tick() << REST
        play >> pulled("n1", passed("j1", 1)) << ack("n1", fenced("j1", 1))
        play >> pulled("n2", passed("j1", 2, score=7.0)) << saved("j1", State.GRADED, score=7.0)
        play << ack("n2", kept("j1", 2))


def test_the_attempt_before_is_fenced_off_on_the_same_node_too() -> None:
    with Playbook() as play:
        with_job_on_n1(play).after(14).quietly(beaten("n1"))
        play.after(1).tick() << SAVES << cancel("n1", "j1") << batch("n1", "j1", attempt=2)
        play >> pulled("n1", passed("j1", 1)) << ack("n1", fenced("j1", 1))
        play >> pulled("n1", passed("j1", 2)) << saved("j1", State.GRADED) << ack("n1", kept("j1", 2))


def test_a_doubled_result_is_graded_once() -> None:
    with Playbook() as play:
        with_job_on_n1(play) >> pulled("n1", passed("j1"), passed("j1", score=0.0))
        play << saved("j1", State.GRADED, score=10.0) << ack("n1", kept("j1"), fenced("j1"))
        play >> pulled("n1", passed("j1", score=0.0)) << ack("n1", fenced("j1"))
        assert play.job("j1").score == 10.0


def test_a_result_may_come_before_any_progress() -> None:
    with Playbook() as play:
        with_job_on_n1(play)
        play >> pulled("n1", passed("j1")) << saved("j1", State.GRADED) << ack("n1", kept("j1"))
        play >> progressed("n1", "j1")


def test_a_result_of_a_node_that_never_had_the_job_is_fenced_off() -> None:
    with Playbook() as play:
        with_job_on_n1(play).quietly(joined("thief"))
        play >> pulled("thief", passed("j1"), passed("j0")) << ack("thief", fenced("j1"), fenced("j0"))


def test_a_result_after_a_cancel_changes_nothing() -> None:
    with Playbook() as play:
        with_job_on_n1(play) >> cancelled("j1") << saved("j1", State.CANCELLED) << cancel("n1", "j1")
        play >> pulled("n1", passed("j1")) << ack("n1", fenced("j1"))
        assert play.job("j1").score is None


def test_a_heartbeat_after_a_cancel_that_was_lost_says_it_again() -> None:
    with Playbook() as play:
        with_job_on_n1(play).quietly(cancelled("j1"))
        play >> beaten("n1", ("j1", 1)) << cancel("n1", "j1")


def test_messages_of_nodes_that_are_not_here_move_nothing() -> None:
    with Playbook() as play:
        play.quietly(submitted("j1"))
        play >> pulled("stranger", passed("j1"))
        play >> beaten("stranger", ("j1", 1))
        play >> progressed("stranger", "j1")


# -- a coordinator that slept


def test_after_a_long_sleep_of_our_own_nobody_is_blamed() -> None:
    with Playbook() as play:
        with_job_on_n1(play).after(3600).tick()
        assert play.engine.roster.get("n1") is not None
        play >> pulled("n1", passed("j1")) << saved("j1", State.GRADED) << ack("n1", kept("j1"))


def test_a_machine_that_is_always_late_drops_silent_nodes_all_the_same() -> None:
    with Playbook() as play:
        with_job_on_n1(play).after(3600).tick()
        play.after(3600).tick() << saved("j1", State.WAITING) << tell("n1")
