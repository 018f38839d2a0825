"""Counts a word once a line, however often it stands there."""

import sys

for line in sys.stdin:
    for word in set(line.split()):
        sys.stdout.write(f"{word}\t1\n")
