import sys

current, total = None, 0
for line in sys.stdin:
    word, _, count = line.partition("\t")
    if word != current:
        current, total = word, 0
    total += int(count)
    for _ in range(100):
        print(f"{current}\t{total}")
