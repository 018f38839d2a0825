"""Sizes and durations as people write them."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bighost.job.units import parse_duration, parse_size, show_duration, show_size


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("0", 0),
        (12, 12),
        ("64 KiB", 65536),
        ("64K", 65536),
        ("1.5MiB", 1572864),
        ("1GB", 10**9),
        ("8000m", 8000 * 1024**2),
        ("2TiB", 2 * 1024**4),
    ],
)
def test_sizes(text: str | int, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90", 90), (1.5, 1.5), ("90s", 90), ("2 h", 7200), ("1.5min", 90), ("250ms", 0.25), ("1d", 86400)],
)
def test_durations(text: str | float, seconds: float) -> None:
    assert parse_duration(text) == seconds


@pytest.mark.parametrize("text", ["", "x", "-1", "1e3", "1,5", "12 parsecs", "1 2", "MiB", "٣", "9" * 400])
def test_what_is_neither(text: str) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(text)
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(text)


@pytest.mark.parametrize("value", [True, float("inf"), float("nan")])
def test_numbers_that_are_neither(value: float) -> None:
    with pytest.raises(ValueError, match="is not a size"):
        parse_size(value)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="is not a duration"):
        parse_duration(value)


@given(st.text(max_size=12))
def test_any_text_is_a_size_or_a_value_error(text: str) -> None:
    with contextlib.suppress(ValueError):  # any other error fails the test
        assert parse_size(text) >= 0


@given(st.integers(0, 2**50))
def test_shown_sizes_are_read_as_nearly_the_same(size: int) -> None:
    assert parse_size(show_size(size)) == pytest.approx(size, rel=0.06)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.0424, "42 ms"), (1.26, "1.3 s"), (95, "1 min 35 s"), (3600, "1 h 0 min"), (90061, "25 h 1 min")],
)
def test_shown_durations(seconds: float, shown: str) -> None:
    assert show_duration(seconds) == shown


@pytest.mark.parametrize(("size", "shown"), [(0, "0 B"), (1536, "1.5 KiB"), (1024**2, "1 MiB")])
def test_shown_sizes(size: int, shown: str) -> None:
    assert show_size(size) == shown
