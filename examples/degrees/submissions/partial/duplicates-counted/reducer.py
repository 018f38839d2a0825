import sys
from itertools import groupby

for package, lines in groupby(sys.stdin, key=lambda line: line.split("\t")[0]):
    in_degree = out_degree = 0
    for line in lines:
        _, i, o = line.split()
        in_degree += int(i)
        out_degree += int(o)
    print(f"{package}\t{in_degree}\t{out_degree}")
