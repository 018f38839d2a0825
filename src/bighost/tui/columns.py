"""The columns of each list: what a cell says of its row, and how it looks."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

from rich.text import Text

from bighost.job.state import State
from bighost.job.verdict import Verdict
from bighost.tui import words
from bighost.tui.panes import elapsed, ended
from bighost.tui.screen import Pane
from bighost.tui.table import Column, Place
from bighost.wire.http import JobView, NodeView, QueueView
from bighost.wire.messages import Profile

R = TypeVar("R")
_NODE_STYLES = {"here": "green", "draining": "yellow", "away": "red"}
_SHORT_PROFILES = {Profile.CORE: "core", Profile.LIGHTWEIGHT: "light"}
_BAR_FROM = 14  # cells in which a bar beside a duration says something


def _said(of: Callable[[R], str], style: str = "") -> Callable[[R, Place], Text]:
    """A cell of text that somebody wrote."""
    return lambda row, _: Text(words.plain(of(row)), style=style)


def _count(of: Callable[[R], int], alarm: str = "") -> Callable[[R, Place], Text]:
    """A number; zero stays in the background, anything else may be alarming."""
    return lambda row, _: Text(str(of(row)), style=alarm if of(row) else "dim")


def _gauge(of: Callable[[NodeView], float]) -> Callable[[NodeView, Place], Text]:
    """A bar of a node's load; a node that is away has none."""

    def cell(node: NodeView, place: Place) -> Text:
        if node.state == "away":
            return Text("-", style="dim")
        return words.gauge(of(node), place.width)

    return cell


def _node_state(node: NodeView, _: Place) -> Text:
    return Text(words.plain(node.state), style=_NODE_STYLES.get(node.state, ""))


def _profile(node: NodeView, place: Place) -> Text:
    name = node.profile.value
    return Text(name if len(name) <= place.width else _SHORT_PROFILES[node.profile])


def _slots(node: NodeView, _: Place) -> Text:
    return Text(f"{node.busy}/{node.slots}", style="bold" if node.busy else "dim")


def _heard(node: NodeView, place: Place) -> Text:
    return Text(words.short((place.now - node.last_seen) / 1e9) if node.last_seen else "-")


def _oldest(queue: QueueView, _: Place) -> Text:
    return Text(words.short(queue.oldest_wait_s if queue.waiting else None))


def _eta(queue: QueueView, _: Place) -> Text:
    return Text(words.short(queue.eta_s))


def _stage(job: JobView, _: Place) -> Text:
    stage = job.stage or (job.state.value if job.state is not State.RUNNING else "starting")
    return Text(words.plain(stage), style="cyan")


def _limit(job: JobView, place: Place) -> Text:
    """What a run has taken of what it may take."""
    took = elapsed(job, place.now)
    if took is None:
        return Text("-", style="dim")
    share = took / job.limit_s if job.limit_s else 0.0
    figure = Text(f"{words.short(took):>5}/{words.short(job.limit_s)}", style=words.alarm(share))
    if place.width < _BAR_FROM + 3:
        return figure
    figure.pad_left(_BAR_FROM - 2 - figure.cell_len)
    return Text(" ").join([words.bar(share, place.width - _BAR_FROM + 1), figure])


def _verdict(job: JobView, _: Place) -> Text:
    """What became of a job, in the colour of whose turn it is."""
    if job.verdict is None:
        return Text(job.state.value, style="magenta" if job.state is State.FAILED else "dim")
    good = {Verdict.PASSED: "green", Verdict.PARTIAL: "yellow"}
    return Text(job.verdict.value, style=good.get(job.verdict, "red"))


def _score(job: JobView, _: Place) -> Text:
    return Text("-" if job.score is None else f"{job.score:g}/{job.total:g}")


def _took(job: JobView, _: Place) -> Text:
    return Text(words.short(job.latency.summary.total_time if ended(job) else None))


def _ago(job: JobView, place: Place) -> Text:
    return Text(words.short((place.now - ended(job)) / 1e9) if ended(job) else "-", style="dim")


_NODES: tuple[Column[NodeView], ...] = (
    Column("node", 12, _said(lambda node: node.name, "bold"), share=2, most=24),
    Column("profile", 7, _profile, share=5, most=11, rank=5),
    Column("state", 8, _node_state),
    Column("slots", 5, _slots, right=True),
    Column("CPU", 5, _gauge(lambda node: node.load.cpu), share=3, most=16, right=True),
    Column("memory", 6, _gauge(lambda node: node.load.memory), share=3, most=16, right=True),
    Column("swap", 5, _gauge(lambda node: node.load.swap), share=2, most=16, rank=6, right=True),
    Column("credit", 6, _count(lambda node: node.credit), rank=7, right=True),
    Column("heard", 5, _heard, rank=3, right=True),
    Column("done", 5, _count(lambda node: node.done), rank=8, right=True),
    Column("faults", 6, _count(lambda node: node.faults, "bold red"), right=True),
)
_QUEUE: tuple[Column[QueueView], ...] = (
    Column("assignment", 16, _said(lambda queue: queue.assignment, "bold"), share=1, most=40),
    Column("waiting", 8, _count(lambda queue: queue.waiting, "cyan"), right=True),
    Column("on nodes", 9, _count(lambda queue: queue.running, "blue"), right=True),
    Column("oldest wait", 11, _oldest, right=True),
    Column("all done in", 11, _eta, right=True),
)
_RUNNING: tuple[Column[JobView], ...] = (
    Column("job", 16, _said(lambda job: job.id), rank=3),
    Column("assignment", 10, _said(lambda job: job.assignment), share=1, most=20),
    Column("team", 10, _said(lambda job: job.team, "bold"), share=2, most=32),
    Column("node", 8, _said(lambda job: job.node), share=1, most=20, rank=2),
    Column("stage", 16, _stage, share=2, most=32),
    Column("took/limit", 12, _limit, share=2, most=28, right=True),
)
_LATEST: tuple[Column[JobView], ...] = (
    Column("job", 16, _said(lambda job: job.id), rank=3),
    Column("assignment", 10, _said(lambda job: job.assignment), share=1, most=20),
    Column("team", 10, _said(lambda job: job.team, "bold"), share=2, most=32),
    Column("verdict", 13, _verdict),
    Column("score", 6, _score, share=1, most=9, right=True),
    Column("node", 7, _said(lambda job: job.node), share=1, most=20, rank=2),
    Column("took", 5, _took, right=True),
    Column("ago", 5, _ago, rank=1, right=True),
)
COLUMNS: dict[Pane, tuple[Column[Any], ...]] = {
    Pane.NODES: _NODES,
    Pane.QUEUE: _QUEUE,
    Pane.RUNNING: _RUNNING,
    Pane.LATEST: _LATEST,
}
