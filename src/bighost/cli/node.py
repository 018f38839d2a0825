"""`bighost node join`: let this machine run submissions."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bighost.cli import console
from bighost.wire.messages import Profile

app = typer.Typer(help="Let this machine run submissions.", no_args_is_help=True)


@app.command("join")
def join(
    url: Annotated[str, typer.Argument(envvar="BIGHOST_URL", help="The coordinator, http://HOST:9000.")],
    token: Annotated[
        str | None,
        typer.Option(
            "--token", envvar="BIGHOST_JOIN_TOKEN", help="A join token; needed the first time only."
        ),
    ] = None,
    profile: Annotated[
        Profile | None, typer.Option("--profile", help="core: the course's own; lightweight: anybody's.")
    ] = None,
    name: Annotated[str | None, typer.Option("--name", help="What people call it; the host's name.")] = None,
    runtime: Annotated[str | None, typer.Option("--runtime", help="docker, process or auto.")] = None,
    slots: Annotated[int | None, typer.Option("--slots", min=1, help="Submissions at the same time.")] = None,
    window: Annotated[int | None, typer.Option("--window", min=1, help="Jobs that it holds at most.")] = None,
    low_water: Annotated[
        int | None,
        typer.Option("--low-water", min=0, help="It is given more once it holds this many or fewer."),
    ] = None,
    batch: Annotated[int | None, typer.Option("--batch", min=1, help="Jobs in a message at most.")] = None,
    data: Annotated[Path | None, typer.Option("--data", help="Its key, results, datasets and logs.")] = None,
    config: Annotated[Path | None, typer.Option("--config", help="A configuration file.")] = None,
) -> int:
    """Join a coordinator and run submissions until Ctrl-C.

    Ctrl-C once finishes what is running, twice hands it back.
    """
    import asyncio

    import uvloop

    from bighost.config import node_settings
    from bighost.node.agent import run_node

    flags = {
        "profile": profile,
        "name": name,
        "runtime": runtime,
        "slots": slots,
        "window": window,
        "low_water": low_water,
        "batch": batch,
        "data": data,
    }
    settings = node_settings(flags, config)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run_node(settings, url, token, on_line=console.say))
