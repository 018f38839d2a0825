"""What the runtime's tests share: a path short enough for a socket, and pods that are only played."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_runtime import FakeRuntime, make_spec

from bighost.node.runtime.base import PodSpec


@pytest.fixture
def short_path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="bh") as folder:
        yield Path(folder)


@pytest.fixture
def runtime() -> FakeRuntime:
    return FakeRuntime()


@pytest.fixture
def spec() -> PodSpec:
    return make_spec()
