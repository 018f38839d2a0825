import sys
from itertools import groupby

lines = (line.rstrip("\n").split("\t") for line in sys.stdin)
for package, group in groupby(lines, key=lambda line: line[0]):
    neighbours = {value for _, value in group)
    out_degree = sum(value.startswith("needs ") for value in neighbours)
    in_degree = len(neighbours) - out_degree
    print(f"{package}\t{in_degree}\t{out_degree}")
