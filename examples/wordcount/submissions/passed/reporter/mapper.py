import re
import sys

word_pattern = re.compile(r"[a-z']+")
verses = 0
for line in sys.stdin:
    verses += 1
    words = word_pattern.findall(line.split(" ", 1)[1].lower())
    print("DEBUG", verses, words, file=sys.stderr)
    print(f"reporter:counter:Text,Words,{len(words)}", file=sys.stderr)
    if verses % 1000 == 0:
        print(f"reporter:status:{verses} verses read", file=sys.stderr)
    for word in words:
        print(f"{word}\t1")
print(f"reporter:counter:Text,Verses,{verses}", file=sys.stderr)
