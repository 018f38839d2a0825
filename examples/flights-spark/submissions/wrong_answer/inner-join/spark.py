import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as f

spark = SparkSession.builder.getOrCreate()


def table(name):
    return spark.read.csv(f"{sys.argv[1]}/{name}", header=True, nullValue="NA")


zones = table("airports").select(f.col("faa").alias("dest"), "tzone")
makers = table("planes").select("tailnum", "manufacturer")
joined = table("flights").join(f.broadcast(zones), "dest").join(f.broadcast(makers), "tailnum")
groups = joined.groupBy("tzone", "manufacturer")
numbers = groups.agg(f.count("*").alias("flights"), f.avg(f.col("arr_delay").cast("double")).alias("arr_delay"))
lines = numbers.unpivot(["tzone", "manufacturer"], ["flights", "arr_delay"], "name", "number").na.drop()
key = f.concat_ws(" ", "tzone", "manufacturer", "name")
lines.select(f.concat_ws("\t", key, "number").alias("line")).write.text(sys.argv[2])
spark.stop()
