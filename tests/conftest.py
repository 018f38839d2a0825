"""Docker in tests: without an engine they are skipped on a laptop, and fail where CI=true. And the switch
that keeps the screen's frames anew."""

from __future__ import annotations

import fcntl
import functools
import os
import signal
import tempfile
from pathlib import Path

import pytest

from bighost.errors import RuntimeFault
from bighost.node import images
from bighost.node.runtime.engine import Engine


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-frames",
        action="store_true",
        help="Keep the frames of `bighost status` (tests/snapshots, docs/status.svg) as they are drawn now.",
    )


if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # A shell ignores Ctrl-C for what it runs in the background, and every process that a test starts inherits
    # that; some tests press it.
    signal.signal(signal.SIGINT, signal.default_int_handler)


@functools.cache
def engine_trouble() -> str | None:
    """Why no Docker engine can be used; None when one can."""
    engine = Engine()
    try:
        engine.ask(lambda client: client.ping())
    except RuntimeFault as fault:
        return f"{fault} ({fault.hint})"
    finally:
        engine.close()
    return None


def pytest_runtest_setup(item: pytest.Item) -> None:
    image = item.get_closest_marker("bigdata")
    if image is not None and image.args[0] not in os.environ.get("BIGHOST_TEST_BIGDATA", "").split(","):
        pytest.skip(f"BIGHOST_TEST_BIGDATA does not name {image.args[0]}")
    if item.get_closest_marker("docker") is None or (trouble := engine_trouble()) is None:
        return
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI needs a Docker engine: {trouble}", pytrace=False)
    pytest.skip(trouble)


@pytest.fixture(scope="session")
def streaming_image() -> str:
    """The reference of a fresh streaming image; test processes that want it at the same time take turns."""
    bundle = os.environ.get("BIGHOST_CA_BUNDLE")
    with (Path(tempfile.gettempdir()) / f"bighost-images-{os.geteuid()}.lock").open("w") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        (reference,) = images.build(["streaming"], ca_bundle=Path(bundle) if bundle else None)
    return reference
