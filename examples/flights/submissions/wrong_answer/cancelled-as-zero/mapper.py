import sys

for line in sys.stdin:
    flight = line.rstrip("\n").replace("NA", "0").split(",")
    if flight[0] == "year":
        continue
    month, dep_time, dep_delay, arr_delay, carrier = (flight[i] for i in (1, 3, 5, 8, 9))
    cancelled = 1 if dep_time == "0" else 0
    print(f"{carrier} {month}\t{dep_delay},{arr_delay},{cancelled}")
