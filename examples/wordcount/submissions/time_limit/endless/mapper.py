import sys
import time

give_up = time.monotonic() + 50

for line in sys.stdin:
    verse = line.split(" ", 1)[1].lower()
    position = 0
    while position < len(verse) and time.monotonic() < give_up:
        if verse[position].isalpha():
            end = position
            while end < len(verse) and verse[end].isalpha():
                end += 1
            print(f"{verse[position:end]}\t1")
            position = end
