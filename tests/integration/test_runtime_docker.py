"""Docker pods on a real engine: their life, their walls, and what happens when they or the engine go."""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import tempfile
import uuid
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from pods import ESCAPING_MAPPER, SLEEPING_MAPPER, order_of, output_of, run, spec_of, start_running

from bighost.node import images
from bighost.node.runtime import container
from bighost.node.runtime.base import EngineGone, ImageMissing, PodDied, PodNotReady, PodSpec
from bighost.node.runtime.docker import DockerPod, DockerRuntime, Transport
from bighost.node.runtime.engine import Engine
from bighost.node.runtime.pool import Pool
from bighost.node.runtime.walls import Against, missing
from bighost.pod.contract import Outcome, Ready

pytestmark = pytest.mark.docker

Make = Callable[..., DockerRuntime]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncIterator[Make]:
    """Makes runtimes of one node, and checks that nothing of them is left."""
    node = f"test-{uuid.uuid4().hex}"
    made: list[DockerRuntime] = []
    with tempfile.TemporaryDirectory(prefix="bh") as above:

        def runtime(**more: Any) -> DockerRuntime:
            made.append(DockerRuntime(node, tmp_path, above=Path(above), **more))
            return made[-1]

        yield runtime
        sweeper = DockerRuntime(node, above=Path(above))
        left = await sweeper.sweep()
        for each in [*made, sweeper]:
            await each.close()
    assert left == 0, "a pod was left"


@pytest.fixture
def runtime(make: Make) -> DockerRuntime:
    return make()


@pytest.fixture
def spec(streaming_image: str) -> PodSpec:
    return spec_of(streaming_image)


@pytest.fixture
def words(tmp_path: Path) -> Path:
    file = tmp_path / "words.txt"
    file.write_text("b a\na\n")
    return file


@contextlib.asynccontextmanager
async def pod_of(runtime: DockerRuntime, spec: PodSpec, rank: int = 0) -> AsyncIterator[DockerPod]:
    pod = await runtime.start(spec, rank)
    try:
        yield pod
    finally:
        await pod.destroy()


async def inspect(runtime: DockerRuntime, pod: DockerPod) -> dict[str, Any]:
    found: dict[str, Any] = await runtime.engine.call(lambda client: client.api.inspect_container(pod.name))
    return found


async def kill(runtime: DockerRuntime, pod: DockerPod) -> None:
    await runtime.engine.call(lambda client: client.api.kill(pod.name))


async def test_a_pod_counts_words_is_reset_and_counts_again(
    runtime: DockerRuntime, spec: PodSpec, words: Path
) -> None:
    await runtime.check([spec.image])
    async with pod_of(runtime, spec) as pod:
        assert await pod.alive()
        assert pod.started_s > 0
        for _ in range(2):
            report = await run(pod, order_of([pod.path_of(words)]))
            assert report.outcome is Outcome.OK, report.message
            assert await output_of(pod, report) == "a\t2\nb\t1\n"
            assert await pod.reset()


async def test_the_engine_is_told_every_limit(runtime: DockerRuntime, spec: PodSpec) -> None:
    async with pod_of(runtime, spec) as pod:
        host = (await inspect(runtime, pod))["HostConfig"]
    assert host["Memory"] == host["MemorySwap"] == container.memory_of(spec)
    assert host["NanoCpus"] == 1_000_000_000
    assert host["PidsLimit"] == spec.processes + spec.overhead_processes
    assert host["NetworkMode"] == "none"
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert host["IpcMode"] == "private"
    assert host["Privileged"] is False


PROBE = """
import os, socket
def tried(name, attempt):
    try:
        print(name, attempt() or "done", sep="\\t")
    except OSError as error:
        print(name, type(error).__name__, sep="\\t")
tried("interfaces", lambda: ",".join(name for _, name in socket.if_nameindex()))
tried("connect", lambda: socket.create_connection(("192.0.2.1", 80), timeout=5))
tried("root", lambda: open("/x", "w"))
tried("server", lambda: os.listdir("/run/bighost"))
tried("dataset", lambda: open(os.environ.get("PROBED", "/data/words.txt"), "a"))
tried("setuid", lambda: os.setuid(0))
"""


