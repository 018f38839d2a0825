"""Figures in few cells (durations, bars, a sparkline), and strangers' text made safe to show."""

from __future__ import annotations

from collections.abc import Sequence

from rich.style import Style
from rich.text import Text

from bighost.job.excerpt import excerpt

LONGEST = 2000  # characters of one line of anybody's text
_EIGHTHS = " ▏▎▍▌▋▊▉█"
_HEIGHTS = "▁▂▃▄▅▆▇█"


def plain(text: str, longest: int = LONGEST) -> str:
    """Anybody's text on one line: control codes are shown by their escapes, and none reaches a terminal."""
    return excerpt(text.expandtabs(4), longest)


def short(seconds: float | None) -> str:
    """A duration in at most six cells: '0.4s', '42s', '3m05', '2h10', '4d'; '-' for none."""
    if seconds is None:
        return "-"
    seconds = max(0.0, seconds)
    if seconds < 9.95:
        return f"{seconds:.1f}s"
    if seconds < 100:
        return f"{seconds:.0f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02}"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02}" if hours < 48 else f"{hours // 24}d"


def alarm(fraction: float) -> str:
    """The colour of something that is full to this part."""
    return "red" if fraction >= 0.9 else "yellow" if fraction >= 0.7 else "green"


def bar(fraction: float, width: int) -> Text:
    """A bar of `width` cells, filled to the eighth of a cell; `fraction` is taken between 0 and 1."""
    fraction = min(1.0, max(0.0, fraction))
    eighths = round(fraction * width * 8)
    full, part = divmod(eighths, 8)
    filled = "█" * full + (_EIGHTHS[part] if part else "")
    # A background, where there is colour, shows where the bar ends.
    return Text(filled.ljust(width), style=Style.parse(f"{alarm(fraction)} on grey19"))


def gauge(fraction: float, width: int) -> Text:
    """A bar with its percentage, in `width` cells, at least 5: there the bar is one cell, and stands."""
    fraction = min(1.0, max(0.0, fraction))
    figure = Text(f"{fraction:>4.0%}", style=alarm(fraction))
    if width >= 8:
        return Text(" ").join([bar(fraction, width - 5), figure])
    height = _HEIGHTS[round(fraction * (len(_HEIGHTS) - 1))]
    return Text(height, style=alarm(fraction)) + figure


def sparkline(counts: Sequence[int]) -> str:
    """Counts as a line of bars; the lowest bar is zero and nothing else."""
    highest = max(counts, default=0)
    steps = len(_HEIGHTS) - 1
    return "".join(_HEIGHTS[-(-count * steps // highest) if count else 0] for count in counts)
