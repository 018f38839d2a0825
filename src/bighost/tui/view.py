"""Draws a screen: as many lines as the terminal has, each as wide. No I/O, no clock; the same screen is
always the same picture."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from textwrap import wrap

from rich.text import Text

from bighost import __version__
from bighost.tui import layout, sheets, table, words
from bighost.tui.columns import COLUMNS
from bighost.tui.layout import GUTTER, LEAST
from bighost.tui.panes import KINDS, listed
from bighost.tui.screen import Pane, Screen, Sheet

CHOSEN = "reverse"
SPARK_MOST = 120  # cells: ten minutes in spans of 5 s
HINTS = "? help  Tab list  ↑↓ row  Enter look  s sort  / search  z zoom  p pause  q quit"


def frame(screen: Screen) -> list[Text]:
    """The picture: `size.lines` lines of `size.columns` cells each; a still one has no foot."""
    if not layout.fits(screen.size):
        return _too_small(screen)
    lines = [_title(screen), _figures(screen), _spark(screen)]
    if not screen.status.taking:
        notice = f" NO SUBMISSIONS ARE TAKEN: {words.plain(screen.status.notice)}"
        lines.append(table.line(Text(notice), screen.size.columns, "bold white on red"))
    lines += _sheet(screen, screen.sheet) if screen.sheet else _lists(screen)
    return lines if screen.still else [*lines, _foot(screen)]


def _too_small(screen: Screen) -> list[Text]:
    columns, lines = screen.size.columns, screen.size.lines
    sentence = (
        f"This terminal has {columns}×{lines} cells, the screen needs {LEAST.columns}×{LEAST.lines}. "
        "Make it larger; q leaves."
    )
    said = [Text(part) for part in wrap(sentence, max(1, columns))]
    return [table.line(t, columns) for t, _ in zip_longest(said[:lines], range(lines), fillvalue=Text())]


# -- head and foot


def _title(screen: Screen) -> Text:
    left = Text(f" BigHOST {__version__}", style="bold")
    if not screen.lost:
        left.append(f"  {words.plain(screen.url, 60)}", style="not bold dim")
    if screen.lost:
        right = Text(f"reconnecting… {words.plain(screen.lost)} ", style="bold yellow")
    elif screen.paused:
        right = Text("paused ", style="bold yellow")
    elif screen.still:
        right = Text()
    else:
        right = Text("● live ", style="green")
    room = screen.size.columns
    right.truncate(max(24, room - left.cell_len - 1), overflow="ellipsis")
    return table.line(left, room - right.cell_len) + right


def _figures(screen: Screen) -> Text:
    status = screen.status
    here = [node for node in status.nodes if node.state != "away"]
    busy, slots = sum(node.busy for node in here), sum(node.slots for node in here)
    oldest = max((queue.oldest_wait_s for queue in status.queue if queue.waiting), default=None)
    parts = [
        (
            f"{len(here)} of {len(status.nodes)} nodes",
            "" if len(here) == len(status.nodes) else "yellow",
        ),
        (f"{busy} of {slots} slots busy", "bold" if busy else ""),
        (f"{status.waiting} waiting", "cyan" if status.waiting else ""),
        (f"oldest {words.short(oldest)}", ""),
        (f"{status.throughput.per_hour} marks/h", "green"),
    ]
    text = Text(" ") + Text(" · ", style="dim").join([Text(said, style=style) for said, style in parts])
    return table.line(text, screen.size.columns)


def _spark(screen: Screen) -> Text:
    throughput = screen.status.throughput
    marks = throughput.marks[-max(1, min(SPARK_MOST, screen.size.columns - 35)) :]
    text = Text(" marks ", style="dim") + Text(words.sparkline(marks), style="green")
    if marks:
        span = throughput.span_s
        past = words.short(len(marks) * span)
        text.append(f" last {past}, peak {max(marks)} in {span:g}s", style="dim")
    return table.line(text, screen.size.columns)


def _foot(screen: Screen) -> Text:
    columns = screen.size.columns
    if screen.typing:
        return table.line(
            Text(f" /{words.plain(screen.search)}▏") + _dim("  Enter keeps, Esc clears"), columns
        )
    if screen.told:
        return table.line(Text(f" {words.plain(screen.told)}", style="yellow"), columns)
    if screen.sheet is not None:
        pages = "  ←→ page" if len(screen.sheet.pages) > 1 else ""
        return table.line(_dim(f" Esc back  ↑↓ PgUp PgDn scroll{pages}  q quit"), columns)
    searching = Text(f" /{words.plain(screen.search)} ", style="reverse") if screen.search else Text()
    return table.line(Text.assemble(searching, _dim(f" {HINTS}")), columns)


def _dim(text: str) -> Text:
    return Text(text, style="dim")


# -- lists


def _lists(screen: Screen) -> list[Text]:
    rows = {pane: listed(screen, pane) for pane in Pane}
    heights = layout.heights(screen, {pane: len(found) for pane, found in rows.items()})
    stacks = layout.stacks(screen)
    width = (screen.size.columns - GUTTER * (len(stacks) - 1)) // len(stacks)
    drawn = [
        [line for pane in stack for line in _list(screen, pane, rows[pane], width, heights[pane])]
        for stack in stacks
    ]
    beside = [Text(" " * GUTTER).join(lines) for lines in zip(*drawn, strict=True)]
    return [table.line(line, screen.size.columns) for line in beside]


def _list(screen: Screen, pane: Pane, rows: Sequence[object], width: int, height: int) -> list[Text]:
    place, columns = screen.places[pane], table.fitted(COLUMNS[pane], width)
    chosen = min(place.row, len(rows) - 1)
    top = layout.top(chosen, len(rows), height)
    lines = [table.row(columns, row, screen.now, width) for row in rows[top : top + height]]
    if pane is screen.focus and rows and not screen.still:
        lines[chosen - top].stylize(CHOSEN)
    if not rows:
        lines = [table.line(_dim("none" if not screen.search else "none with these words"), width)]
    lines += [Text(" " * width) for _ in range(height - len(lines))]
    seen = (top, min(top + height, len(rows)), len(rows))
    return [_name(screen, pane, width, seen), table.heading(columns, width), *lines]


def _name(screen: Screen, pane: Pane, width: int, seen: tuple[int, int, int]) -> Text:
    """A list's first line: its name, what of it is seen, how it is sorted."""
    first, last, all_rows = seen
    place, focused = screen.places[pane], pane is screen.focus and not screen.still
    text = Text(f"{'▶' if focused else '─'} {pane.value} ", style="bold cyan" if focused else "bold")
    part = f"{first + 1}-{last} of {all_rows}" if last - first < all_rows else str(all_rows)
    text.append(part, style="not bold dim")
    order = KINDS[pane].orders[place.order].name
    arrow = " ↑" if place.backwards else ""
    sorted_by = f" by {order}{arrow}" if place.order or place.backwards else ""
    text.append(f"{sorted_by} ", style="not bold dim")
    text.append("─" * (width - text.cell_len), style="not bold dim")
    return table.line(text, width)


# -- sheets


def _sheet(screen: Screen, sheet: Sheet) -> list[Text]:
    width, height = screen.size.columns, sheets.height(screen)
    lines = sheets.wrapped(sheet, width)
    shown = lines[sheet.top : sheet.top + height]
    title = Text(f"▶ {words.plain(sheet.title)} ", style="bold cyan")
    for number, page in enumerate(sheet.pages if len(sheet.pages) > 1 else ()):
        title.append(f" {words.plain(page.title)} ", style=CHOSEN if number == sheet.page else "not bold dim")
    if len(lines) > height:
        title.append(f" {sheet.top + 1}-{sheet.top + len(shown)} of {len(lines)} ", style="not bold dim")
    title.append("─" * max(0, width - title.cell_len), style="not bold dim")
    shown += [""] * (height - len(shown))
    indent = " " * sheets.INDENT
    return [table.line(title, width), *(table.line(Text(indent + text), width) for text in shown)]
