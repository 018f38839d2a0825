"""Figures in few cells."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from bighost.tui import words


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "-"),
        (-3.0, "0.0s"),
        (0.42, "0.4s"),
        (9.96, "10s"),
        (99.4, "99s"),
        (99.6, "100s"),
        (186.0, "3m06"),
        (3599.6, "1h00"),
        (7800.0, "2h10"),
        (400_000.0, "4d"),
    ],
)
def test_durations(seconds: float | None, shown: str) -> None:
    assert words.short(seconds) == shown


def test_the_lowest_bar_of_a_sparkline_is_zero_and_nothing_else() -> None:
    assert words.sparkline((0, 1, 100, 50)) == "▁▂█▅"
    assert words.sparkline((0, 0)) == "▁▁"
    assert words.sparkline(()) == ""


@settings(deadline=None)
@given(some.floats(-1, 2), some.integers(5, 40))
def test_a_gauge_is_never_wider_than_it_may_be(fraction: float, width: int) -> None:
    assert words.gauge(fraction, width).cell_len == (width if width >= 8 else 5)


def test_a_bar_is_filled_to_the_eighth() -> None:
    assert words.bar(0.5, 4).plain == "██  "
    assert words.bar(0.53125, 4).plain == "██▏ "
    assert words.bar(7.0, 2).plain == "██"


def test_strangers_text_stays_on_one_line_without_codes() -> None:
    assert words.plain("a\tb\n\x1b[31m") == "a   b\\n\\x1b[31m"
