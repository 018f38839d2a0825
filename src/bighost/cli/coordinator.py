"""`bighost coordinator`: start it, make tokens, back it up."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bighost.cli import console, options
from bighost.wire.messages import Profile

if TYPE_CHECKING:
    from bighost.coordinator.serve import Serving
    from bighost.settings import CoordinatorSettings

app = typer.Typer(help="Start the coordinator; make tokens; back it up.", no_args_is_help=True)
tokens = typer.Typer(help="Tokens of people, and tokens with which nodes join.", no_args_is_help=True)
app.add_typer(tokens, name="token")


@app.command("up")
def up(
    data: Annotated[
        Path | None, typer.Option("--data", help="Everything that the coordinator keeps.", show_default=False)
    ] = None,
    listen: Annotated[
        str | None,
        typer.Option("--listen", help="HOST:PORT; port 0 is any free one.", show_default="127.0.0.1:9000"),
    ] = None,
    node_port: Annotated[
        int | None,
        typer.Option("--node-port", min=0, max=65535, help="For nodes; one above the HTTP port by default."),
    ] = None,
    ready_file: Annotated[
        Path | None,
        typer.Option("--ready-file", help="Write URL, tokens and process id there, as JSON, once it serves."),
    ] = None,
    config: Annotated[Path | None, typer.Option("--config", help="A configuration file.")] = None,
) -> None:
    """Start a coordinator, and keep it up until Ctrl-C.

    It prints its URL, a join token for nodes and an admin token. On this machine, commands find it by
    themselves.
    """
    import asyncio

    import uvloop

    from bighost.config import coordinator_settings, local_coordinator
    from bighost.coordinator.serve import serve, write_ready_file
    from bighost.store.sqlite import SqliteStore

    flags: dict[str, object] = {"data": data, "node_port": node_port}
    if listen is not None:
        flags |= _address(listen)
    settings = coordinator_settings(flags, config)
    folder = Path(settings.data)
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)

    def on_ready(serving: Serving) -> None:
        if ready_file is not None:
            write_ready_file(ready_file, serving)
        here.announce(serving.url, serving.admin_token)
        _greet(settings, serving)

    if ready_file is not None:
        ready_file.unlink(missing_ok=True)  # of a former start: whoever waits for it waits for this one
    with local_coordinator() as here, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(serve(settings, SqliteStore(folder / "bighost.db"), on_ready))
    if ready_file is not None:
        ready_file.unlink(missing_ok=True)
    console.say("Stopped. What was handed in is kept, and goes on at the next start.")


@app.command("backup")
def backup(url: options.Url = None, token: options.Token = None, json: options.Json = False) -> None:
    """Write a consistent copy of the store beside it, while everything goes on."""
    with options.client(url, token) as client:
        made = client.backup()
    if json:
        console.json_out(made)
    else:
        console.out(made.path)


@tokens.command("new")
def new_token(
    profile: Annotated[
        list[Profile] | None,
        typer.Option("--profile", help="Nodes that it admits; lightweight by default. May be given twice."),
    ] = None,
    expires: Annotated[
        str | None, typer.Option("--expires", help="After 90d, 12h, …; never by default.")
    ] = None,
    url: options.Url = None,
    token: options.Token = None,
    json: options.Json = False,
) -> None:
    """Make a join token, and print it: it is not shown again."""
    from bighost.wire.http import NewToken

    profiles = tuple(profile) if profile else (Profile.LIGHTWEIGHT,)
    with options.client(url, token) as client:
        made = client.new_token(NewToken(profiles=profiles, expires_in_s=options.duration(expires)))
    if json:
        console.json_out(made)
    else:
        console.out(made.token)


@tokens.command("list")
def list_tokens(url: options.Url = None, token: options.Token = None, json: options.Json = False) -> None:
    """List all tokens, without what they are."""
    with options.client(url, token) as client:
        found = client.tokens()
    if json:
        console.json_out(found)
        return
    rows = [
        (
            t.id,
            t.kind,
            t.subject,
            ", ".join(t.profiles) or "-",
            console.when(t.created),
            console.when(t.expires or 0),
            "revoked" if t.revoked else "good",
        )
        for t in found
    ]
    console.table("", ("id", "kind", "of", "admits", "made", "expires", "state"), rows)


@tokens.command("revoke")
def revoke(
    id: Annotated[str, typer.Argument(help="As `token list` shows it.")],
    url: options.Url = None,
    token: options.Token = None,
) -> None:
    """Revoke a token. Nodes that joined with it stay; `bighost nodes forget` removes those."""
    with options.client(url, token) as client:
        client.revoke(id)
    console.say(f"Token {id} opens nothing any more.")


def _greet(settings: CoordinatorSettings, serving: Serving) -> None:
    console.out(f"url          {serving.url}")
    console.out(f"join token   {serving.join_token}")
    console.out(f"admin token  {serving.admin_token}")
    console.say(f"Data is in {settings.data}. Stop with Ctrl-C.")
    console.say(f"A node joins with: bighost node join {serving.url} --token {serving.join_token}")


def _address(listen: str) -> dict[str, object]:
    """HOST:PORT as settings. Raises OperatorError."""
    from bighost.errors import OperatorError

    host, _, port = listen.rpartition(":")
    if not host or not port.isdigit() or int(port) > 65535:
        raise OperatorError(f"--listen {listen!r} is not HOST:PORT", hint="Write 0.0.0.0:9000, for example.")
    return {"host": host.strip("[]"), "port": int(port)}
