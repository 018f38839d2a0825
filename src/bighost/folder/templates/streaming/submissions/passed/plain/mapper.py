"""Writes every word of its input with a count of one."""

import sys

for line in sys.stdin:
    for word in line.split():
        sys.stdout.write(f"{word}\t1\n")
