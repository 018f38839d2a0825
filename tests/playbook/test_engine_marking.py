"""From a result to a mark: wanted outputs, receipts said again, deadlines, and marking that fails."""

from __future__ import annotations

from cast import (
    beaten,
    cancelled,
    fault,
    joined,
    left,
    marked,
    marking_failed,
    passed,
    pulled,
    retried,
    submitted,
    unjudged,
)

from bighost.clock import seconds
from bighost.job.job import FaultKind
from bighost.job.latency import Stamp
from bighost.job.state import State
from bighost.job.verdict import Verdict
from playbook import REST, SAVES, Playbook, ack, batch, cancel, fenced, kept, mark, saved


def in_marking(play: Playbook) -> Playbook:
    return play.quietly(joined("n1"), pulled("n1"), submitted("j1"), pulled("n1", unjudged("j1")))


def test_a_result_that_digests_decide_is_graded_in_one_step() -> None:
    with Playbook() as play:
        play.quietly(joined("n1"), pulled("n1"), submitted("j1")).after(2)
        play >> pulled("n1", passed("j1"))
        play << saved("j1", State.GRADED, verdict=Verdict.PASSED, score=10.0) << ack("n1", kept("j1"))
        stamps = play.job("j1").stamps
        assert stamps[Stamp.OUTPUT_QUEUE_ENTRY] == stamps[Stamp.COMPLETED] == play.now
        assert play.engine.jobs == {}
        assert play.engine.deadline("j1") is None


def test_a_result_that_digests_do_not_decide_is_kept_and_its_output_asked_for() -> None:
    with Playbook() as play:
        play.quietly(joined("n1"), pulled("n1"), submitted("j1"))
        play >> pulled("n1", unjudged("j1"))
        play << saved("j1", State.MARKING) << mark("j1") << ack("n1", kept("j1", 1, "large"))
        play >> marked("j1", score=4.0) << saved("j1", State.GRADED, score=4.0)


def test_a_node_that_hands_in_again_what_is_being_marked_is_told_again_what_is_wanted() -> None:
    with Playbook() as play:
        in_marking(play) >> pulled("n1", unjudged("j1")) << ack("n1", kept("j1", 1, "large"))
        play.quietly(marked("j1"))
        play >> pulled("n1", unjudged("j1")) << ack("n1", fenced("j1"))


def test_a_mark_that_is_told_twice_counts_once() -> None:
    with Playbook() as play:
        in_marking(play).quietly(marked("j1", score=4.0))
        play >> marked("j1", score=5.0)
        assert play.job("j1").score == 4.0


def test_a_mark_of_another_attempt_counts_nothing() -> None:
    with Playbook() as play:
        in_marking(play) >> marked("j1", 2)
        play >> marking_failed("j1", 2)
        assert play.job("j1").state is State.MARKING


def test_an_output_that_never_comes_sends_the_job_to_another_attempt() -> None:
    with Playbook() as play:
        in_marking(play)
        end = play.now + seconds(play.terms.marking_deadline_s)
        assert play.engine.deadline("j1") == end
        while play.now + seconds(10) < end:
            play.after(10).quietly(beaten("n1", ("j1", 1)))
        play.tick_at_deadline() << SAVES << cancel("n1", "j1") << batch("n1", "j1", attempt=2)
        assert [f.kind for f in play.job("j1").faults] == [FaultKind.OUTPUT_LOST]
        play >> marked("j1", 1)


def test_marking_that_fails_is_ours_and_the_job_runs_again_on_the_same_node_as_well() -> None:
    with Playbook() as play:
        in_marking(play) >> marking_failed("j1") << saved("j1", State.WAITING, tests=())
        play << saved("j1", State.LEASED) << cancel("n1", "j1") << batch("n1", "j1", attempt=2)
        play >> pulled("n1", passed("j1", 2)) << saved("j1", State.GRADED) << ack("n1", kept("j1", 2))


def test_marking_that_always_fails_ends_with_staff_and_no_mark() -> None:
    with Playbook() as play:
        play.quietly(joined("n1"), pulled("n1"), submitted("j1"))
        for attempt in range(1, play.terms.max_attempts + 1):
            play.quietly(pulled("n1", unjudged("j1", attempt)), marking_failed("j1", attempt))
        job = play.job("j1")
        assert (job.state, job.verdict, job.score) == (State.FAILED, None, None)


def test_a_node_that_lost_the_output_says_so_and_the_job_runs_elsewhere() -> None:
    with Playbook() as play:
        in_marking(play).quietly(joined("n2"), pulled("n2"))
        play >> pulled("n1", fault("j1", 1, FaultKind.OUTPUT_LOST)) << SAVES
        play << ack("n1", kept("j1")) << batch("n2", "j1", attempt=2)


def test_a_node_that_leaves_while_its_result_is_marked_does_not_stop_the_marking() -> None:
    with Playbook() as play:
        in_marking(play) >> left("n1")
        play >> marked("j1") << saved("j1", State.GRADED)


def test_a_job_that_is_cancelled_while_it_is_marked_gets_no_mark() -> None:
    with Playbook() as play:
        in_marking(play) >> cancelled("j1") << saved("j1", State.CANCELLED) << cancel("n1", "j1")
        play >> marked("j1")
        play >> marking_failed("j1")
        assert play.job("j1").score is None


def test_a_mark_from_before_a_retry_does_not_count_for_the_new_run() -> None:
    with Playbook() as play:
        in_marking(play).quietly(cancelled("j1"), pulled("n1", credit=0))
        play >> retried(play.job("j1")) << saved("j1", State.WAITING, attempt=1)
        play >> marked("j1", 1)
        play.quietly(pulled("n1"))
        play >> marked("j1", 1)
        play >> pulled("n1", unjudged("j1", 1)) << ack("n1", fenced("j1", 1))
        play >> pulled("n1", unjudged("j1", 2)) << saved("j1", State.MARKING) << REST
        play >> marked("j1", 1)
        play >> marked("j1", 2) << saved("j1", State.GRADED)
