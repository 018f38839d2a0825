"""Invented snapshots of clusters, and keys pressed on their screens."""

from typing import Any

from bighost.clock import SECOND
from bighost.job.job import Usage
from bighost.job.latency import Stamp, latency
from bighost.job.state import State
from bighost.job.verdict import Verdict
from bighost.tui.controls import Wish, press
from bighost.tui.keys import Key
from bighost.tui.screen import Screen, Size
from bighost.wire.http import JobView, NodeView, QueueView, StatusView, ThroughputView
from bighost.wire.messages import Load, Profile

NOW = 1_800_000_000 * SECOND
SMALL, LARGE = Size(80, 24), Size(200, 40)
NASTY = "\x1b[2J\x1b]0;pwned\x07[bold red]Bobby[/]\u202e\r\n\ttables :boom:"


def ago(seconds: float) -> int:
    return NOW - round(seconds * SECOND)


def node(name: str = "core-1", **changes: Any) -> NodeView:
    fields: dict[str, Any] = {
        "key": f"key-of-{name}",
        "name": name,
        "profile": Profile.CORE,
        "state": "here",
        "slots": 4,
        "held": 6,
        "busy": 3,
        "credit": 8,
        "load": Load(cpu=0.62, memory=0.41, swap=0.0),
        "done": 812,
        "faults": 0,
        "last_seen": ago(1.2),
    }
    return NodeView(**fields | changes)


def job(id: str = "k3v9qdz05wbn7xye", **changes: Any) -> JobView:
    fields: dict[str, Any] = {
        "id": id,
        "assignment": "wordcount",
        "team": "reds",
        "number": 1,
        "state": State.RUNNING,
        "verdict": None,
        "score": None,
        "total": 10.0,
        "message": "",
        "node": "core-1",
        "attempt": 1,
        "stages": (),
        "usage": Usage(),
        "latency": latency({}),
        "timestamps": {Stamp.PROCESSING_START.value: ago(12)},
        "stage": "sample: mapper 3/8",
        "limit_s": 60.0,
    }
    return JobView(**fields | changes)


def ended(id: str, verdict: Verdict | None, seconds_ago: float, took: float = 3.4, **changes: Any) -> JobView:
    stamps = {Stamp.RECEIVED: ago(seconds_ago + took), Stamp.COMPLETED: ago(seconds_ago)}
    fields: dict[str, Any] = {
        "state": State.GRADED if verdict else State.FAILED,
        "verdict": verdict,
        "score": 10.0 if verdict is Verdict.PASSED else 0.0 if verdict else None,
        "latency": latency(stamps),
        "timestamps": {stamp.value: at for stamp, at in stamps.items()},
        "stage": "",
    }
    return job(id, **fields | changes)


def queue(assignment: str, waiting: int, oldest: float = 0.0, eta: float | None = None) -> QueueView:
    return QueueView(assignment=assignment, waiting=waiting, running=2, oldest_wait_s=oldest, eta_s=eta)


def status(**changes: Any) -> StatusView:
    fields: dict[str, Any] = {
        "now": NOW,
        "version": "0.1.0",
        "nodes": (),
        "queue": (),
        "running": (),
        "recent": (),
        "waiting": 0,
        "taking": True,
    }
    return StatusView(**fields | changes)


def busy() -> StatusView:
    """The evening before a deadline."""
    verdicts = (*Verdict, None)
    letters = "0123456789abcdefghjkmnpqrstvwxyz"
    return status(
        nodes=(
            node("core-1"),
            node("core-2", load=Load(cpu=0.97, memory=0.88, swap=0.12), busy=4, faults=2, last_seen=ago(3)),
            node("anas-laptop", profile=Profile.LIGHTWEIGHT, slots=1, busy=1, credit=2, done=17),
            node("lab-07", profile=Profile.LIGHTWEIGHT, state="draining", slots=2, busy=0, credit=0),
            node("lab-08", profile=Profile.LIGHTWEIGHT, state="away", slots=2, busy=0, last_seen=ago(4000)),
        ),
        queue=(queue("degrees", 0), queue("flights", 3, 9.0, 42.0), queue("wordcount", 117, 186, 1260.0)),
        running=(
            job("k3v9qdz05wbn7xye"),
            job("01qfrgxdx59pgcqg", team="blues", node="core-2", stage="larger: reducer"),
            job("7shrbf5ewtrzk9b4", assignment="flights", timestamps={"processing_start": ago(58)}),
            job("zx0yrskdadef0p2n", state=State.MARKING, stage=""),
        ),
        recent=tuple(
            ended(letters[n] * 16, verdicts[n % len(verdicts)], 3 + 7 * n, 1 + n, team=f"team-{n:02}")
            for n in range(20)
        ),
        waiting=120,
        throughput=ThroughputView(span_s=5.0, marks=tuple((7 * n) % 13 for n in range(720))),
    )


def screen(seen: StatusView | None = None, size: Size = SMALL, **changes: Any) -> Screen:
    return Screen(status=seen or busy(), size=size, url="http://127.0.0.1:9000", **changes)


def typed(at: Screen, *keys: Key) -> tuple[Screen, Wish | None]:
    """The screen after these keys, and what the last of them asked for."""
    wish: Wish | None = None
    for key in keys:
        at, wish = press(at, key)
    return at, wish


def text(at: Screen) -> str:
    """What is read on it."""
    from bighost.tui.view import frame

    return "\n".join(line.plain.rstrip() for line in frame(at)) + "\n"
