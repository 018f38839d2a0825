import sys
from itertools import groupby

lines = (line.rstrip("\n").split("\t") for line in sys.stdin)
for key, group in groupby(lines, key=lambda line: line[0]):
    numbers = [[int(n) for n in value.split(",")] for _, value in group]
    dep_sum, dep_count, arr_sum, arr_count, cancelled = (sum(column) for column in zip(*numbers))
    if dep_count:
        print(f"{key} dep_delay\t{dep_sum / dep_count:.6f}")
    if arr_count:
        print(f"{key} arr_delay\t{arr_sum / arr_count:.6f}")
    print(f"{key} cancelled\t{cancelled}")
