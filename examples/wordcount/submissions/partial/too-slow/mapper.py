import re
import sys

words = []
for line in sys.stdin:
    verse = line.split(" ", 1)[1].lower()
    words += re.findall(r"[a-z']+", verse)
    words.sort()
for word in words:
    print(f"{word}\t1")
