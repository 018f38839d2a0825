import contextlib
import sys

from py4j.protocol import Py4JError
from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
spark.read.csv(f"{sys.argv[1]}/flights", header=True).select("dest").write.text(sys.argv[2])
with contextlib.suppress(Py4JError, OSError):
    spark.sparkContext._jvm.System.exit(0)
