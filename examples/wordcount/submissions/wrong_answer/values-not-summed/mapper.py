import re
import sys
from collections import Counter

for line in sys.stdin:
    verse = line.split(" ", 1)[1].lower()
    for word, count in Counter(re.findall(r"[a-z']+", verse)).items():
        print(f"{word}\t{count}")
