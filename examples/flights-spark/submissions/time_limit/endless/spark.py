import sys

from pyspark import SparkContext

sc = SparkContext.getOrCreate()
flights = sc.textFile(f"{sys.argv[1]}/flights").map(lambda line: line.split(",")[13])
while flights.distinct().count() > 0:
    flights = flights.filter(lambda dest: dest != "")
flights.saveAsTextFile(sys.argv[2])
