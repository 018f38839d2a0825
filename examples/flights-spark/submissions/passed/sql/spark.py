import sys

from pyspark.sql import SparkSession

spark = SparkSession.builder.appName("flights").master("local[*]").getOrCreate()
for name in ("flights", "airports", "planes"):
    spark.read.csv(f"{sys.argv[1]}/{name}", header=True, nullValue="NA").createOrReplaceTempView(name)
lines = spark.sql("""
    WITH groups AS (
        SELECT coalesce(tzone, 'unknown') AS zone, coalesce(manufacturer, 'unknown') AS maker,
               count(*) AS flights, avg(CAST(arr_delay AS double)) AS arr_delay
        FROM flights LEFT JOIN airports ON dest = faa LEFT JOIN planes ON flights.tailnum = planes.tailnum
        GROUP BY ALL
    )
    SELECT concat(zone, ' ', maker, ' flights\t', flights) AS line FROM groups
    UNION ALL
    SELECT concat(zone, ' ', maker, ' arr_delay\t', arr_delay) FROM groups WHERE arr_delay IS NOT NULL
""")
lines.write.option("compression", "gzip").text(sys.argv[2])
