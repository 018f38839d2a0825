"""The stores that the contract is held against: a new kind of store is one more entry of KINDS."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from store_samples import Coordinator

from bighost.store.base import Store
from bighost.store.memory import MemoryStore
from bighost.store.sqlite import SqliteStore


def _in_memory(_: Path) -> Coordinator:
    store = MemoryStore()
    return lambda: store


def _in_sqlite(folder: Path) -> Coordinator:
    return lambda: SqliteStore(folder / "data" / "store.db")


KINDS: dict[str, Callable[[Path], Coordinator]] = {"memory": _in_memory, "sqlite": _in_sqlite}


@pytest.fixture(params=KINDS)
def coordinator(request: pytest.FixtureRequest, tmp_path: Path) -> Coordinator:
    return KINDS[request.param](tmp_path)


@pytest.fixture
async def store(coordinator: Coordinator) -> AsyncIterator[Store]:
    store = coordinator()
    await store.open()
    yield store
    await store.close()


@pytest.fixture
async def sqlite(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = SqliteStore(tmp_path / "data" / "store.db")
    await store.open()
    yield store
    await store.close()
