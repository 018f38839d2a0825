"""The whole coordinator as a pure machine: `handle(event) -> commands`. No sockets, files, or clock.

    Submitted ──> waiting line ──> lease (save, then send) ──> result ──> marking ──> graded
                      ^                    │ lost, fault of ours, handed back
                      └────────────────────┘

* Time comes with each event. `next_deadline` says when `Ticked` must come at the latest.
* Every change of a job is a `Save`; the shell makes all saves of a round durable before it carries out
  anything else, so nobody is ever told what could still be lost.
* The engine holds the jobs that are not final, and nothing that could not be derived from them: after a
  restart `recovery.recovered` builds it again from the store. A store that fails is handled the same way.
* Only the holder of a lease, with its attempt number, moves a job; anything else said is fenced off.

What nodes say goes to `membership` (who is here) and `results` (what came out); `handout` gives waiting
jobs to hungry nodes; all of them write into the `ledger`, which knows every live job.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from bighost.clock import seconds
from bighost.coordinator import commands as do
from bighost.coordinator import events as on
from bighost.coordinator.handout import HandOut
from bighost.coordinator.leases import Lease
from bighost.coordinator.ledger import Ledger, moved
from bighost.coordinator.membership import Membership
from bighost.coordinator.results import Results
from bighost.coordinator.terms import Terms
from bighost.job.job import FaultKind, Job
from bighost.job.latency import Stamp
from bighost.job.state import IllegalStep, State, Step

__all__ = ["Engine", "Terms"]

CHECKED = (Stamp.RECEIVED, Stamp.SANITY_CHECK_START, Stamp.SANITY_CHECK_END)  # what a re-run keeps


class Engine:
    """The coordinator's decisions. Not thread-safe."""

    def __init__(self, terms: Terms | None = None) -> None:
        self.terms = terms or Terms()
        self._ledger = ledger = Ledger(self.terms)
        self.jobs = ledger.jobs  # by id, those that are not final
        self.waiting = ledger.waiting
        self.leases = ledger.leases
        self.roster = ledger.roster
        self._membership = membership = Membership(ledger)
        self._results = results = Results(ledger, membership)
        self._hand_out = HandOut(ledger)
        # A tick that comes late says that it was us who slept, and what nodes said lies unread. But only
        # once in a row, so that nothing waits forever on a machine that is always late.
        self._spared = False
        self._handlers: dict[type[on.Event], Callable[[Any], None]] = {
            on.Submitted: self._submitted,
            on.CancelAsked: self._cancel_asked,
            on.RetryAsked: self._retry_asked,
            on.NodeJoined: membership.joined,
            on.Beaten: membership.beaten,
            on.NodeLeft: membership.left,
            on.NodeDrained: membership.drained,
            on.NodeForgotten: membership.forgotten,
            on.Pulled: results.pulled,
            on.Progressed: results.progressed,
            on.Marked: results.marked,
            on.MarkingFailed: results.marking_failed,
            on.Ticked: self._ticked,
        }

    def handle(self, event: on.Event) -> list[do.Command]:
        """What is to be done about `event`; the saves among it come first.

        Raises IllegalStep, before anything was changed, on an event that makes no sense.
        """
        self._handlers[type(event)](event)
        self._hand_out.run(event.at)
        return self._ledger.orders()

    def next_deadline(self) -> int | None:
        """When (ns) a `Ticked` is due, None when nothing is pending."""
        times = (self._ledger.deadlines.next(), self._membership.next_deadline())
        return min((t for t in times if t is not None), default=None)

    def deadline(self, job: str) -> int | None:
        """When (ns) something must have happened to a live job."""
        return self._ledger.deadlines.get(job)

    def adopt(self, job: Job, at: int) -> None:
        """Take in a live job from the store, before any event; see `recovery`. Raises Ours on a final one."""
        self._ledger.adopt(job, at)

    # -- what people ask for

    def _submitted(self, event: on.Submitted) -> None:
        if event.job.id in self.jobs:
            raise IllegalStep(f"job {event.job.id} was handed in already")
        if event.refused:
            self._ledger.end(moved(event.job, Step.REJECT, message=event.refused), event.at, "rejected")
        else:
            job = moved(event.job, Step.ACCEPT)
            self._ledger.wait(job, event.at, f"waits, hand-in {job.number} of team {job.team}")

    def _cancel_asked(self, event: on.CancelAsked) -> None:
        job = self.jobs.get(event.job)
        if job is None:
            self._ledger.order(do.Reject(job=event.job, message="it has ended already"))
            return
        self._ledger.stop(job)
        job = moved(job, Step.CANCEL, message=f"Cancelled by {event.by}.")
        self._ledger.end(job, event.at, f"cancelled by {event.by}")

    def _retry_asked(self, event: on.RetryAsked) -> None:
        job = event.job
        refusal = self._why_not_again(job)
        if refusal:
            self._ledger.order(do.Reject(job=job.id, message=refusal))
            return
        again = moved(
            job,
            Step.RETRY,
            rerun=True,
            node="",
            tests=(),
            verdict=None,
            score=None,
            message="",
            staff_message="",
            faults=(),
            stamps={stamp: at for stamp, at in job.stamps.items() if stamp in CHECKED},
        )
        self._ledger.wait(again, event.at, f"to be run again, asked by {event.by}")

    def _why_not_again(self, job: Job) -> str:
        """Why a job can't be run again; empty when it can."""
        if job.id in self.jobs or not job.state.final:
            return "it has not ended yet"
        if job.state is State.REJECTED:
            return "it was rejected, and has never run"
        if self._ledger.is_stale(job):
            return "it has been run again meanwhile"
        return ""

    # -- time

    def _ticked(self, event: on.Ticked) -> None:
        due = self.next_deadline()
        late = 0 if due is None else event.at - due
        self._spared = late > seconds(self.terms.heartbeat_s) and not self._spared
        if self._spared:
            self._membership.spare(event.at)
            self._ledger.spare(event.at, late)
        self._membership.expire(event.at)
        for id in self._ledger.deadlines.expired(event.at):
            self._overdue(self.jobs[id], event.at)

    def _overdue(self, job: Job, at: int) -> None:
        lease = self.leases.get(job.id)
        if lease is not None:
            self._ledger.stop(job)
            self._ledger.again(job, *_why_lost(lease, at), at)
        elif job.state is State.MARKING:
            self._ledger.stop(job)
            why = "its output was not handed in and compared in time"
            self._ledger.again(job, FaultKind.OUTPUT_LOST, why, at)
        elif self.roster.has_willing(job.requirement):  # the line is long, but it moves
            self._ledger.wait_longer(job, at)
        else:
            self._ledger.no_node(job, "no node that can run it was there in time", at)


def _why_lost(lease: Lease, at: int) -> tuple[FaultKind, str]:
    if at >= lease.overdue:
        return FaultKind.OVERDUE, "the attempt did not end in time"
    return FaultKind.LEASE_LOST, "the lease was not renewed"
