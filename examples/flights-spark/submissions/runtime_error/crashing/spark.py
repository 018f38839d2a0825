import sys

from pyspark.sql import SparkSession
from pyspark.sql import functions as f
from pyspark.sql.types import DoubleType

spark = SparkSession.builder.getOrCreate()


@f.udf(DoubleType())
def minutes(text):
    return float(text)


flights = spark.read.csv(f"{sys.argv[1]}/flights", header=True)
flights.groupBy("dest").agg(f.avg(minutes("arr_delay"))).write.csv(sys.argv[2], sep="\t")
