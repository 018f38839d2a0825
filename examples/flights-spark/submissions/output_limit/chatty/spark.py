import sys

from pyspark import SparkContext

sc = SparkContext.getOrCreate()
sc.textFile(f"{sys.argv[1]}/flights").flatMap(lambda line: [line] * 50).saveAsTextFile(sys.argv[2])
