"""A TOML file whose mistakes can be pointed at: values with the line on which each stands.

`tomllib` keeps no positions. A line is found by parsing ever longer beginnings of the file: the statement
that brings a key into being begins right after the longest beginning that parses without it. That is slow
(as many parses as lines), and only done once, for the error that ends the reading.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from bighost.errors import AssignmentError
from bighost.folder.keys import Key
from bighost.job.excerpt import excerpt
from bighost.job.spelling import perhaps

T = TypeVar("T")

MOST_BYTES = 256 * 1024

Place = tuple[str | int, ...]
"""Keys and indexes from the top: `("tests", 1, "weight")`."""


class Source:
    """The text of a TOML file and what it holds."""

    def __init__(self, name: str, data: bytes) -> None:
        """Parse `data`. Raises AssignmentError with `name` and the line where it is not TOML."""
        self._name = name
        try:
            self._lines = data.decode("utf-8").splitlines(keepends=True)
            self.values = tomllib.loads(data.decode("utf-8"))
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            raise self._error(line, f"byte 0x{data[error.start]:02x} is not UTF-8") from None
        except tomllib.TOMLDecodeError as error:
            raise self._syntax_error(str(error)) from None

    @classmethod
    def read(cls, path: Path) -> Source:
        """The file at `path`. Raises AssignmentError where it is not there or too long."""
        try:
            with path.open("rb") as file:
                data = file.read(MOST_BYTES + 1)
        except OSError as error:
            hint = "`bighost assignments new DIR` writes one to start from."
            raise AssignmentError(f"{path} can't be read: {error.strerror}", hint=hint) from None
        if len(data) > MOST_BYTES:
            raise AssignmentError(f"{path} is longer than {MOST_BYTES // 1024} KiB")
        return cls(path.name, data)

    def table(self) -> Table:
        """The whole file."""
        return Table(self, (), self.values)

    def error(self, place: Place, message: str, hint: str = "") -> AssignmentError:
        """An error about what stands at `place`; where nothing does, about what it should stand in."""
        while place and not _holds(self.values, place):
            place = place[:-1]
        return self._error(self._line(place) if place else None, message, hint)

    def _error(self, line: int | None, message: str, hint: str = "") -> AssignmentError:
        where = self._name if line is None else f"{self._name}, line {line}"
        return AssignmentError(f"{where}: {message}", hint=hint)

    def _line(self, place: Place) -> int:
        before = 0
        for end in range(1, len(self._lines) + 1):
            try:
                values = tomllib.loads("".join(self._lines[:end]))
            except tomllib.TOMLDecodeError:
                continue  # in the middle of a statement
            if _holds(values, place):
                break
            before = end
        return before + 1

    def _syntax_error(self, message: str) -> AssignmentError:
        """`tomllib` says '… (at line 3, column 5)' or '… (at end of document)'."""
        match = re.fullmatch(r"(.*) \(at (?:line (\d+), column \d+|end of document)\)", message, re.DOTALL)
        text, line = (match[1], match[2]) if match else (message, None)
        return self._error(int(line) if line else len(self._lines), f"this is no TOML: {excerpt(text)}")


class Table:
    """One table of the file, and its place there."""

    def __init__(self, source: Source, place: Place, values: dict[str, Any]) -> None:
        self._source = source
        self.place = place
        self.values = values

    def fields(self, keys: Sequence[Key]) -> dict[str, Any]:
        """The values of all keys that are there, checked and converted, by the name of their field.

        Raises AssignmentError with the line of the first one that is unknown, of the wrong kind, or missing.
        """
        known = {key.name: key for key in keys}
        for name in self.values:
            if name not in known:
                message = f"unknown key {excerpt(name)!r}{self._title(' in ')}"
                raise self.error(message, name, perhaps(name, known))
        for key in keys:
            if key.needed and key.name not in self.values:
                raise self.error(f"{key.name!r} is missing{self._title(' from ')}")
        return {known[name].field: self.value(name, known[name].kind) for name in self.values}

    def value(self, name: str, convert: Callable[[Any], T]) -> T:
        """What `convert` makes of the value of a key that is there; its ValueError gets the line."""
        try:
            return convert(self.values[name])
        except ValueError as error:
            raise self.error(f"{name}{self._title(' in ')}: {error}", name) from None

    def table(self, key: str) -> Table:
        """The table of this name in this one; empty where there is none."""
        return Table(self._source, (*self.place, key), self.values.get(key, {}))

    def tables(self, key: str) -> list[Table]:
        """The tables of an array, `[[key]]`."""
        items = self.values.get(key, [])
        return [Table(self._source, (*self.place, key, i), item) for i, item in enumerate(items)]

    def error(self, message: str, key: str | None = None, hint: str = "") -> AssignmentError:
        """An error about this table or one of its keys, with the line."""
        return self._source.error(self.place if key is None else (*self.place, key), message, hint)

    def _title(self, before: str) -> str:
        names = [str(p) for p in self.place if isinstance(p, str)]
        if not names:
            return ""
        title = ".".join(names)
        return f"{before}[[{title}]]" if isinstance(self.place[-1], int) else f"{before}[{title}]"


def _holds(values: Any, place: Place) -> bool:
    try:
        for step in place:
            values = values[step]
    except (KeyError, IndexError, TypeError):
        return False
    return True
