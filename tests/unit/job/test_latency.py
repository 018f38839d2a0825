"""The latency record, held against the example in the documentation of the original system."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bighost.job.latency import Latency, Stamp, latency

ORIGINAL_SPANS = {
    (Stamp.PROCESSING_START, Stamp.PROCESSING_END): 31_318_580_756,
    (Stamp.OUTPUT_PROCESSING_START, Stamp.OUTPUT_PROCESSING_END): 19_250_399,
    (Stamp.SANITY_CHECK_START, Stamp.SANITY_CHECK_END): 466_769_163,
    (Stamp.WAITING_QUEUE_ENTRY, Stamp.WAITING_QUEUE_EXIT): 30_034_592_930,
    (Stamp.PROCESSING_QUEUE_ENTRY, Stamp.PROCESSING_QUEUE_EXIT): 39_996_211_243,
    (Stamp.OUTPUT_QUEUE_ENTRY, Stamp.OUTPUT_QUEUE_EXIT): 501_789_866,
}
RECEIVED, COMPLETED = 1_681_800_561_639_447_283, 1_681_800_664_208_480_240
ORIGINAL = {
    "summary": {
        "processing_time": 31.804600318,
        "waiting_time": 70.532594039,
        "total_time": 102.569032957,
    },
    "individual": {
        "processing_time": 31.318580756,
        "output_processing_time": 0.019250399,
        "sanity_check_time": 0.466769163,
        "waiting_queue": 30.03459293,
        "processing_queue": 39.996211243,
        "output_queue": 0.501789866,
        "end2end": 102.569032957,
    },
    "total_time": 102.569032957,
    "received": RECEIVED,
    "completed": COMPLETED,
}
stamps = st.dictionaries(st.sampled_from(Stamp), st.integers(0, 2**63))


def test_the_record_is_that_of_the_original_system() -> None:
    at = {Stamp.RECEIVED: RECEIVED, Stamp.COMPLETED: COMPLETED}
    for (start, end), span in ORIGINAL_SPANS.items():
        at |= {start: RECEIVED, end: RECEIVED + span}
    record = msgspec.to_builtins(latency(at))
    assert list(record) == list(ORIGINAL)
    for part in ("summary", "individual"):
        assert record[part] == pytest.approx(ORIGINAL[part], abs=1e-9)
    assert record["total_time"] == pytest.approx(ORIGINAL["total_time"], abs=1e-9)
    assert (record["received"], record["completed"]) == (RECEIVED, COMPLETED)


def test_there_are_fourteen_stamps() -> None:
    assert len(Stamp) == 14


@given(stamps)
def test_no_span_is_negative_and_what_was_not_reached_counts_nothing(at: dict[Stamp, int]) -> None:
    record = latency(at)
    for name in record.individual.__struct_fields__:
        assert getattr(record.individual, name) >= 0
    if not (Stamp.PROCESSING_START in at and Stamp.PROCESSING_END in at):
        assert record.individual.processing_time == 0
    assert record.total_time == record.summary.total_time == record.individual.end2end


@given(stamps)
def test_the_record_survives_json(at: dict[Stamp, int]) -> None:
    record = latency(at)
    assert msgspec.json.decode(msgspec.json.encode(record), type=Latency) == record
