"""News for the screen: snapshots as the coordinator sends them, and what the person asked to read.

Each runs in a thread of its own, because the client waits for bytes; what they learn goes to `post`, which
hands it to the one loop. A thread that fails posts that too, so nothing fails unseen.
"""

from __future__ import annotations

import random
import threading
from collections.abc import Callable, Iterator
from datetime import datetime

import msgspec

from bighost.client import Client
from bighost.errors import BigHostError, NetworkError
from bighost.tui.screen import Page, Pane, Sheet, Subject
from bighost.wire.http import StatusView

FIRST_WAIT_S = 0.2
LONGEST_WAIT_S = 5.0
LAST_LINES = 2000  # of each stream of a node's log

Connect = Callable[[], Client]


class Came(msgspec.Struct, frozen=True):
    """A snapshot."""

    status: StatusView


class Gone(msgspec.Struct, frozen=True):
    """The coordinator can't be heard; it is tried again."""

    why: str


class Opened(msgspec.Struct, frozen=True):
    """What the person asked to read."""

    sheet: Sheet


class Denied(msgspec.Struct, frozen=True):
    """It can't be read, and why."""

    why: str


class Failed(msgspec.Struct, frozen=True):
    """No news will come any more."""

    error: Exception


News = Came | Gone | Opened | Denied | Failed


class Feed:
    """Listens to the coordinator until it is closed."""

    def __init__(self, connect: Connect, post: Callable[[News], None]) -> None:
        self._connect = connect
        self._post = post
        self._closed = threading.Event()

    def start(self) -> None:
        """Begin to listen."""
        # A daemon: it may wait for bytes when the person leaves, and has nothing to put in order.
        threading.Thread(target=self._guarded, args=(self._listen,), name="feed", daemon=True).start()

    def close(self) -> None:
        """Listen no more."""
        self._closed.set()

    def read(self, subject: Subject) -> None:
        """Fetch what the person wants to read."""
        threading.Thread(
            target=self._guarded, args=(lambda: self._read(subject),), name="read", daemon=True
        ).start()

    def _guarded(self, work: Callable[[], None]) -> None:
        try:
            work()
        except Exception as error:  # noqa: BLE001 - the screen is left with it, and the command tells it
            self._post(Failed(error))

    def _listen(self) -> None:
        """Snapshot after snapshot; when the line breaks, again after a while, jittered so that a hundred
        screens don't come back at the same moment."""
        wait = FIRST_WAIT_S
        while not self._closed.is_set():
            try:
                for status in self._watched():
                    wait = FIRST_WAIT_S
                    self._post(Came(status))
            except NetworkError as error:
                self._post(Gone(error.message))
            else:
                self._post(Gone("the coordinator ended the connection"))
            self._closed.wait(wait * random.uniform(0.5, 1.0))
            wait = min(LONGEST_WAIT_S, wait * 2)

    def _watched(self) -> Iterator[StatusView]:
        with self._connect() as client:
            for status in client.watch():
                if self._closed.is_set():
                    return
                yield status

    def _read(self, subject: Subject) -> None:
        try:
            with self._connect() as client:
                sheet = story(client, subject) if subject.kind is Pane.RUNNING else log(client, subject)
        except BigHostError as error:
            self._post(Denied(f"{subject.name}: {error.message}"))
        else:
            self._post(Opened(sheet))


def story(client: Client, subject: Subject) -> Sheet:
    """What happened to a job, and what each stage wrote to stderr. Raises BigHostError."""
    job, lines = client.job(subject.id), client.story(subject.id)
    told = [f"{_when(line.at)}  {line.text}" for line in lines]
    why = ["", *job.message.splitlines()] if job.message else []
    stages = [
        Page(title=f"{stage.test}/{stage.name}", lines=tuple(stage.stderr.splitlines()))
        for stage in job.stages
        if stage.stderr
    ]
    pages = (Page(title="story", lines=(*told, *why)), *stages)
    return Sheet(title=f"job {subject.id} · {subject.name}", pages=pages, subject=subject)


def log(client: Client, subject: Subject) -> Sheet:
    """The end of each stream of a node's log. Raises BigHostError."""
    pages = [
        Page(title=file.removesuffix("_logs.txt"), lines=tuple(text.splitlines()[-LAST_LINES:]))
        for file, text in client.node_logs(subject.id).items()
    ]
    nothing = Page(title="log", lines=("Nothing has come from this node since the coordinator started.",))
    return Sheet(title=f"log of {subject.name}", pages=tuple(pages) or (nothing,), subject=subject)


def _when(at: int) -> str:
    return datetime.fromtimestamp(at / 1e9).astimezone().strftime("%H:%M:%S")
