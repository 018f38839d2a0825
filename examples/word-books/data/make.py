"""Writes the data beside this script from `examples/wordcount`: verses of the New Testament in no order."""

from __future__ import annotations

import gzip
import random
from pathlib import Path

HERE = Path(__file__).resolve().parent
TEXT = HERE.parents[1] / "wordcount" / "data" / "new-testament.txt.gz"
SEED = 1611
SAMPLE = 600


def main() -> None:
    """All verses shuffled, in two compressed files, and a few hundred of them as a plain one."""
    verses = gzip.decompress(TEXT.read_bytes()).decode("ascii").splitlines(keepends=True)
    random.Random(SEED).shuffle(verses)
    (HERE / "sample.txt").write_text("".join(verses[:SAMPLE]), encoding="ascii")
    half = len(verses) // 2
    for name, part in (("first", verses[:half]), ("second", verses[half:])):
        (HERE / f"{name}.txt.gz").write_bytes(gzip.compress("".join(part).encode("ascii"), mtime=0))


if __name__ == "__main__":
    main()
