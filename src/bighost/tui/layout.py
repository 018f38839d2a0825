"""Which list gets which part of the screen: one under the other, or two by two where the terminal is wide.

`controls` asks as well, because a page is as long as what is seen.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from bighost.tui.screen import Pane, Screen, Size

LEAST = Size(columns=60, lines=18)
WIDE = 160  # columns from which two lists stand side by side
GUTTER = 2
HEAD = 3  # lines: title, figures, sparkline
FOOT = 1
FRAME = 2  # lines of a list besides its rows: name, titles


def fits(size: Size) -> bool:
    """Whether the screen can be shown at all."""
    return size.columns >= LEAST.columns and size.lines >= LEAST.lines


def body(screen: Screen) -> Size:
    """What is between head and foot."""
    return Size(screen.size.columns, screen.size.lines - _around(screen))


def stacks(screen: Screen) -> tuple[tuple[Pane, ...], ...]:
    """The lists that are shown, in stacks that stand side by side."""
    if screen.zoomed:
        return ((screen.focus,),)
    panes = tuple(Pane)
    return (panes[:2], panes[2:]) if screen.size.columns >= WIDE else (panes,)


def heights(screen: Screen, rows: Mapping[Pane, int]) -> dict[Pane, int]:
    """The lines of rows that each list gets: no more than it has while others need them."""
    found: dict[Pane, int] = {}
    for stack in stacks(screen):
        room = body(screen).lines - FRAME * len(stack)
        found |= _shared(stack, [max(1, rows[pane]) for pane in stack], room, screen.focus)
    return found


def whole(screen: Screen, rows: Mapping[Pane, int]) -> int:
    """The lines in which every row of every list is seen."""
    tallest = max(sum(FRAME + max(1, rows[pane]) for pane in stack) for stack in stacks(screen))
    return max(LEAST.lines, tallest + _around(screen))


def top(row: int, rows: int, height: int) -> int:
    """The first row that is shown, so that the chosen one is in the middle as far as there are others."""
    return max(0, min(row - height // 2, rows - height))


def _around(screen: Screen) -> int:
    """The lines that are no list's: head, foot, and a line of warning."""
    return HEAD + (not screen.still) * FOOT + (not screen.status.taking)


def _shared(stack: Sequence[Pane], wanted: Sequence[int], room: int, focus: Pane) -> dict[Pane, int]:
    """Lines one at a time to whoever has least and wants more, the focus first; what nobody wants is the
    last list's."""
    given = dict.fromkeys(stack, 0)
    wants = dict(zip(stack, wanted, strict=True))

    def need(pane: Pane) -> tuple[float, bool]:
        return (given[pane] / (2 if pane is focus else 1), pane is not focus)

    for _ in range(room):
        hungry = [pane for pane in stack if given[pane] < wants[pane]]
        given[min(hungry, key=need) if hungry else stack[-1]] += 1
    return given
