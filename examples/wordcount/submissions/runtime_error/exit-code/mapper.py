import re
import sys


def main():
    words = 0
    for line in sys.stdin:
        for word in re.findall(r"[a-z']+", line.split(" ", 1)[1].lower()):
            print(f"{word}\t1")
            words += 1
    return words > 0


sys.exit(main())
