import sys
from collections import defaultdict

needs, needed_by = defaultdict(set), defaultdict(set)
for line in sys.stdin:
    package, value = line.rstrip("\n").split("\t")
    direction, other = value.split()
    if direction == "needs":
        needs[package].add(other)
    else:
        needed_by[package].add(other)

for package in sorted(needs):
    print(f"{package}\t{len(needed_by[package])}\t{len(needs[package])}")
