"""`bighost nodes`: the machines that run submissions."""

from __future__ import annotations

from typing import Annotated

import typer

from bighost.cli import console, options
from bighost.wire.http import NodeView

app = typer.Typer(help="Look at nodes; drain or forget them.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="The node's name, or its key.")]
COLUMNS = ("node", "profile", "state", "slots", "held", "credit", "CPU", "memory", "swap", "done", "faults")


def row(node: NodeView) -> tuple[object, ...]:
    """A node as a row under COLUMNS."""
    load = node.load
    return (
        node.name,
        node.profile.value,
        node.state,
        node.slots,
        node.held,
        node.credit,
        f"{load.cpu:.0%}",
        f"{load.memory:.0%}",
        f"{load.swap:.0%}",
        node.done,
        node.faults,
    )


@app.command("list")
def list_nodes(url: options.Url = None, token: options.Token = None, json: options.Json = False) -> None:
    """List all enrolled nodes."""
    with options.client(url, token) as client:
        nodes = client.nodes()
    if json:
        console.json_out(nodes)
        return
    rows = [(*row(n), n.runtime or "-", console.when(n.last_seen)) for n in nodes]
    console.table("", (*COLUMNS, "runtime", "last heard"), rows)


@app.command("drain")
def drain(name: Name, url: options.Url = None, token: options.Token = None) -> None:
    """Let a node finish what it runs, hand back the rest, and leave."""
    with options.client(url, token) as client:
        node = client.drain(name)
    console.say(f"{node.name} is {node.state}.")


@app.command("forget")
def forget(name: Name, url: options.Url = None, token: options.Token = None) -> None:
    """Remove a node for good: its key opens nothing any more, its jobs run elsewhere."""
    with options.client(url, token) as client:
        client.forget(name)
    console.say(f"{name} is forgotten.")


@app.command("logs")
def logs(
    name: Name,
    stream: Annotated[str | None, typer.Option("--stream", help="executor, sys, worker1, …")] = None,
    url: options.Url = None,
    token: options.Token = None,
    json: options.Json = False,
) -> None:
    """Print the end of a node's logs, as the coordinator keeps them."""
    with options.client(url, token) as client:
        found = client.node_logs(name)
    wanted = {
        file: text for file, text in found.items() if stream in (None, file, file.removesuffix("_logs.txt"))
    }
    if json:
        console.json_out(wanted)
        return
    for file, text in wanted.items():
        console.out(f"== {file}")
        console.out(text.rstrip())
