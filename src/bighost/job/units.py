"""Sizes and durations as people write them ("256MiB", "90s", "2h") and as programs need them."""

from __future__ import annotations

import math
import re

_SIZES = {"": 1, "B": 1, "K": 1024, "M": 1024**2, "G": 1024**3, "T": 1024**4}
_SIZES |= {f"{u}iB": n for u, n in _SIZES.items() if u not in ("", "B")}
_SIZES |= {"kB": 1000, "KB": 1000, "MB": 1000**2, "GB": 1000**3, "TB": 1000**4}
_TIMES = {"": 1.0, "ms": 0.001, "s": 1.0, "min": 60.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_NUMBER = re.compile(r"\s*([0-9]+(?:\.[0-9]+)?)\s*([A-Za-z]*)\s*")


def parse_size(text: str | int) -> int:
    """Bytes in "256MiB", "1.5 GB", "8000m" (as the original wrote megabytes) or a plain number.

    Raises ValueError with what is expected.
    """
    number, unit = _split(text, "a size such as '64MiB' or '1GB'")
    unit = {"k": "K", "m": "M", "g": "G"}.get(unit, unit)
    if unit not in _SIZES:
        raise ValueError(f"{text!r} is not a size: write one such as '64MiB' or '1GB'")
    return int(number * _SIZES[unit])


def parse_duration(text: str | float) -> float:
    """Seconds in "90s", "1.5h", "500ms" or a plain number. Raises ValueError with what is expected."""
    number, unit = _split(text, "a duration such as '90s' or '2h'")
    if unit not in _TIMES:
        raise ValueError(f"{text!r} is not a duration: write one such as '90s' or '2h'")
    return number * _TIMES[unit]


def show_size(size: float) -> str:
    """A size for people: 1536 is '1.5 KiB'."""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if abs(size) < 1024:
            return f"{size:.0f} {unit}" if unit == "B" or size == int(size) else f"{size:.1f} {unit}"
        size /= 1024
    return f"{size:.1f} TiB"


def show_duration(value: float) -> str:
    """A duration for people: 0.0424 is '42 ms', 95 is '1 min 35 s'."""
    if value < 1:
        return f"{value * 1000:.0f} ms"
    if value < 60:
        return f"{value:.1f} s"
    minutes, rest = divmod(round(value), 60)
    if minutes < 60:
        return f"{minutes} min {rest} s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min"


def _split(text: str | float, expected: str) -> tuple[float, str]:
    if isinstance(text, (int, float)) and not isinstance(text, bool):
        number, unit = float(text), ""
    elif isinstance(text, str) and (match := _NUMBER.fullmatch(text)):
        number, unit = float(match[1]), match[2]
    else:
        raise ValueError(f"{text!r} is not {expected}")
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is not {expected}")
    return number, unit
