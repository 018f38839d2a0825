"""Out of a hundred lines of Java comes the student's own line."""

from __future__ import annotations

import signal

import pytest

from bighost.pod.contract import Outcome
from bighost.pod.spark.complaint import about_driver, about_jvm, condense, own_traceback, shown

CODE = "/work/code"
FAILED_RDD = """\
Traceback (most recent call last):
  File "/work/code/spark.py", line 7, in <module>
    print(sc.textFile(sys.argv[1]).map(delay).sum())
  File "/usr/lib/python3/dist-packages/pyspark/core/rdd.py", line 1700, in collect
    sock_info = self.ctx._jvm.PythonRDD.collectAndServe(self._jrdd.rdd())
py4j.protocol.Py4JJavaError: An error occurred while calling z:org.apache.spark.api.python.PythonRDD.collect.
: org.apache.spark.SparkException: Job aborted: org.apache.spark.api.python.PythonException: \
Traceback (most recent call last):
  File "/usr/lib/python3/dist-packages/pyspark/worker.py", line 3386, in main
    process()
  File "/work/code/spark.py", line 6, in delay
    return float(line.split(",")[5])
           ^^^^^^^^^^^^^^^^^^^^^^^^^^
ValueError: could not convert string to float: 'NA'

\tat org.apache.spark.api.python.BasePythonRunner$ReaderIterator.handle(PythonRunner.scala:581)
\t... 24 more

Driver stacktrace:
\tat org.apache.spark.scheduler.DAGScheduler.abortStage(DAGScheduler.scala:2935)
Caused by: org.apache.spark.api.python.PythonException: Traceback (most recent call last):
  File "/work/code/spark.py", line 6, in delay
ValueError: could not convert string to float: 'NA'
"""
EXITED = 1 << 8


def test_the_workers_traceback_decides() -> None:
    complaint = about_driver("spark.py", EXITED, condense(FAILED_RDD, CODE), oom_killed=False)
    assert complaint.outcome is Outcome.RUNTIME_ERROR
    assert "ValueError: could not convert string to float: 'NA' (spark.py, line 6)" in complaint.message


def test_java_and_what_is_said_twice_are_left_out() -> None:
    said = condense(FAILED_RDD, CODE)
    assert "PythonRunner.scala" not in said
    assert said.count("line 6, in delay") == 1
    assert CODE not in said
    assert own_traceback(said).endswith("ValueError: could not convert string to float: 'NA'")


def test_an_error_of_the_driver_itself() -> None:
    stderr = (
        'Traceback (most recent call last):\n  File "/work/code/spark.py", line 3, in <module>\nKeyError: 1\n'
    )
    complaint = about_driver("spark.py", EXITED, condense(stderr, CODE), oom_killed=False)
    assert complaint.message == "spark.py ended with exit code 1: KeyError: 1 (spark.py, line 3)"


def test_an_exit_without_a_traceback() -> None:
    complaint = about_driver("spark.py", 3 << 8, "bye", oom_killed=False)
    assert complaint.message == "spark.py ended with exit code 3"


@pytest.mark.parametrize("said", ["java.lang.OutOfMemoryError: Java heap space", f"x\n{FAILED_RDD}"])
def test_a_full_heap_is_memory(said: str) -> None:
    outcome = about_driver("spark.py", EXITED, condense(said, CODE), oom_killed=False).outcome
    assert (outcome is Outcome.MEMORY_LIMIT) is ("OutOfMemory" in said)


@pytest.mark.parametrize(
    ("status", "oom_killed", "outcome", "words"),
    [
        (7 << 8, False, Outcome.RUNTIME_ERROR, "with 7"),
        (signal.SIGTERM, False, Outcome.RUNTIME_ERROR, "by signal SIGTERM"),
        (signal.SIGKILL, True, Outcome.MEMORY_LIMIT, "memory"),
    ],
)
def test_a_jvm_that_ended(status: int, oom_killed: bool, outcome: Outcome, words: str) -> None:
    complaint = about_jvm("spark.py", status, "", oom_killed)
    assert complaint.outcome is outcome
    assert words in complaint.message


def test_a_worker_that_the_kernel_killed_is_memory() -> None:
    complaint = about_driver("spark.py", EXITED, condense(FAILED_RDD, CODE), oom_killed=True)
    assert complaint.outcome is Outcome.MEMORY_LIMIT


def test_a_report_keeps_the_own_traceback_even_before_a_long_end() -> None:
    said = condense(FAILED_RDD, CODE) + "\n" + "x" * 20_000
    assert "line 6, in delay" in shown(said)
    assert len(shown("y" * 20_000)) == 8 * 1024
