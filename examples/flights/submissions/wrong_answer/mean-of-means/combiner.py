import sys
from itertools import groupby


def mean(column):
    known = [float(delay) for delay in column if delay != "NA"]
    return sum(known) / len(known) if known else "NA"


lines = (line.rstrip("\n").split("\t") for line in sys.stdin)
for key, group in groupby(lines, key=lambda line: line[0]):
    dep_delays, arr_delays, cancelled = zip(*(value.split(",") for _, value in group))
    print(f"{key}\t{mean(dep_delays)},{mean(arr_delays)},{sum(map(int, cancelled))}")
