"""Credit: how many jobs a node may be given now. Nobody polls: an idle node has credit outstanding.

A node holds at most `window` jobs (and at most what it last said it would hold). It is given more only
once it holds `low_water` or fewer, and then up to its window: messages are few, its slots never run dry,
and what it doesn't need yet stays in the line for others. Because a node says how many it will hold *in
all*, and the coordinator knows which jobs it holds, a lost or doubled message can't make the two drift.
"""

from __future__ import annotations

from bighost.wire.messages import CreditTerms


def limit(terms: CreditTerms, said: int) -> int:
    """The most that a node may hold: its window, or less where it said so (0 while it drains)."""
    return max(0, min(terms.window, said))


def hungry(terms: CreditTerms, said: int, held: int) -> bool:
    """Whether a node that holds `held` jobs is to be topped up."""
    return held <= terms.low_water and held < limit(terms, said)
