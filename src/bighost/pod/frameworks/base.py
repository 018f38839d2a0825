"""What a framework is: one file beside this one, named in the registry, that knows how to run an order."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar

from bighost.pod.contract import Option, RunOrder
from bighost.pod.run import Run


class Framework(ABC):
    """Runs orders, one at a time. What lives longer than a run (a daemon, say) belongs to the object."""

    OPTIONS: ClassVar[dict[str, Option]]
    OVERHEAD_BYTES: ClassVar[int] = 128 << 20  # control server, warden, and whatever the framework starts
    OVERHEAD_PROCESSES: ClassVar[int] = 64  # their processes and threads
    IMAGE: ClassVar[str] = ""  # the folder of its image in `images/`; empty: the framework's own name
    STANDALONE: ClassVar[bool] = False  # needs nothing but Python, so that process pods can run it
    REUSE: ClassVar[str] = "reset"  # "never": student code can reach what `start` has started

    def start(self) -> None:  # noqa: B027 - most have nothing to start
        """Start what outlives a run. May take its time; raises Fault."""

    @abstractmethod
    def trial(self) -> RunOrder:
        """A tiny order that touches all that a real one needs; the pod is ready once it went well."""

    @abstractmethod
    def check(self, order: RunOrder, options: dict[str, Any]) -> None:
        """Raises ContractError when the order contradicts itself. `options` are whole and in range."""

    @abstractmethod
    def run(self, run: Run) -> None:
        """Run an order: fills in `run.output` and `run.segments`; returning means that it went well.

        Raises `Stop` when the student's program did not pass, and anything else for a fault of ours.
        """

    def reset(self) -> None:  # noqa: B027 - most remember nothing
        """Forget the last run. Raises Fault when the pod has to be replaced."""

    def stop(self) -> None:  # noqa: B027 - most have nothing to stop
        """End what `start` has started."""
