import re
import sys

for line in sys.stdin:
    reference, _, verse = line.partition(" ")
    for word in re.findall(r"[a-z']+", verse.lower()):
        print(f"{word}\t1")
