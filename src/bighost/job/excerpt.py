"""Bytes of strangers made fit to be shown: short, on one line, nothing but printable characters."""

from __future__ import annotations

LONGEST = 120


def excerpt(data: bytes | str, longest: int = LONGEST) -> str:
    """The beginning of `data` in at most `longest` characters, ending in '…' where something was left out.

    Line ends, control and direction characters and bytes that are not UTF-8 are shown by their escapes.
    """
    if isinstance(data, bytes):
        text = data[: 4 * longest + 4].decode("utf-8", "backslashreplace")
    else:
        text = data[: longest + 1]
    shown = "".join(c if c.isprintable() else _escape(c) for c in text)
    return shown if len(shown) <= longest else shown[: longest - 1] + "…"


def _escape(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")
