"""'Perhaps you meant …?' for a word that nobody knows."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def perhaps(word: str, known: Iterable[str]) -> str:
    """A sentence with the known word that is nearest, or nothing where none is near."""
    spellings = {k.lower(): k for k in known}
    near = difflib.get_close_matches(word.lower(), spellings, n=1, cutoff=0.6)
    return f"Perhaps you meant {spellings[near[0]]!r}?" if near else ""
