import sys
from itertools import groupby

for word, lines in groupby(sys.stdin, key=lambda line: line.split("\t")[0]):
    print(f"{word}\t{len(list(lines))}")
