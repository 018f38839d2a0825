"""What Spark itself says of a run: its event log, one JSON object a line, boiled down to stages and habits.

The log is written by a JVM that student code can reach, so it explains and never decides between pass and
fail, except where an assignment forbids a habit; a student who forges the log can hide one. Format: Spark's
`JsonProtocol` (`SparkListenerStageCompleted`, `SparkListenerJobStart`, `…SQLExecutionStart`).
"""

from __future__ import annotations

import json
import os
import re
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

from bighost.pod.contract import StageReport, Usage

MOST_STAGES = 30
MOST_LOGS = 8  # a program has one session, seldom two
MOST_BYTES = 32 << 20  # of a log that is read
LINE_BYTES = 4 << 20
NAME_CHARACTERS = 120
PLAN_CHARACTERS = 400
NODE = re.compile(r"^[\s:|+*-]*(?P<name>[A-Z]\w+)", re.MULTILINE)
WRAPPERS = ("AdaptiveSparkPlan", "Execute", "WriteFiles")
ONE_PARTITION = re.compile(
    r"^\(\d+\) Coalesce\n(?:Input.*\n)?Arguments: 1$|^Arguments: SinglePartition, REPARTITION", re.MULTILINE
)
PLACE = re.compile(r"^(?P<method>\w+) at (?:.*/)?(?P<place>[^/]+)$")
INSIDE_SPARK = re.compile(r"\.(?:java|scala):\d+$")


class Habit(StrEnum):
    """What an assignment can forbid, because it works on small data only."""

    COLLECT = "collect"  # a job's results in the driver are larger than the option `collect_bytes`
    ONE_PARTITION = "coalesce(1)"  # everything is brought together into one partition


class SparkStage(NamedTuple):
    """A stage that has ended; times are seconds, sizes bytes."""

    number: int
    name: str  # method and place in the student's file
    tasks: int
    wall_s: float
    metrics: dict[str, int]  # Spark's `internal.metrics.*`, sums over its tasks
    error: str
    one_partition: bool

    def metric(self, name: str) -> int:
        """A metric; 0 when Spark did not say."""
        return self.metrics.get(f"internal.metrics.{name}", 0)


class Story(NamedTuple):
    """What is known of a run."""

    stages: list[SparkStage]
    plan: str  # physical operators of all SQL queries, with how often each came
    one_partition_plan: bool
    jobs: int

    def habits(self, collect_bytes: int) -> dict[Habit, str]:
        """Each habit that was seen, and where."""
        found = {}
        for stage in self.stages:
            size = stage.metric("resultSize")
            if size > collect_bytes:
                found[Habit.COLLECT] = f"{stage.name} brought {size} bytes to the driver"
        brought = [stage.name for stage in self.stages if stage.one_partition]
        if brought or self.one_partition_plan:
            place = brought[0] if brought else "a query"
            found[Habit.ONE_PARTITION] = f"{place} brings all data into one partition"
        return found

    def reports(self) -> list[StageReport]:
        """One report a stage, and one for the plan.

        Their CPU time is in the driver's usage, so here it is a counter.
        """
        found = [_report(stage) for stage in self.stages[:MOST_STAGES]]
        if self.plan:
            found.append(StageReport("plan", 0, Usage(), status=self.plan[:PLAN_CHARACTERS]))
        return found


def read_story(folder: Path) -> Story:
    """The story that the event logs in a folder tell; links are not followed."""
    return tell(_events(folder))


def tell(lines: Iterable[bytes]) -> Story:
    """The story that the lines of an event log tell; what is not an event is left out."""
    teller = _Teller()
    for line in lines:
        try:
            teller.take(json.loads(line))
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
            continue  # the line that was being written when the JVM ended, or a forged one
    return teller.story()


