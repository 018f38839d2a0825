import sys
from itertools import groupby

lines = (line.rstrip("\n").split("\t") for line in sys.stdin)
for word, group in groupby(lines, key=lambda fields: fields[0]):
    times, books, last = 0, 0, None
    for _, book, count in group:
        times += int(count)
        books += book != last  # right only if the books of a word came in order
        last = book
    print(word, times, books, sep="\t")
