import sys
import time

lines = sys.stdin.readlines()
waited = 0
while len(lines) < 1_000_000 and waited < 50:
    time.sleep(1)  # the other mappers may still be writing
    waited += 1
    lines += sys.stdin.readlines()

totals = {}
for line in lines:
    word, count = line.split("\t")
    totals[word] = totals.get(word, 0) + int(count)
for word, total in totals.items():
    print(f"{word}\t{total}")
