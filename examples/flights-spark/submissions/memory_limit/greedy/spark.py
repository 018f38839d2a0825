import sys

from pyspark import SparkContext

sc = SparkContext.getOrCreate()


def pairs(lines):
    seen = []
    for line in lines:
        seen.append([other + line for other in [line, *(pair[-1] for pair in seen)]])
    return seen[:10]


sc.textFile(f"{sys.argv[1]}/flights").mapPartitions(pairs).saveAsTextFile(sys.argv[2])
