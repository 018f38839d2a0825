"""What a program says on stderr: Hadoop's reporter lines are taken out, of the rest the end is kept.

`reporter:counter:GROUP,COUNTER,AMOUNT` adds to a counter, `reporter:status:TEXT` sets the status
(Hadoop Streaming's documentation, "How do I update counters in streaming applications?"). A reporter line
that is neither is kept as text, so that its author sees it.
"""

from __future__ import annotations

from bighost.pod.contract import Outcome

TAIL_BYTES = 8 * 1024
LINE_BYTES = 8 * 1024  # a longer line is never a reporter line
MOST_COUNTERS = 100
GROUP_CHARACTERS = 128  # as Hadoop cuts them
COUNTER_CHARACTERS = 64
STATUS_CHARACTERS = 512
LONG = 2**63  # counters are Java longs

REPORTER = b"reporter:"
COUNTER = b"reporter:counter:"
STATUS = b"reporter:status:"

Counters = dict[str, dict[str, int]]


class Offence(Exception):
    """A program goes further than it may; it is stopped at once."""

    def __init__(self, outcome: Outcome, message: str) -> None:
        super().__init__(message)
        self.outcome = outcome
        self.message = message


class Stderr:
    """Reads one program's stderr, in memory that is bounded whatever comes."""

    def __init__(self) -> None:
        self.counters: Counters = {}
        self.status = ""
        self._tail = b""
        self._line = b""  # the last one, which has no end yet
        self._inside_text = False  # the last line's beginning is already in the tail

    def feed(self, data: bytes) -> None:
        """Take in the next bytes. Raises Offence when there are too many counters."""
        *lines, rest = (self._line + data).split(b"\n")
        if REPORTER in data or self._line:
            for line in lines:
                self._take(line)
        elif lines:
            self._keep(b"\n".join(lines) + b"\n")
            self._inside_text = False
        self._hold(rest)

    def end(self) -> str:
        """The end of what was said, at most TAIL_BYTES."""
        if self._line:
            self._take(self._line)
            self._line = b""
        return self._tail[-TAIL_BYTES:].decode(errors="replace")

    def _take(self, line: bytes) -> None:
        is_whole = not self._inside_text
        self._inside_text = False
        if not (is_whole and line.startswith(REPORTER) and self._understand(line)):
            self._keep(line + b"\n")

    def _understand(self, line: bytes) -> bool:
        if line.startswith(STATUS):
            self.status = line.removeprefix(STATUS).decode(errors="replace").strip()[:STATUS_CHARACTERS]
            return True
        group, _, rest = line.removeprefix(COUNTER).decode(errors="replace").strip().partition(",")
        name, _, amount = rest.partition(",")
        if not line.startswith(COUNTER) or not amount.removeprefix("-").isdecimal() or len(amount) > 20:
            return False
        self._count(group[:GROUP_CHARACTERS], name[:COUNTER_CHARACTERS], int(amount))
        return True

    def _count(self, group: str, name: str, amount: int) -> None:
        counters = self.counters.setdefault(group, {})
        counters[name] = max(-LONG, min(LONG - 1, counters.get(name, 0) + amount))
        if sum(map(len, self.counters.values())) > MOST_COUNTERS:
            raise Offence(Outcome.RUNTIME_ERROR, f"counts more than {MOST_COUNTERS} different counters")

    def _hold(self, rest: bytes) -> None:
        """Keep back what may become a reporter line; the beginning of any other line is text already."""
        may_report = len(rest) <= LINE_BYTES and rest.startswith(REPORTER[: len(rest)])
        if may_report and not self._inside_text:
            self._line = rest
        else:
            self._line = b""
            self._inside_text = True
            self._keep(rest)

    def _keep(self, text: bytes) -> None:
        self._tail = (self._tail + text)[-TAIL_BYTES:]


def add_counters(total: Counters, more: Counters) -> None:
    """Add `more` to `total`."""
    for group, counters in more.items():
        sums = total.setdefault(group, {})
        for name, amount in counters.items():
            sums[name] = max(-LONG, min(LONG - 1, sums.get(name, 0) + amount))
