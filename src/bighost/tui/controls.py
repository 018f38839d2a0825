"""What a key, news or another size make of the screen: each a function from one frozen screen to the next.

What a key asks of the world outside comes back beside the screen, as a wish, for `app` to fulfil.
"""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from bighost.tui import layout, sheets
from bighost.tui.keys import Key, Named
from bighost.tui.panes import KINDS, listed
from bighost.tui.screen import Pane, Place, Screen, Sheet, Size, Subject
from bighost.wire.http import StatusView

replace = msgspec.structs.replace


class Leave(msgspec.Struct, frozen=True):
    """The person wants to go."""


class Read(msgspec.Struct, frozen=True):
    """The person wants to read a job's story or a node's log."""

    subject: Subject


Wish = Leave | Read
Answer = tuple[Screen, Wish | None]


def press(screen: Screen, key: Key) -> Answer:
    """What a key does."""
    screen = replace(screen, told="")
    if key is Named.INTERRUPT:
        return screen, Leave()
    if screen.typing:
        return _type(screen, key), None
    if key in ("q", "Q"):
        return screen, Leave()
    if key in ("p", "P", " "):
        return _pause(screen), None
    if screen.sheet is not None:
        return _read(screen, screen.sheet, key), None
    if key is Named.ENTER:
        return _enter(screen)
    if key in _MOVES:
        by, pages = _MOVES[key]
        return _move(screen, by * (_page(screen) if pages else 1)), None
    action = _ACTIONS.get(key)
    return (action(screen) if action else screen), None


def news(screen: Screen, status: StatusView) -> Answer:
    """A snapshot came: it is shown, or while paused kept; a sheet is read again."""
    screen = replace(screen, lost="")
    if screen.paused:
        return replace(screen, held=status), None
    subject = screen.sheet.subject if screen.sheet else None
    return _found(replace(screen, status=status, late_s=0.0)), Read(subject) if subject else None


def lost(screen: Screen, why: str) -> Screen:
    """The coordinator can't be heard."""
    return replace(screen, lost=why or "no answer")


def later(screen: Screen, seconds: float) -> Screen:
    """So long ago the snapshot was true; while paused, time stands still."""
    return screen if screen.paused else replace(screen, late_s=seconds)


def resized(screen: Screen, size: Size) -> Screen:
    """The terminal has another size."""
    screen = replace(screen, size=size)
    if screen.sheet is None or not layout.fits(size):
        return screen
    return replace(screen, sheet=sheets.scrolled(screen, screen.sheet, screen.sheet.top))


def opened(screen: Screen, sheet: Sheet) -> Screen:
    """What the person wanted to read has come; it is shown unless they have gone on."""
    old = screen.sheet
    if old is not None and old.subject == sheet.subject:
        return replace(screen, sheet=sheets.renewed(screen, old, sheet))
    if old is not None:
        return screen
    end = len(sheets.wrapped(sheet, screen.size.columns))
    return replace(screen, sheet=sheets.scrolled(screen, sheet, end))


def told(screen: Screen, line: str) -> Screen:
    """Something to tell the person."""
    return replace(screen, told=line)


def _found(screen: Screen) -> Screen:
    """Every list's chosen row where it is now; the row in its place when it is gone."""
    return replace(screen, places={pane: _refound(screen, pane) for pane in Pane})


def _refound(screen: Screen, pane: Pane) -> Place:
    place = screen.places[pane]
    keys = [KINDS[pane].key(row) for row in listed(screen, pane)]
    if not keys:
        return replace(place, row=0, key="")
    # Whoever is at the first row wants to see what comes first, not what was there once.
    row = keys.index(place.key) if place.row and place.key in keys else min(place.row, len(keys) - 1)
    return replace(place, row=row, key=keys[row])


def _place(screen: Screen, **changes: object) -> Screen:
    place = replace(screen.places[screen.focus], **changes)
    return replace(screen, places={**screen.places, screen.focus: place})


def _move(screen: Screen, by: int) -> Screen:
    """The chosen row of the focused list goes down by so many."""
    rows = listed(screen, screen.focus)
    row = max(0, min(screen.places[screen.focus].row + by, len(rows) - 1))
    return _place(screen, row=row, key=KINDS[screen.focus].key(rows[row]) if rows else "")


