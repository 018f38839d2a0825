"""One holder at a time, kept by the kernel: a file that was left behind holds nothing, nor does a child."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bighost.errors import OperatorError
from bighost.store.lock import Lock

HOLD_AND_FORK = """
import os, sys, time
from pathlib import Path
from bighost.store.lock import Lock
lock = Lock(Path(sys.argv[1]))
if os.fork() == 0:
    os.write(1, f"{os.getpid()}\\n".encode())
time.sleep(600)
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "store.lock"


def test_the_second_is_refused_and_told_who_holds_it(path: Path) -> None:
    lock = Lock(path)
    with pytest.raises(OperatorError, match=f"process {os.getpid()}") as refused:
        Lock(path)
    assert f"kill {os.getpid()}" in refused.value.hint
    lock.release()


def test_it_can_be_released_twice_and_taken_again(path: Path) -> None:
    lock = Lock(path)
    lock.release()
    lock.release()
    Lock(path).release()


def test_a_file_left_behind_holds_nothing(path: Path) -> None:
    path.write_text("1\n")
    lock = Lock(path)
    assert path.read_text() == f"{os.getpid()}\n"
    lock.release()


def test_a_holder_that_has_not_written_its_number_yet(path: Path) -> None:
    lock = Lock(path)
    path.write_text("")
    with pytest.raises(OperatorError, match="another process"):
        Lock(path)
    lock.release()


def test_a_child_of_a_killed_holder_does_not_hold_it_on(path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", HOLD_AND_FORK, str(path)], stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        child = int(holder.stdout.readline())
        try:
            with pytest.raises(OperatorError, match=f"process {holder.pid}"):
                Lock(path)
            holder.kill()
            holder.wait()
            os.kill(child, 0)  # it lives on
            Lock(path).release()
        finally:
            holder.kill()
            os.kill(child, 9)
