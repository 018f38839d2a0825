"""Writes the keys beside this script from the data."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
DATA = HERE.parent / "data"


def running(lines: Iterable[str]) -> Iterator[str]:
    """What is known of a symbol after each of its trades: number of trades, lowest, highest, turnover."""
    prices: defaultdict[str, list[int]] = defaultdict(list)
    turnover: defaultdict[str, int] = defaultdict(int)
    for line in lines:
        _, symbol, price, volume = line.split(",")
        prices[symbol].append(int(price))
        turnover[symbol] += int(price) * int(volume)
        seen = prices[symbol]
        yield f"{symbol}\t{len(seen)}\t{min(seen)}\t{max(seen)}\t{turnover[symbol]}\n"


def main() -> None:
    """Writes a key for each dataset that is shipped."""
    for path in sorted(DATA.glob("*.csv")):
        with path.open() as lines:
            (HERE / f"{path.stem}.tsv").write_text("".join(running(lines)))


if __name__ == "__main__":
    main()
