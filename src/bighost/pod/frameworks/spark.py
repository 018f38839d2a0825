"""Runs a PySpark program against a JVM that was warmed beforehand; one order a pod.

`spark.py INPUT OUTPUT [ARGUMENTS]`: INPUT is a folder of files (or of folders of files, one a table), OUTPUT
a folder that is not there yet. The first order of a pod, the trial, starts the JVM (`jvm.py` of `pod/spark/`)
and runs small jobs through it; the next one finds it warm. `meter.py` limits it, `output.py` reads back what
it wrote, `events.py` and `complaint.py` explain it. Then the JVM is gone, and the pod has to be replaced.
"""

from __future__ import annotations

import base64
from typing import Any, ClassVar

from bighost.pod.contract import ContractError, Option, RunLimits, RunOrder
from bighost.pod.frameworks.base import Framework
from bighost.pod.run import Run
from bighost.pod.sandbox import Fault
from bighost.pod.spark.driver import serve, warm_up
from bighost.pod.spark.events import Habit
from bighost.pod.spark.inputs import lay_out
from bighost.pod.spark.jvm import Jvm

MIB = 1 << 20
TRIAL = b"""
import sys
from pyspark.sql import SparkSession, functions as f
spark = SparkSession.builder.getOrCreate()
lines = spark.read.csv(sys.argv[1]).withColumn("key", f.length("_c0") % 3)
lines.groupBy("key").agg(f.count("*").alias("n")).orderBy("key").write.csv(sys.argv[2])
lines.join(lines.select("key").distinct(), "key").createOrReplaceTempView("lines")
spark.sql("SELECT key, count(*) FROM lines GROUP BY key").collect()
words = spark.sparkContext.textFile(sys.argv[1]).map(lambda line: (len(line) % 3, 1))
words.reduceByKey(lambda a, b: a + b).saveAsTextFile(sys.argv[2] + "-too")
spark.stop()
"""


class Spark(Framework):
    """PySpark in mode `local[n]`, n being the cores of the order."""

    REUSE: ClassVar[str] = "never"  # student code can change the JVM in any way
    OVERHEAD_BYTES: ClassVar[int] = 1024 * MIB  # the warmed JVM, and what it may grow by for Spark's own use
    OVERHEAD_PROCESSES: ClassVar[int] = 512  # the JVM's threads
    OPTIONS: ClassVar[dict[str, Option]] = {
        "program": Option(str, "spark.py", "the file that is run"),
        "tables": Option(
            list, [], "a folder of INPUT for each; all but the first have one file, the last ones"
        ),
        "shuffle_partitions": Option(
            int, 8, "spark.sql.shuffle.partitions, unless the program sets it", 1, 4096
        ),
        "success": Option(bool, False, "whether the output needs its _SUCCESS file"),
        "forbid": Option(list, [], "habits that end in a runtime error: " + ", ".join(Habit)),
        "collect_bytes": Option(int, MIB, "results of a job that count as `collect` when they are larger", 1),
    }

    def __init__(self) -> None:
        self._jvm: Jvm | None = None
        self._is_spent = False

    def trial(self) -> RunOrder:
        """Starts the JVM, and runs a few small jobs in it."""
        return RunOrder(
            run="trial",
            framework="spark",
            files={"spark.py": base64.b64encode(TRIAL).decode()},
            inputs=[__file__],
            limits=RunLimits(120.0, 120.0, 4096 * MIB, 256, MIB, 256 * MIB, cores=2),
        )

    def check(self, order: RunOrder, options: dict[str, Any]) -> None:
        """Raises ContractError when there is no program or no input, or an option can't be understood."""
        if options["program"] not in order.files:
            raise ContractError(f"option program is {options['program']!r}, which is not among the files")
        if unknown := [name for name in options["forbid"] if name not in list(Habit)]:
            raise ContractError(f"option forbid knows {', '.join(Habit)}, not {unknown[0]!r}")
        for table in options["tables"]:
            if not isinstance(table, str) or not table.isidentifier():
                raise ContractError(f"option tables holds {table!r}, which is no name for a folder")
        if len(set(options["tables"])) < len(options["tables"]):
            raise ContractError("option tables names a table twice")
        lay_out(order.inputs, options["tables"])

    def run(self, run: Run) -> None:
        """See `Framework.run`; the first run makes the JVM and leaves it behind."""
        if self._is_spent:
            raise Fault("the JVM of this pod has served its order: the pod has to be replaced")
        if self._jvm is None:
            self._jvm = Jvm(run)
            warm_up(run, self._jvm)
            self._jvm.gateway.collect_garbage()
        else:
            self._is_spent = True
            serve(run, self._jvm)

    def reset(self) -> None:
        """Raises Fault: the JVM can't be made clean."""
        if self._is_spent:
            raise Fault("a JVM that student code has used is not used again")

    def stop(self) -> None:
        """End the JVM."""
        if self._jvm:
            self._jvm.close()
