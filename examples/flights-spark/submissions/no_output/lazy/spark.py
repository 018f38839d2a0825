import sys

from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
flights = spark.read.csv(f"{sys.argv[1]}/flights", header=True)
planes = spark.read.csv(f"{sys.argv[1]}/planes", header=True).select("tailnum", "manufacturer")
flights.join(planes, "tailnum").groupBy("manufacturer").count()
