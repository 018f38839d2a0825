"""PySpark programs in real pods: what comes out, what is said of each way to fail, and what is left."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from spark_pod import SparkPod, order_of, spark_pod

from bighost.node import images
from bighost.pod.contract import Outcome, RunOrder, RunReport, from_dict

pytestmark = [pytest.mark.docker, pytest.mark.bigdata("spark"), pytest.mark.timeout(900)]

COUNT = """\
import sys
from pyspark import SparkContext
lines = SparkContext.getOrCreate().textFile(sys.argv[1] + "/words")
pairs = lines.flatMap(str.split).map(lambda word: (word, 1)).reduceByKey(lambda a, b: a + b)
pairs.map(lambda pair: "\\t".join(map(str, pair))).saveAsTextFile(sys.argv[2])
"""
CRASHING = """\
import sys
from pyspark.sql import SparkSession, functions as f
frame = SparkSession.builder.getOrCreate().read.text(sys.argv[1])

@f.udf("double")
def number(text):
    return float(text)

frame.select(number("value")).write.csv(sys.argv[2])
"""
EXITING = """\
import os
from pyspark import SparkContext
try:
    SparkContext.getOrCreate()._jvm.System.exit(7)
finally:
    os._exit(0)
"""
STAYING = """\
import os, sys, time
from pyspark import SparkContext

def stay(line):
    if os.fork() == 0:
        os.setsid()
        os.close(1), os.close(2)
        time.sleep(600)
    return line

SparkContext.getOrCreate().textFile(sys.argv[1]).map(stay).saveAsTextFile(sys.argv[2])
os.symlink("/etc/passwd", sys.argv[2] + "/part-99999")
"""
ENDLESS = """\
from pyspark import SparkContext

def spin(_):
    while True:
        pass

SparkContext.getOrCreate().parallelize([1, 2]).foreach(spin)
"""
GREEDY = """\
from pyspark import SparkContext
SparkContext.getOrCreate().parallelize([1]).map(lambda n: len(b"x" * 2_000_000_000)).collect()
"""
PRYING = """\
import os, sys
os.mkdir(sys.argv[2])
with open(sys.argv[2] + "/part-00000", "w") as out:
    try:
        print(os.listdir("/data"), file=out)
    except PermissionError:
        print("closed", file=out)
    print(open(sys.argv[1] + "/part-00000").read(), file=out)
"""


def run_once(tmp_path: Path, order: RunOrder) -> tuple[RunReport, list[str]]:
    """The report and the output lines of an order in a pod of its own, which refuses to be used again."""
    (tmp_path / "a").write_text("one two\nthree\n")
    (tmp_path / "b").write_bytes(gzip.compress(b"two three\nthree\n"))
    tmp_path.chmod(0o700)
    with spark_pod(tmp_path) as pod:
        report = pod.run(order)
        lines = pod.lines(report)
        assert_spent(pod)
    return report, lines


def assert_spent(pod: SparkPod) -> None:
    assert pod.reset() is False


def test_the_images_own_order(tmp_path: Path) -> None:
    smoke = json.loads((images.find_folder() / "spark" / "smoke.json").read_text())
    with spark_pod(tmp_path) as pod:
        report = pod.run(from_dict(RunOrder, smoke["order"]))
        assert (report.outcome, report.message) == (Outcome.OK, "")
        assert [file.name for file in report.output] == list(smoke["output"])
        assert pod.lines(report) == sorted("".join(smoke["output"].values()).splitlines())


def test_a_count_over_plain_and_compressed_files_with_its_stages(tmp_path: Path) -> None:
    order = order_of(COUNT, inputs=["/data/a", "/data/b"], options={"tables": ["words"], "success": True})
    report, lines = run_once(tmp_path, order)
    assert (report.outcome, report.message) == (Outcome.OK, "")
    assert lines == ["one\t1", "three\t3", "two\t2"]
    stages = {stage.name: stage for stage in report.stages}
    assert stages["stage 0: reduceByKey at spark.py:4"].counters["spark"]["shuffle_write_bytes"] > 0
    assert stages["driver"].usage.cpu_s > 0


def test_a_workers_traceback_names_the_students_line(tmp_path: Path) -> None:
    report, _ = run_once(tmp_path, order_of(CRASHING, inputs=["/data/a"]))
    assert (report.outcome, report.stage) == (Outcome.RUNTIME_ERROR, "driver")
    assert "ValueError: could not convert string to float: 'one two' (spark.py, line 7)" in report.message
    assert "line 7, in number" in report.stages[0].stderr


def test_a_jvm_that_was_ended_is_the_programs_doing(tmp_path: Path) -> None:
    report, _ = run_once(tmp_path, order_of(EXITING, inputs=["/data/a"]))
    assert report.outcome is Outcome.RUNTIME_ERROR
    assert "ended Spark's JVM (with 7)" in report.message


def test_forked_executors_are_killed_and_links_are_not_read(tmp_path: Path) -> None:
    report, _ = run_once(tmp_path, order_of(STAYING, inputs=["/data/a"]))
    assert report.outcome is Outcome.RUNTIME_ERROR
    assert report.message == "the output folder holds 'part-99999', which is not a plain file"


def test_cpu_time_of_workers_counts(tmp_path: Path) -> None:
    report, _ = run_once(tmp_path, order_of(ENDLESS, inputs=["/data/a"], cpu_s=5))
    assert report.outcome is Outcome.TIME_LIMIT
    assert report.message == "spark.py used more than 5 s of CPU time"


def test_memory_of_workers_counts_and_the_jvms_own_does_not(tmp_path: Path) -> None:
    report, _ = run_once(tmp_path, order_of(GREEDY, inputs=["/data/a"]))
    assert report.outcome is Outcome.MEMORY_LIMIT


def test_a_program_sees_its_input_and_no_other_dataset(tmp_path: Path) -> None:
    report, lines = run_once(tmp_path, order_of(PRYING, inputs=["/data/a"]))
    assert (report.outcome, report.message) == (Outcome.OK, "")
    assert lines == ["", "closed", "one two", "three"]
