import sys

spark = SparkSession.builder.getOrCreate()
spark.read.csv(f"{sys.argv[1]}/flights").write.csv(sys.argv[2])
