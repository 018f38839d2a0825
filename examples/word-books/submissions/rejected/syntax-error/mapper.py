import re
import sys

for line in sys.stdin:
    reference, _, verse = line.partition(" ")
    book = re.match(r"\d*[A-Za-z]+", reference)[0]
    for word in re.findall(r"[a-z']+", verse.lower()):
        print(word, book, 1, sep="\t")
