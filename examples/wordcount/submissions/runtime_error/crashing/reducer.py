import sys

totals = {}
for line in sys.stdin:
    word, count = line.split("\t")
    totals[word] += int(count)
for word, total in totals.items():
    print(f"{word}\t{total}")
