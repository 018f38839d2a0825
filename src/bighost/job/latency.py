"""The fourteen time stamps of a job, and the latency record made from them.

Names and formulas are those of the original system: `summary` and `individual` are in seconds, stamps in
nanoseconds since 1970. A queue is left when the next stage takes the job from it.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec


class Stamp(StrEnum):
    """The stages of the pipeline, in order."""

    RECEIVED = "received"
    SANITY_CHECK_START = "sanity_check_start"
    SANITY_CHECK_END = "sanity_check_end"
    WAITING_QUEUE_ENTRY = "waiting_queue_entry"
    WAITING_QUEUE_EXIT = "waiting_queue_exit"
    PROCESSING_QUEUE_ENTRY = "processing_queue_entry"
    PROCESSING_QUEUE_EXIT = "processing_queue_exit"
    PROCESSING_START = "processing_start"
    PROCESSING_END = "processing_end"
    OUTPUT_QUEUE_ENTRY = "output_queue_entry"
    OUTPUT_QUEUE_EXIT = "output_queue_exit"
    OUTPUT_PROCESSING_START = "output_processing_start"
    OUTPUT_PROCESSING_END = "output_processing_end"
    COMPLETED = "completed"


Stamps = dict[Stamp, int]


class Summary(msgspec.Struct, frozen=True):
    """Seconds that somebody worked on the job, that it waited, and from end to end."""

    processing_time: float
    waiting_time: float
    total_time: float


class Individual(msgspec.Struct, frozen=True):
    """Seconds in each stage and each queue."""

    processing_time: float
    output_processing_time: float
    sanity_check_time: float
    waiting_queue: float
    processing_queue: float
    output_queue: float
    end2end: float


class Latency(msgspec.Struct, frozen=True):
    """The latency record of one job, as the original stored it in `{assignment}_{submission}.json`."""

    summary: Summary
    individual: Individual
    total_time: float
    received: int
    completed: int


def latency(stamps: Stamps) -> Latency:
    """The record of a job; a stage that it has not reached counts as 0 s.

    `summary.processing_time` is sanity check, processing and output processing; `waiting_time` the three
    queues; `total_time` from received to completed.
    """

    def span(start: Stamp, end: Stamp) -> float:
        if start not in stamps or end not in stamps:
            return 0.0
        return max(0, stamps[end] - stamps[start]) / 1e9

    individual = Individual(
        processing_time=span(Stamp.PROCESSING_START, Stamp.PROCESSING_END),
        output_processing_time=span(Stamp.OUTPUT_PROCESSING_START, Stamp.OUTPUT_PROCESSING_END),
        sanity_check_time=span(Stamp.SANITY_CHECK_START, Stamp.SANITY_CHECK_END),
        waiting_queue=span(Stamp.WAITING_QUEUE_ENTRY, Stamp.WAITING_QUEUE_EXIT),
        processing_queue=span(Stamp.PROCESSING_QUEUE_ENTRY, Stamp.PROCESSING_QUEUE_EXIT),
        output_queue=span(Stamp.OUTPUT_QUEUE_ENTRY, Stamp.OUTPUT_QUEUE_EXIT),
        end2end=span(Stamp.RECEIVED, Stamp.COMPLETED),
    )
    worked = individual.processing_time + individual.output_processing_time + individual.sanity_check_time
    waited = individual.waiting_queue + individual.processing_queue + individual.output_queue
    return Latency(
        summary=Summary(processing_time=worked, waiting_time=waited, total_time=individual.end2end),
        individual=individual,
        total_time=individual.end2end,
        received=stamps.get(Stamp.RECEIVED, 0),
        completed=stamps.get(Stamp.COMPLETED, 0),
    )
