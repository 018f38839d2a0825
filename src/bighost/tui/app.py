"""Runs the screen: one loop that waits for keys, news and signals, and draws what they make of it.

Everything that happens comes in through two files that a selector waits on: the terminal, and one end of a
socket pair into which threads and signal handlers put a byte. Nothing is asked for again and again; the
clock only moves ages on the screen, once a second, and tells a lone ESC from the start of a sequence.
"""

from __future__ import annotations

import selectors
import signal
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager
from queue import Empty, SimpleQueue
from types import FrameType

from bighost.tui import controls, feed
from bighost.tui.controls import Leave, Read, Wish
from bighost.tui.feed import Connect, Feed, News
from bighost.tui.keys import Decoder
from bighost.tui.screen import Screen
from bighost.tui.terminal import Terminal
from bighost.tui.view import frame
from bighost.wire.http import StatusView

ESCAPE_S = 0.05  # a terminal sends the rest of a sequence sooner
TICK_S = 1.0
NEWS = b"\0"
STOPS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(Exception):
    """Somebody told the program to stop."""

    def __init__(self, signum: int) -> None:
        super().__init__(signum)
        self.exit_code = 128 + signum


class App:
    """The screen on a terminal, until the person leaves."""

    def __init__(self, connect: Connect, first: StatusView, url: str) -> None:
        self._terminal = Terminal()
        self._decoder = Decoder()
        self._inbox: SimpleQueue[News] = SimpleQueue()
        self._bell, self._ringer = socket.socketpair()
        self._feed = Feed(connect, self._post)
        self._screen = Screen(status=first, size=self._terminal.size(), url=url)
        self._since = time.monotonic()
        self._leaving = False

    def run(self) -> None:
        """Show the screen. Raises BigHostError when the coordinator wants no more of us, Stopped."""
        with self._bell, self._ringer, _signals(self._ringer), self._terminal.taken():
            self._feed.start()
            try:
                self._loop()
            finally:
                self._feed.close()

    def _loop(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._terminal.input, selectors.EVENT_READ, self._typed)
            selector.register(self._bell, selectors.EVENT_READ, self._rung)
            while not self._leaving:
                self._terminal.draw(frame(self._screen), self._screen.size)
                ready = selector.select(ESCAPE_S if self._decoder.pending else TICK_S)
                for key, _ in ready:
                    key.data()
                if not ready:
                    self._nothing_came()

    def _typed(self) -> None:
        data = self._terminal.read()
        if not data:
            self._leaving = True
        for key in self._decoder.feed(data):
            self._answer(controls.press(self._screen, key))

    def _nothing_came(self) -> None:
        for key in self._decoder.flush():
            self._answer(controls.press(self._screen, key))
        self._screen = controls.later(self._screen, time.monotonic() - self._since)

    def _rung(self) -> None:
        """A signal's number each, or NEWS."""
        rings = self._bell.recv(4096)
        if stops := [ring for ring in rings if ring in STOPS]:
            raise Stopped(stops[0])
        if signal.SIGWINCH in rings:
            self._terminal.forget()
            self._screen = controls.resized(self._screen, self._terminal.size())
        try:
            while True:
                self._take(self._inbox.get_nowait())
        except Empty:  # everything that came is taken
            return

    def _take(self, news: News) -> None:
        match news:
            case feed.Came():
                self._since = time.monotonic()
                self._answer(controls.news(self._screen, news.status))
            case feed.Gone():
                self._screen = controls.lost(self._screen, news.why)
            case feed.Opened():
                self._screen = controls.opened(self._screen, news.sheet)
            case feed.Denied():
                self._screen = controls.told(self._screen, news.why)
            case feed.Failed():
                raise news.error

    def _answer(self, answer: tuple[Screen, Wish | None]) -> None:
        self._screen, wish = answer
        match wish:
            case Leave():
                self._leaving = True
            case Read():
                self._feed.read(wish.subject)

    def _post(self, news: News) -> None:
        """Called by other threads."""
        self._inbox.put(news)
        try:
            self._ringer.send(NEWS)
        except OSError:  # it has been rung often enough, or the screen was left
            return


@contextmanager
def _signals(ringer: socket.socket) -> Iterator[None]:
    """Signals ring the bell; the handlers that there were come back."""
    ringer.setblocking(False)
    wakeup = signal.set_wakeup_fd(ringer.fileno(), warn_on_full_buffer=False)
    before = {number: signal.signal(number, _heard) for number in (*STOPS, signal.SIGWINCH)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup)


def _heard(_: int, __: FrameType | None) -> None:
    """The byte in the socket pair is all that is wanted of a signal."""
