"""`bighost status`: the cluster on a live screen, as one frame, as plain tables, or as JSON."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Annotated

import typer

from bighost.cli import console, options, show
from bighost.cli import nodes as nodes_command
from bighost.errors import OperatorError
from bighost.job.units import show_duration
from bighost.wire.http import StatusView

PAPER = 120  # columns where there is no terminal that has a width
Once = Annotated[bool, typer.Option("--once", help="Print one frame of the screen.")]
Svg = Annotated[Path | None, typer.Option("--svg", metavar="FILE", help="Write one frame as an SVG picture.")]
FrameSize = Annotated[
    str, typer.Option("--size", metavar="COLUMNSxLINES", help="The picture's size in characters.")
]


def status(
    url: options.Url = None,
    token: options.Token = None,
    once: Once = False,
    svg: Svg = None,
    size: FrameSize = "120x36",
    json: options.Json = False,
) -> int:
    """Watch the cluster: nodes, what waits, what runs, the latest verdicts.

    A live screen on a terminal (press ? for its keys), plain tables elsewhere.
    """
    with options.client(url, token) as client:
        seen, where = client.status(), client.url
    if json:
        console.json_out(seen)
    elif svg is not None:
        _draw(seen, where, svg, size)
    elif once:
        from bighost.tui.still import still

        console.picture(still(seen, where, shutil.get_terminal_size((PAPER, 0)).columns))
    elif console.interactive():
        return _watch(seen, where, url, token)
    else:
        _print(seen)
    return 0


def _watch(seen: StatusView, where: str, url: str | None, token: str | None) -> int:
    from bighost.tui.app import App, Stopped

    try:
        App(lambda: options.client(url, token), seen, where).run()
    except Stopped as stop:
        return stop.exit_code
    return 0


def _draw(seen: StatusView, where: str, file: Path, size: str) -> None:
    from bighost.tui.picture import svg
    from bighost.tui.screen import Size
    from bighost.tui.still import live

    wanted = re.fullmatch(r"(\d{1,3})[x×](\d{1,3})", size)
    if wanted is None:
        raise OperatorError(f"{size!r} is not a size", hint="Write COLUMNSxLINES, such as 120x36.")
    picture = svg(live(seen, where, Size(int(wanted[1]), int(wanted[2]))), "bighost status")
    try:
        file.write_text(picture, encoding="utf-8")
    except OSError as error:
        raise OperatorError(f"{file} can't be written: {error.strerror}") from None
    console.say(f"Written to {file}.")


def _print(seen: StatusView) -> None:
    here = [n for n in seen.nodes if n.state != "away"]
    slots = sum(n.slots for n in here)
    console.out(
        f"{len(here)} of {len(seen.nodes)} nodes here, {slots} slots; {seen.waiting} waiting, "
        f"{len(seen.running)} running; {seen.throughput.per_hour} marks in the last hour"
    )
    if not seen.taking:
        console.out(f"NO SUBMISSIONS ARE TAKEN: {seen.notice}")
    console.table("nodes", nodes_command.COLUMNS, [nodes_command.row(n) for n in seen.nodes])
    queue = [
        (
            q.assignment,
            q.waiting,
            q.running,
            _seconds(q.oldest_wait_s if q.waiting else None),
            _seconds(q.eta_s),
        )
        for q in seen.queue
    ]
    console.table("queue", ("assignment", "waiting", "on nodes", "oldest wait", "all done in"), queue)
    running = [(j.id, j.assignment, j.team, j.node, j.stage or "-") for j in seen.running]
    console.table("running", ("job", "assignment", "team", "node", "stage"), running)
    recent = [(j.id, j.assignment, j.team, show.verdict(j), j.node or "-") for j in seen.recent[:10]]
    console.table("latest", ("job", "assignment", "team", "verdict", "node"), recent)


def _seconds(value: float | None) -> str:
    return "-" if value is None else show_duration(value)
