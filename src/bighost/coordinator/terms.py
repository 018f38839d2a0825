"""The engine's settings."""

from __future__ import annotations

import msgspec

REJOIN_LEASES = 3  # a node that lost us tries again after half a minute at the latest


class Terms(msgspec.Struct, frozen=True, kw_only=True):
    """The engine's settings, in seconds and counts."""

    lease_s: float = 15.0
    heartbeat_s: float = 3.0
    max_attempts: int = 5  # faults of ours that a job survives before staff must look at it
    max_returns: int = 25  # the same, with the times that nodes left in good order and handed it back
    max_pod_deaths: int = 2  # nodes on which it may take a pod down before it is quarantined
    waiting_deadline_s: float = 86_400.0
    marking_deadline_s: float = 120.0
    rest_s: float = 2.0  # of a node that is not well; doubled each time in a row
    longest_rest_s: float = 60.0

    def __post_init__(self) -> None:
        if not 0 < self.heartbeat_s < self.lease_s:
            raise ValueError("heartbeat_s must be above zero and below lease_s")
        if min(self.waiting_deadline_s, self.marking_deadline_s, self.rest_s) <= 0:
            raise ValueError("deadlines must be above zero")
        if min(self.max_attempts, self.max_returns, self.max_pod_deaths) < 1:
            raise ValueError("max_attempts, max_returns and max_pod_deaths must be at least 1")

    @property
    def rejoin_s(self) -> float:
        """How long nodes have to come back after a restart of the coordinator."""
        return REJOIN_LEASES * self.lease_s