def _page(screen: Screen) -> int:
    """The rows of the focused list that are seen at once."""
    seen = layout.heights(screen, {pane: len(listed(screen, pane)) for pane in Pane})
    return max(1, seen[screen.focus] - 1)


def _focus(screen: Screen, by: int) -> Screen:
    panes = tuple(Pane)
    return replace(screen, focus=panes[(panes.index(screen.focus) + by) % len(panes)])


def _sort(screen: Screen) -> Screen:
    orders = KINDS[screen.focus].orders
    order = (screen.places[screen.focus].order + 1) % len(orders)
    return _found(_place(screen, order=order, backwards=False))


def _turn(screen: Screen) -> Screen:
    return _found(_place(screen, backwards=not screen.places[screen.focus].backwards))


def _pause(screen: Screen) -> Screen:
    if screen.held is None:
        return replace(screen, held=screen.status)
    return _found(replace(screen, status=screen.held, held=None, late_s=0.0))


def _search(screen: Screen, words: str, *, typing: bool) -> Screen:
    return _found(replace(screen, search=words, typing=typing))


def _type(screen: Screen, key: Key) -> Screen:
    """A key while the search is typed."""
    if key is Named.ENTER:
        return replace(screen, typing=False)
    if key is Named.ESCAPE:
        return _search(screen, "", typing=False)
    if key is Named.BACKSPACE:
        return _search(screen, screen.search[:-1], typing=True)
    if isinstance(key, str) and len(screen.search) < 40:
        return _search(screen, screen.search + key, typing=True)
    return screen


def _enter(screen: Screen) -> Answer:
    """Look closer at the chosen row."""
    rows = listed(screen, screen.focus)
    if not rows:
        return screen, None
    row = rows[min(screen.places[screen.focus].row, len(rows) - 1)]
    if screen.focus is Pane.QUEUE:
        return _search(screen, row.assignment, typing=False), None
    if screen.focus is Pane.NODES:
        return screen, Read(Subject(kind=Pane.NODES, id=row.name, name=row.name))
    return screen, Read(Subject(kind=Pane.RUNNING, id=row.id, name=f"{row.assignment}, team {row.team}"))


def _read(screen: Screen, sheet: Sheet, key: Key) -> Screen:
    """A key while a sheet lies over the lists."""
    if key in (Named.ESCAPE, Named.ENTER, Named.BACKSPACE, "?", "h"):
        return replace(screen, sheet=None)
    if key in _MOVES:
        by, pages = _MOVES[key]
        top = sheet.top + by * (sheets.height(screen) if pages else 1)
        return replace(screen, sheet=sheets.scrolled(screen, sheet, top))
    if key in (Named.LEFT, Named.RIGHT):
        page = (sheet.page + (1 if key is Named.RIGHT else -1)) % len(sheet.pages)
        turned = replace(sheet, page=page)
        end = len(sheets.wrapped(turned, screen.size.columns))
        return replace(screen, sheet=sheets.scrolled(screen, turned, end))
    return screen


_FAR = 1_000_000
_MOVES: dict[Key, tuple[int, bool]] = {  # down by so many rows, or (True) pages
    Named.UP: (-1, False),
    "k": (-1, False),
    Named.DOWN: (1, False),
    "j": (1, False),
    Named.PAGE_UP: (-1, True),
    Named.PAGE_DOWN: (1, True),
    Named.HOME: (-_FAR, False),
    "g": (-_FAR, False),
    Named.END: (_FAR, False),
    "G": (_FAR, False),
}
_ACTIONS: dict[Key, Callable[[Screen], Screen]] = {
    Named.TAB: lambda screen: _focus(screen, 1),
    Named.BACK_TAB: lambda screen: _focus(screen, -1),
    "1": lambda screen: replace(screen, focus=Pane.NODES),
    "2": lambda screen: replace(screen, focus=Pane.QUEUE),
    "3": lambda screen: replace(screen, focus=Pane.RUNNING),
    "4": lambda screen: replace(screen, focus=Pane.LATEST),
    "s": _sort,
    "S": _turn,
    "z": lambda screen: replace(screen, zoomed=not screen.zoomed),
    "/": lambda screen: replace(screen, typing=True),
    Named.ESCAPE: lambda screen: _search(screen, "", typing=False),
    "?": lambda screen: replace(screen, sheet=sheets.HELP),
    "h": lambda screen: replace(screen, sheet=sheets.HELP),
}
