"""Nodes come and go: they join again with their jobs or without, leave, are drained, forgotten, unwell."""

from __future__ import annotations

from cast import (
    TIME_BOUND_S,
    beaten,
    drained,
    fault,
    forgotten,
    joined,
    left,
    passed,
    pulled,
    submitted,
    unjudged,
)

from bighost.clock import seconds
from bighost.coordinator.leases import SLACK_S
from bighost.job.job import FaultKind
from bighost.job.state import State
from bighost.wire.messages import CreditTerms, RefuseReason
from playbook import REST, SAVES, Playbook, ack, batch, cancel, drain, kept, refuse, saved, welcome

ONE = CreditTerms(window=1, low_water=0, batch=1)


def with_jobs_on_n1(play: Playbook, *jobs: str) -> Playbook:
    return play.quietly(joined("n1"), pulled("n1"), *map(submitted, jobs))


# -- joining again


def test_a_node_that_joins_again_keeps_the_jobs_that_it_still_holds() -> None:
    with Playbook() as play:
        with_jobs_on_n1(play, "j1", "j2").after(10)
        play >> joined("n1", held=[("j1", 1), ("j2", 1)]) << welcome("n1")
        assert play.engine.leases.get("j1").until == play.now + seconds(play.terms.lease_s)
        play >> pulled("n1", passed("j1")) << saved("j1", State.GRADED) << ack("n1", kept("j1"))


def test_a_node_that_joins_again_without_a_job_loses_it_at_once() -> None:
    with Playbook() as play:
        with_jobs_on_n1(play, "j1", "j2").quietly(joined("n2"), pulled("n2"))
        play >> joined("n1", held=[("j2", 1)]) << SAVES << welcome("n1") << batch("n2", "j1", attempt=2)
        assert [f.kind for f in play.job("j1").faults] == [FaultKind.LEASE_LOST]


def test_a_node_that_joins_with_jobs_that_are_no_longer_its_own_is_told_to_stop_them() -> None:
    with Playbook() as play:
        with_jobs_on_n1(play, "j1").quietly(joined("n2"), pulled("n2"))
        play.after(14).quietly(beaten("n2"))
        play.tick_at_deadline() << REST
        play >> joined("n1", held=[("j1", 1), ("j9", 4)])
        play << welcome("n1") << cancel("n1", "j1") << cancel("n1", "j9", 4)


def test_a_node_that_joins_again_while_its_job_is_marked_keeps_the_outputs() -> None:
    with Playbook() as play:
        with_jobs_on_n1(play, "j1").quietly(pulled("n1", unjudged("j1")))
        play >> joined("n1", held=[("j1", 1)]) << welcome("n1")
        play >> beaten("n1", ("j1", 1))


def test_a_new_life_of_a_node_gets_nothing_before_it_asks() -> None:
    with Playbook() as play:
        with_jobs_on_n1(play).quietly(joined("n1", instance="second"), submitted("j1"))
        play >> pulled("n1", credit=1) << SAVES << batch("n1", "j1")


def test_a_node_that_only_greets_again_keeps_the_credit_that_it_gave() -> None:
    with Playbook() as play:
        with_jobs_on_n1(play) >> joined("n1", route="another connection") << welcome("n1")
        play >> submitted("j1") << SAVES << batch("n1", "j1")


def test_joining_again_does_not_make_an_attempt_longer() -> None:
    with Playbook() as play:
        with_jobs_on_n1(play, "j1")
        end = play.now + seconds(TIME_BOUND_S + SLACK_S)
        while play.now < end - seconds(10):
            play.after(10).quietly(joined("n1", held=[("j1", 1)]))
        play.after(10).tick() << saved("j1", State.WAITING) << REST
        assert play.job("j1").faults[0].kind is FaultKind.OVERDUE


def test_of_two_machines_with_one_key_the_one_before_is_sent_away() -> None:
    with Playbook() as play:
        with_jobs_on_n1(play, "j1") >> joined("n1", instance="second") << saved("j1", State.WAITING)
        play << refuse("n1/first", RefuseReason.SUPERSEDED) << welcome("n1")
        assert play.engine.roster.get("n1").instance == "second"


def test_a_node_that_was_started_again_on_the_same_connection_is_not_sent_away() -> None:
    with Playbook() as play:
        with_jobs_on_n1(play) >> joined("n1", instance="second", route="n1/first") << welcome("n1")


# -- leaving


def test_a_node_that_leaves_hands_its_jobs_back_and_that_costs_them_nothing() -> None:
    with Playbook() as play:
        with_jobs_on_n1(play, "j1").quietly(joined("n2"), pulled("n2"))
        play >> left("n1", ("j1", 1)) << saved("j1", State.WAITING) << SAVES << batch("n2", "j1", attempt=2)
        assert play.job("j1").charged_faults == 0


def test_a_node_may_hand_single_jobs_back_and_stay() -> None:
    with Playbook() as play:
        with_jobs_on_n1(play, "j1").quietly(joined("n2"), pulled("n2"))
        play >> pulled("n1", fault("j1", 1, FaultKind.HANDED_BACK), credit=0) << SAVES
        play << ack("n1", kept("j1")) << batch("n2", "j1", attempt=2)
        assert play.job("j1").charged_faults == 0


def test_what_a_leaving_node_does_not_hand_back_is_lost_and_run_elsewhere() -> None:
    with Playbook() as play:
        with_jobs_on_n1(play, "j1", "j2").quietly(joined("n2"), pulled("n2"))
        play >> left("n1", ("j1", 1), ("j2", 7)) << SAVES << batch("n2", "j1", "j2", attempt=2)
        assert [play.job(id).charged_faults for id in ("j1", "j2")] == [0, 1]


