"""A pod is talked to by the contract; whatever else it says is its death, and nothing waits for ever."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fake_server import FakeServer, answer, json_answer, serving, stream

from bighost.node.runtime import podclient
from bighost.node.runtime.base import PodDied, PodNotReady
from bighost.node.runtime.podclient import PodClient
from bighost.pod.contract import (
    Outcome,
    Progress,
    Ready,
    RunLimits,
    RunOrder,
    RunReport,
    Usage,
    from_dict,
    to_dict,
)

LIMITS = RunLimits(cpu_s=1, wall_s=1, memory_bytes=1, processes=1, output_bytes=1, disk_bytes=1)
ORDER = RunOrder(run="r", framework="streaming", files={}, inputs=[], limits=LIMITS)
REPORT = RunReport(Outcome.OK, "done", [], Usage(cpu_s=0.5))
READY = Ready(contract=1, framework="streaming", python="3.11", student_uid=1000)


@pytest.fixture
async def server(short_path: Path) -> AsyncIterator[FakeServer]:
    async with serving(short_path / "pod.sock") as fake:
        yield fake


@pytest.fixture
async def client(short_path: Path) -> AsyncIterator[PodClient]:
    talks = PodClient(short_path / "pod.sock")
    yield talks
    await talks.close()


async def test_nobody_there_is_not_yet_ready(client: PodClient) -> None:
    assert await client.ready() is None


async def test_warming_up_is_not_yet_ready(server: FakeServer, client: PodClient) -> None:
    server.answers["/ready"] = answer(503)
    assert await client.ready() is None


async def test_ready(server: FakeServer, client: PodClient) -> None:
    server.answers["/ready"] = json_answer(to_dict(READY))
    assert await client.ready() == READY


async def test_another_version_of_the_contract_names_the_image_to_build(
    server: FakeServer, client: PodClient
) -> None:
    server.answers["/ready"] = json_answer({**to_dict(READY), "contract": 999})
    with pytest.raises(PodNotReady, match="999") as caught:
        await client.ready()
    assert caught.value.hint.endswith("bighost images build streaming")


async def test_a_run_tells_progress_and_gives_the_report(server: FakeServer, client: PodClient) -> None:
    steps = [Progress("mapper", 0, 2), Progress("mapper", 1, 2)]
    lines = [{"progress": to_dict(step)} for step in steps]
    server.answers["/run"] = stream(*lines, {"report": to_dict(REPORT)})
    seen: list[Progress] = []
    assert await client.run(ORDER, seen.append) == REPORT
    assert seen == steps
    [(method, path, body)] = server.asked
    assert (method, path) == ("POST", "/run")
    assert from_dict(RunOrder, json.loads(body)) == ORDER


@pytest.mark.parametrize(
    ("said", "why"),
    [
        pytest.param(stream(cut=True), "broke", id="cut"),
        pytest.param(stream(), "without a report", id="no report"),
        pytest.param(stream({"progress": {"stage": "mapper"}}), "done is missing", id="half a progress"),
        pytest.param(stream({"report": {"outcome": "splendid"}}), "splendid", id="unknown outcome"),
        pytest.param(stream({}), "Progress", id="neither"),
        pytest.param(stream([1]), "object", id="a list"),
        pytest.param(answer(200, b"\xff\xfe\n"), "contract", id="no UTF-8"),
        pytest.param(answer(200, b"[" * 100_000 + b"\n"), "contract", id="deep"),
        pytest.param(answer(409, b"busy"), "refused the order .409.: busy", id="refused"),
        pytest.param(b"no HTTP at all\r\n\r\n", "broke", id="no HTTP"),
        pytest.param(b"", "broke", id="silence"),
    ],
)
async def test_a_run_that_breaks_is_the_death_of_the_pod(
    server: FakeServer, client: PodClient, said: bytes, why: str
) -> None:
    server.answers["/run"] = said
    with pytest.raises(PodDied, match=why):
        await client.run(ORDER, lambda _: None)


async def test_a_run_that_hangs_ends_with_its_wall_limit_and_grace(
    server: FakeServer, client: PodClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(podclient, "GRACE_S", -0.9)
    server.answers["/run"] = stream({"progress": to_dict(Progress("mapper", 0, 1))}, cut=True)
    server.holds.add("/run")
    with pytest.raises(PodDied, match=r"did not end the run within 0\.1 s"):
        await client.run(ORDER, lambda _: None)


async def test_a_line_without_end_is_refused(
    server: FakeServer, client: PodClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(podclient, "LONGEST_LINE", 1000)
    server.answers["/run"] = answer(200, b"x" * 2000, length=3000)
    server.holds.add("/run")
    with pytest.raises(PodDied, match="more than 1000 bytes"):
        await client.run(ORDER, lambda _: None)


async def test_output_comes_in_pieces_and_its_name_is_quoted(server: FakeServer, client: PodClient) -> None:
    body = b"a\t1\n" * 100_000
    server.answers["/output/part%2F..%2F0"] = answer(200, body)
    assert b"".join([piece async for piece in client.output("part/../0")]) == body


async def test_an_output_that_is_not_there_is_no_silent_emptiness(
    server: FakeServer, client: PodClient
) -> None:
    with pytest.raises(PodDied, match="404"):
        assert [piece async for piece in client.output("part-00009")]


async def test_a_cut_output_is_noticed(server: FakeServer, client: PodClient) -> None:
    server.answers["/output/part-00000"] = answer(200, b"a\n", length=100)
    with pytest.raises(PodDied, match="broke"):
        assert [piece async for piece in client.output("part-00000")]


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({"clean": True}, None),
        ({"clean": False, "why": "a file"}, "a file"),
        ({"clean": False}, "no reason given"),
    ],
)
async def test_reset(server: FakeServer, client: PodClient, said: object, why: str | None) -> None:
    server.answers["/reset"] = json_answer(said)
    assert await client.reset() == why


@pytest.mark.parametrize("said", [json_answer({"clean": "yes"}), json_answer([]), answer(500), b""])
async def test_a_reset_that_is_not_understood_is_the_death_of_the_pod(
    server: FakeServer, client: PodClient, said: bytes
) -> None:
    server.answers["/reset"] = said
    with pytest.raises(PodDied):
        await client.reset()


async def test_cancel(server: FakeServer, client: PodClient) -> None:
    server.answers["/cancel"] = answer(204)
    await client.cancel()
    assert server.asked == [("POST", "/cancel", b"")]
