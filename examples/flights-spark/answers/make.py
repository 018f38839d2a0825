"""Writes the keys beside this script from the data, without Spark."""

from __future__ import annotations

import csv
import gzip
from collections import defaultdict
from pathlib import Path
from statistics import fmean

HERE = Path(__file__).resolve().parent
DATA = HERE.parent / "data"
Row = dict[str, str]


def rows(pattern: str) -> list[Row]:
    """The rows of all files whose names fit the pattern."""
    found: list[Row] = []
    for path in sorted(DATA.glob(pattern)):
        found += csv.DictReader(gzip.decompress(path.read_bytes()).decode().splitlines())
    return found


def summary(flights: list[Row]) -> str:
    """The lines of the key; delays are minutes."""
    makers = {row["tailnum"]: row["manufacturer"] for row in rows("planes.csv.gz")}
    zones = {row["faa"]: row["tzone"] for row in rows("airports.csv.gz")}
    groups: dict[str, list[Row]] = defaultdict(list)
    for row in flights:
        zone, maker = zones.get(row["dest"], "unknown"), makers.get(row["tailnum"], "unknown")
        groups[f"{zone} {maker}"].append(row)
    lines = []
    for name, group in sorted(groups.items()):
        lines.append(f"{name} flights\t{len(group)}\n")
        known = [float(row["arr_delay"]) for row in group if row["arr_delay"] != "NA"]
        if known:
            lines.append(f"{name} arr_delay\t{fmean(known)!r}\n")
    return "".join(lines)


def main() -> None:
    """Writes a key for each dataset."""
    for name, pattern in {"sample": "week-*", "larger": "fortnight-*"}.items():
        (HERE / f"{name}.tsv").write_text(summary(rows(pattern)))


if __name__ == "__main__":
    main()