async def test_student_code_sees_no_network_and_writes_nothing_outside(
    runtime: DockerRuntime, spec: PodSpec, words: Path
) -> None:
    async with pod_of(runtime, spec) as pod:
        report = await run(
            pod, order_of([pod.path_of(words)], PROBE, "import sys\nprint(sys.stdin.read(), end='')")
        )
        assert report.outcome is Outcome.OK, report.message
        seen = dict(line.split("\t") for line in (await output_of(pod, report)).splitlines())
    assert seen["interfaces"] == "lo"
    assert "done" not in seen.values()
    assert seen["server"] == seen["setuid"] == "PermissionError"


async def test_orphans_of_a_program_are_killed_and_reaped(
    runtime: DockerRuntime, spec: PodSpec, words: Path
) -> None:
    async with pod_of(runtime, spec) as pod:
        before = await runtime.engine.call(lambda client: client.api.top(pod.name))
        await run(pod, order_of([pod.path_of(words)], ESCAPING_MAPPER))
        assert await pod.reset()
        after = await runtime.engine.call(lambda client: client.api.top(pod.name))
    assert len(after["Processes"]) <= len(before["Processes"])


async def test_a_pod_killed_amid_a_run_is_a_dead_pod_and_the_pool_replaces_it(
    runtime: DockerRuntime, spec: PodSpec, words: Path
) -> None:
    async with Pool(runtime, 1, spare=1) as pool:
        with pytest.raises(PodDied, match="exit code 137"):  # noqa: PT012 - the lease has to be left by it
            async with pool.lease(spec, 0) as pod:
                assert isinstance(pod, DockerPod)
                running = await start_running(pod, order_of([pod.path_of(words)], SLEEPING_MAPPER))
                await kill(runtime, pod)
                await running
        async with pool.lease(spec, 0) as another:
            assert another.name != pod.name
            report = await run(another, order_of([another.path_of(words)]))
            assert report.outcome is Outcome.OK, report.message


async def test_a_pod_that_vanished_while_idle_is_not_lent(runtime: DockerRuntime, spec: PodSpec) -> None:
    async with Pool(runtime, 1, spare=0) as pool:
        async with pool.lease(spec, 0) as pod:
            pass
        await pool.settled()
        assert isinstance(pod, DockerPod)
        await runtime.engine.call(lambda client: client.api.remove_container(pod.name, force=True))
        async with pool.lease(spec, 0) as another:
            assert another is not pod


async def test_a_run_is_cancelled_and_the_pod_lives_on(
    runtime: DockerRuntime, spec: PodSpec, words: Path
) -> None:
    async with pod_of(runtime, spec) as pod:
        running = await start_running(pod, order_of([pod.path_of(words)], SLEEPING_MAPPER, wall_s=10.0))
        await pod.cancel()
        assert (await running).outcome is Outcome.CANCELLED
        assert await pod.reset()


async def test_a_broken_off_run_makes_the_pod_doubtful(
    runtime: DockerRuntime, spec: PodSpec, words: Path
) -> None:
    async with pod_of(runtime, spec) as pod:
        running = await start_running(pod, order_of([pod.path_of(words)], SLEEPING_MAPPER))
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)
        assert not await pod.reset()


async def test_orphans_of_a_killed_node_are_swept_and_others_left_alone(make: Make, spec: PodSpec) -> None:
    killed, next_start = make(), make()
    await killed.start(spec, 0)
    await killed.start(spec, 1)
    assert await next_start.sweep() == 2
    assert await next_start.sweep() == 0


async def test_pinned_cores_can_be_changed_and_taken_back(runtime: DockerRuntime, spec: PodSpec) -> None:
    pod = await runtime.start(spec, 0, cores=(0,))
    try:
        assert (await inspect(runtime, pod))["HostConfig"]["CpusetCpus"] == "0"
        await pod.pin(None)
        assert (await inspect(runtime, pod))["HostConfig"]["CpusetCpus"].startswith("0")
    finally:
        await pod.destroy()


