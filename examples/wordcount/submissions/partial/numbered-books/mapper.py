import re
import sys

REFERENCE = re.compile(r"^[A-Za-z]+\d+:\d+ ")

for line in sys.stdin:
    verse = REFERENCE.sub("", line)
    for word in re.findall(r"[a-z']+", verse.lower()):
        print(f"{word}\t1")
