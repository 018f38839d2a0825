"""Who gets what, and when: nobody polls, credit bounds what a node holds, teams and nodes share fairly."""

from __future__ import annotations

from cast import (
    CORE,
    LARGER,
    LIGHTWEIGHT,
    SPARK,
    beaten,
    fault,
    joined,
    left,
    passed,
    pulled,
    retried,
    submitted,
)

from bighost.clock import seconds
from bighost.coordinator import commands as do
from bighost.coordinator.engine import Terms
from bighost.job.state import State
from bighost.wire.messages import CreditTerms
from playbook import SAVES, Playbook, ack, batch, kept, saved, tell, welcome


def sent(play: Playbook) -> dict[str, list[str]]:
    """Takes all commands that are left: which jobs were sent to each node."""
    jobs: dict[str, list[str]] = {}
    for command in play.take():
        if isinstance(command, do.SendBatch):
            jobs.setdefault(command.node, []).extend(job.id for job in command.jobs)
    return jobs


# -- at once


def test_a_submission_leaves_the_moment_it_arrives() -> None:
    with Playbook() as play:
        play >> joined("n1") << welcome("n1")
        play >> pulled("n1")
        play >> submitted("j1")
        play << saved("j1", State.WAITING) << saved("j1", State.LEASED, attempt=1, node="n1")
        play << batch("n1", "j1")


def test_a_submission_waits_for_a_node_and_leaves_when_one_asks() -> None:
    with Playbook() as play:
        play >> submitted("j1") << saved("j1", State.WAITING)
        play >> joined("n1") << welcome("n1")  # and nothing more: it has not said what it takes
        play >> pulled("n1") << saved("j1", State.LEASED) << batch("n1", "j1")


def test_a_rejected_hand_in_is_saved_and_goes_nowhere() -> None:
    with Playbook() as play:
        play.quietly(joined("n1"), pulled("n1"))
        play >> submitted("j1", refused="mapper.py, line 3: it does not compile")
        play << saved("j1", State.REJECTED, message="mapper.py, line 3: it does not compile")
        assert play.engine.jobs == {}


# -- credit


def test_a_node_never_holds_more_than_its_window_and_gets_it_in_batches() -> None:
    with Playbook() as play:
        play.quietly(*(submitted(f"j{i}") for i in range(9)), joined("n1", credit=CORE))
        play >> pulled("n1") << SAVES
        play << batch("n1", "j0", "j1", "j2", "j3") << batch("n1", "j4", "j5", "j6", "j7")


def test_a_node_is_topped_up_to_its_window_once_it_is_down_to_its_low_water() -> None:
    with Playbook() as play:
        play.quietly(*(submitted(f"j{i}") for i in range(12)), joined("n1", credit=CORE), pulled("n1"))
        for i in range(3):
            play >> pulled("n1", passed(f"j{i}")) << saved(f"j{i}", State.GRADED) << ack("n1", kept(f"j{i}"))
        play >> pulled("n1", passed("j3")) << SAVES << ack("n1", kept("j3"))
        play << batch("n1", "j8", "j9", "j10", "j11")


def test_a_node_gets_no_more_than_it_says_and_nothing_once_it_says_none() -> None:
    with Playbook() as play:
        play.quietly(*(submitted(f"j{i}") for i in range(5)), joined("n1", credit=CORE))
        play >> pulled("n1", credit=2) << SAVES << batch("n1", "j0", "j1")
        play >> pulled("n1", passed("j0"), passed("j1"), credit=0)
        play << SAVES << ack("n1", kept("j0"), kept("j1"))
        play >> pulled("n1", credit=1) << SAVES << batch("n1", "j2")


def test_credit_that_is_said_twice_gives_nothing_twice() -> None:
    with Playbook() as play:
        play.quietly(*(submitted(f"j{i}") for i in range(5)), joined("n1", credit=LIGHTWEIGHT))
        play >> pulled("n1") << SAVES << batch("n1", "j0") << batch("n1", "j1")
        play >> pulled("n1")


