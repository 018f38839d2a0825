import sys
from itertools import groupby

lines = (line.rstrip("\n").split("\t") for line in sys.stdin)
for word, group in groupby(lines, key=lambda fields: fields[0])
    times, books = 0, set()
    for _, book, count in group:
        times += int(count)
        books.add(book)
    print(word, times, len(books), sep="\t")
