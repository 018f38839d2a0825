"""Sheets that lie over the lists: help, a job's story, a node's log; wrapped, so that nothing is cut off."""

from __future__ import annotations

import textwrap

import msgspec
from rich.cells import chop_cells

from bighost.tui import layout, words
from bighost.tui.screen import Page, Screen, Sheet

INDENT = 2  # cells left of a sheet's text
HELP = Sheet(
    title="help",
    pages=(
        Page(
            title="keys",
            lines=(
                "Tab, Shift-Tab, 1 2 3 4   go to another list",
                "↑ ↓ j k, PgUp PgDn,       go up and down in it",
                "  Home End g G",
                "Enter                     a node's log, a job's story, an assignment's rows",
                "s, S                      sort by another column; the other way round",
                "/                         show only rows with these words; Esc shows all again",
                "z                         this list alone, and back",
                "p, Space                  stop the picture, and go on",
                "← →                       another stage of a story, another stream of a log",
                "q, Ctrl-C                 leave; the coordinator goes on",
                "",
                "waiting   submissions in the line, fair between teams",
                "slots     runs at the same time, of those that the node has",
                "credit    jobs that a node will hold, so that it never waits for the next",
                "heard     how long ago the node last said something",
                "faults    of the node itself, in a row; never a student's",
                "done in   until the last that waits is graded, from what the latest ones took",
            ),
        ),
    ),
)


def wrapped(sheet: Sheet, width: int) -> list[str]:
    """The lines of a sheet's page, safe to show, none wider than `width` cells."""
    room = max(2, width - INDENT)
    lines: list[str] = []
    for text in sheet.pages[sheet.page].lines:
        for part in textwrap.wrap(words.plain(text), room) or [""]:
            lines += chop_cells(part, room) or [""]  # a character may take two cells
    return lines


def height(screen: Screen) -> int:
    """The lines of a sheet that are seen at once."""
    return layout.body(screen).lines - 1


def scrolled(screen: Screen, sheet: Sheet, top: int) -> Sheet:
    """The sheet with this line first, or the nearest that leaves no line empty; at its end it follows."""
    last = max(0, len(wrapped(sheet, screen.size.columns)) - height(screen))
    return msgspec.structs.replace(sheet, top=max(0, min(top, last)), following=top >= last)


def renewed(screen: Screen, old: Sheet, new: Sheet) -> Sheet:
    """The same sheet with what was said meanwhile, at the place where it was read."""
    titles = [page.title for page in new.pages]
    title = old.pages[old.page].title
    page = titles.index(title) if title in titles else 0
    new = msgspec.structs.replace(new, page=page)
    return scrolled(screen, new, len(wrapped(new, screen.size.columns)) if old.following else old.top)
