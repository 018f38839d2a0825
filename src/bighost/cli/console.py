"""The one file that prints. Data goes to stdout, talk to stderr; what students wrote is made harmless.

Whatever comes from a program or a person's file is printed as plain text: no markup, no terminal codes.
"""

from __future__ import annotations

import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import TYPE_CHECKING, Any

import msgspec

from bighost.errors import BigHostError

if TYPE_CHECKING:
    from rich.text import Text

# Control characters but tab and line end, and those that hide or turn around what stands beside them.
_HIDING = (0xAD, 0x61C, *range(0x200B, 0x2010), *range(0x2028, 0x202F), *range(0x2060, 0x2070), 0xFEFF)
_UNSEEN = dict.fromkeys((*range(9), *range(11, 32), *range(127, 160), *_HIDING), "\N{REPLACEMENT CHARACTER}")
_STYLES = {
    "passed": "green",
    "partial": "yellow",
    "here": "green",
    "away": "red",
    "draining": "yellow",
    "failed": "magenta",
    "waiting": "cyan",
    "running": "blue",
    "open": "green",
    "closed": "dim",
}


def harmless(text: str) -> str:
    """Text without terminal codes, other control characters, and characters that can't be seen."""
    return text.translate(_UNSEEN)


def say(text: str = "") -> None:
    """A line of talk, for the person: stderr."""
    print(harmless(text), file=sys.stderr, flush=True)


def out(text: str) -> None:
    """A line of data: stdout."""
    print(harmless(text), flush=True)


def json_out(value: Any) -> None:
    """A value as one JSON document on stdout."""
    print(msgspec.json.format(msgspec.json.encode(value), indent=2).decode(), flush=True)


def table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """A table on stdout, or 'none'. A cell that is a state or verdict is coloured; numbers stand right."""
    if not rows:
        out(f"{title}: none" if title else "none")
        return
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    drawn = Table(title=title or None, title_justify="left", title_style="bold", header_style="bold")
    for index, column in enumerate(columns):
        numbers = bool(rows) and all(isinstance(row[index], (int, float)) for row in rows)
        drawn.add_column(column, justify="right" if numbers else "left", overflow="fold")
    for row in rows:
        drawn.add_row(*(Text(_cell(cell), style=_STYLES.get(str(cell), "")) for cell in row))
    # A pipe has no width of its own: rows stay on one line for whoever reads them there.
    width = None if sys.stdout.isatty() else 200
    Console(file=sys.stdout, width=width, soft_wrap=False).print(drawn)


def interactive() -> bool:
    """Whether a person sits at a terminal that can hold a screen: stdin and stdout, and no dumb one."""
    terminal = sys.stdin.isatty() and sys.stdout.isatty()
    return terminal and os.environ.get("TERM", "dumb") not in ("dumb", "unknown")


def picture(lines: Sequence[Text]) -> None:
    """Lines of styled text on stdout; colours only where a terminal takes them."""
    from rich.console import Console

    shown = Console(file=sys.stdout, width=max((line.cell_len for line in lines), default=1))
    for line in lines:
        line.rstrip()
        shown.print(line, no_wrap=True, overflow="crop", crop=False)


def error(problem: BigHostError, *, verbose: bool = False) -> None:
    """What happened, whose fault it is, what to do."""
    say(f"bighost: {problem.message}")
    if problem.hint:
        say(f"  {problem.hint}")
    if verbose:
        traceback.print_exception(problem, file=sys.stderr)


def bug(problem: Exception, *, verbose: bool) -> None:
    """Something that we did not foresee."""
    say(f"bighost: a fault of BigHOST itself: {type(problem).__name__}: {problem}")
    if verbose:
        traceback.print_exception(problem, file=sys.stderr)
    else:
        say("  Run it with -v before the command to see where, and please report it.")


@contextmanager
def progress() -> Iterator[Progress]:
    """A line on stderr that shows how far something is, while a person waits."""
    shown = Progress()
    try:
        yield shown
    finally:
        shown.stop()


class Progress:
    """A spinner with words on a terminal; elsewhere a line whenever the words change."""

    def __init__(self) -> None:
        self._last = ""
        self._status: Any = None

    def show(self, text: str) -> None:
        """Say how far it is now."""
        text = harmless(text).replace("\n", " ")
        if text == self._last:
            return
        self._last = text
        if not sys.stderr.isatty():
            say(text)
            return
        from rich.console import Console
        from rich.text import Text

        if self._status is None:
            self._status = Console(stderr=True).status(Text(text))
            self._status.start()
        self._status.update(Text(text))

    def stop(self) -> None:
        """Take the line away."""
        if self._status is not None:
            self._status.stop()
            self._status = None


def when(ns: int) -> str:
    """A time stamp for people, in their own zone."""
    return datetime.fromtimestamp(ns / 1e9).astimezone().strftime("%Y-%m-%d %H:%M:%S") if ns else "-"


def _cell(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, float):
        return f"{value:g}"
    return harmless(str(value))