def test_a_core_node_asks_for_and_gets_more_than_a_lightweight_one() -> None:
    with Playbook() as play:
        play.quietly(joined("core", credit=CORE), joined("light", credit=LIGHTWEIGHT))
        play.quietly(*(submitted(f"j{i}") for i in range(20)))
        play >> pulled("core")
        assert len(sent(play)["core"]) == CORE.window
        play >> pulled("light")
        assert len(sent(play)["light"]) == LIGHTWEIGHT.window


def test_jobs_are_spread_over_idle_nodes_by_load_for_their_slots() -> None:
    with Playbook() as play:
        play.quietly(joined("small", slots=1), joined("large", slots=3), pulled("small"), pulled("large"))
        play.quietly(*(submitted(f"j{i}") for i in range(4)))
        held = {node.key: len(node.held) for node in play.engine.roster}
        assert held == {"small": 1, "large": 3}


def test_a_backlog_is_spread_as_well_when_several_nodes_get_free_at_once() -> None:
    one = CreditTerms(window=4, low_water=0, batch=4)
    with Playbook() as play:
        play.quietly(joined("n1", credit=one), joined("n2", credit=one), pulled("n1"), pulled("n2"))
        play.quietly(joined("n3", credit=one), *(submitted(f"j{i}") for i in range(2)))
        play.quietly(*(submitted(f"k{i}") for i in range(6)))
        play >> pulled("n3")
        assert sent(play) == {"n3": ["k0", "k1", "k2", "k3"]}
        play >> left("n3", *((f"k{i}", 1) for i in range(4))) << SAVES
        play >> pulled("n1", passed("j0"))
        assert sent(play) == {"n1": ["k0", "k1", "k2", "k3"]}


# -- fairness


def test_a_team_that_hands_in_a_hundred_does_not_push_others_back() -> None:
    with Playbook() as play:
        play.quietly(*(submitted(f"a{i}", "A") for i in range(100)), submitted("b", "B"))
        assert play.engine.waiting.position("b") == 1
        play.quietly(joined("n1", credit=LIGHTWEIGHT))
        play >> pulled("n1") << SAVES << batch("n1", "a0") << batch("n1", "b")


def test_fairness_holds_between_assignments_that_need_other_pods() -> None:
    with Playbook() as play:
        play.quietly(*(submitted(f"a{i}", "A") for i in range(100)), submitted("b", "B", needs=LARGER))
        play.quietly(joined("n1", credit=LIGHTWEIGHT))
        play >> pulled("n1") << SAVES << batch("n1", "a0") << batch("n1", "b")


def test_staff_reruns_wait_behind_students() -> None:
    with Playbook() as play:
        play.quietly(joined("n1"), pulled("n1"), submitted("old"), pulled("n1", passed("old"), credit=0))
        play >> retried(play.job("old")) << saved("old", State.WAITING, rerun=True)
        play.quietly(submitted("new", "B"))
        assert play.engine.waiting.position("old") == 1
        play >> pulled("n1", credit=1) << SAVES << batch("n1", "new")
        play >> pulled("n1", passed("new"), credit=1) << SAVES << ack("n1", kept("new"))
        play << batch("n1", "old", attempt=2)


def test_reruns_use_up_none_of_the_turns_of_their_team() -> None:
    with Playbook() as play:
        ids = [f"old{i}" for i in range(10)]
        play.quietly(joined("n1", credit=CreditTerms(window=50, low_water=49, batch=50)), pulled("n1"))
        play.quietly(*(submitted(id, "A") for id in ids), pulled("n1", *map(passed, ids), credit=0))
        play.quietly(*(retried(play.job(id)) for id in ids))
        play.quietly(submitted("b0", "B"), submitted("b1", "B"), submitted("a0", "A"))
        assert [play.engine.waiting.position(id) for id in ("b0", "a0", "b1")] == [0, 1, 2]


