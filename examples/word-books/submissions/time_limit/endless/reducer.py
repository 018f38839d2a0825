import sys
import time

end = time.monotonic() + 60
lines = sys.stdin.readlines()
while time.monotonic() < end:
    lines.sort(key=lambda line: line[::-1])
