import sys

for line in sys.stdin:
    reference, *words = line.lower().split()
    for word in words:
        print(f"{word}\t1")
