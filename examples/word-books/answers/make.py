"""Writes the keys beside this script from the data, by another way than the submissions go."""

from __future__ import annotations

import gzip
import string
from collections import Counter, defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
DATA = HERE.parent / "data"
LETTERS = string.ascii_letters + "'"
FOLD = {i: chr(i).lower() if chr(i) in LETTERS else " " for i in range(128)}


def count(text: str) -> list[str]:
    """A line for each word: how often it stands in the verses, and in how many books."""
    times: Counter[str] = Counter()
    books: defaultdict[str, set[str]] = defaultdict(set)
    for line in text.splitlines():
        reference, _, verse = line.partition(" ")
        for word in verse.translate(FOLD).split():
            times[word] += 1
            books[word].add(reference.partition(":")[0].rstrip(string.digits))
    return [f"{word}\t{times[word]}\t{len(books[word])}\n" for word in sorted(times)]


def main() -> None:
    """Writes a key for each dataset."""
    whole = [gzip.decompress((DATA / f"{name}.txt.gz").read_bytes()) for name in ("first", "second")]
    for name, text in (("sample", (DATA / "sample.txt").read_bytes()), ("whole", b"".join(whole))):
        (HERE / f"{name}.tsv").write_text("".join(count(text.decode("ascii"))), encoding="ascii")


if __name__ == "__main__":
    main()
