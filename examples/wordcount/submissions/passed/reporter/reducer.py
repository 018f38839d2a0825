import sys
from collections import defaultdict

totals = defaultdict(int)
for line in sys.stdin:
    word, count = line.split("\t")
    totals[word] += int(count)
for word in totals:
    print(f"{word}\t{totals[word]}")
print(f"reporter:counter:Text,Different words,{len(totals)}", file=sys.stderr)
