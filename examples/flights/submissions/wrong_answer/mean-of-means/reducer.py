import sys
from itertools import groupby


def mean(column):
    known = [float(delay) for delay in column if delay != "NA"]
    return sum(known) / len(known) if known else None


lines = (line.rstrip("\n").split("\t") for line in sys.stdin)
for key, group in groupby(lines, key=lambda line: line[0]):
    dep_delays, arr_delays, cancelled = zip(*(value.split(",") for _, value in group))
    if mean(dep_delays) is not None:
        print(f"{key} dep_delay\t{mean(dep_delays)}")
    if mean(arr_delays) is not None:
        print(f"{key} arr_delay\t{mean(arr_delays)}")
    print(f"{key} cancelled\t{sum(map(int, cancelled))}")
