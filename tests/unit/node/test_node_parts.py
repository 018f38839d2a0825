"""The smaller parts of a node: its folder, its log streams, its patience, what it says of its runtime."""

from __future__ import annotations

import json

import pytest
import structlog

from bighost import log
from bighost.errors import OperatorError, RuntimeFault
from bighost.log import LogStream, NodeLogs
from bighost.node import choice, machine, telemetry
from bighost.node.backoff import Backoff
from bighost.node.home import LIVES_KEPT, Home
from bighost.node.images import Image
from bighost.node.runtime.base import EngineGone
from bighost.node.runtime.walls import HostWalls, process_walls

# -- the folder


def test_two_nodes_can_not_use_one_folder(tmp_path):
    with Home(tmp_path / "n").held():
        with pytest.raises(OperatorError, match="another node runs with the data folder") as raised:
            Home(tmp_path / "n").held().__enter__()
        assert "--data" in raised.value.hint
    with Home(tmp_path / "n").held():
        assert (tmp_path / "n").stat().st_mode & 0o777 == 0o700


def test_a_folder_that_can_not_be_made_is_named(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OperatorError, match="can't be used"):
        Home(tmp_path / "file" / "n").held().__enter__()


def test_of_former_lives_only_the_latest_logs_are_kept(tmp_path):
    home = Home(tmp_path)
    for number in range(LIVES_KEPT + 3):
        home.logs("node", f"life{number}").mkdir()
    assert len(list((tmp_path / "logs" / "node").iterdir())) <= LIVES_KEPT


# -- streams


def test_a_stream_is_read_from_any_offset(tmp_path):
    stream = LogStream(tmp_path / "sys_logs.txt", 1000)
    stream.append("one")
    stream.append("two")
    assert stream.end == 8
    assert stream.read(0, 100) == (0, b"one\ntwo\n")
    assert stream.read(4, 2) == (4, b"tw")
    assert stream.read(8, 100) == (8, b"")
    stream.close()


def test_a_stream_stays_small_and_keeps_counting(tmp_path):
    stream = LogStream(tmp_path / "sys_logs.txt", 100)
    for number in range(100):
        stream.append(f"line {number:04}")
    assert stream.end == 1000
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 200
    offset, data = stream.read(0, 1000)
    assert offset > 0, "what was rotated away is gone"
    assert data.startswith(f"line {offset // 10:04}\n".encode())
    seen = bytearray()
    while offset < stream.end:
        offset, data = stream.read(offset, 7)
        seen += data
        offset += len(data)
    assert seen.endswith(b"line 0099\n")
    assert b"line 0090\nline 0091\n" in seen
    stream.close()


def test_a_line_longer_than_the_bound_is_still_written(tmp_path):
    stream = LogStream(tmp_path / "sys_logs.txt", 10)
    stream.append("x" * 50)
    assert stream.read(0, 100)[1] == b"x" * 50 + b"\n"
    stream.close()


def test_records_become_lines_of_their_stream(tmp_path):
    with NodeLogs(tmp_path / "life", 10_000) as logs:
        logs.logger("worker1").info("job begins", action="job_begin", job="j1", why='a "quoted"\nreason')
        logs.logger("worker1").warning("no action was named")
        assert [name for name, _ in logs.streams()] == ["worker1"]
    first, second = (tmp_path / "life" / "worker1_logs.txt").read_text().splitlines()
    assert "level=info action=job_begin" in first
    assert "job=j1" in first
    assert "action=no_action_was_named" in second


def test_records_go_to_stderr_with_their_action(capsys):
    before = structlog.get_config()
    try:
        log.configure(json=True)
        structlog.get_logger().info("node joined", action="node_join", node="n")
        structlog.get_logger().debug("not shown")
    finally:
        structlog.configure(**before)
    out, err = capsys.readouterr()
    record = json.loads(err)
    assert (record["action"], record["node"], record["level"]) == ("node_join", "n", "info")
    assert out == ""


# -- patience


