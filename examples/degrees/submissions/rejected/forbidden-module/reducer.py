import sys
from itertools import groupby
from socket import gethostname

print(f"running on {gethostname()}", file=sys.stderr)
lines = (line.rstrip("\n").split("\t") for line in sys.stdin)
for package, group in groupby(lines, key=lambda line: line[0]):
    neighbours = {value for _, value in group}
    out_degree = sum(value.startswith("needs ") for value in neighbours)
    print(f"{package}\t{len(neighbours) - out_degree}\t{out_degree}")
