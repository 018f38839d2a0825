"""Files by digest: whole or not there, found only by a digest, nothing left over where something fails."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import AsyncIterator, Iterable
from hashlib import blake2b
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bighost.errors import StoreFault
from bighost.store.blobs import BadDigest, BlobStore, Mismatch, Missing, TooLarge

CONTENT = b"one two three"
DIGEST = blake2b(CONTENT, digest_size=32).hexdigest()
OTHER = blake2b(b"other", digest_size=32).hexdigest()
ROOM = 1024


@pytest.fixture
async def blobs(tmp_path: Path) -> BlobStore:
    store = BlobStore(tmp_path / "files")
    await store.prepare()
    return store


async def stream(chunks: Iterable[bytes]) -> AsyncIterator[bytes]:
    for chunk in chunks:
        yield chunk


def lying_in(tmp_path: Path) -> list[str]:
    """Every file, whole or not, by its path below the store's folder."""
    folder = tmp_path / "files"
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file())


class TestKeeping:
    async def test_a_stream_is_kept_under_its_digest(self, blobs: BlobStore, tmp_path: Path) -> None:
        assert await blobs.put_stream(stream([b"one ", b"", b"two three"]), None, ROOM) == DIGEST
        assert lying_in(tmp_path) == [f"{DIGEST[:2]}/{DIGEST[2:]}"]
        assert blobs.path(DIGEST).read_bytes() == CONTENT

    async def test_a_stream_of_the_digest_that_was_announced(self, blobs: BlobStore) -> None:
        assert await blobs.put_stream(stream([CONTENT]), DIGEST, len(CONTENT)) == DIGEST

    async def test_bytes_and_files_and_streams_have_the_same_digest(
        self, blobs: BlobStore, tmp_path: Path
    ) -> None:
        (tmp_path / "source").write_bytes(CONTENT)
        assert await blobs.put(CONTENT) == await blobs.put_file(tmp_path / "source") == DIGEST
        assert (tmp_path / "source").read_bytes() == CONTENT
        (tmp_path / "source").write_bytes(b"changed later")
        assert await blobs.verify(DIGEST)

    async def test_a_file_larger_than_what_is_read_at_a_time(self, blobs: BlobStore, tmp_path: Path) -> None:
        content = os.urandom(3 * 1024**2 + 1)
        (tmp_path / "source").write_bytes(content)
        digest = await blobs.put_file(tmp_path / "source")
        assert digest == blake2b(content, digest_size=32).hexdigest()
        assert await blobs.verify(digest)

    async def test_nothing_at_all_is_a_file_too(self, blobs: BlobStore) -> None:
        digest = await blobs.put_stream(stream([]), None, 0)
        assert blobs.path(digest).read_bytes() == b""

    async def test_the_same_file_many_times_at_once(self, blobs: BlobStore, tmp_path: Path) -> None:
        digests = await asyncio.gather(*(blobs.put_stream(stream([CONTENT]), DIGEST, ROOM) for _ in range(8)))
        assert set(digests) == {DIGEST}
        assert lying_in(tmp_path) == [f"{DIGEST[:2]}/{DIGEST[2:]}"]

    async def test_only_the_coordinators_user_can_read(self, blobs: BlobStore, tmp_path: Path) -> None:
        await blobs.put(CONTENT)
        folder = tmp_path / "files"
        assert {p.stat().st_mode & 0o077 for p in (folder, *folder.rglob("*"))} == {0}


