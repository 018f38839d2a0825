"""Lines of text from rows and columns, each just as wide as it is told to be.

Rich's own tables shrink columns as they see fit; here the staff decide by `rank` which columns a narrow
terminal loses first, and the room of a wide one is shared out by `share`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from rich.text import Text

R = TypeVar("R")
GAP = " "


@dataclass(frozen=True)
class Place:
    """What a cell may depend on besides its row: the moment (ns), and the cells that it has."""

    now: int
    width: int


@dataclass(frozen=True)
class Column(Generic[R]):
    """A column: its least width, how it shares what is left over, and when it is left out (rank 0: never)."""

    title: str
    width: int
    cell: Callable[[R, Place], Text]
    share: int = 0
    most: int = 1000
    rank: int = 0
    right: bool = field(default=False)


def fitted(columns: Sequence[Column[R]], width: int) -> list[tuple[Column[R], int]]:
    """The columns that fit into `width` cells, each with the cells that it gets."""
    kept = list(columns)
    while _least(kept) > width and any(c.rank for c in kept):
        kept.remove(max(kept, key=lambda c: c.rank))
    return list(zip(kept, _widths(kept, width - _least(kept)), strict=True))


def _least(columns: Sequence[Column[R]]) -> int:
    return sum(c.width for c in columns) + len(GAP) * (len(columns) - 1)


def _widths(columns: Sequence[Column[R]], spare: int) -> list[int]:
    """Least widths, and what is spare given out a cell at a time, to whoever has least for its share."""
    widths = [c.width for c in columns]
    for _ in range(max(0, spare)):
        growing = [i for i, c in enumerate(columns) if c.share and widths[i] < c.most]
        if not growing:
            break
        neediest = min(growing, key=lambda i: (widths[i] - columns[i].width) / columns[i].share)
        widths[neediest] += 1
    return widths


def heading(columns: Sequence[tuple[Column[R], int]], width: int) -> Text:
    """The titles of the columns."""
    cells = [_put(Text(column.title), column.right, cells) for column, cells in columns]
    return line(Text(GAP).join(cells), width, "dim")


def row(columns: Sequence[tuple[Column[R], int]], of: R, now: int, width: int) -> Text:
    """One row under its heading."""
    cells = [
        _put(column.cell(of, Place(now=now, width=cells)), column.right, cells) for column, cells in columns
    ]
    return line(Text(GAP).join(cells), width)


def line(text: Text, width: int, style: str = "") -> Text:
    """A text as a line of exactly `width` cells."""
    text = text.copy()
    text.truncate(width, overflow="ellipsis", pad=True)
    if style:
        text.stylize_before(style)
    return text


def _put(text: Text, right: bool, width: int) -> Text:
    text.truncate(width, overflow="ellipsis")
    missing = width - text.cell_len
    if right:
        text.pad_left(missing)
    else:
        text.pad_right(missing)
    return text
