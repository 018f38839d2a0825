"""A real event log, shortened, tells its stages, its plan and its habits; anything else tells nothing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bighost.pod.spark.events import Habit, read_story, tell

LOG = Path(__file__).with_name("spark-events.jsonl")


def lines() -> list[bytes]:
    return LOG.read_bytes().splitlines()


def test_stages_are_named_by_the_students_line_or_by_the_query() -> None:
    names = [stage.name for stage in tell(lines()).stages]
    assert names == ["csv"] * 5 + ["collect at spark.py:8", "collect at spark.py:9"]


def test_reports_tell_tasks_records_and_shuffled_bytes() -> None:
    reports = {report.name: report for report in tell(lines()).reports()}
    first = reports["stage 1: csv"]
    assert (first.tasks, first.records_in, first.usage.wall_s) == (1, 2211, 0.718)
    assert first.counters["spark"]["shuffle_write_bytes"] > 0
    assert sum(report.usage.cpu_s for report in reports.values()) == 0  # it is in the driver's already


def test_the_plan_is_its_operators() -> None:
    story = tell(lines())
    assert "HashAggregate × 4" in story.plan
    assert "BroadcastHashJoin" in story.plan
    assert story.reports()[-1].status == story.plan


@pytest.mark.parametrize(
    ("collect_bytes", "expected"),
    [(10_000, {Habit.COLLECT, Habit.ONE_PARTITION}), (1 << 20, {Habit.ONE_PARTITION})],
)
def test_habits_are_seen(collect_bytes: int, expected: set[Habit]) -> None:
    habits = tell(lines()).habits(collect_bytes)
    assert habits.keys() == expected


def test_a_large_result_names_the_line_that_fetched_it() -> None:
    assert "collect at spark.py:9" in tell(lines()).habits(20_000)[Habit.COLLECT]


@pytest.mark.parametrize(
    ("arguments", "seen"),
    [
        ("Arguments: SinglePartition, REPARTITION_BY_NUM, [plan_id=7]", True),
        ("Arguments: SinglePartition, ENSURE_REQUIREMENTS, [plan_id=7]", False),
        ("Arguments: rangepartitioning(n#1 ASC, 8), ENSURE_REQUIREMENTS", False),
    ],
)
def test_one_partition_counts_when_it_was_asked_for(arguments: str, seen: bool) -> None:
    event = {
        "Event": "org.apache.spark.sql.execution.ui.SparkListenerSQLExecutionStart",
        "executionId": 0,
        "description": "csv at X.java:0",
        "physicalPlanDescription": f"== Physical Plan ==\nExchange (1)\n\n\n(1) Exchange\n{arguments}\n",
    }
    assert (Habit.ONE_PARTITION in tell([json.dumps(event).encode()]).habits(1)) is seen


def test_a_line_that_was_cut_off_is_left_out() -> None:
    whole = lines()
    assert len(tell([*whole[:-1], whole[-1][:50]]).stages) == 6


@given(st.lists(st.one_of(st.binary(), st.sampled_from([b"[]", b"{}", b'{"Event": 1}', b"[" * 9999]))))
def test_what_is_no_event_tells_nothing(garbage: list[bytes]) -> None:
    assert tell(garbage).stages == []


@given(
    st.recursive(st.none() | st.integers() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x))
)
def test_a_forged_stage_is_left_out(forged: object) -> None:
    event = {"Event": "SparkListenerStageCompleted", "Stage Info": forged}
    assert tell([json.dumps(event).encode()]).stages == []


def test_links_and_pipes_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(LOG)
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "folder").mkdir()
    assert read_story(tmp_path).stages == []
    (tmp_path / "local-1").write_bytes(LOG.read_bytes())
    assert len(read_story(tmp_path).stages) == 7
