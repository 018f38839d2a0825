import sys
from itertools import groupby

for package, lines in groupby(sys.stdin, key=lambda line: line.split("\t")[0]):
    degree = {"needs": 0, "needed-by": 0}
    previous = None
    for line in lines:
        if line != previous:
            degree[line.split("\t")[1].split()[0]] += 1
        previous = line
    print(f"{package}\t{degree['needed-by']}\t{degree['needs']}")