class TestFinding:
    async def test_open_reads_and_delete_removes(self, blobs: BlobStore) -> None:
        assert not await blobs.has(DIGEST)
        await blobs.put(CONTENT)
        assert await blobs.has(DIGEST)
        with await blobs.open(DIGEST) as file:
            await blobs.delete(DIGEST)
            assert file.read() == CONTENT  # whoever has it open reads on
        assert not await blobs.has(DIGEST)
        await blobs.delete(DIGEST)
        with pytest.raises(Missing, match=DIGEST):
            await blobs.open(DIGEST)

    async def test_a_changed_or_lost_file_is_found_out_and_put_again(self, blobs: BlobStore) -> None:
        assert not await blobs.verify(DIGEST)
        await blobs.put(CONTENT)
        assert await blobs.verify(DIGEST)
        blobs.path(DIGEST).write_bytes(b"One two three")
        assert not await blobs.verify(DIGEST)
        await blobs.put(CONTENT)
        assert await blobs.verify(DIGEST)

    @pytest.mark.parametrize(
        "digest",
        [
            "",
            "../../etc/passwd",
            DIGEST.upper(),
            DIGEST[:-1],
            DIGEST + "0",
            f"{DIGEST}\n",
            f"../{DIGEST[3:]}",
        ],
    )
    async def test_what_is_no_digest_is_refused_by_every_verb(self, blobs: BlobStore, digest: str) -> None:
        with pytest.raises(BadDigest):
            blobs.path(digest)
        for verb in (blobs.has, blobs.open, blobs.verify, blobs.delete):
            with pytest.raises(BadDigest):
                await verb(digest)
        with pytest.raises(BadDigest):
            await blobs.put_stream(stream([CONTENT]), digest, ROOM)

    @given(st.text() | st.from_regex(r"[./0-9a-f]{64}", fullmatch=True))
    def test_no_name_leads_out_of_the_folder(self, name: str) -> None:
        folder = Path("/files")
        try:
            path = BlobStore(folder).path(name)
        except BadDigest:
            return
        assert path.parent.parent == folder
        assert not {".", ".."} & {*path.parts}


class TestLeavingNothingOver:
    async def test_another_digest_than_was_announced(self, blobs: BlobStore, tmp_path: Path) -> None:
        with pytest.raises(Mismatch, match=f"{DIGEST}; {OTHER} was announced") as refused:
            await blobs.put_stream(stream([CONTENT]), OTHER, ROOM)
        assert "again" in refused.value.hint
        assert lying_in(tmp_path) == []

    async def test_more_than_may_come_is_cut_off_at_once(self, blobs: BlobStore, tmp_path: Path) -> None:
        taken = []

        async def endless() -> AsyncIterator[bytes]:
            while True:
                taken.append(1)
                yield bytes(100)

        with pytest.raises(TooLarge, match="larger than the 1024 bytes"):
            await blobs.put_stream(endless(), None, ROOM)
        assert len(taken) == 11
        assert lying_in(tmp_path) == []

    async def test_a_sender_that_fails(self, blobs: BlobStore, tmp_path: Path) -> None:
        async def broken() -> AsyncIterator[bytes]:
            yield CONTENT
            raise ConnectionResetError("gone")

        with pytest.raises(ConnectionResetError):
            await blobs.put_stream(broken(), None, ROOM)
        assert lying_in(tmp_path) == []

    async def test_a_sender_that_is_given_up_on(self, blobs: BlobStore, tmp_path: Path) -> None:
        written = asyncio.Event()

        async def stalled() -> AsyncIterator[bytes]:
            yield CONTENT
            written.set()
            await asyncio.Event().wait()

        upload = asyncio.create_task(blobs.put_stream(stalled(), None, ROOM))
        await written.wait()
        upload.cancel()
        with pytest.raises(asyncio.CancelledError):
            await upload
        assert lying_in(tmp_path) == []

    async def test_a_disk_that_turns_out_full_at_the_end(
        self, blobs: BlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(_: int) -> None:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(os, "fsync", full)
            with pytest.raises(StoreFault, match="is full"):
                await blobs.put_stream(stream([CONTENT]), None, ROOM)
        assert lying_in(tmp_path) == []
        assert await blobs.put(CONTENT) == DIGEST

    async def test_a_source_that_cannot_be_read(self, blobs: BlobStore, tmp_path: Path) -> None:
        with pytest.raises(FileNotFoundError):
            await blobs.put_file(tmp_path / "nowhere")
        with pytest.raises(IsADirectoryError):
            await blobs.put_file(tmp_path)
        assert lying_in(tmp_path) == []

    async def test_what_a_killed_process_left_is_removed_and_whole_files_stay(
        self, blobs: BlobStore, tmp_path: Path
    ) -> None:
        await blobs.put(CONTENT)
        (tmp_path / "files" / "incoming" / "half").write_bytes(CONTENT[:5])
        again = BlobStore(tmp_path / "files")
        await again.prepare()
        assert lying_in(tmp_path) == [f"{DIGEST[:2]}/{DIGEST[2:]}"]
        assert await again.verify(DIGEST)
