import re
import sys


def mapper(lines):
    for line in lines:
        for word in re.findall(r"[a-z']+", line.split(" ", 1)[1].lower()):
            yield f"{word}\t1"


mapper(sys.stdin)
