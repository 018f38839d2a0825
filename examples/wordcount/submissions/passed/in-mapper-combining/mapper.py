import sys
from collections import Counter

LETTERS = set("abcdefghijklmnopqrstuvwxyz'")


def words(verse):
    return "".join(c if c in LETTERS else " " for c in verse.lower()).split()


counts = Counter()
for line in sys.stdin:
    counts.update(words(line.split(" ", 1)[1]))
for word, count in counts.items():
    print(word, count, sep="\t")
