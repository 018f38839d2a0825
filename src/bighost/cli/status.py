"""`bighost status`: nodes, queue and running jobs at this moment."""

from __future__ import annotations

from bighost.cli import console, options, show
from bighost.cli import nodes as nodes_command
from bighost.job.units import show_duration
from bighost.wire.http import StatusView


def status(url: options.Url = None, token: options.Token = None, json: options.Json = False) -> None:
    """Show the cluster: nodes, what waits, what runs, the latest verdicts."""
    with options.client(url, token) as client:
        seen = client.status()
    if json:
        console.json_out(seen)
    else:
        _print(seen)


def _print(seen: StatusView) -> None:
    here = [n for n in seen.nodes if n.state != "away"]
    slots = sum(n.slots for n in here)
    console.out(
        f"{len(here)} of {len(seen.nodes)} nodes here, {slots} slots; {seen.waiting} waiting, "
        f"{len(seen.running)} running"
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