def test_a_node_that_comes_and_goes_without_end_does_not_keep_a_job_without_end() -> None:
    with Playbook() as play:
        play.quietly(submitted("j1"))
        for attempt in range(1, play.terms.max_returns + 1):
            assert play.job("j1").state is State.WAITING
            play.quietly(joined("n1"), pulled("n1"), left("n1", ("j1", attempt)))
        assert play.job("j1").state is State.FAILED
        assert play.job("j1").verdict is None


def test_a_drained_node_gets_no_more_finishes_and_leaves() -> None:
    with Playbook() as play:
        with_jobs_on_n1(play, "j1") >> drained("n1") << drain("n1")
        play >> submitted("j2") << saved("j2", State.WAITING)
        play >> pulled("n1", passed("j1"), credit=0) << saved("j1", State.GRADED) << ack("n1", kept("j1"))
        play >> left("n1")
        assert play.engine.roster.get("n1") is None


def test_a_drained_node_that_asks_for_more_has_not_heard_and_is_told_again() -> None:
    with Playbook() as play:
        with_jobs_on_n1(play).quietly(drained("n1"), submitted("j1"))
        play >> pulled("n1", credit=8) << drain("n1")
        play >> pulled("n1", credit=0)


def test_a_drained_node_that_greets_again_is_asked_again_to_leave() -> None:
    with Playbook() as play:
        with_jobs_on_n1(play).quietly(drained("n1"))
        play >> joined("n1", route="another connection") << welcome("n1") << drain("n1")


def test_a_drained_node_that_its_owner_starts_again_gets_jobs_again() -> None:
    with Playbook() as play:
        with_jobs_on_n1(play).quietly(drained("n1"), joined("n1", instance="second"), pulled("n1"))
        play >> submitted("j1") << SAVES << batch("n1", "j1")


def test_draining_leaving_and_forgetting_of_a_node_that_is_not_here_changes_nothing() -> None:
    with Playbook() as play:
        play >> drained("n1")
        play >> left("n1", ("j1", 1))
        play >> forgotten("n1")


def test_a_forgotten_node_is_sent_away_and_its_jobs_run_elsewhere() -> None:
    with Playbook() as play:
        with_jobs_on_n1(play, "j1").quietly(joined("n2"), pulled("n2"))
        play >> forgotten("n1") << SAVES << refuse("n1/first", RefuseReason.UNKNOWN_KEY)
        play << batch("n2", "j1", attempt=2)
        assert play.engine.roster.get("n1") is None


def test_a_node_that_is_forgotten_before_it_came_back_after_a_restart_loses_its_jobs_too() -> None:
    with Playbook() as play:
        with_jobs_on_n1(play, "j1").restart() >> forgotten("n1") << saved("j1", State.WAITING)


# -- unwell


def test_a_node_that_can_not_start_pods_is_left_alone_for_longer_and_longer() -> None:
    with Playbook() as play:
        play.quietly(joined("n1", credit=ONE), pulled("n1"), submitted("j1"), submitted("j2"))
        rests = []
        for attempt in (1, 2, 3):
            play >> pulled("n1", fault("j1", attempt, FaultKind.POD_NOT_STARTED)) << SAVES
            play << ack("n1", kept("j1", attempt))
            began = play.now
            play.tick_at_deadline() << SAVES << batch("n1", "j1", attempt=attempt + 1)
            rests.append((play.now - began) / seconds(play.terms.rest_s))
        assert rests == [1, 2, 4]


def test_a_result_shows_that_a_node_is_well_and_ends_its_rest() -> None:
    with Playbook() as play:
        with_jobs_on_n1(play, "j1", "j2").quietly(pulled("n1", fault("j1", 1, FaultKind.NODE_DISK)))
        assert play.engine.roster.get("n1").faults == 1
        play >> pulled("n1", passed("j2")) << saved("j2", State.GRADED) << saved("j1", State.LEASED)
        play << ack("n1", kept("j2")) << batch("n1", "j1", attempt=2)
        assert play.engine.roster.get("n1").faults == 0


def test_a_job_that_kills_its_pod_does_not_make_the_node_rest() -> None:
    with Playbook() as play:
        with_jobs_on_n1(play, "j1").quietly(pulled("n1", fault("j1")))
        play >> submitted("j2", "B") << SAVES << batch("n1", "j2")


def test_a_sick_node_does_not_eat_the_line() -> None:
    with Playbook() as play:
        play.quietly(joined("sick", credit=ONE), pulled("sick"), joined("well", credit=ONE), pulled("well"))
        play.quietly(*(submitted(f"j{i}") for i in range(10)))
        sick = play.engine.leases.held_by("sick")[0].job
        play.quietly(pulled("sick", fault(sick, 1, FaultKind.NODE_BUG)))
        assert play.engine.leases.held_by("sick") == []
        assert len(play.engine.waiting) == 9


def test_a_sick_node_that_greets_again_rests_on_and_one_that_was_started_again_does_not() -> None:
    with Playbook() as play:
        with_jobs_on_n1(play, "j1").quietly(pulled("n1", fault("j1", 1, FaultKind.NODE_BUG)))
        play.quietly(joined("n1", route="another connection"))
        play >> pulled("n1")
        play.quietly(joined("n1", instance="second"))
        play >> pulled("n1") << SAVES << batch("n1", "j1", attempt=2)
