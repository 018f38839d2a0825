"""One frame of the screen without a terminal of its own: for paper, pipes and pictures."""

from __future__ import annotations

import msgspec
from rich.text import Text

from bighost.tui import layout
from bighost.tui.panes import listed
from bighost.tui.screen import Pane, Screen, Size
from bighost.tui.view import frame
from bighost.wire.http import StatusView


def still(status: StatusView, url: str, columns: int) -> list[Text]:
    """A frame of so many columns, as long as it takes to show every row."""
    size = Size(max(columns, layout.LEAST.columns), layout.LEAST.lines)
    screen = Screen(status=status, size=size, url=url, still=True)
    lines = layout.whole(screen, {pane: len(listed(screen, pane)) for pane in Pane})
    return frame(msgspec.structs.replace(screen, size=Size(size.columns, lines)))


def live(status: StatusView, url: str, size: Size) -> list[Text]:
    """A frame just as it is on a terminal of this size."""
    return frame(Screen(status=status, size=size, url=url))
