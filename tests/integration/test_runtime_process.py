"""Process pods on this machine, in a box and without one: their life, their end, and what they leave."""

from __future__ import annotations

import asyncio
import os
import shutil
import signal
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import psutil
import pytest
from pods import ESCAPING_MAPPER, SLEEPING_MAPPER, order_of, output_of, run, spec_of, start_running

from bighost.node.runtime import processes
from bighost.node.runtime.base import PodDied, PodNotReady
from bighost.node.runtime.pool import Pool
from bighost.node.runtime.process import OWNER_VARIABLE, ProcessPod, ProcessRuntime
from bighost.node.runtime.students import is_student_of
from bighost.node.runtime.walls import Against, missing
from bighost.pod.contract import Outcome

SPEC = spec_of()
SYSTEM_BOX = shutil.which("bwrap") is not None


def living(node: str) -> list[psutil.Process]:
    """The processes of this node's pods and of their students."""

    def ours(process: psutil.Process) -> bool:
        try:
            student = is_student_of(node, process.uids().real)
            mine = process.environ().get(OWNER_VARIABLE) == node
            return (student or mine) and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False

    return [process for process in psutil.process_iter() if ours(process)]


@pytest.fixture
def node() -> str:
    return f"test-{uuid.uuid4().hex}"


@pytest.fixture
def above() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bh") as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.fixture(params=["box", "plain"])
async def runtime(
    request: pytest.FixtureRequest, tmp_path: Path, above: Path, node: str
) -> AsyncIterator[ProcessRuntime]:
    if request.param == "box" and not SYSTEM_BOX:
        pytest.skip("bubblewrap is not installed")
    each = ProcessRuntime(node, tmp_path, above=above, box=request.param == "box")
    await each.check()
    if request.param == "box" and each.why_not_boxed is not None:
        pytest.skip(each.why_not_boxed)
    yield each
    left = living(node)
    await each.sweep()
    await each.close()
    assert left == []
    assert list(above.iterdir()) == []


@pytest.fixture
async def pod(runtime: ProcessRuntime) -> AsyncIterator[ProcessPod]:
    started = await runtime.start(SPEC, 0)
    yield started
    await started.destroy()


@pytest.fixture
def words(tmp_path: Path) -> Path:
    file = tmp_path / "words.txt"
    file.write_text("b a\na\n")
    return file


async def test_a_pod_counts_words_is_reset_and_counts_again(pod: ProcessPod, words: Path) -> None:
    assert pod.started_s > 0
    for _ in range(2):
        report = await run(pod, order_of([pod.path_of(words)]))
        assert report.outcome is Outcome.OK, report.message
        assert await output_of(pod, report) == "a\t2\nb\t1\n"
        assert await pod.reset()


async def test_a_killed_pod_is_dead_and_the_pool_replaces_it(
    runtime: ProcessRuntime, words: Path, node: str
) -> None:
    async with Pool(runtime, 1, spare=0) as pool:
        with pytest.raises(PodDied, match="its process"):  # noqa: PT012 - the lease has to be left by it
            async with pool.lease(SPEC, 0) as pod:
                running = await start_running(pod, order_of([pod.path_of(words)], SLEEPING_MAPPER))
                await asyncio.to_thread(processes.kill, living(node))
                await running
        async with pool.lease(SPEC, 0) as another:
            assert another.name != pod.name
            assert (await run(another, order_of([another.path_of(words)]))).outcome is Outcome.OK


async def test_what_escaped_its_session_ends_with_the_pod(
    runtime: ProcessRuntime, words: Path, node: str
) -> None:
    pod = await runtime.start(SPEC, 0)
    running = await start_running(pod, order_of([pod.path_of(words)], ESCAPING_MAPPER + SLEEPING_MAPPER))
    await pod.destroy()
    await asyncio.gather(running, return_exceptions=True)
    assert living(node) == []


async def test_orphans_of_a_killed_node_are_swept(
    runtime: ProcessRuntime, above: Path, words: Path, node: str
) -> None:
    pod = await runtime.start(SPEC, 0)
    running = await start_running(pod, order_of([pod.path_of(words)], SLEEPING_MAPPER))
    next_start = ProcessRuntime(node, above=above)
    assert await next_start.sweep() == 1
    assert living(node) == []
    with pytest.raises(PodDied):
        await running
    await pod.destroy()


async def test_a_server_that_ends_at_once_says_why(runtime: ProcessRuntime) -> None:
    with pytest.raises(PodNotReady, match=r"(?s)ended before it was ready.*nonsense"):
        await runtime.start(spec_of(framework="nonsense"), 0)


async def test_pinned_cores_hold_for_the_server_and_can_be_taken_back(
    runtime: ProcessRuntime, pod: ProcessPod, node: str
) -> None:
    core = min(os.sched_getaffinity(0))
    await pod.pin((core,))
    assert all(process.cpu_affinity() == [core] for process in living(node))
    await pod.pin(None)
    assert all(set(process.cpu_affinity() or []) == os.sched_getaffinity(0) for process in living(node))


async def test_a_box_holds_network_and_files_back(tmp_path: Path, above: Path, node: str) -> None:
    runtime = ProcessRuntime(node, tmp_path, above=above)
    await runtime.check()
    lacking = {wall.against for wall in missing(runtime.walls())}
    assert (Against.NETWORK in lacking) == (Against.FILES in lacking) == (runtime.why_not_boxed is not None)
    await runtime.close()


PROBE = """
import os, socket
print("interfaces", ",".join(name for _, name in socket.if_nameindex()), sep="\\t")
print("top", ",".join(sorted(os.listdir("/"))), sep="\\t")
print("processes", sum(name.isdigit() for name in os.listdir("/proc")), sep="\\t")
"""


async def test_student_code_in_a_box_sees_no_network_and_no_host(
    tmp_path: Path, above: Path, words: Path, node: str
) -> None:
    runtime = ProcessRuntime(node, tmp_path, above=above)
    await runtime.check()
    if runtime.why_not_boxed is not None:
        await runtime.close()
        pytest.skip(runtime.why_not_boxed)
    pod = await runtime.start(SPEC, 0)
    report = await run(
        pod, order_of([pod.path_of(words)], PROBE, "import sys\nprint(sys.stdin.read(), end='')")
    )
    assert report.outcome is Outcome.OK, report.message
    seen = dict(line.split("\t") for line in (await output_of(pod, report)).splitlines())
    await pod.destroy()
    await runtime.close()
    assert seen["interfaces"] == "lo"
    assert not {"root", "home", "var"} & set(seen["top"].split(","))
    assert int(seen["processes"]) < 15


@pytest.mark.skipif(os.geteuid() != 0, reason="only root may make control groups")
async def test_a_pod_over_its_memory_dies_of_its_group_and_says_so(above: Path, node: str) -> None:
    runtime = ProcessRuntime(node, above=above, box=False)
    await runtime.check()
    if Against.MEMORY in {wall.against for wall in missing(runtime.walls())}:
        await runtime.close()
        pytest.skip("no control group can be made here")
    tiny = spec_of(memory_bytes=1, overhead_bytes=1, disk_bytes=1)
    pod = ProcessPod(runtime, runtime._host, tiny, 0, runtime._folders.make("0", 0o711))  # type: ignore[arg-type]
    group = pod._make_group()
    eater = await asyncio.create_subprocess_exec(
        *group.entrance(), "/usr/bin/python3", "-c", f"bytearray({300 * 1024 * 1024})"
    )
    assert await eater.wait() == -signal.SIGKILL
    assert group.out_of_memory()
    group.remove()
    await pod.destroy()
    await runtime.close()
