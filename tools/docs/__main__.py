"""Writes the pages that are drawn from the code; with `--check` only says which of them are stale.

python -m tools.docs [--check]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from tools.docs import protocol, states, verdicts

ROOT = Path(__file__).parents[2]

PAGES: dict[str, Callable[[], str]] = {
    "docs/states.md": states.page,
    "docs/verdicts.md": verdicts.page,
    "docs/protocol.md": protocol.page,
}


def stale(root: Path = ROOT) -> list[str]:
    """The pages that are missing, or say something else than the code."""
    return [name for name, page in PAGES.items() if _read(root / name) != page()]


def write(names: list[str], root: Path = ROOT) -> None:
    """Write these pages as the code now has them."""
    for name in names:
        (root / name).write_text(PAGES[name](), encoding="utf-8")


def main(arguments: list[str]) -> int:
    """0 when every page is fresh in the end, 1 when `--check` found a stale one."""
    parser = argparse.ArgumentParser(prog="python -m tools.docs", description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing, fail when a page is stale")
    check: bool = parser.parse_args(arguments).check
    found = stale()
    for name in found:
        sys.stderr.write(f"{name} is stale: run `make docs` and commit it\n" if check else f"wrote {name}\n")
    if not check:
        write(found)
    return int(check and bool(found))


def _read(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
