"""Leases: one a job, found by job and by node, renewed but never beyond their end."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bighost.clock import seconds
from bighost.coordinator.leases import SLACK_S, Lease, Leases, latest_end

STEPS = st.lists(
    st.tuples(st.sampled_from(["put", "drop"]), st.sampled_from("abc"), st.sampled_from(["n1", "n2"]))
)


@given(STEPS)
def test_it_does_what_a_dictionary_does(steps: list[tuple[str, str, str]]) -> None:
    leases, naive = Leases(), {}
    for attempt, (what, job, node) in enumerate(steps):
        if what == "put":
            naive[job] = Lease(job, attempt, node, 0, 0)
            leases.put(naive[job])
        else:
            assert leases.drop(job) == naive.pop(job, None)
        assert len(leases) == len(naive)
        assert {lease.job: lease for lease in leases.all()} == naive
        for holder in ("n1", "n2"):
            held = leases.held_by(holder)
            assert {lease.job: lease for lease in held} == {
                j: x for j, x in naive.items() if x.node == holder
            }
        for id in "abc":
            assert leases.get(id) == naive.get(id)


def test_a_lease_matches_its_own_node_and_attempt_alone() -> None:
    leases = Leases()
    lease = Lease("j1", 2, "n1", 0, 0)
    leases.put(lease)
    assert leases.match("n1", "j1", 2) is lease
    assert leases.match("n2", "j1", 2) is leases.match("n1", "j1", 1) is leases.match("n1", "j2", 2) is None


def test_what_a_node_holds_is_listed_in_the_order_in_which_it_was_given() -> None:
    leases = Leases()
    for job in "cab":
        leases.put(Lease(job, 1, "n1", 0, 100))
    leases.put(leases.held_by("n1")[0].renewed(0, 1))
    assert [lease.job for lease in leases.held_by("n1")] == ["c", "a", "b"]


@given(st.lists(st.integers(0, 10**12)), st.integers(0, 10**12))
def test_no_renewal_goes_beyond_the_end_of_the_attempt(times: list[int], overdue: int) -> None:
    lease = Lease("j1", 1, "n1", 0, overdue)
    for now in times:
        lease = lease.renewed(now, 15.0)
        assert lease.until == now + seconds(15)
        assert lease.deadline <= overdue


def test_a_job_that_starts_must_end_within_its_time_bound_and_never_later_than_before() -> None:
    lease = Lease("j1", 1, "n1", 0, latest_end(0, seconds(100)))
    assert lease.overdue == seconds(100 + SLACK_S)
    assert lease.started(seconds(50), 60.0).overdue == seconds(110)
    assert lease.started(seconds(690), 60.0).overdue == seconds(700)
    assert lease.slept(seconds(5)).overdue == seconds(705)