def test_waiting_doubles_up_to_a_bound_and_begins_anew():
    longest = Backoff(1.0, 8.0, uniform=lambda low, high: high)
    assert [longest.next() for _ in range(5)] == [1, 2, 4, 8, 8]
    longest.reset()
    assert longest.next() == 1
    shortest = Backoff(1.0, 8.0, uniform=lambda low, high: low)
    assert [shortest.next() for _ in range(3)] == pytest.approx([0.1, 0.2, 0.4])


def test_waiting_goes_on_for_ever():
    patient = Backoff(1.0, 8.0)
    assert all(0 < patient.next() <= 8 for _ in range(2000))


# -- the machine


def test_memory_is_that_of_the_container_where_there_is_one(tmp_path):
    total = machine.memory_bytes((tmp_path / "none",))
    (tmp_path / "limit").write_text(f"{1024**2}\n")
    (tmp_path / "max").write_text("max\n")
    assert machine.memory_bytes((tmp_path / "limit",)) == 1024**2
    assert machine.memory_bytes((tmp_path / "max",)) == total
    assert total == telemetry.system().ram


def test_there_is_a_core():
    assert len(machine.cores()) >= 1


# -- the runtime


class Engine:
    fault: RuntimeFault | None = None

    async def check(self) -> dict[str, str]:
        if self.fault is not None:
            raise self.fault
        return {"ServerVersion": "20.10"}

    def close(self) -> None: ...


@pytest.fixture
def engine(monkeypatch) -> Engine:
    fake = Engine()
    monkeypatch.setattr(choice, "Engine", lambda: fake)
    return fake


async def test_docker_is_used_where_an_engine_answers(engine):
    assert (await choice.choose("auto"))[0] == "docker"
    assert "20.10" in (await choice.choose("docker"))[1]


async def test_processes_are_used_where_none_does_and_that_is_said(engine):
    engine.fault = EngineGone("no answer")
    kind, why = await choice.choose("auto")
    assert kind == "process"
    assert "no Docker engine answers" in why
    assert (await choice.choose("process"))[0] == "process"
    with pytest.raises(EngineGone):
        await choice.choose("docker")


async def test_an_engine_that_is_too_old_is_not_passed_over(engine):
    engine.fault = RuntimeFault("Docker 17 is too old")
    with pytest.raises(RuntimeFault, match="too old"):
        await choice.choose("auto")


async def test_another_runtime_is_not_known():
    with pytest.raises(OperatorError, match="no runtime 'dokcer'") as raised:
        await choice.choose("dokcer")
    assert raised.value.hint == "Perhaps you meant 'docker'?"


def test_only_frameworks_whose_image_is_there_are_offered(monkeypatch):
    def image(name: str, *, fresh: bool) -> Image:
        return Image(name, f"bighost/{name}:1", fresh, None, None, None)

    found = (image("streaming", fresh=True), image("spark", fresh=False))
    monkeypatch.setattr(choice.images, "listing", lambda: found)
    assert choice.able("docker", ("streaming", "spark")) == ("streaming",)
    assert choice.able("process", ("streaming", "spark")) == ("streaming",)
    with pytest.raises(RuntimeFault, match="no image") as raised:
        choice.able("docker", ("spark",))
    assert "bighost images build" in raised.value.hint


def test_every_wall_that_does_not_hold_is_said():
    said = choice.warnings(process_walls(HostWalls(bubblewrap=False, other_user=False)))
    assert any("network of this machine" in sentence for sentence in said)
    boxed = choice.warnings(process_walls(HostWalls(bubblewrap=True, other_user=True)))
    assert not any("network" in sentence for sentence in boxed)


@pytest.mark.parametrize(("kind", "name"), [("process", "ProcessRuntime"), ("docker", "DockerRuntime")])
async def test_the_runtimes_are_opened_by_name(tmp_path, kind, name):
    opened = choice.open_runtime(kind, f"node-of-{tmp_path.name}", tmp_path)
    assert type(opened).__name__ == name
    await opened.close()
