"""The coordinator with real sockets and a real store around its engine; the nodes are the test's own."""

import asyncio
import io
import socket
import tarfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import zstandard

from bighost.coordinator import tokens
from bighost.coordinator.api.nodes import node_views
from bighost.coordinator.intake import TriesUsedUp
from bighost.coordinator.marker import Unwanted
from bighost.coordinator.output import compare_output
from bighost.errors import OperatorError, Ours, Refused, StoreFault, StudentError
from bighost.job.assignment import Comparator, Tries
from bighost.job.job import FaultKind
from bighost.job.state import State
from bighost.job.verdict import Verdict
from bighost.store.base import Changes
from bighost.store.memory import MemoryStore
from bighost.store.sqlite import SqliteStore
from bighost.wire import messages as say
from bighost.wire.http import EnrolRequest, NewToken, NewUser
from bighost.wire.keys import KeyPair
from tests.integration.coordinators import (
    ANA,
    KEY,
    PROGRAMS,
    add_assignment,
    coordinator,
    ended,
    hand_in,
    node,
    ran,
)


async def packed(content: bytes, name: str = "part-00000") -> AsyncIterator[bytes]:
    tar = io.BytesIO()
    with tarfile.open(fileobj=tar, mode="w") as archive:
        member = tarfile.TarInfo(name)
        member.size = len(content)
        archive.addfile(member, io.BytesIO(content))
    yield zstandard.compress(tar.getvalue())


class FullDisk(MemoryStore):
    """A store whose disk is full when a test says so."""

    full = False

    async def commit(self, changes: Changes) -> None:
        if self.full:
            raise StoreFault("the disk is full")
        await super().commit(changes)


async def test_an_idle_node_gets_a_submission_at_once_and_equal_digests_need_no_output(
    tmp_path: Path,
) -> None:
    async with coordinator(tmp_path) as at, node(at) as fake:
        await add_assignment(at)
        await fake.work()
        job = await hand_in(at)
        (order,) = (await fake.hears(say.Batch)).jobs
        assert (order.job, order.attempt, order.files) == (job.id, 1, PROGRAMS)

        await fake.pull(say.Result(job=order.job, attempt=1, tests=(ran(b"b\t2\na\t1\n"),)))
        (receipt,) = (await fake.hears(say.Ack)).receipts

        assert receipt == say.Receipt(job=job.id, attempt=1, current=True, upload=())
        done = await ended(at, job.id)
        assert (done.verdict, done.score) == (Verdict.PASSED, 10.0)


async def test_another_output_is_asked_for_compared_and_explained(tmp_path: Path) -> None:
    wrong = b"a\t1\nb\t3\n"
    async with coordinator(tmp_path) as at, node(at) as fake:
        await add_assignment(at)
        await fake.work()
        job = await hand_in(at)
        await fake.hears(say.Batch)
        await fake.pull(say.Result(job=job.id, attempt=1, tests=(ran(wrong),)))
        (receipt,) = (await fake.hears(say.Ack)).receipts
        assert receipt.upload == ("t",)

        await at.marker.take(job.id, 1, "t", packed(wrong))

        done = await ended(at, job.id)
        assert (done.verdict, done.score) == (Verdict.WRONG_ANSWER, 0.0)
        assert "b\t2" not in done.message
        assert done.staff_message
        assert list((tmp_path / "outputs").iterdir()) == []
        with pytest.raises(Unwanted):
            await at.marker.take(job.id, 1, "t", packed(wrong))


async def test_an_upload_that_is_no_archive_is_our_fault_and_the_job_runs_again(tmp_path: Path) -> None:
    async def garbage() -> AsyncIterator[bytes]:
        yield b"garbage"

    async with coordinator(tmp_path) as at, node(at) as fake:
        await add_assignment(at)
        await fake.work()
        job = await hand_in(at)
        await fake.hears(say.Batch)
        await fake.pull(say.Result(job=job.id, attempt=1, tests=(ran(b"x\n"),)))
        await fake.hears(say.Ack)
        await at.marker.take(job.id, 1, "t", garbage())
        (order,) = (await fake.hears(say.Batch)).jobs

    assert (order.job, order.attempt) == (job.id, 2)


