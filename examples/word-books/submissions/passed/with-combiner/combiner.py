import sys
from collections import Counter
from itertools import groupby

lines = (line.rstrip("\n").split("\t") for line in sys.stdin)
for word, group in groupby(lines, key=lambda fields: fields[0]):
    counts = Counter()
    for _, book, count in group:
        counts[book] += int(count)
    for book, count in counts.items():
        print(word, book, count, sep="\t")
