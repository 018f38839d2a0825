import sys

for line in sys.stdin:
    flight = line.rstrip("\n").split(",")
    month, dep_time, dep_delay, arr_delay, carrier = (flight[i] for i in (1, 3, 5, 8, 9))
    print(f"{carrier} {month}\t{dep_time},{dep_delay},{arr_delay}")
