"""The waiting line's laws: fair between teams, a place is a rank, what comes back comes first."""

from __future__ import annotations

from collections import defaultdict
from itertools import combinations
from math import log2

import pytest
from hypothesis import given
from hypothesis import strategies as st
from line_jobs import LARGE, SMALL, job

from bighost.coordinator import waiting
from bighost.coordinator.waiting import LOOK_AHEAD, WaitingLine
from bighost.job.job import Job, Requirement

TEAMS = st.sampled_from("ABCD")


def anything(_: Requirement) -> bool:
    return True


def first(line: WaitingLine) -> str:
    return next(line.candidates(anything))


def served(line: WaitingLine) -> list[str]:
    """Everything, in the order in which it is served when any node takes any job."""
    order = []
    while line:
        order.append(first(line))
        line.serve(order[-1])
    return order


def round_robin(teams: list[str]) -> list[str]:
    """The naive model: hand-ins that wait together leave team by team, teams in order of arrival."""
    queues: dict[str, list[str]] = {}
    for number, team in enumerate(teams):
        queues.setdefault(team, []).append(f"{team}{number}")
    order = []
    while any(queues.values()):
        order.extend(queue.pop(0) for queue in queues.values() if queue)
    return order


# -- order


@given(st.lists(TEAMS, max_size=40))
def test_a_burst_is_served_team_by_team(teams: list[str]) -> None:
    line = WaitingLine()
    for number, team in enumerate(teams):
        line.push(job(f"{team}{number}", team))
    assert served(line) == round_robin(teams)


jobs = st.builds(
    job,
    id=st.uuids().map(str),
    team=TEAMS,
    needs=st.sampled_from([SMALL, LARGE]),
    rerun=st.booleans(),
    again=st.booleans(),
)


@given(st.lists(jobs, max_size=40, unique_by=lambda j: j.id), st.integers(0, 20))
def test_a_place_is_a_rank_among_jobs_of_the_same_requirement(pushed: list[Job], before: int) -> None:
    line = WaitingLine()
    requirement = {}
    for one in pushed:
        line.push(one)
        requirement[one.id] = one.requirement
    for _ in range(min(before, len(line))):
        line.serve(first(line))
    positions = {id: line.position(id) for id in requirement if id in line}
    assert sum(line.length(r) for r in (SMALL, LARGE)) == len(positions) == len(line)
    ranks: dict[Requirement, int] = defaultdict(int)
    for id in served(line):
        assert positions[id] == ranks[requirement[id]]
        ranks[requirement[id]] += 1


@given(st.lists(st.one_of(st.none(), TEAMS), max_size=120))
def test_two_teams_that_both_wait_are_never_two_jobs_apart(steps: list[str | None]) -> None:
    """A step is a team that hands in, or None for a job that is served."""
    line = WaitingLine()
    waiting: dict[str, list[str]] = defaultdict(list)
    count: dict[str, int] = defaultdict(int)
    leads: dict[tuple[str, str], list[int]] = defaultdict(list)  # since both have been waiting
    for number, team in enumerate(steps):
        if team is not None:
            line.push(job(f"{team}{number}", team))
            waiting[team].append(f"{team}{number}")
        elif line:
            id = first(line)
            line.serve(id)
            assert waiting[id[0]].pop(0) == id, "a team's jobs keep their order"
            count[id[0]] += 1
        for pair in combinations("ABCD", 2):
            if not all(waiting[team] for team in pair):
                leads.pop(pair, None)
            else:
                leads[pair].append(count[pair[0]] - count[pair[1]])
                assert max(leads[pair]) - min(leads[pair]) <= 1


@given(st.lists(TEAMS, min_size=1, max_size=30), st.data())
def test_what_came_back_is_first_and_costs_its_team_no_turn(teams: list[str], data: st.DataObject) -> None:
    line, same = WaitingLine(), WaitingLine()
    for number, team in enumerate(teams):
        for one in (line, same):
            one.push(job(f"{team}{number}", team))
    for _ in range(data.draw(st.integers(1, len(teams)))):
        last = first(line)
        line.serve(last)
        same.serve(last)
    line.push(job(last, last[0], again=True))
    assert line.position(last) == 0
    assert served(line) == [last, *served(same)]


def test_jobs_that_came_back_keep_their_order_among_themselves() -> None:
    line = WaitingLine()
    for number, team in enumerate("AABB"):
        line.push(job(f"{team}{number}", team, again=True))
    assert served(line) == ["A0", "A1", "B2", "B3"]


