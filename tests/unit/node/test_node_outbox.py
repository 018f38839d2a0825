"""Results survive every crash until they are acknowledged, and leave nothing behind when they are."""

from __future__ import annotations

import contextlib
import errno
from pathlib import Path

import pytest
import structlog.testing

from bighost.job import job as vocabulary
from bighost.job.job import FaultKind
from bighost.node.outbox import Outbox
from bighost.wire.messages import Held, Receipt, Result, RunFault


def result(job: str, attempt: int = 1, *tests: str) -> Result:
    runs = tuple(vocabulary.TestRun(name=test, outcome="ok") for test in tests)
    return Result(job=job, attempt=attempt, tests=runs, started=1, ended=2)


def keep_output(outbox: Outbox, job: str, attempt: int, test: str, content: bytes = b"k\t1\n") -> Path:
    with outbox.keeper(job, attempt, test) as keeper:
        keeper.begin("part-00000", len(content))
        keeper.write(content)
        keeper.end()
    return outbox.output(job, attempt, test)


async def opened(folder: Path) -> Outbox:
    outbox = Outbox(folder)
    await outbox.open()
    return outbox


async def test_a_new_life_finds_what_the_former_one_left(tmp_path):
    outbox = await opened(tmp_path)
    keep_output(outbox, "j1", 1, "t")
    await outbox.put(result("j1", 1, "t"))
    await outbox.put(result("j2", 3))
    again = await opened(tmp_path)
    assert again.pending() == [result("j1", 1, "t"), result("j2", 3)]
    assert again.held() == [Held("j1", 1), Held("j2", 3)]
    assert again.acknowledge(Receipt("j1", 1, upload=("t",))) == ("t",)


async def test_outputs_without_a_result_and_half_written_ones_are_removed(tmp_path):
    outbox = await opened(tmp_path)
    keep_output(outbox, "crashed", 1, "t")
    (tmp_path / "j1.1.part").write_bytes(b"half a res")
    await opened(tmp_path)
    assert list(tmp_path.iterdir()) == []


async def test_a_damaged_result_is_told_of_and_removed(tmp_path):
    (tmp_path / "j1.1.msgpack").write_bytes(b"\xff")
    with structlog.testing.capture_logs() as logs:
        assert (await opened(tmp_path)).pending() == []
    assert logs[0]["action"] == "outbox_damaged"
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "receipt",
    [Receipt("j1", 1), Receipt("j1", 1, current=False, upload=("t",)), Receipt("j1", 1, upload=("u",))],
)
async def test_an_acknowledged_result_leaves_nothing(tmp_path, receipt):
    outbox = await opened(tmp_path)
    keep_output(outbox, "j1", 1, "t")
    await outbox.put(result("j1", 1, "t"))
    assert outbox.acknowledge(receipt) == ()
    assert outbox.pending() == []
    assert list(tmp_path.iterdir()) == []


async def test_it_keeps_all_until_every_output_that_was_asked_for_is_taken(tmp_path):
    outbox = await opened(tmp_path)
    for test in ("t", "u"):
        keep_output(outbox, "j1", 1, test)
    await outbox.put(result("j1", 1, "t", "u"))
    assert outbox.acknowledge(Receipt("j1", 1, upload=("t", "u"))) == ("t", "u")
    assert outbox.pending() == []
    assert Held("j1", 1) in outbox
    outbox.uploaded("j1", 1, "t")
    assert (await opened(tmp_path)).pending() == [result("j1", 1, "t", "u")], "a crash now hands in again"
    outbox.uploaded("j1", 1, "u")
    assert list(tmp_path.iterdir()) == []


async def test_receipts_that_come_twice_or_for_nothing_do_no_harm(tmp_path):
    outbox = await opened(tmp_path)
    await outbox.put(result("j1", 2))
    assert outbox.acknowledge(Receipt("j1", 1)) == ()
    assert outbox.pending() == [result("j1", 2)]
    outbox.acknowledge(Receipt("j1", 2))
    assert outbox.acknowledge(Receipt("j1", 2, upload=("t",))) == ()


async def test_jobs_with_like_names_keep_apart(tmp_path):
    outbox = await opened(tmp_path)
    await outbox.put(result("j1", 1))
    await outbox.put(result("j1", 11))
    await outbox.put(result("j11", 1))
    outbox.forget(Held("j1", 1))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["j1.11.msgpack", "j11.1.msgpack"]


async def test_a_full_disk_keeps_the_result_in_memory(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    outbox = await opened(tmp_path)
    monkeypatch.setattr("os.fsync", full)
    faulty = Result(job="j1", attempt=1, fault=RunFault(FaultKind.NODE_DISK, "full"))
    with structlog.testing.capture_logs() as logs:
        await outbox.put(faulty)
    assert logs[0]["action"] == "outbox_full"
    assert outbox.pending() == [faulty]
    assert list(tmp_path.iterdir()) == []


async def test_what_is_kept_is_for_its_owner_alone(tmp_path):
    outbox = await opened(tmp_path)
    path = keep_output(outbox, "j1", 1, "t")
    await outbox.put(result("j1", 1, "t"))
    assert {p.stat().st_mode & 0o777 for p in (path, tmp_path / "j1.1.msgpack")} == {0o600}


async def test_an_output_that_was_broken_off_is_removed(tmp_path):
    outbox = await opened(tmp_path)
    with contextlib.suppress(ZeroDivisionError), outbox.keeper("j1", 1, "t") as keeper:
        keeper.begin("part-00000", 10)
        assert list(tmp_path.iterdir()) == [outbox.output("j1", 1, "t")]
        raise ZeroDivisionError
    assert list(tmp_path.iterdir()) == []
