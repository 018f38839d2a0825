"""The engine's failures become our faults, and an engine that comes back is used again."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from fake_server import FakeServer, answer, json_answer, serving

from bighost.node.runtime.base import EngineGone, EngineRefused
from bighost.node.runtime.docker import DockerRuntime
from bighost.node.runtime.engine import Engine

VERSION = {"Version": "20.10.24", "ApiVersion": "1.41"}
INFO = {"NCPU": 2, "CgroupVersion": "2", "Runtimes": {"runc": {}}, "SecurityOptions": ["name=seccomp"]}


@pytest.fixture
async def engine(short_path: Path) -> AsyncIterator[Engine]:
    asked = Engine(f"unix://{short_path}/docker.sock")
    yield asked
    asked.close()


def play(server: FakeServer, version: dict[str, Any] = VERSION, info: dict[str, Any] = INFO) -> None:
    for path in ("/version", "/v1.41/version", f"/v{version['ApiVersion']}/version"):
        server.answers[path] = json_answer(version)
    server.answers[f"/v{version['ApiVersion']}/info"] = json_answer(info)


async def test_no_socket_is_an_engine_that_is_gone_with_a_hint(engine: Engine) -> None:
    with pytest.raises(EngineGone) as caught:
        await engine.check()
    assert "DOCKER_HOST" in caught.value.hint


async def test_an_engine_that_comes_and_goes_and_comes_is_used_when_it_is_there(
    engine: Engine, short_path: Path
) -> None:
    for _ in range(2):
        with pytest.raises(EngineGone):
            await engine.check()
        async with serving(short_path / "docker.sock") as server:
            play(server)
            assert (await engine.check())["NCPU"] == 2
        (short_path / "docker.sock").unlink(missing_ok=True)


async def test_an_old_engine_is_refused_with_a_sentence(engine: Engine, short_path: Path) -> None:
    async with serving(short_path / "docker.sock") as server:
        play(server, {"Version": "19.03.1", "ApiVersion": "1.40"})
        with pytest.raises(EngineRefused, match=r"Docker 19\.03\.1 is too old: API 1\.41 is needed"):
            await engine.check()


@pytest.mark.parametrize(("status", "fault"), [(500, EngineRefused), (404, EngineRefused), (503, EngineGone)])
async def test_an_error_is_told_from_absence(
    engine: Engine, short_path: Path, status: int, fault: type[Exception]
) -> None:
    async with serving(short_path / "docker.sock") as server:
        play(server)
        server.answers["/v1.41/info"] = answer(status, b'{"message": "so there"}')
        with pytest.raises(fault):
            await engine.check()


async def test_an_engine_that_hangs_up_is_gone(engine: Engine, short_path: Path) -> None:
    async with serving(short_path / "docker.sock") as server:
        play(server)
        server.answers["/v1.41/info"] = b""
        with pytest.raises(EngineGone):
            await engine.check()


async def test_an_unknown_oci_runtime_is_refused_naming_the_known_ones(
    engine: Engine, short_path: Path
) -> None:
    async with serving(short_path / "docker.sock") as server:
        play(server)
        runtime = DockerRuntime("n", engine=engine, oci_runtime="kata", above=short_path)
        with pytest.raises(EngineRefused, match="kata") as caught:
            await runtime.check()
        assert caught.value.hint == "it knows runc"


async def test_a_cancelled_call_ends_when_the_engine_has_answered(engine: Engine, short_path: Path) -> None:
    began, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def slow(_: object) -> None:
        began.set()
        may_end.wait(10)
        ended.set()

    async with serving(short_path / "docker.sock") as server:
        play(server)
        call = asyncio.create_task(engine.call(slow))
        await asyncio.to_thread(began.wait, 10)
        call.cancel()
        await asyncio.sleep(0)
        assert not call.done()
        may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert ended.is_set()
