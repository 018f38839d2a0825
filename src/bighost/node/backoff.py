"""How long to wait before trying again: twice as long each time, up to a bound, with jitter.

The jitter is "full" (uniform between 0 and the bound of the try), which best spreads a crowd of nodes that
all lost the same coordinator: M. Brooker, "Exponential Backoff And Jitter", AWS Architecture Blog, 2015. A
small part is kept fixed, so that no try follows at once.
"""

from __future__ import annotations

import random
from collections.abc import Callable

LEAST_SHARE = 0.1


class Backoff:
    """Waiting times in seconds: about `first`, doubling up to `longest`."""

    def __init__(
        self,
        first: float = 0.5,
        longest: float = 30.0,
        uniform: Callable[[float, float], float] = random.uniform,
    ) -> None:
        self._first = first
        self._longest = longest
        self._uniform = uniform
        self.tries = 0  # since it last worked

    def next(self) -> float:
        """The time to wait before the next try."""
        bound = min(self._longest, self._first * 2 ** min(self.tries, 30))
        self.tries += 1
        return self._uniform(LEAST_SHARE * bound, bound)

    def reset(self) -> None:
        """It worked: begin anew."""
        self.tries = 0
