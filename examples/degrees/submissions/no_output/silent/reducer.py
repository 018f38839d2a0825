import sys
from itertools import groupby

lines = (line.rstrip("\n").split("\t") for line in sys.stdin)
packages = groupby(lines, key=lambda line: line[0])
for package, group in list(packages):
    neighbours = {value for _, value in group}
    if not neighbours:
        continue
    out_degree = sum(value.startswith("needs ") for value in neighbours)
    print(f"{package}\t{len(neighbours) - out_degree}\t{out_degree}")
