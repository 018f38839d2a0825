"""A terminal that is ours for a while: keys come at once, a screen of its own; given back whatever happens.

The keys that would send signals (Ctrl-C, Ctrl-Z) come as keys like all others, so nothing can end the
program half-way through a line. Only lines that changed are written again.
"""

from __future__ import annotations

import io
import os
import sys
import termios
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any

from rich.console import Console
from rich.control import Control
from rich.text import Text

from bighost.tui.screen import Size

CHUNK = 4096


class Terminal:
    """The terminal of stdin and stdout. Use `taken()` before anything else."""

    def __init__(self) -> None:
        self.input = sys.stdin.fileno()
        self._output = sys.stdout.fileno()
        if isinstance(sys.stdout, io.TextIOWrapper):
            sys.stdout.reconfigure(errors="replace")  # a terminal without Unicode shows '?' for a bar
        # Rich reads NO_COLOR and TERM.
        self._console = Console(file=sys.stdout, force_terminal=True, highlight=False, markup=False)
        self._drawn: list[Text] = []

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Take the terminal, and give it back as it was."""
        before = termios.tcgetattr(self.input)
        try:
            termios.tcsetattr(self.input, termios.TCSADRAIN, _unbuffered(before))
            self._console.set_alt_screen(True)
            self._console.show_cursor(False)
            yield
        finally:
            with suppress(OSError):  # a terminal that is gone needs nothing back
                self._console.show_cursor(True)
                self._console.set_alt_screen(False)
            with suppress(termios.error):
                termios.tcsetattr(self.input, termios.TCSADRAIN, before)

    def size(self) -> Size:
        """Its size now; 80 by 24 where it doesn't know."""
        columns, lines = os.get_terminal_size(self._output)
        return Size(columns or 80, lines or 24)

    def read(self) -> bytes:
        """What was typed; nothing when the terminal is gone."""
        try:
            return os.read(self.input, CHUNK)
        except OSError:  # EIO: whoever had the other end has closed it
            return b""

    def forget(self) -> None:
        """What is on it can't be relied on: draw everything the next time."""
        self._drawn = []

    def draw(self, lines: Sequence[Text], size: Size) -> None:
        """Show these lines, which fill it."""
        self._console.size = (size.columns, size.lines)
        with self._console:  # written at once
            if len(self._drawn) != len(lines):
                self._console.control(Control.clear())
            for number, line in enumerate(lines):
                if number >= len(self._drawn) or not _same(self._drawn[number], line):
                    self._console.control(Control.move_to(0, number))
                    self._console.print(line, end="", no_wrap=True, overflow="crop", crop=True)
        self._drawn = list(lines)


def _same(one: Text, other: Text) -> bool:
    """Whether they look the same; Text's own equality knows of spans, and not of the style below them."""
    return one == other and one.style == other.style


def _unbuffered(attributes: list[Any]) -> list[Any]:
    """The attributes (as `termios.tcgetattr` gives them) without echo, line editing, signal keys, Ctrl-S."""
    iflag, oflag, cflag, lflag, *speeds, characters = attributes
    iflag &= ~(termios.IXON | termios.ICRNL)
    lflag &= ~(termios.ECHO | termios.ICANON | termios.ISIG | termios.IEXTEN)
    characters = list(characters)
    characters[termios.VMIN], characters[termios.VTIME] = 1, 0
    return [iflag, oflag, cflag, lflag, *speeds, characters]
