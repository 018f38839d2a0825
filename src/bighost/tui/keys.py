"""What was typed, from the bytes that a terminal sends: characters, and keys that have names.

An escape sequence is `ESC [ ... letter`, `ESC [ number ~` or `ESC O letter` (ECMA-48, and xterm's control
sequences). A lone ESC is the Escape key, which can only be told from the start of a sequence by what does
not follow: whoever reads the terminal calls `flush` when nothing more has come for a moment. A sequence
that has no name here is swallowed whole, so that its letters are never taken for keys.
"""

from __future__ import annotations

import codecs
import re
from enum import Enum


class Named(Enum):
    """Keys that are no characters."""

    UP = "↑"
    DOWN = "↓"
    LEFT = "←"
    RIGHT = "→"
    PAGE_UP = "PgUp"
    PAGE_DOWN = "PgDn"
    HOME = "Home"
    END = "End"
    TAB = "Tab"
    BACK_TAB = "Shift-Tab"
    ENTER = "Enter"
    BACKSPACE = "Backspace"
    ESCAPE = "Esc"
    INTERRUPT = "Ctrl-C"


Key = Named | str  # a str is one printable character

_SEQUENCE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|O[@-~])")
_BEGUN = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|O)?")
_LONGEST = 32  # characters of a sequence; longer ones are garbage
_PREFIX = re.compile(r"\x1b[\[O](?:1;[0-9]+)?")  # a modifier, such as Shift, changes nothing
_SEQUENCES = {
    "A": Named.UP,
    "B": Named.DOWN,
    "C": Named.RIGHT,
    "D": Named.LEFT,
    "H": Named.HOME,
    "F": Named.END,
    "Z": Named.BACK_TAB,
    "1~": Named.HOME,
    "4~": Named.END,
    "5~": Named.PAGE_UP,
    "6~": Named.PAGE_DOWN,
    "7~": Named.HOME,
    "8~": Named.END,
}
_CONTROLS = {
    "\t": Named.TAB,
    "\r": Named.ENTER,
    "\n": Named.ENTER,
    "\x08": Named.BACKSPACE,
    "\x7f": Named.BACKSPACE,
    "\x03": Named.INTERRUPT,
}


class Decoder:
    """Turns bytes into keys; keeps what is not yet whole."""

    def __init__(self) -> None:
        self._utf8 = codecs.getincrementaldecoder("utf-8")("replace")
        self._rest = ""

    @property
    def pending(self) -> bool:
        """Whether an ESC has come whose meaning depends on what follows."""
        return bool(self._rest)

    def feed(self, data: bytes) -> list[Key]:
        """The keys that are whole now."""
        text = self._rest + self._utf8.decode(data)
        keys: list[Key] = []
        at = 0
        while at < len(text):
            if text[at] == "\x1b":
                if self._unfinished(text, at):
                    break
                key, at = _sequence(text, at)
            else:
                key, at = _character(text[at]), at + 1
            if key is not None:
                keys.append(key)
        self._rest = text[at:]
        return keys

    def flush(self) -> list[Key]:
        """Nothing more came: an ESC that stands alone is the Escape key, a sequence cut short is none."""
        rest, self._rest = self._rest, ""
        return [Named.ESCAPE] if rest == "\x1b" else []

    def _unfinished(self, text: str, at: int) -> bool:
        return _BEGUN.fullmatch(text, at) is not None and len(text) - at < _LONGEST


def _sequence(text: str, at: int) -> tuple[Key | None, int]:
    whole = _SEQUENCE.match(text, at)
    if whole is None:
        return Named.ESCAPE, at + 1
    return _SEQUENCES.get(_PREFIX.sub("", whole[0], count=1)), whole.end()


def _character(character: str) -> Key | None:
    if character in _CONTROLS:
        return _CONTROLS[character]
    return character if character.isprintable() and character != "�" else None
