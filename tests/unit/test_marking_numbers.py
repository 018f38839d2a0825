"""Numbers in outputs: one spelling, exact at any size, and a tolerance like `math.isclose`."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bighost.marking.numbers import canonical_number, is_nan, same

decimals = st.from_regex(r"[+-]?([0-9]{1,6}\.?[0-9]{0,6}|\.[0-9]{1,6})([eE][+-]?[0-9]{1,2})?", fullmatch=True)
floats = st.floats(allow_nan=False, allow_infinity=False)


@pytest.mark.parametrize(
    ("spelling", "canonical"),
    [
        (b"1.50", b"15e-1"),
        (b"+001.5", b"15e-1"),
        (b"-100", b"-1e2"),
        (b"1e2", b"1e2"),
        (b".5", b"5e-1"),
        (b"5.", b"5e0"),
        (b"-0.00", b"0"),
        (b"Infinity", b"inf"),
        (b"-inf", b"-inf"),
        (b"NaN", b"nan"),
    ],
)
def test_one_spelling(spelling: bytes, canonical: bytes) -> None:
    assert canonical_number(spelling) == canonical


@pytest.mark.parametrize(
    "text",
    [b"", b" 1", b"1 ", b"1_000", b"0x10", b"1,5", b"e5", b".", b"+", b"1e", "\u0661".encode(), b"info"],
)
def test_text_stays_text(text: bytes) -> None:
    assert canonical_number(text) is None


def test_what_is_too_long_is_text() -> None:
    assert canonical_number(b"1" * 401) is None
    assert canonical_number(b"1e9999999999") is None


@given(decimals, decimals)
def test_same_spelling_means_same_number(a: str, b: str) -> None:
    equal = canonical_number(a.encode()) == canonical_number(b.encode())
    assert equal == (Decimal(a) == Decimal(b))


@given(decimals)
def test_the_one_spelling_is_its_own(text: str) -> None:
    canonical = canonical_number(text.encode())
    assert canonical is not None
    assert canonical_number(canonical) == canonical


@given(floats, floats, st.floats(1e-12, 0.5), st.floats(0, 10))
def test_tolerance_is_that_of_isclose(a: float, b: float, relative: float, absolute: float) -> None:
    close = math.isclose(a, b, rel_tol=relative, abs_tol=absolute)
    assert same(repr(a).encode(), repr(b).encode(), relative, absolute) == close


def test_without_tolerance_large_numbers_are_exact() -> None:
    assert not same(b"12345678901234567890", b"12345678901234567891", 0, 0)
    assert same(b"12345678901234567890", b"1.2345678901234567890e19", 0, 0)
    assert same(b"12345678901234567890", b"12345678901234567891", 1e-9, 0)


@pytest.mark.parametrize("nan", [b"nan", b"NaN", b"-nan", b"+NAN"])
def test_nan_equals_nothing(nan: bytes) -> None:
    assert is_nan(nan)
    assert not same(nan, nan, 0.5, 1.0)
    assert not same(nan, b"1", 0.5, 1e300)


def test_infinity_equals_itself_only() -> None:
    assert same(b"inf", b"Infinity", 0, 0)
    assert not same(b"inf", b"-inf", 0.5, 1.0)
    assert not same(b"inf", b"1e400", 0.5, 1.0)
    assert not same(b"1e400", b"1e500", 0.5, 1.0)


def test_words_that_hold_nan_are_text() -> None:
    assert not is_nan(b"banan")
    assert same(b"nans", b"nans", 0, 0)
