"""The configuration file: found, parsed, and every complaint about it given with its line."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import msgspec
import platformdirs

from bighost.errors import OperatorError
from bighost.job.spelling import perhaps

TABLES = ("node", "coordinator", "client")


class ConfigFile(msgspec.Struct, frozen=True):
    """A file's tables, and its text for line numbers."""

    path: Path
    text: str
    tables: dict[str, dict[str, Any]]

    def where(self, table: str, key: str = "") -> str:
        """File and line of a table, or of a key in it."""
        return f"{self.path}, line {_line(self.text, table, key)}"


def default_path() -> Path:
    """Where the file lies unless --config says otherwise."""
    return platformdirs.user_config_path("bighost") / "config.toml"


def load(path: Path | None) -> ConfigFile | None:
    """The file at `path`, or the one in its usual place; None when there is none in the usual place.

    Raises OperatorError, with the line, for a file that can't be read, is no TOML, or has tables of its own.
    """
    target = path or default_path()
    try:
        text = target.read_text(encoding="utf-8")
    except FileNotFoundError:
        if path is None:
            return None
        raise OperatorError(f"there is no configuration file {target}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise OperatorError(f"the configuration file {target} can't be read: {error}") from None
    try:
        tables = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise OperatorError(f"{target} is no TOML: {error}") from None
    file = ConfigFile(target, text, tables)
    for name, table in tables.items():
        if name not in TABLES or not isinstance(table, dict):
            raise OperatorError(
                f"{file.where(name)}: there is no table {name!r}",
                hint=perhaps(name, TABLES) or "the tables are [node], [coordinator] and [client]",
            )
    return file


def _line(text: str, table: str, key: str) -> int:
    """The line of `key` in `table`, as far as a look at the text can tell; 1 at least."""
    found, inside = 1, False
    for number, line in enumerate(text.splitlines(), 1):
        if header := re.match(r"\s*\[\s*([^\]\s]+)\s*\]", line):
            inside = header[1].strip("\"'") == table
            found = number if inside else found
        elif (inside and key and _begins(line, key)) or (not key and _begins(line, table)):
            return number
    return found


def _begins(line: str, key: str) -> bool:
    return re.match(rf"""\s*["']?{re.escape(key)}["']?\s*[.=]""", line) is not None
