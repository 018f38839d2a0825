import re
import sys

for line in sys.stdin:
    reference, _, verse = line.partition(" ")
    for word in re.findall(r"[A-Za-z']+", verse):
        print(f"{word}\t1")
