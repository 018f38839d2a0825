"""Pods as Docker containers: the default runtime, with every wall of the design.

A container's settings are made by `container.py`; the engine is asked through `engine.py`. The control server
is reached at a Unix socket in a private bind mount, or, where sockets can't cross (Docker Desktop, a remote
engine), through `relay.py`. Starting undoes itself on failure; removing asks, waits, kills, and always
removes; what a vanished engine kept from being removed is removed before the next start.
"""

from __future__ import annotations

import asyncio
import itertools
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any

import docker
from docker.errors import APIError, NotFound

from bighost.node.runtime import container
from bighost.node.runtime.base import Cores, EngineRefused, ImageMissing, PodSpec, RuntimeFault
from bighost.node.runtime.engine import Engine
from bighost.node.runtime.folders import Folders, own_datasets, short_name
from bighost.node.runtime.relay import Relay
from bighost.node.runtime.served import ServedPod, starting
from bighost.node.runtime.students import student_of
from bighost.node.runtime.walls import EngineWalls, Wall, docker_walls
from bighost.pod.contract import SOCKET_NAME

READY_S = 40.0
ASK_S = 1  # whole seconds between asking a container to stop and killing it
CONFLICT = 409


class Transport(StrEnum):
    """How the control server is reached."""

    SOCKET = "socket"  # a Unix socket in a bind mount
    EXEC = "exec"  # an exec of the engine's


@dataclass(frozen=True, slots=True)
class Facts:
    """What has to be known of an engine before its first pod."""

    cgroup_version: int
    cores: Cores
    transport: Transport
    namespaced: bool  # its containers' users are not the host's
    walls: EngineWalls


class DockerRuntime:
    """See `base.Runtime`. `transport` None: chosen by what the engine says of itself."""

    def __init__(
        self,
        node: str,
        datasets: Path | None = None,
        *,
        engine: Engine | None = None,
        oci_runtime: str = "runc",
        transport: Transport | None = None,
        ready_s: float = READY_S,
        above: Path | None = None,
    ) -> None:
        self.engine = engine or Engine()
        self._node = node
        self._datasets = datasets and own_datasets(datasets)
        self._oci_runtime = oci_runtime
        self._transport = transport
        self._ready_s = ready_s
        self._folders = Folders(node, "c", above)
        self._numbers = itertools.count()
        self._facts: Facts | None = None
        self._unremoved: set[str] = set()

    async def start(self, spec: PodSpec, rank: int, cores: Cores | None = None) -> DockerPod:
        """Create and start a container, and wait for its control server."""
        facts = self._facts or await self._learn()
        await self._remove_leftovers()
        pod = self._pod(spec, rank, cores, facts)
        async with starting(pod):
            await pod.launch(self._ready_s)
        return pod

    async def check(self, images: Sequence[str] = ()) -> None:
        """Ask the engine for its version, its OCI runtime and these images."""
        await self._learn()
        for image in images:
            await self.engine.call(partial(_image, name=image))

    async def sweep(self) -> int:
        """Remove every container that carries this node's label."""
        names = await self.engine.call(partial(_labelled, node=self._node))
        for name in names:
            await self.remove(name)
        await asyncio.to_thread(self._folders.wipe)
        return len(names)

    def walls(self) -> tuple[Wall, ...]:
        """What a container of this engine isolates."""
        return docker_walls(self._facts.walls if self._facts else EngineWalls(self._oci_runtime))

    async def close(self) -> None:
        """Let the engine's threads and the socket folders go."""
        await asyncio.to_thread(self.engine.close)
        await asyncio.to_thread(self._folders.close)

    async def remove(self, name: str) -> None:
        """Stop and remove a container, now or (where the engine is gone) before the next start."""
        try:
            await self.engine.call(partial(_remove, name=name))
        except BaseException:  # cancelled as well: it is still there, and removed later
            self._unremoved.add(name)
            raise
        self._unremoved.discard(name)

    def _pod(self, spec: PodSpec, rank: int, cores: Cores | None, facts: Facts) -> DockerPod:
        number = next(self._numbers)
        folder = self._folders.make(str(number))
        place = container.Place(
            name=f"bighost-{short_name(self._node)}-{rank}-{number}",
            node=self._node,
            rank=rank,
            student=student_of(self._node, rank, namespaced=facts.namespaced),
            sockets=folder if facts.transport is Transport.SOCKET else None,
            datasets=self._datasets,
            cores=cores,
            oci_runtime=self._oci_runtime,
            cgroup_version=facts.cgroup_version,
        )
        return DockerPod(self, spec, place, folder, facts.cores)

    async def _learn(self) -> Facts:
        info = await self.engine.check()
        if self._oci_runtime not in info.get("Runtimes", {}):
            raise EngineRefused(
                f"the engine does not know the OCI runtime {self._oci_runtime!r}",
                hint="it knows " + ", ".join(sorted(info.get("Runtimes", {}))),
            )
        transport = self._transport
        if transport is None:
            transport = await self.engine.call(partial(_transport, info=info))
        self._facts = _facts(info, transport, self._oci_runtime)
        return self._facts

    async def _remove_leftovers(self) -> None:
        for name in sorted(self._unremoved):
            await self.remove(name)


