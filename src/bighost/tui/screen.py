"""Everything that the screen shows, as one frozen value: a snapshot of the cluster, and where the person is.

`view` draws it, `controls` answers keys with the next one, `app` owns the one that counts.
"""

from __future__ import annotations

from enum import StrEnum

import msgspec

from bighost.wire.http import StatusView


class Pane(StrEnum):
    """The lists of the screen, in their order."""

    NODES = "nodes"
    QUEUE = "queue"
    RUNNING = "running"
    LATEST = "latest"


class Size(msgspec.Struct, frozen=True):
    """A terminal's size in cells."""

    columns: int
    lines: int


class Place(msgspec.Struct, frozen=True):
    """Where a person is in one list. `key` is the row that is chosen, wherever a sort or news take it."""

    row: int = 0
    key: str = ""
    order: int = 0  # which of the pane's orders
    backwards: bool = False


class Subject(msgspec.Struct, frozen=True):
    """What a sheet is about: a job's story, or a node's log."""

    kind: Pane  # RUNNING for a job, NODES for a node
    id: str
    name: str


class Page(msgspec.Struct, frozen=True):
    """One page of a sheet: a log's stream, or a story."""

    title: str
    lines: tuple[str, ...]


class Sheet(msgspec.Struct, frozen=True):
    """Pages that lie over the lists until Escape is pressed."""

    title: str
    pages: tuple[Page, ...]
    page: int = 0
    top: int = 0  # the first line that is shown, of the page as it is wrapped
    following: bool = False  # stays at the end when there is more
    subject: Subject | None = None  # None: the help


class Screen(msgspec.Struct, frozen=True, kw_only=True):
    """What is shown."""

    status: StatusView
    size: Size
    url: str = ""
    late_s: float = 0.0  # seconds since `status` was true
    lost: str = ""  # why the coordinator can't be heard; empty while it is
    focus: Pane = Pane.NODES
    places: dict[Pane, Place] = msgspec.field(default_factory=lambda: dict.fromkeys(Pane, Place()))
    search: str = ""  # rows without it are left out
    typing: bool = False  # the search is being typed
    zoomed: bool = False  # the focused list alone
    held: StatusView | None = None  # while paused, the newest snapshot, which is not shown
    sheet: Sheet | None = None
    told: str = ""  # a line for the person, until the next key
    still: bool = False  # one frame on paper: nothing is chosen, no key does anything

    @property
    def paused(self) -> bool:
        """Whether the person has stopped the picture."""
        return self.held is not None

    @property
    def now(self) -> int:
        """The coordinator's time that the screen shows, in ns."""
        return self.status.now + round(self.late_s * 1e9)
