import sys
from collections import defaultdict

neighbours = defaultdict(set)
for line in sys.stdin:
    package, value = line.rstrip("\n").split("\t")
    neighbours[package].add(value)

by_degree = sorted(neighbours, key=lambda package: len(neighbours[package]), reverse=True)
for package in by_degree:
    out_degree = sum(value.startswith("needs ") for value in neighbours[package])
    print(f"{package}\t{len(neighbours[package]) - out_degree}\t{out_degree}")
