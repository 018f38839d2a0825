"""The life of a job, in one table.

A job is one submission's way through BigHOST. Its *state* says where it is, its *verdict* (only once
`graded`) what the student's program did, and its *faults* what went wrong on our side; the three are never
mixed up.

    received   the hand-in has arrived and is being checked
    rejected   the sanity check refused it: costs no try, the reason names file and line  (final)
    waiting    in the waiting line
    leased     handed to a node under a lease; the node has not started it yet
    running    a pod of the node runs it
    marking    the node's result is kept; the output processor compares
    graded     it has a verdict and a score  (final)
    cancelled  by its team or by staff; no mark  (final)
    failed     ours: it could not be run in the tries that it had; no mark, staff are told  (final)

Only the holder of the lease can move a job from leased or running to marking, and only with the attempt
number of that lease: a late result is fenced off. A lease that is lost takes the job back to `waiting`,
where it is first in its line. Staff may run a graded, cancelled or failed job again (`waiting`).

Nothing waits forever: each state that is not final has a deadline, and what happens when it passes.
`docs/states.md` is drawn from this file.
"""

from __future__ import annotations

from enum import StrEnum

from bighost.errors import Ours


class State(StrEnum):
    """Where a job is."""

    RECEIVED = "received"
    REJECTED = "rejected"
    WAITING = "waiting"
    LEASED = "leased"
    RUNNING = "running"
    MARKING = "marking"
    GRADED = "graded"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def final(self) -> bool:
        """Whether a job stays here unless staff run it again."""
        return self in FINAL


class Step(StrEnum):
    """What moves a job from one state to the next."""

    REJECT = "reject"
    ACCEPT = "accept"
    LEASE = "lease"
    START = "start"
    RESULT = "result"
    GRADE = "grade"
    REQUEUE = "requeue"
    CANCEL = "cancel"
    GIVE_UP = "give up"
    RETRY = "retry"


FINAL = frozenset({State.REJECTED, State.GRADED, State.CANCELLED, State.FAILED})

TRANSITIONS: dict[tuple[State, Step], State] = {
    (State.RECEIVED, Step.REJECT): State.REJECTED,
    (State.RECEIVED, Step.ACCEPT): State.WAITING,
    (State.WAITING, Step.LEASE): State.LEASED,
    (State.WAITING, Step.CANCEL): State.CANCELLED,
    (State.WAITING, Step.GIVE_UP): State.FAILED,
    (State.LEASED, Step.START): State.RUNNING,
    (State.LEASED, Step.RESULT): State.MARKING,
    (State.LEASED, Step.REQUEUE): State.WAITING,
    (State.LEASED, Step.CANCEL): State.CANCELLED,
    (State.LEASED, Step.GIVE_UP): State.FAILED,
    (State.RUNNING, Step.RESULT): State.MARKING,
    (State.RUNNING, Step.REQUEUE): State.WAITING,
    (State.RUNNING, Step.CANCEL): State.CANCELLED,
    (State.RUNNING, Step.GIVE_UP): State.FAILED,
    (State.MARKING, Step.GRADE): State.GRADED,
    (State.MARKING, Step.REQUEUE): State.WAITING,
    (State.MARKING, Step.CANCEL): State.CANCELLED,
    (State.MARKING, Step.GIVE_UP): State.FAILED,
    (State.GRADED, Step.RETRY): State.WAITING,
    (State.CANCELLED, Step.RETRY): State.WAITING,
    (State.FAILED, Step.RETRY): State.WAITING,
}

DEADLINES: dict[State, str] = {
    State.RECEIVED: "The request that brought it ends within the API's time limit: accepted, rejected, or "
    "an error to the sender and nothing kept.",
    State.WAITING: "After `waiting_deadline` (a day) without a node that can run it, it is given up: "
    "`failed`, ours, and staff are told.",
    State.LEASED: "The lease: a node that doesn't renew it within `lease` loses the job, which waits again. "
    "Renewed or not, `attempt_deadline` ends the attempt.",
    State.RUNNING: "The lease, as above; and `attempt_deadline`, so that a node that only says it is busy "
    "loses the job too.",
    State.MARKING: "`marking_deadline`: an output that wasn't uploaded or compared by then sends the job "
    "back to `waiting`.",
}


class IllegalStep(Ours):
    """A job was to make a step that its state doesn't allow."""


def step(job: str, state: State, move: Step) -> State:
    """The state after `move`. Raises IllegalStep naming job, state and step."""
    try:
        return TRANSITIONS[state, move]
    except KeyError:
        raise IllegalStep(f"job {job} is {state.value} and can't {move.value}") from None
