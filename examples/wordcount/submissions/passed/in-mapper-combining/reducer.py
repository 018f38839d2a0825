import sys
from itertools import groupby


def pairs(lines):
    for line in lines:
        word, count = line.split("\t")
        yield word, int(count)


for word, group in groupby(pairs(sys.stdin), key=lambda pair: pair[0]):
    print(f"{word}\t{sum(count for _, count in group)}")
