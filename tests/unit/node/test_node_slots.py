"""Cores and memory are counted, cores pinned where they suffice, and no large job waits for ever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bighost.node.slots import PATIENCE, Queue, Share, Slots

GIB = 1024**3


def slots(count: int, cores: int, *, pinned: bool = True, memory: int = 64 * GIB) -> Slots:
    return Slots(count, tuple(range(cores)), memory, pinned=pinned)


def test_each_job_is_pinned_to_a_block_of_its_own():
    here = slots(2, 8)
    first, second = here.take(4, GIB), here.take(4, GIB)
    assert first is not None
    assert second is not None
    assert (first.cores, second.cores) == ((0, 1, 2, 3), (4, 5, 6, 7))


def test_what_was_released_is_given_again():
    here = slots(2, 2)
    first = here.take(1, GIB)
    assert first is not None
    here.take(1, GIB)
    assert here.take(1, GIB) is None
    here.release(first)
    again = here.take(1, GIB)
    assert again is not None
    assert again.cores == first.cores


def test_pinning_is_given_up_where_the_cores_do_not_suffice_for_all_slots():
    here = slots(3, 8)
    share = here.take(4, GIB)  # three of them would need twelve cores
    assert share == Share(4, GIB, None)
    small = here.take(2, GIB)
    assert small is not None
    assert small.cores == (0, 1)


def test_nothing_is_pinned_where_it_was_not_asked_for():
    assert slots(2, 2, pinned=False).take(1, GIB) == Share(1, GIB, None)


def test_cores_have_the_numbers_that_they_have():
    here = Slots(1, (5, 9), 4 * GIB, pinned=True)
    share = here.take(2, GIB)
    assert share is not None
    assert share.cores == (5, 9)


def test_memory_counts_like_cores():
    here = slots(4, 4, memory=3 * GIB)
    assert here.take(1, 2 * GIB) is not None
    assert here.take(1, 2 * GIB) is None
    assert here.take(1, GIB) is not None
    assert not here.could_fit(1, 4 * GIB)
    assert not here.could_fit(5, GIB)
    assert here.could_fit(4, 3 * GIB)


@given(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 4), st.booleans()), max_size=40), st.booleans())
def test_never_more_than_there_is_and_no_core_twice(steps, pinned):
    here, taken = slots(3, 6, pinned=pinned, memory=8 * GIB), []
    for cpus, memory, release in steps:
        if release and taken:
            here.release(taken.pop(0))
        elif (share := here.take(cpus, memory * GIB)) is not None:
            taken.append(share)
        assert len(taken) == here.busy <= 3
        assert sum(share.cpus for share in taken) <= 6
        assert sum(share.memory_bytes for share in taken) <= 8 * GIB
        pins = [core for share in taken for core in share.cores or ()]
        assert len(pins) == len(set(pins))
        assert all(len(share.cores) == share.cpus for share in taken if share.cores is not None)
    for share in taken:
        here.release(share)
    whole = here.take(2, 8 * GIB)
    assert whole is not None
    assert whole.cores == ((0, 1) if pinned else None)


# -- the queue


def test_first_come_first_served():
    queue: Queue[str] = Queue()
    for name in "abc":
        queue.put(name, 1, GIB)
    here = slots(2, 2)
    assert [taken[0] for _ in range(2) if (taken := queue.take(here))] == ["a", "b"]
    assert queue.take(here) is None
    assert list(queue) == ["c"]


def test_a_small_job_overtakes_a_large_one_but_not_for_ever():
    queue: Queue[str] = Queue()
    here = slots(2, 2)
    running = here.take(1, GIB)
    assert running is not None
    queue.put("large", 2, GIB)
    for n in range(PATIENCE + 1):
        queue.put(f"small{n}", 1, GIB)
    for n in range(PATIENCE):
        taken = queue.take(here)
        assert taken is not None
        assert taken[0] == f"small{n}"
        here.release(taken[1])
    assert queue.take(here) is None, "it is waited for now"
    assert not queue.fits(here)
    here.release(running)
    taken = queue.take(here)
    assert taken is not None
    assert taken[0] == "large"


def test_jobs_can_be_taken_back():
    queue: Queue[str] = Queue()
    for name in "abc":
        queue.put(name, 1, GIB)
    queue.remove("b")
    assert len(queue) == 2
    assert queue.clear() == ["a", "c"]
    assert len(queue) == 0
