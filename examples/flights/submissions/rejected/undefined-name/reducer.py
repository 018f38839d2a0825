import sys
from itertools import groupby


def flights(lines):
    for line in lines:
        key, value = line.rstrip("\n").split("\t")
        yield key, value.split(",")


for key, group in groupby(flights(sys.stdin), key=lambda flight: flight[0]):
    dep_delays, arr_delays, cancelled = [], [], 0
    for _, (dep_delay, arr_delay, was_cancelled) in group:
        if dep_delay != "NA":
            dep_delays.append(int(dep_delay))
        if arr_delay != "NA":
            arr_delays.append(int(arr_delay))
        cancelled += int(was_cancelled)
    if dep_delays:
        print(f"{key} dep_delay\t{sum(dep_delays) / len(dep_delays)}")
    if arr_delays:
        print(f"{key} arr_delay\t{sum(arr_delays) / len(arr_delays)}")
    print(f"{key} cancelled\t{cancelled}")