# -- who can and who can't


def test_a_job_that_fits_no_node_does_not_block_the_others() -> None:
    with Playbook() as play:
        play.quietly(submitted("big", needs=SPARK), joined("n1"), pulled("n1"))
        play >> submitted("small") << SAVES << batch("n1", "small")
        play.quietly(joined("n2", frameworks=("spark",)))
        play >> pulled("n2") << SAVES << batch("n2", "big")


def test_a_node_with_too_little_memory_does_not_get_the_job() -> None:
    with Playbook() as play:
        play.quietly(joined("tiny", memory_bytes=LARGER.memory_bytes - 1), pulled("tiny"))
        play >> submitted("j1", needs=LARGER) << saved("j1", State.WAITING)


def test_a_job_that_avoids_the_free_node_does_not_block_those_behind_it() -> None:
    one = CreditTerms(window=1, low_water=0, batch=1)
    with Playbook() as play:
        play.quietly(joined("bad", credit=one), pulled("bad"), submitted("j1"))
        play.quietly(joined("busy", credit=one), pulled("busy"), submitted("j2"), submitted("j3", "B"))
        play >> pulled("bad", fault("j1")) << saved("j1", State.WAITING) << saved("j3", State.LEASED)
        play << ack("bad", kept("j1")) << batch("bad", "j3")
        play >> pulled("busy", passed("j2")) << SAVES << ack("busy", kept("j2"))
        play << batch("busy", "j1", attempt=2)


def test_hundreds_of_jobs_that_avoid_the_free_node_do_not_block_it_either() -> None:
    many = CreditTerms(window=100, low_water=99, batch=100)
    with Playbook() as play:
        play.quietly(joined("bad", credit=many), pulled("bad"), *(submitted(f"j{i}") for i in range(100)))
        play.quietly(joined("busy", credit=many), pulled("busy"), *(submitted(f"k{i}") for i in range(100)))
        play.quietly(submitted("new", "B"))
        play >> pulled("bad", *(fault(f"j{i}") for i in range(100)))
        assert sent(play) == {"bad": ["new"]}


def test_a_job_goes_back_to_a_node_that_it_avoids_when_no_other_is_willing() -> None:
    with Playbook() as play:
        play.quietly(joined("n1", credit=LIGHTWEIGHT), pulled("n1"), submitted("j1"))
        play.quietly(joined("paused"), pulled("paused", credit=0))
        play.quietly(joined("other", frameworks=("spark",)), pulled("other"))
        play >> pulled("n1", fault("j1")) << SAVES << ack("n1", kept("j1")) << batch("n1", "j1", attempt=2)


def test_a_job_that_no_node_can_run_is_given_up_after_a_day_and_staff_are_told() -> None:
    with Playbook() as play:
        play.quietly(joined("n1"), pulled("n1"), submitted("j1", needs=SPARK))
        play.quietly(left("n1"))
        play.tick_at_deadline() << saved("j1", State.FAILED, verdict=None) << tell("j1", "no node")
        assert [fault.kind.value for fault in play.job("j1").faults] == ["no node can run it"]


def test_a_job_in_a_line_that_moves_is_not_given_up() -> None:
    with Playbook(Terms(waiting_deadline_s=60)) as play:
        play.quietly(joined("n1", credit=CreditTerms(window=1, low_water=0, batch=1)), pulled("n1"))
        play.quietly(submitted("j1"), submitted("j2"))
        for _ in range(6):
            play.after(10).quietly(beaten("n1", ("j1", 1)))
        assert play.engine.next_deadline() == play.now
        play.tick()
        assert play.engine.deadline("j2") == play.now + seconds(60)
        play >> pulled("n1", passed("j1")) << SAVES << ack("n1", kept("j1")) << batch("n1", "j2")
