"""Invented snapshots against kept frames. A change that was meant: `pytest --update-frames`, and look."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some
from rich.console import Console

from bighost.job.verdict import Verdict
from bighost.tui import controls
from bighost.tui.keys import Named
from bighost.tui.screen import Page, Pane, Screen, Sheet, Size, Subject
from bighost.tui.still import still
from bighost.tui.view import frame
from tests.unit.tui.clusters import (
    LARGE,
    NASTY,
    SMALL,
    busy,
    ended,
    job,
    node,
    queue,
    screen,
    status,
    text,
    typed,
)

KEPT = Path(__file__).parents[2] / "snapshots"
ABOUT = Subject(kind=Pane.RUNNING, id="k3v9qdz05wbn7xye", name="wordcount, team reds")
STORY = Sheet(
    title="job k3v9qdz05wbn7xye · wordcount, team reds",
    pages=(Page("story", ("12:00:01  received", "12:00:02  " + "waits again, " * 9, "", "Traceback")),),
    subject=ABOUT,
)
LOGS = Sheet(
    title="log of core-1",
    pages=(Page("executor", tuple(f"line {n}" for n in range(90))), Page("sys", ("cpu 4%",))),
)


def nasty_cluster() -> Screen:
    """Whatever somebody else wrote is hostile."""
    return screen(
        status(
            nodes=(node(NASTY, state=NASTY),),
            queue=(queue(NASTY, 1, 1.0, 1.0),),
            running=(job(NASTY, assignment=NASTY, team=NASTY, node=NASTY, stage=NASTY),),
            recent=(ended(NASTY, Verdict.PASSED, 1, assignment=NASTY, team=NASTY, node=NASTY),),
            waiting=1,
            taking=False,
            notice=NASTY,
        ),
        size=Size(120, 30),
    )


SCREENS: dict[str, Screen] = {
    "small": screen(),
    "large": screen(size=LARGE),
    "narrow": screen(size=Size(60, 18)),
    "empty": screen(status()),
    "too-small": screen(size=Size(38, 6)),
    "sorted": typed(screen(), "s", "s", "s", "S")[0],
    "searched": typed(screen(), *"/blues", Named.ENTER)[0],
    "typing": typed(screen(), *"/zz")[0],
    "zoomed": typed(screen(), "4", "z", Named.PAGE_DOWN)[0],
    "paused": typed(screen(), "p")[0],
    "reconnecting": controls.later(controls.lost(screen(), "nobody answers at http://127.0.0.1:9000"), 61),
    "not-taking": screen(status(taking=False, notice="the disk is full")),
    "help": typed(screen(), "?")[0],
    "story": controls.opened(screen(), STORY),
    "log": controls.opened(screen(), LOGS),
    "told": controls.told(screen(), "core-1: that is for staff"),
    "nasty": nasty_cluster(),
}


@pytest.mark.parametrize("name", SCREENS)
def test_a_frame_is_as_it_was(name: str, request: pytest.FixtureRequest) -> None:
    _compare(text(SCREENS[name]), KEPT / f"{name}.txt", request)


def test_one_frame_on_paper_shows_every_row_and_no_keys(request: pytest.FixtureRequest) -> None:
    lines = still(busy(), "http://127.0.0.1:9000", 100)

    _compare("\n".join(line.plain.rstrip() for line in lines) + "\n", KEPT / "paper.txt", request)


def _compare(drawn: str, path: Path, request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--update-frames"):
        path.write_text(drawn, encoding="utf-8")
    assert drawn == path.read_text(encoding="utf-8")


@settings(deadline=None)
@given(some.sampled_from(sorted(SCREENS)), some.integers(1, 230), some.integers(1, 70))
def test_a_frame_fills_its_terminal_exactly_whatever_its_size(name: str, columns: int, lines: int) -> None:
    at = controls.resized(SCREENS[name], Size(columns, lines))

    drawn = frame(at)

    assert len(drawn) == lines
    assert {line.cell_len for line in drawn} == {columns}


def test_no_code_of_a_stranger_reaches_the_terminal() -> None:
    console = Console(width=120, force_terminal=True, color_system="truecolor", highlight=False)
    with console.capture() as captured:
        for line in frame(nasty_cluster()):
            console.print(line)

    shown = captured.get()
    assert "\\x1b" in shown  # as an escape, to be read
    assert not {c for c in shown if c in "\a\r\t\u202e"}
    codes = shown.split("\x1b")[1:]
    assert codes
    assert all(code[0] == "[" and code.lstrip("[0123456789;")[0] == "m" for code in codes)  # colours alone
    assert "[bold red]" in shown  # markup is text
    assert ":boom:" in "".join(line.plain for line in frame(nasty_cluster()))


def test_a_clock_that_is_ahead_of_the_coordinators_shows_no_negative_ages() -> None:
    at = screen(status(nodes=(node(last_seen=2 * screen().now),)))

    assert " 0.0s " in text(at)


def test_the_small_screen_has_a_bar_for_every_load() -> None:
    (row,) = [line for line in text(screen(size=SMALL)).splitlines() if line.startswith("core-2")]

    assert "█ 97%" in row
    assert "▇ 88%" in row
    assert "▂ 12%" in row
