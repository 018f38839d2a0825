"""Makes the archive of classes that a pod's JVM maps instead of loading them, by running a few small jobs.

`python3 train.py OPTIONS ARCHIVE`: adds the class path to the file of options, because an archive only fits
the class path that it was made with.
"""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SPARK_HOME = Path(os.environ["SPARK_HOME"])
SERVER = "org.apache.spark.api.python.PythonGatewayServer"
START_S = 120.0
JOBS = """
import sys
from pyspark.sql import SparkSession, Window, functions as f
spark = SparkSession.builder.getOrCreate()
lines = spark.read.csv(sys.argv[1], header=True, inferSchema=True)
lines = spark.read.text(sys.argv[1]).withColumn("key", f.length("value") % 3)
groups = lines.groupBy("key").agg(f.count("*").alias("n"), f.avg("key"))
groups.orderBy("key").write.csv(sys.argv[2] + "/csv")
rows = f.row_number().over(Window.partitionBy("key").orderBy("value"))
lines.join(groups, "key").withColumn("row", rows).write.json(sys.argv[2] + "/json")
lines.createOrReplaceTempView("lines")
spark.sql("SELECT key, count(DISTINCT value) FROM lines GROUP BY key").collect()
lines.select(f.udf(lambda text: text.upper())("value")).write.text(sys.argv[2] + "/text")
words = spark.sparkContext.textFile(sys.argv[1]).map(lambda line: (len(line) % 3, 1))
words.reduceByKey(lambda a, b: a + b).sortByKey().saveAsTextFile(sys.argv[2] + "/rdd")
spark.stop()
"""


def main(options: Path, archive: Path) -> None:
    """Writes the class path and the archive."""
    jars = sorted(str(path) for path in (SPARK_HOME / "jars").glob("*.jar"))
    with options.open("a") as file:
        file.write(f"-cp {':'.join(jars)}\n")
    with tempfile.TemporaryDirectory() as folder:
        address = Path(folder, "address")
        environment = {
            **os.environ,
            "_PYSPARK_DRIVER_CONN_INFO_PATH": str(address),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_LOCAL_HOSTNAME": "localhost",
        }
        command = ["java", f"@{options}", f"-XX:ArchiveClassesAtExit={archive}", "-Xlog:cds*=off", SERVER]
        with subprocess.Popen(command, env=environment, stdin=subprocess.PIPE, cwd="/") as jvm:
            run_jobs(environment, address, folder)
            jvm.communicate()  # the end of its stdin ends it
    if not archive.exists():
        sys.exit("java has made no archive")
    archive.chmod(0o644)


def run_jobs(environment: dict[str, str], address: Path, folder: str) -> None:
    """Runs the jobs in the JVM that leaves its port and secret at `address`."""
    deadline = time.monotonic() + START_S
    while not address.exists():
        if time.monotonic() > deadline:
            sys.exit("the JVM did not start")
        time.sleep(0.05)
    port, length = struct.unpack_from(">ii", content := address.read_bytes())
    gateway = {"PYSPARK_GATEWAY_PORT": str(port), "PYSPARK_GATEWAY_SECRET": content[8 : 8 + length].decode()}
    command = [sys.executable, "-c", JOBS, __file__, f"{folder}/output"]
    subprocess.run(command, env={**environment, **gateway}, check=True)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