class DockerPod(ServedPod):
    """One container."""

    def __init__(
        self, runtime: DockerRuntime, spec: PodSpec, place: container.Place, folder: Path, cores: Cores
    ) -> None:
        super().__init__(place.name, spec, folder / SOCKET_NAME)
        self._runtime = runtime
        self._engine = runtime.engine
        self._place = place
        self._folder = folder
        self._all_cores = cores
        self._cores = place.cores
        self._relay: Relay | None = None

    async def launch(self, ready_s: float) -> None:
        """Start the container and wait until it is ready."""
        await self._engine.call(partial(_launch, settings=container.settings(self.spec, self._place)))
        if self._place.sockets is None:
            inside = f"{container.SOCKET_FOLDER}/{SOCKET_NAME}"
            self._relay = Relay(self._engine, self.name, inside, self._folder / SOCKET_NAME)
            await self._relay.open()
        await self.await_ready(ready_s)

    def path_of(self, dataset: Path) -> str:
        """Under /data, where the node's dataset cache is mounted."""
        if self._place.datasets is None:
            raise RuntimeFault("this runtime was started without a dataset folder")
        return f"{container.DATA_FOLDER}/{dataset.absolute().relative_to(self._place.datasets)}"

    async def _end(self, patience_s: float = 0.0) -> str | None:
        until = time.monotonic() + patience_s
        while (end := await self._engine.call(partial(_end, name=self.name))) is None:
            if time.monotonic() >= until:
                return None
            await asyncio.sleep(0.1)
        return end

    async def _pin(self, cores: Cores | None) -> None:
        cpuset = container.cpuset(self._all_cores if cores is None else cores)
        await self._engine.call(lambda client: client.api.update_container(self.name, cpuset_cpus=cpuset))

    async def _remove(self) -> None:
        if self._relay is not None:
            await self._relay.close()
        try:
            await self._runtime.remove(self.name)
        finally:
            await asyncio.to_thread(shutil.rmtree, self._folder, ignore_errors=True)


def _launch(client: docker.DockerClient, settings: dict[str, Any]) -> None:
    try:
        created = client.containers.create(**settings)
    except docker.errors.ImageNotFound as error:
        raise _missing(settings["image"]) from error
    created.start()


def _image(client: docker.DockerClient, name: str) -> None:
    try:
        client.images.get(name)
    except docker.errors.ImageNotFound as error:
        raise _missing(name) from error


def _missing(image: str) -> ImageMissing:
    short = image.removeprefix("bighost/").partition(":")[0]
    return ImageMissing(
        f"the image {image} is not there", hint=f"build it with: bighost images build {short}"
    )


def _remove(client: docker.DockerClient, name: str) -> None:
    try:
        client.api.stop(name, timeout=ASK_S)
        client.api.remove_container(name, v=True, force=True)
    except NotFound:
        return  # removed from outside, or it was never made
    except APIError as error:
        if error.status_code != CONFLICT:  # somebody else is removing it
            raise


def _labelled(client: docker.DockerClient, node: str) -> list[str]:
    found = client.api.containers(all=True, filters={"label": f"{container.LABEL_NODE}={node}"})
    return [str(each["Id"]) for each in found]


def _end(client: docker.DockerClient, name: str) -> str | None:
    try:
        state = client.api.inspect_container(name)["State"]
    except NotFound:
        return "its container was removed from outside"
    if state["Running"]:
        return None
    log_end = client.api.logs(name, tail=5).decode(errors="replace").strip()
    words = ["its container ran out of memory" if state["OOMKilled"] else "its container ended"]
    words.append(f"with exit code {state['ExitCode']}")
    words += [f"({state['Error']})"] if state["Error"] else []
    words += [f"and said last: {log_end}"] if log_end else []
    return " ".join(words)


def _transport(client: docker.DockerClient, info: dict[str, Any]) -> Transport:
    """Sockets cross a bind mount only on the same kernel, and only as a user who is root outside as well."""
    local = client.api.base_url.startswith("http+docker://")
    desktop = "desktop" in str(info.get("OperatingSystem", "")).lower()
    remapped = "name=userns" in _security(info)
    return Transport.SOCKET if local and not desktop and not remapped else Transport.EXEC


def _security(info: dict[str, Any]) -> set[str]:
    """The engine's security options without their own options, `name=seccomp` for example."""
    return {str(option).partition(",")[0] for option in info.get("SecurityOptions", [])}


def _facts(info: dict[str, Any], transport: Transport, oci_runtime: str) -> Facts:
    return Facts(
        cgroup_version=int(info.get("CgroupVersion", 1)),
        cores=tuple(range(int(info["NCPU"]))),
        transport=transport,
        namespaced=bool({"name=userns", "name=rootless"} & _security(info)),
        walls=EngineWalls(
            oci_runtime=oci_runtime,
            memory=bool(info.get("MemoryLimit")),
            swap=bool(info.get("SwapLimit")),
            cpu=bool(info.get("CpuCfsQuota")),
            pids=bool(info.get("PidsLimit")),
            seccomp="name=seccomp" in _security(info),
        ),
    )
