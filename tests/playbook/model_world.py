"""Everybody and everything: the coordinator, its nodes, the messages between them, and the one clock."""

from __future__ import annotations

from enum import Enum

from model_node import JUDGED, ModelNode
from model_shell import ModelShell

from bighost.clock import seconds
from bighost.coordinator.engine import Terms
from bighost.wire import messages as say
from bighost.wire.messages import CreditTerms
from playbook import START

TERMS = Terms(max_attempts=3, max_returns=6, waiting_deadline_s=600.0, marking_deadline_s=60.0)
SOON_S = 300  # within which all must have ended once the world is good
NODES = {
    "n1": (CreditTerms(window=3, low_water=1, batch=2), ("streaming", "spark")),
    "n2": (CreditTerms(window=1, low_water=0, batch=1), ("streaming",)),
    "n3": (CreditTerms(window=2, low_water=1, batch=1), ("streaming",)),
}


class Luck(Enum):
    """What becomes of a message; one that arrives twice arrives again later."""

    ONCE = 1
    TWICE = 2
    NEVER = 0


class World:
    """Everybody and everything. `now` is the one clock."""

    def __init__(self) -> None:
        self.now = START
        self.shell = ModelShell(TERMS)
        self.nodes = {key: ModelNode(key, *facts) for key, facts in NODES.items()}
        self.up: list[tuple[str, bytes, say.FromNode]] = []  # node, connection, message
        self.down: list[tuple[bytes, say.FromCoordinator]] = []
        self.handed_in = 0
        self.post()

    # -- the network

    def post(self) -> None:
        """What was said is on its way."""
        for node in self.nodes.values():
            self.up += [(node.key, node.route, message) for message in node.said]
            node.said.clear()
        self.down += self.shell.letters
        self.shell.letters.clear()

    def carry_up(self, index: int, luck: Luck = Luck.ONCE) -> None:
        key, route, message = self.up.pop(index)
        if luck is Luck.TWICE:
            self.up.append((key, route, message))
        if luck is not Luck.NEVER:
            self.shell.hear(key, route, message)

    def carry_down(self, index: int, luck: Luck = Luck.ONCE) -> None:
        route, message = self.down.pop(index)
        if luck is Luck.TWICE:
            self.down.append((route, message))
        for node in self.nodes.values():
            if node.up and node.route == route and luck is not Luck.NEVER:
                node.hear(message)

    def carry_all(self) -> None:
        """Every message arrives, once and in order, and is dealt with."""
        while self.up or self.down or self.shell.inbox:
            while self.up:
                self.carry_up(0)
            self.shell.round(self.now)
            self.post()
            while self.down:
                self.carry_down(0)
            self.post()

    # -- time

    def advance(self, by_s: float) -> None:
        """Time passes, and the coordinator is told of every deadline when it comes."""
        end = self.now + seconds(by_s)
        while (due := self.shell.engine.next_deadline()) is not None and due <= end:
            self.now = max(self.now, due)
            self.shell.round(self.now)
        self.now = end
        self.post()

    # -- a good world

    def turn_good(self) -> None:
        """Nothing is lost any more, everybody does what they should: all jobs must end soon."""
        for node in self.nodes.values():
            node.paused = False
        for second in range(SOON_S):
            self.shell.inbox += self.shell.marks
            self.shell.marks.clear()
            self.carry_all()
            if not self.shell.engine.jobs:
                return
            self.advance(1)
            for node in self.nodes.values():
                behave(node, self.shell, second)
            self.post()
        raise AssertionError(f"these did not end: {list(self.shell.engine.jobs.values())}")


def behave(node: ModelNode, shell: ModelShell, second: int) -> None:
    """One second of a node that works as it should; its owner starts it again when it has ended."""
    if node.draining:
        node.leave()
    if not node.up:
        node.restart()
    elif not node.welcomed:
        node.greet()
    if second % 3 == 0:
        node.beat()
    if second % 5 == 0:
        node.pull()
    for id in list(node.queue)[: 2 - len(node.running)]:
        node.start(id)
    for id in list(node.running):
        node.finish(id, JUDGED)
    for id in list(node.wanted):
        upload(node, shell, id)


def upload(node: ModelNode, shell: ModelShell, id: str) -> None:
    """A node uploads a wanted output, and may then forget it."""
    attempt = node.wanted[id]
    shell.upload(id, attempt, node.outbox[id].tests[0].message)
    node.forget(id, attempt)
