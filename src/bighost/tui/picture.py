"""The screen as a picture for pages: one frame as an SVG file."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence

from rich.console import Console
from rich.text import Text

_FONT_FACES = re.compile(r"@font-face \{.*?\}\s*", re.DOTALL)
NAME = "bighost-status"


def svg(lines: Sequence[Text], title: str) -> str:
    """The lines as SVG, in a window of this title. It loads nothing from elsewhere, so it can be kept."""
    width = max(line.cell_len for line in lines)
    console = Console(
        file=io.StringIO(),
        record=True,
        width=width,
        force_terminal=True,
        color_system="truecolor",
        highlight=False,
        no_color=False,
    )
    for line in lines:
        console.print(line, no_wrap=True, overflow="crop")
    return _FONT_FACES.sub("", console.export_svg(title=title, unique_id=NAME))
