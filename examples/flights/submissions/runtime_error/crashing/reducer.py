import sys
from itertools import groupby


def mean(delays):
    return sum(float(delay) for delay in delays) / len(delays)


lines = (line.rstrip("\n").split("\t") for line in sys.stdin)
for key, group in groupby(lines, key=lambda line: line[0]):
    dep_delays, arr_delays, cancelled = zip(*(value.split(",") for _, value in group))
    print(f"{key} dep_delay\t{mean(dep_delays)}")
    print(f"{key} arr_delay\t{mean(arr_delays)}")
    print(f"{key} cancelled\t{sum(map(int, cancelled))}")
