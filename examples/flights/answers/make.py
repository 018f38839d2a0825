"""Writes the keys beside this script from the data, by another way than the submissions go."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator
from pathlib import Path
from statistics import fmean

HERE = Path(__file__).resolve().parent
DATA = HERE.parent / "data"
Row = dict[str, str]


def rows(pattern: str) -> list[Row]:
    """The flights of all files whose names fit the pattern."""
    found: list[Row] = []
    for path in sorted(DATA.glob(pattern)):
        content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
        found += csv.DictReader(content.decode("ascii").splitlines())
    return found


def summary(flights: list[Row]) -> Iterator[str]:
    """The lines of the key; delays are minutes."""
    for carrier, month in sorted({(row["carrier"], row["month"]) for row in flights}):
        group = [row for row in flights if (row["carrier"], row["month"]) == (carrier, month)]
        for name in ("dep_delay", "arr_delay"):
            known = [float(row[name]) for row in group if row[name] != "NA"]
            if known:
                yield f"{carrier} {month} {name}\t{fmean(known)!r}\n"
        yield f"{carrier} {month} cancelled\t{sum(row['dep_time'] == 'NA' for row in group)}\n"


def main() -> None:
    """Writes a key for each dataset that is shipped."""
    for name, pattern in {"sample": "week-*.csv", "larger": "quarter-*.csv.gz"}.items():
        (HERE / f"{name}.tsv").write_text("".join(summary(rows(pattern))))


if __name__ == "__main__":
    main()
