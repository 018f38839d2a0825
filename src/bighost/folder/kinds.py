"""What a value in `assignment.toml` may be: functions that convert it or raise ValueError with a sentence."""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import date, datetime, time
from enum import StrEnum
from typing import Any

from bighost.job import ids, units
from bighost.job.excerpt import excerpt
from bighost.job.spelling import perhaps
from bighost.pod.contract import Option

Kind = Callable[[Any], Any]


def text(value: Any) -> str:
    """A string that is not empty."""
    if not isinstance(value, str) or not value:
        raise _unfit("a text is needed", value)
    return value


def name(value: Any) -> str:
    """What can name a thing, and a folder."""
    if not ids.is_name(text(value)):
        raise ValueError(f"{_shown(value)} is no name: use letters, digits, '.', '_' and '-', 64 at most")
    return str(value)


def flag(value: Any) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise _unfit("true or false is needed", value)
    return value


def whole(least: int | None = 1, most: int | None = None) -> Kind:
    """A whole number between two bounds."""

    def kind(value: Any) -> int:
        if not isinstance(value, int) or isinstance(value, bool):
            raise _unfit("a whole number is needed", value)
        return int(_bounded(value, least, most))

    return kind


def number(least: float | None = 0, most: float | None = None) -> Kind:
    """A finite number between two bounds."""

    def kind(value: Any) -> float:
        if not isinstance(value, (int, float)) or isinstance(value, bool) or not math.isfinite(value):
            raise _unfit("a number is needed", value)
        return float(_bounded(value, least, most))

    return kind


def size(value: Any) -> int:
    """Bytes: "64MiB", or a whole number."""
    if not isinstance(value, (str, int)):
        raise _unfit("a size such as '64MiB' is needed", value)
    return int(_bounded(units.parse_size(value), 1, None))


def duration(value: Any) -> float:
    """Seconds, above zero: "90s", "2h", or a number."""
    if not isinstance(value, (str, int, float)):
        raise _unfit("a duration such as '90s' is needed", value)
    seconds = units.parse_duration(value)
    if seconds <= 0:
        raise _unfit("a duration above zero is needed", value)
    return seconds


def moment(value: Any) -> datetime:
    """Date and time with a zone, as TOML writes them."""
    if not isinstance(value, datetime):
        raise _unfit("a date with time and zone is needed, such as 2026-11-30T18:00:00Z", value)
    if value.tzinfo is None:
        raise ValueError("it has no time zone: write 2026-11-30T18:00:00+05:30, for example")
    return value


def separator(value: Any) -> str:
    r"""One ASCII character that can stand inside a line."""
    if len(text(value)) != 1 or not value.isascii() or value in "\r\n":
        raise _unfit("one ASCII character is needed, such as '\\t'", value)
    return str(value)


def texts(value: Any) -> tuple[str, ...]:
    """A list of strings."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise _unfit("a list of texts is needed", value)
    return tuple(value)


def table(value: Any) -> dict[str, Any]:
    """A table."""
    if not isinstance(value, dict):
        raise _unfit("a table is needed", value)
    return value


def table_of_tables(value: Any) -> dict[str, Any]:
    """A table that holds tables only: `[datasets.NAME]`."""
    for key, item in table(value).items():
        name(key)
        table(item)
    return dict(value)


def array(value: Any) -> list[Any]:
    """An array of tables: `[[tests]]`."""
    if not isinstance(value, list) or not all(isinstance(item, dict) for item in value):
        raise ValueError(f"tables are needed, each under its own [[…]], not {_shown(value)}")
    return value


def choice(kind: type[StrEnum]) -> Kind:
    """One of the words of an enum."""

    def one_of(value: Any) -> StrEnum:
        words = [item.value for item in kind]
        if value not in words:
            meant = perhaps(value, words) if isinstance(value, str) else ""
            listed = ", ".join(f"'{word}'" for word in words)
            raise ValueError(f"{_shown(value)} is none of {listed}. {meant}".rstrip())
        return kind(value)

    return one_of


def option(option: Option) -> Kind:
    """What an option of a framework takes."""
    if option.kind is bool:
        return flag
    if option.kind is int:
        return whole(option.least, option.most)
    if option.kind is float:
        return number(option.least, option.most)
    return _text_list if option.kind is list else _any_text


def _text_list(value: Any) -> list[str]:
    return list(texts(value))


def _any_text(value: Any) -> str:
    if not isinstance(value, str):
        raise _unfit("a text is needed", value)
    return value


def _bounded(value: float, least: float | None, most: float | None) -> float:
    if least is not None and value < least:
        raise ValueError(f"at least {least} is needed, not {value}")
    if most is not None and value > most:
        raise ValueError(f"at most {most} may be given, not {value}")
    return value


def _unfit(wanted: str, value: Any) -> ValueError:
    return ValueError(f"{wanted}, not {_shown(value)}")


def _shown(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return f"'{excerpt(value)}'" if value else "an empty one"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, list):
        return "a list"
    if isinstance(value, (datetime, date, time)):
        return value.isoformat()
    return excerpt(str(value))
