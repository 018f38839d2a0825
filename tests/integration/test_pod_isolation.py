"""What student code finds around it, what it can't reach, and that nothing of it stays."""

from __future__ import annotations

import ctypes
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from podserver import CAT, MIB, PodServer, order_of, pod_server

from bighost.pod.contract import Outcome
from bighost.pod.spawn import DATA_SLACK_BYTES

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can run code as another user")

NOT_OURS = 0b11 << 31  # signals 32 and 33, which the C library keeps for itself and nobody can reset

LOOK = """\
import json, os, resource, sys
status = dict(line.split(":", 1) for line in open("/proc/self/status") if ":" in line)
print(json.dumps({
    "ids": [os.getresuid(), os.getresgid(), os.getgroups()],
    "session": os.getsid(0) == os.getpid(),
    "files": sorted(os.listdir("/proc/self/fd")),
    "no_new_privs": status["NoNewPrivs"].strip(),
    "signals": [status["SigIgn"].strip(), status["SigBlk"].strip()],
    "oom": open("/proc/self/oom_score_adj").read().strip(),
    "umask": os.umask(0),
    "limits": {
        name: resource.getrlimit(getattr(resource, "RLIMIT_" + name))
        for name in ("CPU", "DATA", "FSIZE", "NPROC", "CORE", "NOFILE", "MSGQUEUE")
    },
    "environment": dict(os.environ),
    "cwd": [os.getcwd(), os.listdir()],
    "path": sys.path[0],
}))
"""

REACH = """\
import os, socket, sys
server, work, input_file, control = sys.argv[1:]

def reached(what, *arguments):
    try:
        what(*arguments)
    except OSError:
        return
    print(what.__name__, *arguments)

def connect(path):
    socket.socket(socket.AF_UNIX).connect(path)

def parent(pid):
    return open(f"/proc/{pid}/stat").read().rpartition(")")[2].split()[1]

pids = [pid for pid in os.listdir("/proc") if pid.isdigit() and server in (pid, parent(pid))]
assert len(pids) > 1
for pid in map(int, pids):
    reached(os.kill, pid, 0)
    reached(open, f"/proc/{pid}/environ")
    reached(open, f"/proc/{pid}/mem", "r+b")
    reached(os.listdir, f"/proc/{pid}/fd")
reached(open, input_file)
reached(connect, control)
for folder in ("private", "private/output", "private/spill", "scratch", ".", "code"):
    if folder != "code":
        reached(os.listdir, f"{work}/{folder}")
    reached(open, f"{work}/{folder}/made", "w")
reached(open, __file__, "a")
reached(os.unlink, __file__)
reached(os.setuid, 0)
"""


@pytest.fixture(scope="module")
def pod() -> Iterator[PodServer]:
    with pod_server() as server:
        yield server


@pytest.fixture
def line(pod: PodServer) -> Path:
    return pod.input(b"x\n")


def seen(pod: PodServer, path: Path, **limits: float) -> dict[str, Any]:
    pod.run_ok(order_of([path], LOOK, options={"reducer": ""}, **limits))
    return dict(json.loads(pod.output()))


def test_a_program_is_another_user_in_a_bare_place(pod: PodServer, line: Path) -> None:
    found = seen(pod, line)
    assert found["ids"] == [[pod.student] * 3, [pod.student] * 3, []]
    assert found["session"] is True
    assert found["files"] == ["0", "1", "2", "3"]  # 3 is the listing itself
    assert found["no_new_privs"] == "1"
    ignored, blocked = (int(mask, 16) & ~NOT_OURS for mask in found["signals"])
    assert ignored == 1 << signal.SIGPIPE - 1 | 1 << signal.SIGXFSZ - 1  # Python's own
    assert blocked == 0
    assert found["oom"] == "1000"
    assert found["umask"] == 0o077
    assert found["cwd"] == [found["environment"]["HOME"], []]
    assert found["path"] == str(pod.work / "code")


def test_the_environment_is_made_for_it(pod: PodServer, line: Path) -> None:
    environment = seen(pod, line)["environment"]
    ours = {name for name in environment if not name.startswith("mapreduce_")}
    assert ours == {
        *("HOME", "LANG", "LOGNAME", "PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONHASHSEED", "TMPDIR", "USER")
    }
    assert environment["PYTHONHASHSEED"] == "0"