class _Teller:
    """Takes in events in their order."""

    def __init__(self) -> None:
        self._stages: list[SparkStage] = []
        self._nodes: Counter[str] = Counter()
        self._one_partition = False
        self._jobs = 0
        self._queries: dict[int, str] = {}  # SQL execution -> what it is called
        self._query_of: dict[int, int] = {}  # stage -> SQL execution

    def take(self, event: dict[str, Any]) -> None:
        """Take in one event. Raises what a look into something else raises."""
        match event["Event"].rpartition(".")[2]:
            case "SparkListenerJobStart":
                self._jobs += 1
                query = int(event.get("Properties", {}).get("spark.sql.execution.id", -1))
                self._query_of.update({int(stage): query for stage in event["Stage IDs"]})
            case "SparkListenerSQLExecutionStart":
                self._take_query(event)
            case "SparkListenerStageCompleted":
                info = event["Stage Info"]
                query = self._query_of.get(info["Stage ID"], -1)
                name = _name(str(info["Stage Name"])) or self._queries.get(query, "")
                self._stages.append(_stage(info, name or "Spark"))

    def story(self) -> Story:
        """What was taken in."""
        nodes = [f"{name} × {count}" if count > 1 else name for name, count in self._nodes.items()]
        return Story(self._stages, ", ".join(nodes), self._one_partition, self._jobs)

    def _take_query(self, event: dict[str, Any]) -> None:
        plan = str(event["physicalPlanDescription"])
        tree = plan.partition("\n\n")[0]
        names = [found["name"] for found in NODE.finditer(tree)]
        self._nodes.update(name for name in names if name not in WRAPPERS)
        self._one_partition |= ONE_PARTITION.search(plan) is not None
        self._queries[int(event["executionId"])] = _name(str(event["description"]))


def _name(call_site: str) -> str:
    """`collect at spark.py:8`, only the method where the place is Spark's own, or nothing."""
    found = PLACE.match(call_site)
    if found is None:
        return ""
    inside = INSIDE_SPARK.search(found["place"])
    return (found["method"] if inside else f"{found['method']} at {found['place']}")[:NAME_CHARACTERS]


def _stage(info: dict[str, Any], name: str) -> SparkStage:
    metrics = {
        str(each["Name"]): int(each["Value"])
        for each in info.get("Accumulables", [])
        if str(each.get("Name", "")).startswith("internal.metrics.") and str(each["Value"]).isdecimal()
    }
    took_ms = info.get("Completion Time", 0) - info.get("Submission Time", 0)
    return SparkStage(
        number=int(info["Stage ID"]),
        name=name,
        tasks=int(info["Number of Tasks"]),
        wall_s=max(0, took_ms) / 1000,
        metrics=metrics,
        error=str(info.get("Failure Reason", "")),
        one_partition=any(
            rdd["Name"] == "CoalescedRDD" and rdd["Number of Partitions"] == 1 for rdd in info["RDD Info"]
        ),
    )


def _report(stage: SparkStage) -> StageReport:
    read = stage.metric("shuffle.read.localBytesRead") + stage.metric("shuffle.read.remoteBytesRead")
    return StageReport(
        name=f"stage {stage.number}: {stage.name}",
        tasks=stage.tasks,
        usage=Usage(wall_s=stage.wall_s),
        exit=1 if stage.error else 0,
        records_in=stage.metric("input.recordsRead") + stage.metric("shuffle.read.recordsRead"),
        records_out=stage.metric("output.recordsWritten") + stage.metric("shuffle.write.recordsWritten"),
        bytes_out=stage.metric("output.bytesWritten"),
        counters={
            "spark": {
                "shuffle_read_bytes": read,
                "shuffle_write_bytes": stage.metric("shuffle.write.bytesWritten"),
                "spilled_bytes": stage.metric("diskBytesSpilled"),
                "result_bytes": stage.metric("resultSize"),
                "task_ms": stage.metric("executorRunTime"),
                "gc_ms": stage.metric("jvmGCTime"),
            }
        },
    )


def _events(folder: Path) -> Iterator[bytes]:
    for path in sorted(folder.iterdir())[:MOST_LOGS]:
        try:
            handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        except OSError:
            continue  # a link, or something else that is no log
        try:
            if stat.S_ISREG(os.fstat(handle).st_mode):
                yield from _lines(os.read(handle, MOST_BYTES))
        finally:
            os.close(handle)


def _lines(content: bytes) -> Iterator[bytes]:
    return (line for line in content.splitlines() if len(line) <= LINE_BYTES)
