"""Which runtime a node uses, opened; and what that means, in sentences for the person who starts it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bighost.errors import OperatorError
from bighost.job.spelling import perhaps
from bighost.node import images
from bighost.node.runtime.base import EngineGone, Runtime, RuntimeFault
from bighost.node.runtime.docker import DockerRuntime
from bighost.node.runtime.engine import Engine
from bighost.node.runtime.process import ProcessRuntime
from bighost.node.runtime.walls import Wall, missing
from bighost.pod.contract import needs
from bighost.settings import RuntimeKind

DOCKER_MEANS = (
    "Each is walled off: another user, no network, a read-only root, and limits on CPU, memory, processes "
    "and disk."
)
PROCESS_MEANS = (
    "They isolate less than containers and share this machine's kernel: good for a first try, not for a "
    "course."
)


async def choose(wanted: str) -> tuple[str, str]:
    """The runtime that `wanted` ("docker", "process" or "auto") comes to here, and a sentence on why.

    Raises OperatorError for another word, RuntimeFault where docker was asked for and can't be had.
    """
    try:
        kind = RuntimeKind(wanted)
    except ValueError:
        known = [kind.value for kind in RuntimeKind]
        hint = perhaps(wanted, known) or f"it is one of {', '.join(known)}"
        raise OperatorError(f"there is no runtime {wanted!r}", hint=hint) from None
    if kind is RuntimeKind.PROCESS:
        return kind.value, f"Pods are processes of this machine, as you asked for. {PROCESS_MEANS}"
    engine = Engine()
    try:
        info = await engine.check()
    except RuntimeFault as fault:
        if kind is RuntimeKind.DOCKER or not isinstance(fault, EngineGone):
            raise
        why = "Pods are processes of this machine, because no Docker engine answers here."
        return "process", f"{why} {PROCESS_MEANS}"
    finally:
        engine.close()
    version = info.get("ServerVersion", "of unknown version")
    return "docker", f"Pods are Docker containers (engine {version}). {DOCKER_MEANS}"


def open_runtime(
    kind: str, node: str, datasets: Path, *, oci_runtime: str = "runc", ready_s: float = 180.0
) -> Runtime:
    """The runtime that `choose` chose. `node` marks its pods; `datasets` is shown to them, read-only."""
    if kind == RuntimeKind.DOCKER:
        return DockerRuntime(node, datasets, oci_runtime=oci_runtime, ready_s=ready_s)
    return ProcessRuntime(node, datasets, ready_s=ready_s)


def image_of(kind: str, framework: str) -> str:
    """The image of a framework's pods where an assignment names none; process pods have none."""
    return images.reference(needs(framework).image) if kind == RuntimeKind.DOCKER else ""


def able(kind: str, frameworks: Sequence[str]) -> tuple[str, ...]:
    """Those of `frameworks` that can run here: for docker, those whose image is there; for process pods,
    those that need no image. Blocks.

    Raises RuntimeFault, also where none can.
    """
    if kind != RuntimeKind.DOCKER:
        return tuple(name for name in frameworks if needs(name).standalone)
    fresh = {image.name for image in images.listing() if image.fresh}
    found = tuple(name for name in frameworks if needs(name).image in fresh)
    if not found:
        raise RuntimeFault(
            "no image of a framework is built on this machine (or they are of another version)",
            hint="build them: bighost images build",
        )
    return found


def warnings(walls: Sequence[Wall]) -> tuple[str, ...]:
    """A sentence for each wall that does not hold."""
    return tuple(wall.says for wall in missing(tuple(walls)))