def test_the_kernel_knows_the_limits(pod: PodServer, line: Path) -> None:
    limits = seen(pod, line, cpu_s=3, memory_bytes=64 * MIB, processes=9, disk_bytes=MIB)["limits"]
    assert limits["CPU"] == [5, 6]
    assert limits["DATA"] == [64 * MIB + DATA_SLACK_BYTES] * 2
    assert limits["FSIZE"] == [MIB + 4096] * 2
    assert limits["NPROC"] == [9, 9]
    assert limits["CORE"] == limits["MSGQUEUE"] == [0, 0]


def test_it_reaches_nothing_of_ours(pod: PodServer, line: Path) -> None:
    line.chmod(0o600)
    arguments = [str(pod.process.pid), str(pod.work), str(line), str(pod.socket)]
    pod.run_ok(order_of([line], REACH, options={"reducer": ""}, arguments=arguments))
    assert pod.output() == b""


def test_a_test_that_reaches_says_so(pod: PodServer, line: Path) -> None:
    """The probe above finds what can be reached."""
    arguments = [str(os.getpid()), str(pod.folder), str(line), str(pod.folder / "none")]
    pod.run_ok(order_of([line], REACH, options={"reducer": ""}, arguments=arguments))
    assert f"open {line}".encode() in pod.output()


LEAVE = """\
import os, sys, time
for folder in ("/tmp", "/var/tmp", "/dev/shm", "."):
    try:
        os.makedirs(f"{folder}/bighost-left-{os.getuid()}/inside")
    except PermissionError:
        pass
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        time.sleep(600)
    os._exit(0)
"""
FIND = """\
import os
me = os.getuid()
for folder in ("/tmp", "/var/tmp", "/dev/shm", ".", ".."):
    try:
        print(*[name for name in os.listdir(folder) if "bighost-left" in name], sep="\\n", end="")
    except PermissionError:
        pass
for pid in filter(str.isdigit, os.listdir("/proc")):
    try:
        if os.stat(f"/proc/{pid}").st_uid == me and int(pid) != os.getpid():
            print("process", pid)
    except FileNotFoundError:
        pass
"""


def test_the_reducer_finds_nothing_that_the_mapper_left(pod: PodServer, line: Path) -> None:
    pod.run_ok(order_of([line], LEAVE, FIND))
    assert pod.output() == b""


def test_the_next_run_finds_nothing_of_the_last(pod: PodServer, line: Path) -> None:
    pod.run_ok(order_of([line], CAT, LEAVE))
    pod.run_ok(order_of([line], FIND, options={"reducer": ""}))
    assert pod.output() == b""
    assert pod.reset() == {"clean": True}


def test_folders_made_to_be_hard_to_remove_are_removed(pod: PodServer, line: Path) -> None:
    trap = """\
import os
os.makedirs("locked/inside")
os.chmod("locked", 0)
os.symlink("/", "link")
for _ in range(500):
    os.mkdir("deep")
    os.chdir("deep")
"""
    pod.run_ok(order_of([line], trap))
    assert pod.reset() == {"clean": True}
    assert pod.run_ok(order_of([line])).outcome is Outcome.OK


def test_memory_shared_beyond_its_end_makes_the_pod_unclean(line: Path) -> None:
    make_segment = "import ctypes\nassert ctypes.CDLL(None).shmget(0, 4096, 0o1600) >= 0\n"
    with pod_server() as pod:
        assert pod.run_ok(order_of([pod.input(b"")], make_segment))
        try:
            answer = pod.reset()
            assert answer == {"clean": False, "why": "the student left System V objects (shm)"}
            assert pod.ask("GET", "/ready")[0] == 500
            assert pod.reset()["clean"] is False
        finally:
            remove_segments(pod.student)


def remove_segments(uid: int) -> None:
    header, *rows = (row.split() for row in Path("/proc/sysvipc/shm").read_text().splitlines())
    for row in rows:
        if int(row[header.index("uid")]) == uid:
            ctypes.CDLL(None).shmctl(int(row[header.index("shmid")]), 0, None)  # IPC_RMID
