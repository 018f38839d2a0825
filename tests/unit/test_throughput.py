"""Marks in spans of time."""

from bighost.clock import SECOND, seconds
from bighost.coordinator.throughput import SPAN_S, SPANS, Throughput

NOW = 1_800_000_000 * SECOND


def test_marks_are_counted_where_they_fall_and_forgotten_after_an_hour() -> None:
    throughput = Throughput()
    for ago in (0, 1, SPAN_S, 3600 - SPAN_S, 3600):
        throughput.marked(NOW - seconds(ago))

    spans = throughput.spans(NOW)

    assert len(spans) == SPANS == 3600 / SPAN_S
    assert (spans[0], spans[-2], spans[-1]) == (1, 2, 1)
    assert sum(spans) == 4


def test_what_is_remembered_stays_bounded() -> None:
    throughput = Throughput()
    for span in range(5 * SPANS):
        throughput.marked(NOW + seconds(span * SPAN_S))

    assert sum(throughput.spans(NOW + seconds((5 * SPANS - 1) * SPAN_S))) == SPANS
    assert len(vars(throughput)["_marks"]) <= 2 * SPANS
