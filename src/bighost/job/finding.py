"""One reason why a hand-in can't be taken, with the place to look at."""

from __future__ import annotations

import msgspec

from bighost.job.excerpt import excerpt


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What is wrong with one file; lines and columns count from 1."""

    file: str
    reason: str
    line: int | None = None
    column: int | None = None
    hint: str = ""

    def __str__(self) -> str:
        place = f", line {self.line}" if self.line is not None else ""
        return f"{excerpt(self.file)}{place}: {self.reason}{'. ' if self.hint else ''}{self.hint}"
