import sys

SIZE = 40_000_000

words = [None] * SIZE
totals = [0] * SIZE
used = []
for line in sys.stdin:
    word, count = line.split("\t")
    slot = hash(word) % SIZE
    while words[slot] not in (None, word):
        slot = (slot + 1) % SIZE
    if words[slot] is None:
        words[slot] = word
        used.append(slot)
    totals[slot] += int(count)
for slot in used:
    print(f"{words[slot]}\t{totals[slot]}")
