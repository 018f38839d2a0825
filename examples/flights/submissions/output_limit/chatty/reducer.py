import sys
from collections import defaultdict

dep_totals, dep_counts = defaultdict(int), defaultdict(int)
arr_totals, arr_counts = defaultdict(int), defaultdict(int)
cancelled = defaultdict(int)

for line in sys.stdin:
    key, value = line.rstrip("\n").split("\t")
    dep_delay, arr_delay, was_cancelled = value.split(",")
    if dep_delay != "NA":
        dep_totals[key] += int(dep_delay)
        dep_counts[key] += 1
        print(f"{key} dep_delay\t{dep_totals[key] / dep_counts[key]}")
    if arr_delay != "NA":
        arr_totals[key] += int(arr_delay)
        arr_counts[key] += 1
        print(f"{key} arr_delay\t{arr_totals[key] / arr_counts[key]}")
    cancelled[key] += int(was_cancelled)
    print(f"{key} cancelled\t{cancelled[key]}")
