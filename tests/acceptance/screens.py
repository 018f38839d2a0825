"""A terminal for tests: a pty with somebody typing at one end, and a model of what is seen at it.

The model knows the few codes that the screen is made of, and refuses all others: so whatever runs on it is
known to send nothing else, least of all what a student wrote.
"""

from __future__ import annotations

import codecs
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

DEADLINE_S = 60.0
_CODE = re.compile(r"\x1b\[(\??)([0-9;]*)([A-Za-z])")


class Seen:
    """What a terminal shows."""

    def __init__(self, columns: int, lines: int) -> None:
        self.alternate = False
        self.cursor = True
        self.colours = False
        self.resize(columns, lines)
        self._rest = ""

    def resize(self, columns: int, lines: int) -> None:
        self.columns, self.lines = columns, lines
        self._clear()

    @property
    def text(self) -> str:
        return "\n".join("".join(line).rstrip() for line in self._cells)

    def feed(self, data: str) -> None:
        data = self._rest + data
        at = 0
        while at < len(data):
            if data[at] != "\x1b":
                self._put(data[at])
                at += 1
                continue
            code = _CODE.match(data, at)
            if code is None:
                assert len(data) - at < 20, f"an unknown code: {data[at : at + 20]!r}"
                break
            self._obey(*code.groups())
            at = code.end()
        self._rest = data[at:]

    def _clear(self) -> None:
        self._cells = [[" "] * self.columns for _ in range(self.lines)]
        self._x = self._y = 0

    def _put(self, character: str) -> None:
        if character in "\r\n":
            self._x = 0
            self._y += character == "\n"
            return
        assert character.isprintable(), f"a control character: {character!r}"
        if self._y < self.lines and self._x < self.columns:
            self._cells[self._y][self._x] = character
        self._x += 1

    def _obey(self, private: str, arguments: str, letter: str) -> None:
        match private + letter, arguments:
            case ("H", ""):
                self._x = self._y = 0
            case ("H", _):
                self._y, self._x = (int(number) - 1 for number in arguments.split(";"))
            case ("J", "2"):
                self._clear()
            case ("m", _):
                self.colours |= any(n in arguments.split(";") for n in ("31", "32", "33", "36"))
            case ("?h" | "?l", "1049"):
                self.alternate = letter == "h"
                self._clear()
            case ("?h" | "?l", "25"):
                self.cursor = letter == "h"
            case _:
                raise AssertionError(f"an unknown code: ESC [ {private}{arguments}{letter}")


class Person:
    """Somebody at a terminal on which a command runs."""

    def __init__(self, terminal: int, process: subprocess.Popen[bytes], seen: Seen) -> None:
        self.process = process
        self.seen = seen
        self._terminal = terminal
        self._utf8 = codecs.getincrementaldecoder("utf-8")()
        self.before = termios.tcgetattr(terminal)

    def type(self, keys: str) -> None:
        os.write(self._terminal, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        self.seen.resize(columns, lines)
        fcntl.ioctl(self._terminal, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
        self.process.send_signal(signal.SIGWINCH)  # no controlling terminal would do it for us

    def sees(self, *words: str) -> str:
        """Wait until all of these are on the screen."""
        return self.sees_that(lambda text: all(word in text for word in words), " ".join(words))

    def sees_that(self, true: Callable[[str], bool], told: str) -> str:
        end = time.monotonic() + DEADLINE_S
        while not true(self.seen.text):
            assert self._look(end), f"never saw {told!r}:\n{self.seen.text}"
        return self.seen.text

    def leaves(self) -> int:
        """The exit code, once the command has ended and everything it wrote was read."""
        end = time.monotonic() + DEADLINE_S
        while self.process.poll() is None:
            if not self._look(min(end, time.monotonic() + 0.2)):
                assert time.monotonic() < end, self.seen.text
        while self._look(time.monotonic()):
            pass
        return self.process.returncode

    def close(self) -> None:
        """Close the terminal's window."""
        if self._terminal >= 0:
            os.close(self._terminal)
        self._terminal = -1

    @property
    def attributes(self) -> list[object]:
        return termios.tcgetattr(self._terminal)

    def _look(self, end: float) -> bool:
        """Take in what comes; False when nothing more does."""
        if not select.select([self._terminal], [], [], max(0.0, end - time.monotonic()))[0]:
            return False
        try:
            data = os.read(self._terminal, 65536)
        except OSError:  # EIO: the command has ended
            return False
        self.seen.feed(self._utf8.decode(data))
        return bool(data)


@contextmanager
def at_terminal(
    *args: str, environment: Mapping[str, str], columns: int = 100, lines: int = 30
) -> Iterator[Person]:
    """A person at a new terminal on which `bighost ARGS` was started; it is killed in the end."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))
    process = subprocess.Popen(
        [sys.executable, "-m", "bighost", *args],
        env={"TERM": "xterm-256color", **environment},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
    )
    os.close(theirs)
    person = Person(ours, process, Seen(columns, lines))
    try:
        yield person
    finally:
        process.kill()
        process.wait()
        person.close()
