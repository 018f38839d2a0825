"""Deadlines against the naive model: a dictionary that is searched."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bighost.coordinator.deadlines import FEW, Deadlines

KEYS = st.sampled_from("abcdef")
TIMES = st.integers(0, 20)
STEPS = st.one_of(
    st.tuples(st.just("set"), KEYS, TIMES),
    st.tuples(st.just("clear"), KEYS, st.just(0)),
    st.tuples(st.just("expire"), st.just(""), TIMES),
)


@given(st.lists(STEPS, max_size=80))
def test_it_does_what_a_dictionary_does(steps: list[tuple[str, str, int]]) -> None:
    deadlines: Deadlines[str] = Deadlines()
    naive: dict[str, int] = {}
    for what, key, at in steps:
        if what == "set":
            deadlines.set(key, at)
            naive[key] = at
        elif what == "clear":
            deadlines.clear(key)
            naive.pop(key, None)
        else:
            due = deadlines.expired(at)
            assert [naive[k] for k in due] == sorted(naive[k] for k in due), "the earliest first"
            assert set(due) == {k for k, time in naive.items() if time <= at}
            naive = {k: time for k, time in naive.items() if time > at}
        assert deadlines.next() == min(naive.values(), default=None)
        assert len(deadlines) == len(naive)
        assert {k: deadlines.get(k) for k in "abcdef" if deadlines.get(k) is not None} == naive


def test_renewing_does_not_make_the_heap_grow() -> None:
    deadlines: Deadlines[str] = Deadlines()
    for at in range(10_000):
        deadlines.set("a", at)
    assert deadlines.entries <= FEW


def test_keys_that_come_and_go_leave_nothing_behind() -> None:
    deadlines: Deadlines[int] = Deadlines()
    for key in range(10_000):
        deadlines.set(key, 1_000_000 + key)
        deadlines.set(key, key)
        deadlines.clear(key)
    assert deadlines.entries <= FEW + 2