def endless_headers() -> bytes:
    """A small archive that unpacks to 64 MiB of headers of empty files."""
    header = tarfile.TarInfo("part-00000").tobuf()
    return zstandard.compress(header * (64 * 1024**2 // len(header)))


async def test_an_upload_that_unpacks_without_end_is_stopped(tmp_path: Path) -> None:
    upload = tmp_path / "bomb"
    upload.write_bytes(endless_headers())
    assert upload.stat().st_size < 100_000
    with pytest.raises(Ours, match="more than it may"):
        compare_output(Comparator(), upload, upload, 1000)


async def test_outputs_that_a_killed_coordinator_left_are_removed(tmp_path: Path) -> None:
    left = tmp_path / "outputs" / "k3v9qdz05wbn7xye.1.t.tar.zst"
    left.parent.mkdir()
    left.touch()
    async with coordinator(tmp_path):
        assert not left.exists()


async def test_what_a_node_says_of_verdicts_counts_for_nothing(tmp_path: Path) -> None:
    async with coordinator(tmp_path) as at, node(at) as fake:
        await add_assignment(at)
        await fake.work()
        job = await hand_in(at)
        await fake.hears(say.Batch)
        lie = ran(b"wrong\n")
        lie = type(lie)(name="t", outcome="ok", output=lie.output, verdict=Verdict.PASSED)
        await fake.pull(say.Result(job=job.id, attempt=1, tests=(lie,)))
        (receipt,) = (await fake.hears(say.Ack)).receipts
    assert receipt.upload == ("t",)


async def test_a_result_without_its_tests_is_the_nodes_fault(tmp_path: Path) -> None:
    async with coordinator(tmp_path) as at, node(at) as fake:
        await add_assignment(at)
        await fake.work()
        job = await hand_in(at)
        await fake.hears(say.Batch)
        await fake.pull(say.Result(job=job.id, attempt=1, tests=()))
        (order,) = (await fake.hears(say.Batch)).jobs
        assert order.attempt == 2
        again = await at.job(job.id)
        assert again is not None
        assert [f.kind for f in again.faults] == [FaultKind.NODE_BUG]


async def test_a_node_of_another_protocol_is_refused_and_told_why(tmp_path: Path) -> None:
    async with coordinator(tmp_path) as at, node(at) as fake:
        await fake.join(protocol=99)
        refusal = await fake.hears(say.Refuse)
    assert refusal.reason is say.RefuseReason.PROTOCOL
    assert "99" in refusal.message


async def test_a_key_that_is_not_enrolled_is_refused(tmp_path: Path) -> None:
    async with coordinator(tmp_path) as at, node(at, enrol=False) as stranger:
        await stranger.join()
        assert (await stranger.hears(say.Refuse)).reason is say.RefuseReason.UNKNOWN_KEY


async def test_of_two_nodes_with_one_key_the_earlier_is_told_to_stop(tmp_path: Path) -> None:
    async with coordinator(tmp_path) as at, node(at) as first, node(at, first.keys, enrol=False) as second:
        await first.join(instance="one")
        await first.hears(say.Welcome)
        await second.join(instance="two")
        await second.hears(say.Welcome)
        assert (await first.hears(say.Refuse)).reason is say.RefuseReason.SUPERSEDED


async def test_garbage_on_the_nodes_port_changes_nothing(tmp_path: Path) -> None:
    async with coordinator(tmp_path) as at, node(at) as fake:
        with socket.create_connection(("127.0.0.1", at.socket.port)) as line:
            line.sendall(b"GET / HTTP/1.1\r\n\r\n" + bytes(range(256)) * 40)
        for size in (0, 1, 100, 10_000):
            await fake.socket.send(b"\xc1" * size)
        await fake.join()
        await fake.hears(say.Welcome)


async def test_a_node_that_the_coordinator_does_not_know_is_asked_to_greet_again(tmp_path: Path) -> None:
    async with coordinator(tmp_path) as at, node(at) as fake:
        await fake.pull()
        await fake.hears(say.Rejoin)


async def test_a_full_disk_takes_no_submission_says_so_and_keeps_the_rest(tmp_path: Path) -> None:
    store = FullDisk()
    async with coordinator(tmp_path, store) as at, node(at) as fake:
        await add_assignment(at)
        await fake.work(credit=0)
        kept = await hand_in(at)
        store.full = True
        with pytest.raises(StoreFault, match="disk is full"):
            await hand_in(at)
        assert not at.rounds.taking
        with pytest.raises(StoreFault):
            await hand_in(at)

        store.full = False
        await fake.hears(say.Rejoin)  # the coordinator forgot who is here
        await fake.work()
        (order,) = (await fake.hears(say.Batch)).jobs

        assert order.job == kept.id
        assert at.rounds.taking
        assert len(at.rounds.engine.jobs) == 1


async def test_a_coordinator_that_is_started_again_hands_out_what_waited(tmp_path: Path) -> None:
    async with coordinator(tmp_path, SqliteStore(tmp_path / "db")) as at:
        await add_assignment(at)
        job = await hand_in(at)
    async with coordinator(tmp_path, SqliteStore(tmp_path / "db")) as at, node(at) as fake:
        await fake.work()
        (order,) = (await fake.hears(say.Batch)).jobs
    assert (order.job, order.files) == (job.id, PROGRAMS)


async def test_a_result_outlives_the_coordinator_it_was_made_for(tmp_path: Path) -> None:
    keys = KeyPair.new()
    async with coordinator(tmp_path, SqliteStore(tmp_path / "db")) as at, node(at, keys) as fake:
        await add_assignment(at)
        await fake.work()
        job = await hand_in(at)
        await fake.hears(say.Batch)
    store = SqliteStore(tmp_path / "db")
    async with coordinator(tmp_path, store) as at, node(at, keys, enrol=False) as fake:
        await fake.join(held=(say.Held(job.id, 1),))
        await fake.hears(say.Welcome)
        await fake.pull(say.Result(job=job.id, attempt=1, tests=(ran(KEY),)))
        done = await ended(at, job.id)
    assert (done.verdict, done.attempt) == (Verdict.PASSED, 1)


async def test_tries_are_counted_but_not_those_that_were_rejected(tmp_path: Path) -> None:
    async with coordinator(tmp_path) as at:
        await add_assignment(at, tries=Tries(per_hour=2, total=3))
        rejected = await hand_in(at, files={"mapper.py": b"print(\n", "reducer.py": b""})
        assert rejected.state is State.REJECTED
        assert "mapper.py, line 1" in rejected.message
        await hand_in(at)
        await hand_in(at)
        with pytest.raises(TriesUsedUp, match="of this hour"):
            await hand_in(at)


async def test_tries_hold_against_hand_ins_at_the_same_moment(tmp_path: Path) -> None:
    async with coordinator(tmp_path) as at:
        await add_assignment(at, tries=Tries(total=3))
        taken = await asyncio.gather(*(hand_in(at) for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(t, TriesUsedUp) for t in taken) == 5


async def test_unknown_and_closed_assignments_are_named(tmp_path: Path) -> None:
    async with coordinator(tmp_path) as at:
        with pytest.raises(StudentError, match="no assignment is open"):
            await hand_in(at)
        await add_assignment(at, "wordcount")
        with pytest.raises(StudentError) as unknown:
            await at.intake.take(ANA, "wordcont", PROGRAMS)
        assert "wordcount" in unknown.value.hint
        await at.catalogue.close("wordcount", True)
        with pytest.raises(StudentError, match="is closed"):
            await at.intake.take(ANA, "wordcount", PROGRAMS)


@pytest.mark.parametrize("trouble", ["unknown", "expired", "revoked", "profile"])
async def test_a_join_token_that_is_not_good_says_why(tmp_path: Path, trouble: str) -> None:
    async with coordinator(tmp_path) as at:
        expires = -1.0 if trouble == "expired" else None
        told, kept = await at.accounts.new_token(NewToken(expires_in_s=expires))
        profile = say.Profile.CORE if trouble == "profile" else say.Profile.LIGHTWEIGHT
        if trouble == "revoked":
            await at.accounts.revoke(kept.digest[:12])
        token = "bhj_nonsense" if trouble == "unknown" else told
        request = EnrolRequest(token=token, public_key=KeyPair.new().public, name="n", profile=profile)
        with pytest.raises(Refused, match="core" if trouble == "profile" else trouble):
            await at.accounts.enrol(request)


async def test_a_port_for_nodes_that_is_taken_is_said_and_nothing_stays_behind(tmp_path: Path) -> None:
    async with coordinator(tmp_path / "one", SqliteStore(tmp_path / "db1")) as at:
        store = SqliteStore(tmp_path / "db2")
        with pytest.raises(OperatorError, match=str(at.socket.port)):
            async with coordinator(tmp_path / "two", store, node_port=at.socket.port):
                pass
        again = SqliteStore(tmp_path / "db2")
        await again.open()  # nobody holds it
        await again.close()


async def test_a_second_coordinator_on_the_same_data_is_refused(tmp_path: Path) -> None:
    async with coordinator(tmp_path, SqliteStore(tmp_path / "db")):
        with pytest.raises(OperatorError):
            async with coordinator(tmp_path, SqliteStore(tmp_path / "db")):
                pass


async def test_latency_records_lie_where_they_were_asked_for(tmp_path: Path) -> None:
    async with coordinator(tmp_path, lats_dir=tmp_path / "lats") as at, node(at) as fake:
        await add_assignment(at)
        await fake.work()
        job = await hand_in(at)
        await fake.hears(say.Batch)
        await fake.pull(say.Result(job=job.id, attempt=1, tests=(ran(KEY),)))
        await ended(at, job.id)
    assert [p.name for p in (tmp_path / "lats").iterdir()] == [f"wc_{job.id}.json"]


async def test_a_nodes_logs_are_kept_by_start_node_and_stream(tmp_path: Path) -> None:
    async with coordinator(tmp_path) as at, node(at) as fake:
        await fake.work()
        for offset, data in ((0, b"one\n"), (4, b"two\n"), (4, b"two\n")):
            await fake.say(say.Logs(stream="worker1", offset=offset, data=data))
        await fake.say(say.Logs(stream="../../evil", offset=0, data=b"x"))
        await add_assignment(at)
        await hand_in(at)
        await fake.hears(say.Batch)  # what was said before has been handled
        assert at.archive.logs_of("fake") == {"worker1_logs.txt": "one\ntwo\n"}


async def test_whoever_is_there_is_not_changed_by_accident_and_one_admin_stays(tmp_path: Path) -> None:
    async with coordinator(tmp_path) as at:
        await at.accounts.add_users([NewUser(name="ann", team="reds")])
        with pytest.raises(OperatorError, match="there already"):
            await at.accounts.add_users([NewUser(name="ann", team="blues"), NewUser(name="bob")])
        assert [(u.name, u.team) for u in at.accounts.users()] == [("admin", "staff"), ("ann", "reds")]
        with pytest.raises(OperatorError, match="nobody would be admin"):
            await at.accounts.add_users([NewUser(name="admin")], update=True)
        with pytest.raises(OperatorError, match="last admin token"):
            await at.accounts.revoke(tokens.digest(at.admin_token)[:12])


async def test_tokens_that_open_nothing_any_more_are_made_anew_at_the_next_start(tmp_path: Path) -> None:
    store = MemoryStore()
    async with coordinator(tmp_path, store) as at:
        before = at.join_token, at.admin_token
        await at.accounts.revoke(tokens.digest(at.join_token)[:12])
    async with coordinator(tmp_path, store) as at:
        assert at.admin_token == before[1]
        assert at.join_token != before[0]
        assert at.accounts.is_good(at.join_token)


async def test_a_node_that_left_was_last_heard_of_then(
    tmp_path: Path,
) -> None:
    async with coordinator(tmp_path) as at, node(at) as fake:
        await fake.work()
        await add_assignment(at)
        await hand_in(at)
        await fake.hears(say.Batch)
        (view,) = node_views(at, full=True)
        assert view.state == "here"
        joined = at.accounts.nodes()[0].last_seen
        await fake.pull(credit=0)
        await fake.say(say.Leave())
        while at.rounds.engine.roster.get(fake.keys.public) is not None:
            await at.live.listen(lambda _: True).next()  # its job waits again: that is told
        (view,) = node_views(at, full=True)
        assert view.state == "away"
        assert view.last_seen > joined
