"""Writes the keys beside this script from the data, by another way than the submissions go."""

from __future__ import annotations

import gzip
import string
from collections import Counter
from pathlib import Path

HERE = Path(__file__).resolve().parent
DATA = HERE.parent / "data"
LETTERS = string.ascii_letters + "'"
FOLD = {i: chr(i).lower() if chr(i) in LETTERS else " " for i in range(128)}


def count(text: str) -> Counter[str]:
    """How often each word stands in the verses, whose first field is a reference."""
    verses = [line.partition(" ")[2] for line in text.splitlines()]
    return Counter(" ".join(verses).translate(FOLD).split())


def main() -> None:
    """Writes a key for each dataset that is shipped."""
    texts = {
        "sample": (DATA / "genesis.txt").read_bytes(),
        "larger": gzip.decompress((DATA / "new-testament.txt.gz").read_bytes()),
    }
    for name, text in texts.items():
        lines = [f"{word}\t{n}\n" for word, n in sorted(count(text.decode("ascii")).items())]
        (HERE / f"{name}.tsv").write_text("".join(lines))


if __name__ == "__main__":
    main()
