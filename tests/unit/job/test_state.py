"""The table of states: complete, and nothing in it waits forever or moves by itself."""

from __future__ import annotations

from itertools import product

import pytest

from bighost.job.state import DEADLINES, FINAL, TRANSITIONS, IllegalStep, State, Step, step


def reached(start: State, without: frozenset[Step] = frozenset()) -> set[State]:
    """The states that can follow on `start`."""
    found: set[State] = set()
    ahead = {start}
    while ahead:
        found |= ahead
        ahead = {t for (s, m), t in TRANSITIONS.items() if s in ahead and m not in without} - found
    return found


@pytest.mark.parametrize(("state", "move"), list(product(State, Step)))
def test_every_step_is_taken_or_refused_by_name(state: State, move: Step) -> None:
    if (state, move) in TRANSITIONS:
        assert step("k3v9", state, move) is TRANSITIONS[state, move]
        return
    with pytest.raises(IllegalStep) as caught:
        step("k3v9", state, move)
    assert caught.value.message == f"job k3v9 is {state.value} and can't {move.value}"


def test_every_state_is_reached_from_the_first() -> None:
    assert reached(State.RECEIVED) == set(State)


@pytest.mark.parametrize("state", [s for s in State if s not in FINAL])
def test_every_state_on_the_way_has_a_deadline_and_an_end(state: State) -> None:
    assert DEADLINES[state]
    assert reached(state) & FINAL


@pytest.mark.parametrize("state", [s for s in State if s in FINAL])
def test_a_final_state_is_left_by_a_retry_only(state: State) -> None:
    assert state.final
    assert reached(state, frozenset({Step.RETRY})) == {state}
    assert state not in DEADLINES


def test_a_rejection_is_never_taken_back() -> None:
    assert reached(State.REJECTED) == {State.REJECTED}


def test_only_marking_leads_to_a_mark() -> None:
    assert [s for (s, _), target in TRANSITIONS.items() if target is State.GRADED] == [State.MARKING]


def test_each_state_that_runs_can_be_cancelled_and_given_up() -> None:
    for state in (State.WAITING, State.LEASED, State.RUNNING, State.MARKING):
        assert step("k3v9", state, Step.CANCEL) is State.CANCELLED
        assert step("k3v9", state, Step.GIVE_UP) is State.FAILED
