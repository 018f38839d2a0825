import sys
from itertools import groupby

for carrier, lines in groupby(sys.stdin, key=lambda line: line.split("\t")[0]):
    dep_delays, arr_delays, cancelled = [], [], 0
    for line in lines:
        month, dep_time, dep_delay, arr_delay = line.rstrip("\n").split("\t")[1].split(",")
        if dep_time == "NA":
            cancelled += 1
        if dep_delay != "NA":
            dep_delays.append(int(dep_delay))
        if arr_delay != "NA":
            arr_delays.append(int(arr_delay))
    print(f"{carrier} {month} dep_delay\t{sum(dep_delays) / len(dep_delays)}")
    print(f"{carrier} {month} arr_delay\t{sum(arr_delays) / len(arr_delays)}")
    print(f"{carrier} {month} cancelled\t{cancelled}")
