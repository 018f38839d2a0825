"""The few pieces of Markdown that the pages are made of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import compress


def join(*blocks: str) -> str:
    """A page: blocks with a blank line between them, empty ones left out."""
    return "\n\n".join(block.strip("\n") for block in blocks if block.strip()) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table without the columns in which no row has anything; a '|' in a cell is escaped."""
    filled = list(rows)
    kept = [any(row[column] for row in filled) for column in range(len(head))]
    shown = [list(compress(row, kept)) for row in (head, ["---"] * len(head), *filled)]
    return "\n".join(map(_row, shown))


def fence(language: str, text: str) -> str:
    """A block of code, or a drawing."""
    return f"```{language}\n{text.rstrip()}\n```"


def code(text: str) -> str:
    """Text as code; nothing stays nothing."""
    return f"`{text}`" if text else ""


def drawn_from(*sources: str) -> str:
    """The line under a page's title that says what to change instead of the page."""
    return f"*Drawn from {', '.join(map(code, sources))} by `make docs`; change it there.*"


def _row(cells: Sequence[str]) -> str:
    shown = (" ".join(cell.split()).replace("|", "\\|") for cell in cells)
    return "| " + " | ".join(shown) + " |"
