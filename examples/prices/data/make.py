"""Makes the data of this assignment: trades at an exchange that does not exist.

`--dataset NAME --output FILE` writes a data set, a trade a line; `--shipped` writes the files beside this
script again. The same trades on every machine, and in little memory however many they are.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
TRADES = {"sample": 1_000, "larger": 10_000, "full": 20_000_000}
SHIPPED = {"sample": "sample.csv", "larger": "larger.csv"}
SYMBOLS = 40
OPENING_MS = 1_772_442_900_000  # 2 March 2026, 9:15 in Bengaluru
LARGEST_STEP = 0.004
LONGEST_PAUSE_MS = 400


def main() -> None:
    """Parses the command line and writes what it asks for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--dataset", choices=TRADES)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--shipped", action="store_true")
    asked = parser.parse_args()
    if not asked.shipped and (asked.dataset is None or asked.output is None):
        parser.error("say --dataset and --output, or --shipped")
    wanted = {n: HERE / f for n, f in SHIPPED.items()} if asked.shipped else {asked.dataset: asked.output}
    for name, path in wanted.items():
        with path.open("w") as file:
            file.writelines(trades(TRADES[name], seed=TRADES[name]))


def trades(count: int, seed: int) -> Iterator[str]:
    """The lines of a data set: prices move by chance, and some symbols are traded far more often."""
    chance = random.Random(seed)
    names = [f"{chr(65 + n // 26)}{chr(65 + n % 26)}X" for n in range(SYMBOLS)]
    prices = [round(5_000 + 200_000 * chance.random()) for _ in names]
    now = OPENING_MS
    for _ in range(count):
        now += 1 + int(LONGEST_PAUSE_MS * chance.random())
        who = int(SYMBOLS * chance.random() ** 2)
        prices[who] = max(100, round(prices[who] * (1 + LARGEST_STEP * (2 * chance.random() - 1))))
        yield f"{now},{names[who]},{prices[who]},{1 + int(500 * chance.random())}\n"


if __name__ == "__main__":
    main()
