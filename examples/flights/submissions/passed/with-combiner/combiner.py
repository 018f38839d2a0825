import sys
from itertools import groupby

lines = (line.rstrip("\n").split("\t") for line in sys.stdin)
for key, group in groupby(lines, key=lambda line: line[0]):
    numbers = [[int(n) for n in value.split(",")] for _, value in group]
    sums = [sum(column) for column in zip(*numbers)]
    print(key, ",".join(map(str, sums)), sep="\t")
