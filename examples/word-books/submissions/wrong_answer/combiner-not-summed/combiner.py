import sys
from collections import Counter
from itertools import groupby

lines = (line.rstrip("\n").split("\t") for line in sys.stdin)
for word, group in groupby(lines, key=lambda fields: fields[0]):
    for book, count in Counter(book for _, book, _ in group).items():
        print(word, book, 1, sep="\t")
