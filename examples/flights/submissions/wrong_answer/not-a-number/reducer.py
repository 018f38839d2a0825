import sys
from collections import defaultdict

flights = defaultdict(list)
for line in sys.stdin:
    key, value = line.rstrip("\n").split("\t")
    flights[key].append([float(n.replace("NA", "nan")) for n in value.split(",")])

for key, rows in flights.items():
    dep, arr, cancelled = (sum(column) for column in zip(*rows))
    print(f"{key} dep_delay\t{dep / len(rows)}")
    print(f"{key} arr_delay\t{arr / len(rows)}")
    print(f"{key} cancelled\t{int(cancelled)}")
