"""Counts who knocks at the nodes' port and is no node, and complains of it once a minute at most.

Garbage, port scanners and peers without a key are turned away by libzmq itself; what is left to do is to
notice, and not to let a flood of them become a flood of log lines.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog
import zmq

COMPLAIN_EVERY_S = 60.0

log = structlog.get_logger()


class Strangers:
    """Fed with the events of a listening socket's monitor."""

    EVENTS = (
        zmq.EVENT_ACCEPTED
        | zmq.EVENT_HANDSHAKE_SUCCEEDED
        | zmq.EVENT_DISCONNECTED
        | zmq.EVENT_HANDSHAKE_FAILED_NO_DETAIL
        | zmq.EVENT_HANDSHAKE_FAILED_PROTOCOL
        | zmq.EVENT_HANDSHAKE_FAILED_AUTH
    )

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._accepted = 0
        self._admitted = 0
        self._malformed = 0
        self._told = 0
        self._told_at: float | None = None

    @property
    def count(self) -> int:
        """Connections without a key (those still shaking hands included), and malformed messages."""
        return max(0, self._accepted - self._admitted) + self._malformed

    def saw(self, event: int) -> None:
        """A connection came in, or proved its key, or ended."""
        if event == zmq.EVENT_ACCEPTED:
            self._accepted += 1
        elif event == zmq.EVENT_HANDSHAKE_SUCCEEDED:
            self._admitted += 1
        else:
            self._complain()

    def malformed(self) -> None:
        """Somebody with a key sent frames that can't be a message."""
        self._malformed += 1
        self._complain()

    def _complain(self) -> None:
        now = self._now()
        due = self._told_at is None or now - self._told_at >= COMPLAIN_EVERY_S
        if due and self.count > self._told:
            self._told, self._told_at = self.count, now
            log.warning("no nodes, but they knock", action="strangers_refused", since_start=self.count)
