"""Numbers as programs print them: what is one, its one spelling, and when two are close enough."""

from __future__ import annotations

import math
import re

LONGEST = 400
"""Characters of the longest number; what is longer is compared as text."""

_DECIMAL = re.compile(rb"([+-]?)(?:([0-9]+)\.?([0-9]*)|\.([0-9]+))(?:[eE]([+-]?[0-9]{1,9}))?")
_WORD = re.compile(rb"([+-]?)(inf(?:inity)?|nan)", re.IGNORECASE)


def canonical_number(column: bytes) -> bytes | None:
    """The one spelling of a number, `b"15e-1"` for 1.50, or None for what is no number.

    Numbers are decimal, with or without sign, point and exponent; besides them inf, infinity and nan in any
    case. Blanks, underscores, hexadecimal digits and a decimal comma make text. Exact at any size.
    """
    if len(column) > LONGEST:
        return None
    match = _DECIMAL.fullmatch(column)
    if match is None:
        return _word(column)
    sign, whole, fraction, bare_fraction, exponent = match.groups()
    fraction = bare_fraction or fraction or b""
    digits = ((whole or b"") + fraction).lstrip(b"0")
    if not digits:
        return b"0"
    shortest = digits.rstrip(b"0")
    power = int(exponent or 0) - len(fraction) + len(digits) - len(shortest)
    return b"%s%se%d" % (b"-" if sign == b"-" else b"", shortest, power)


def is_nan(column: bytes) -> bool:
    """Whether a column holds 'not a number', in any spelling."""
    return column[-3:].lower() == b"nan" and column[:-3] in (b"", b"+", b"-")


def same(expected: bytes, found: bytes, relative: float, absolute: float) -> bool:
    """Whether two columns are equal: the same bytes or number, or numbers within the tolerance.

    With one, `|a - b| <= max(relative * max(|a|, |b|), absolute)`, which is `math.isclose` (PEP 485).
    NaN is never equal, not even to itself; an infinity only to itself.
    """
    if is_nan(expected) or is_nan(found):
        return False
    if expected == found:
        return True
    a, b = canonical_number(expected), canonical_number(found)
    if a is None or b is None:
        return False
    if a == b:
        return True
    x, y = float(a), float(b)
    if (relative == 0 and absolute == 0) or math.isinf(x) or math.isinf(y):
        return False  # 1e400 and 1e500 are both infinite as floats
    return math.isclose(x, y, rel_tol=relative, abs_tol=absolute)


def _word(column: bytes) -> bytes | None:
    match = _WORD.fullmatch(column)
    if match is None:
        return None
    if match[2].lower() == b"nan":
        return b"nan"
    return b"-inf" if match[1] == b"-" else b"inf"
