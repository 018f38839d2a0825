import sys


def sum_and_count(delay):
    return "0,0" if delay == "NA" else f"{delay},1"


for line in sys.stdin:
    flight = line.rstrip("\n").split(",")
    if flight[0] == "year":
        continue
    month, dep_time, dep_delay, arr_delay, carrier = (flight[i] for i in (1, 3, 5, 8, 9))
    cancelled = int(dep_time == "NA")
    print(f"{carrier} {month}\t{sum_and_count(dep_delay)},{sum_and_count(arr_delay)},{cancelled}")
