"""What the pool starts and ends next: examples, and laws that hold for any stock."""

from __future__ import annotations

from collections import Counter

from fake_runtime import make_spec
from hypothesis import given
from hypothesis import strategies as st

from bighost.node.runtime.stock import Stock, plan

A, B, C = (make_spec(name) for name in ("streaming", "spark", "kafka"))


def test_room_is_filled_in_turn_with_the_most_wanted_first() -> None:
    assert plan(Stock(room=3, wanted=[A, B])).start == (A, B, A)


def test_nothing_is_to_be_done_when_the_room_is_full() -> None:
    steps = plan(Stock(room=3, wanted=[A, B], idle=Counter({A: 2, B: 1})))
    assert (steps.start, steps.end) == ((), ())


def test_a_new_order_of_wishes_alone_ends_no_warm_pod() -> None:
    full = Counter({A: 2, B: 1})
    assert plan(Stock(room=3, wanted=[B, A], idle=full)) == plan(Stock(room=3, wanted=[A, B], idle=full))


def test_a_wanted_spec_without_a_pod_gets_one_from_who_has_two() -> None:
    steps = plan(Stock(room=3, wanted=[C, A, B], idle=Counter({A: 2, B: 1})))
    assert (steps.start, steps.end) == ((), (A,))


def test_the_last_warm_pod_of_a_wanted_spec_goes_only_when_somebody_waits() -> None:
    full = Counter({A: 1, B: 1})
    assert plan(Stock(room=2, wanted=[C, A, B], idle=full)).end == ()
    assert plan(Stock(room=2, wanted=[C, A, B], idle=full, waiting=Counter({C: 1}))).end == (B,)


def test_room_that_is_being_made_is_not_made_twice() -> None:
    waiting = Stock(room=2, wanted=[C, A], idle=Counter({A: 1}), waiting=Counter({C: 1}), ending=1)
    assert plan(waiting).end == ()


def test_a_pod_that_is_coming_serves_who_waits() -> None:
    steps = plan(
        Stock(room=2, wanted=[A], waiting=Counter({A: 1}), coming=Counter({A: 1}), leased=Counter({A: 1}))
    )
    assert steps.start == ()


def test_a_resting_spec_is_not_started() -> None:
    assert plan(Stock(room=2, wanted=[A, B], resting=frozenset([A]))).start == (B, B)
    assert plan(Stock(room=1, wanted=[A], waiting=Counter({A: 1}), resting=frozenset([A]))).start == ()


counts = st.dictionaries(st.sampled_from([A, B, C]), st.integers(0, 4)).map(Counter)


@st.composite
def stocks(draw: st.DrawFn) -> Stock:
    idle, coming, leased, ending = draw(counts), draw(counts), draw(counts), draw(st.integers(0, 3))
    there = idle.total() + coming.total() + leased.total() + ending
    return Stock(
        room=draw(st.integers(there, there + 4)),
        wanted=draw(st.lists(st.sampled_from([A, B, C]), unique=True)),
        waiting=draw(counts),
        idle=idle,
        coming=coming,
        leased=leased,
        ending=ending,
        resting=frozenset(draw(st.sets(st.sampled_from([A, B, C])))),
    )


@given(stocks())
def test_the_room_is_kept_and_only_warm_pods_are_ended(stock: Stock) -> None:
    steps = plan(stock)
    assert len(steps.start) <= stock.free
    assert Counter(steps.end) <= stock.idle
    assert not set(steps.start) & stock.resting
    assert set(steps.start) <= set(stock.wanted) | set(stock.waiting)


@given(stocks())
def test_who_waits_is_served_when_any_pod_can_be_had_for_it(stock: Stock) -> None:
    steps = plan(stock)
    missing = stock.waiting - stock.coming - stock.idle
    able = Counter({spec: n for spec, n in missing.items() if spec not in stock.resting})
    served = sum((able & Counter(steps.start)).values()) + len(steps.end) + stock.ending
    takeable = sum(max(0, n - stock.waiting[spec]) for spec, n in stock.idle.items())
    assert served >= min(able.total(), stock.free + takeable)


@given(stocks())
def test_carrying_plans_out_comes_to_rest(stock: Stock) -> None:
    for _ in range(50):
        steps = plan(stock)
        if not steps.start and not steps.end:
            return
        there = stock.idle + stock.coming + Counter(steps.start) - Counter(steps.end)
        served = there & stock.waiting
        stock = Stock(
            room=stock.room,
            wanted=stock.wanted,
            waiting=stock.waiting - served,
            idle=there - served,
            leased=stock.leased + served,
            resting=stock.resting,
        )
    raise AssertionError("pods are started and ended for ever")
