import sys

for line in sys.stdin:
    flight = line.rstrip("\n").split(",")
    if flight[0] == "year":
        continue
    month, dep_time, dep_delay, arr_delay, carrier = (flight[i] for i in (1, 3, 5, 8, 9))
    print(f"{carrier}\t{month},{dep_time},{dep_delay},{arr_delay}")