async def test_a_pod_reached_through_exec_works_the_same(make: Make, spec: PodSpec, words: Path) -> None:
    async with pod_of(make(transport=Transport.EXEC), spec) as pod:
        report = await run(pod, order_of([pod.path_of(words)]))
        assert report.outcome is Outcome.OK, report.message
        assert await output_of(pod, report) == "a\t2\nb\t1\n"
        assert await pod.reset()


async def test_a_missing_image_names_the_command_that_builds_it(runtime: DockerRuntime) -> None:
    with pytest.raises(ImageMissing) as caught:
        await runtime.check(["bighost/streaming:never"])
    assert caught.value.hint == "build it with: bighost images build streaming"
    with pytest.raises(ImageMissing):
        await runtime.start(spec_of("bighost/streaming:never"), 0)


async def test_a_server_that_ends_at_once_says_why(runtime: DockerRuntime, streaming_image: str) -> None:
    with pytest.raises(PodNotReady, match=r"(?s)ended before it was ready.*nonsense"):
        await runtime.start(spec_of(streaming_image, framework="nonsense"), 0)


async def test_a_pod_that_never_gets_ready_is_given_up(
    make: Make, spec: PodSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("bighost.node.runtime.podclient.PodClient.ready", _never)
    with pytest.raises(PodNotReady, match="not ready within"):
        await make(ready_s=0.2).start(spec, 0)


async def test_a_cancelled_start_leaves_nothing(
    runtime: DockerRuntime, spec: PodSpec, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = asyncio.Event()

    async def ready(_: object) -> Ready | None:
        asked.set()
        return None

    monkeypatch.setattr("bighost.node.runtime.podclient.PodClient.ready", ready)
    starting = asyncio.create_task(runtime.start(spec, 0))
    await asked.wait()
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    assert await runtime.sweep() == 0


async def test_a_gone_engine_is_ours_and_what_it_kept_is_removed_later(make: Make, spec: PodSpec) -> None:
    with tempfile.TemporaryDirectory(prefix="bh") as folder:
        socket = Path(folder) / "docker.sock"
        socket.symlink_to("/var/run/docker.sock")
        runtime = make(engine=Engine(f"unix://{socket}"))
        pod = await runtime.start(spec, 0)
        socket.unlink()
        with pytest.raises(EngineGone):
            await runtime.start(spec, 1)
        with pytest.raises(EngineGone):
            await pod.destroy()
        socket.symlink_to("/var/run/docker.sock")
        another = await runtime.start(spec, 2)
        await another.destroy()


async def test_images_that_are_built_are_listed_as_fresh_and_not_built_again(streaming_image: str) -> None:
    listed = {image.name: image for image in await asyncio.to_thread(images.listing)}
    assert listed["streaming"].fresh
    assert listed["streaming"].built == streaming_image
    lines: list[str] = []
    await asyncio.to_thread(images.build, ["streaming"], on_line=lines.append)
    assert lines == [f"{listed[name].reference} is fresh" for name in ("base", "streaming")]


async def test_an_image_of_other_content_is_stale_until_it_is_built(
    tmp_path: Path, streaming_image: str
) -> None:
    shutil.copytree(images.find_folder(), tmp_path / "images")
    (tmp_path / "images/streaming/more").write_text("x")
    listed = await asyncio.to_thread(images.listing, folder=tmp_path / "images")
    assert {image.name: image.fresh for image in listed}["streaming"] is False


async def test_an_origin_that_cannot_be_had_is_said_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd/Dockerfile").write_text("FROM localhost:1/odd:never\n")
    with pytest.raises(ImageMissing, match="localhost:1/odd:never is not there") as caught:
        await asyncio.to_thread(images.build, ["odd"], folder=tmp_path)
    assert "debootstrap" in caught.value.hint


async def test_the_walls_of_this_engine_are_known_after_a_check(runtime: DockerRuntime) -> None:
    await runtime.check()
    assert {wall.against for wall in missing(runtime.walls())} <= {Against.KERNEL, Against.SYSCALLS}


async def _never(_: object) -> None:
    return None
