import re
import sys

table = [[0] * 64 for _ in range(1_000_000)]  # a row for every word there might ever be
for line in sys.stdin:
    reference, _, verse = line.partition(" ")
    book = re.match(r"\d*[A-Za-z]+", reference)[0]
    for word in re.findall(r"[a-z']+", verse.lower()):
        table[hash(word) % len(table)][0] += 1
        print(word, book, 1, sep="\t")
