import csv
import sys

from pyspark import SparkContext

sc = SparkContext.getOrCreate()
folder, output = sys.argv[1:]
YEAR, ARR_DELAY, TAILNUM, DEST = 0, 8, 11, 13


def rows(name):
    return sc.textFile(f"{folder}/{name}").mapPartitions(csv.reader)


zones = sc.broadcast(rows("airports").map(lambda row: (row[0], row[-1])).collectAsMap())
makers = sc.broadcast(rows("planes").map(lambda row: (row[0], row[3])).collectAsMap())


def measure(row):
    key = zones.value.get(row[DEST], "unknown"), makers.value.get(row[TAILNUM], "unknown")
    known = row[ARR_DELAY] != "NA"
    return key, (1, int(known), float(row[ARR_DELAY]) if known else 0.0)


def lines(group):
    (zone, maker), (flights, known, delay) = group
    yield f"{zone} {maker} flights\t{flights}"
    if known:
        yield f"{zone} {maker} arr_delay\t{delay / known:.9f}"


measured = rows("flights").filter(lambda row: row[YEAR] != "year").map(measure)
sums = measured.reduceByKey(lambda a, b: tuple(x + y for x, y in zip(a, b)))
sums.flatMap(lines).saveAsTextFile(output)