def test_a_team_that_takes_all_its_jobs_back_has_used_up_no_turn() -> None:
    line = WaitingLine()
    for number in range(100):
        line.push(job(f"a{number}", "A"))
    line.push(job("b0", "B"))
    line.push(job("b1", "B"))
    for number in range(100):
        line.remove(f"a{number}")
    line.push(job("again", "A"))
    assert served(line) == ["again", "b0", "b1"]


def test_a_team_that_hands_in_one_by_one_gets_no_more_than_one_that_waits() -> None:
    line = WaitingLine()
    for number in range(6):
        line.push(job(f"b{number}", "B"))
    order = []
    for number in range(6):
        line.push(job(f"a{number}", "A", LARGE))
        order += [first(line)]
        line.serve(order[-1])
        order += [first(line)]
        line.serve(order[-1])
    assert [id[0] for id in order].count("a") == 6


# -- several lines


def test_lines_that_any_node_serves_share_turns() -> None:
    line = WaitingLine()
    for number in range(4):
        line.push(job(f"a{number}", "A"))
    line.push(job("b0", "B", LARGE))
    line.push(job("b1", "B", LARGE))
    assert served(line) == ["a0", "b0", "a1", "b1", "a2", "a3"]


def test_a_line_that_was_not_served_saves_up_no_turns() -> None:
    line = WaitingLine()
    for number in range(20):
        line.push(job(f"small{number}", "A"))
        line.push(job(f"large{number}", "A", LARGE))
    for _ in range(10):
        line.serve(next(line.candidates(lambda requirement: requirement == SMALL)))
    line.push(job("b0", "B"))
    line.push(job("b1", "B"))
    assert served(line)[:6] == ["large0", "b0", "small10", "large1", "b1", "small11"]


def test_a_new_line_starts_where_the_others_are() -> None:
    line = WaitingLine()
    for number in range(10):
        line.push(job(f"a{number}", "A"))
    for _ in range(5):
        line.serve(first(line))
    for number in range(3):
        line.push(job(f"b{number}", "B", LARGE))
    assert served(line) == ["b0", "a5", "b1", "a6", "b2", "a7", "a8", "a9"]


def test_reruns_wait_behind_all_students_and_are_fair_among_themselves() -> None:
    line = WaitingLine()
    for number in range(3):
        line.push(job(f"a{number}", "A", rerun=True))
    line.push(job("b", "B", rerun=True))
    line.push(job("student", "C"))
    assert line.position("b") == 2
    assert served(line) == ["student", "a0", "b", "a1", "a2"]


def test_a_line_that_nothing_can_serve_is_passed_over() -> None:
    line = WaitingLine()
    line.push(job("large", needs=LARGE))
    line.push(job("small"))
    assert list(line.candidates(lambda requirement: requirement == SMALL)) == ["small"]


def test_no_more_than_a_few_jobs_that_avoid_nodes_are_looked_at() -> None:
    line = WaitingLine()
    for number in range(2 * LOOK_AHEAD):
        line.push(job(f"again{number}", again=True))
    line.push(job("fresh0"))
    line.push(job("fresh1"))
    seen = list(line.candidates(anything))
    assert seen == [*(f"again{number}" for number in range(LOOK_AHEAD)), "fresh0"]


def test_a_job_waits_once() -> None:
    line = WaitingLine()
    line.push(job("j1"))
    with pytest.raises(ValueError, match="j1 is in the line already"):
        line.push(job("j1"))


# -- cost


def comparisons(monkeypatch: pytest.MonkeyPatch, length: int) -> int:
    """How often places are compared to push, find and serve one job in a line of this length."""
    line = WaitingLine()
    for number in range(length):
        line.push(job(f"j{number}", f"team {number % 100}"))
    count = 0

    def less(a: waiting.Place, b: waiting.Place) -> bool:
        nonlocal count
        count += 1
        return tuple.__lt__(a, b)

    with monkeypatch.context() as patched:
        patched.setattr(waiting.Place, "__lt__", less, raising=False)
        line.push(job("new", "team 50"))
        line.position("new")
        line.remove("new")
        line.serve(first(line))
    return count


@pytest.mark.parametrize("length", [100, 3_000, 30_000])
def test_the_cost_of_a_job_is_logarithmic_in_the_length_of_the_line(
    monkeypatch: pytest.MonkeyPatch, length: int
) -> None:
    assert 0 < comparisons(monkeypatch, length) <= 10 * log2(length)
