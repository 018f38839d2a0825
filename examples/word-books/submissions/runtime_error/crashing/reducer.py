import sys

books = {}
for line in sys.stdin:
    word, book = line.rstrip("\n").split("\t")  # there are three fields
    books.setdefault(word, set()).add(book)
for word, found in books.items():
    print(word, len(found), sep="\t")
