"""Programs that take too much: each limit is kept, gets its verdict, and the pod goes on.

Everything is tried twice: with student code as another user, as root has it, and as the pod's own user.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from podserver import CAT, MIB, PodServer, order_of, pod_server

from bighost.pod.contract import Outcome, RunReport

IS_ROOT = os.geteuid() == 0
NOBODY = 65_534
DRAIN = "import sys\nfor line in sys.stdin: pass\n"
SPIN = "while True: pass\n"


@pytest.fixture(scope="module", params=["another user", "the same user"])
def pod(request: pytest.FixtureRequest) -> Iterator[PodServer]:
    if request.param == "another user" and not IS_ROOT:
        pytest.skip("only root can run code as another user")
    uid = NOBODY if request.param == "the same user" and IS_ROOT else None
    with pod_server(uid) as server:
        yield server


@pytest.fixture
def line(pod: PodServer) -> Path:
    return pod.input(b"x\n")


def judge(pod: PodServer, report: RunReport, outcome: Outcome, words: str) -> None:
    """The run ended so, nobody is left, and the pod is as good as new."""
    assert report.outcome is outcome, (report, pod.log())
    assert words in report.message
    assert report.stage == report.stages[-1].name
    assert report.output == []
    assert pod.students() == []
    assert pod.reset() == {"clean": True}


def test_cpu_time_of_a_stage(pod: PodServer, line: Path) -> None:
    report = pod.run(order_of([line], SPIN, cpu_s=0.5))
    judge(pod, report, Outcome.TIME_LIMIT, "mapper used more than 0.5 s of CPU time")
    stage = report.stages[0]
    assert 0.5 < stage.usage.cpu_s < 5
    assert (stage.failed_task, stage.exit, stage.signal) == (0, None, "SIGKILL")


def test_cpu_time_of_a_daemon(pod: PodServer, line: Path) -> None:
    daemon = (
        "import os\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n        while True: pass\n"
    )
    order = order_of([line], daemon + "else:\n    import time\n    time.sleep(600)\n", cpu_s=0.5)
    judge(pod, pod.run(order), Outcome.TIME_LIMIT, "CPU time")


def test_cpu_time_of_many_children_is_summed(pod: PodServer, line: Path) -> None:
    burst = "import time\nend = time.process_time() + 0.1\nwhile time.process_time() < end: pass\n"
    child = f"    if os.fork() == 0:\n        exec({burst!r}); os._exit(0)\n"
    many = f"import os\nfor _ in range(100):\n{child}    os.wait()\n"
    judge(pod, pod.run(order_of([line], many, cpu_s=0.5)), Outcome.TIME_LIMIT, "CPU time")


def test_cpu_time_of_the_reducer_alone(pod: PodServer, line: Path) -> None:
    report = pod.run(order_of([line], CAT, SPIN, cpu_s=0.5))
    judge(pod, report, Outcome.TIME_LIMIT, "reducer used more")
    assert [stage.exit for stage in report.stages] == [0, None]


def test_wall_time_of_the_run(pod: PodServer, line: Path) -> None:
    report = pod.run(order_of([line], "import time\ntime.sleep(600)\n", wall_s=0.5))
    judge(pod, report, Outcome.TIME_LIMIT, "the run took longer than 0.5 s, in mapper")
    assert 0.5 < report.usage.wall_s < 10


def test_memory_that_grows(pod: PodServer, line: Path) -> None:
    grow = "import time\nheld = []\nwhile True:\n    held.append(b'x' * 1_000_000)\n    time.sleep(0.001)\n"
    report = pod.run(order_of([line], grow, memory_bytes=48 * MIB))
    judge(pod, report, Outcome.MEMORY_LIMIT, "mapper used more than 48 MiB of memory")
    assert report.usage.peak_bytes > 48 * MIB


def test_memory_of_several_processes_is_summed(pod: PodServer, line: Path) -> None:
    several = """\
import os, time
for _ in range(3):
    if os.fork() == 0:
        break
held = b"x" * 30_000_000
time.sleep(600)
"""
    report = pod.run(order_of([line], several, memory_bytes=80 * MIB))
    judge(pod, report, Outcome.MEMORY_LIMIT, "mapper used more than 80 MiB of memory")


def test_memory_asked_for_at_once(pod: PodServer, line: Path) -> None:
    report = pod.run(order_of([line], "held = b'x' * 2**34\n", memory_bytes=64 * MIB))
    judge(pod, report, Outcome.MEMORY_LIMIT, "MemoryError (mapper.py, line 1)")


def test_memory_of_a_process_whose_first_thread_is_gone(pod: PodServer, line: Path) -> None:
    hidden = """\
import ctypes, threading, time
def hold():
    time.sleep(0.1)
    held = b"x" * 100_000_000
    time.sleep(600)
threading.Thread(target=hold).start()
ctypes.CDLL(None).syscall(60, 0)  # exit(2): ends this thread alone
"""
    report = pod.run(order_of([line], hidden, memory_bytes=64 * MIB, wall_s=10))
    judge(pod, report, Outcome.MEMORY_LIMIT, "mapper used more than 64 MiB of memory")


def test_a_short_peak_is_seen_too(pod: PodServer, line: Path) -> None:
    report = pod.run(
        order_of([line], "held = b'x' * 90_000_000\nimport os\nos._exit(0)\n", memory_bytes=64 * MIB)
    )
    judge(pod, report, Outcome.MEMORY_LIMIT, "mapper used more than 64 MiB of memory")


def test_a_fork_bomb(pod: PodServer, line: Path) -> None:
    bomb = "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass\n"
    report = pod.run(order_of([line], bomb, processes=10, cpu_s=2, wall_s=20))
    stopped = Outcome.RUNTIME_ERROR if pod.student == NOBODY else Outcome.TIME_LIMIT
    judge(pod, report, stopped, "mapper")  # the kernel only holds another user to a number of processes


def test_too_many_threads(pod: PodServer, line: Path) -> None:
    threads = """\
import threading, time
for _ in range(50):
    threading.Thread(target=time.sleep, args=(2,)).start()
"""
    judge(pod, pod.run(order_of([line], threads, processes=10)), Outcome.RUNTIME_ERROR, "mapper")


def test_processes_that_leave_no_room_for_the_next_task(pod: PodServer, line: Path) -> None:
    line.write_text("x\n" * 4)
    hog = """\
import os, time
if os.fork() == 0:
    while True:
        try:
            if os.fork() == 0:
                time.sleep(600)
        except OSError:
            pass
time.sleep(0.3)
"""
    order = order_of([line], hog, processes=6, cores=1, options={"split_bytes": 2})
    judge(pod, pod.run(order), Outcome.RUNTIME_ERROR, "mapper")


def test_output_without_end(pod: PodServer, line: Path) -> None:
    flood = "while True: print('x' * 50)\n"
    report = pod.run(order_of([line], CAT, flood, output_bytes=MIB))
    judge(pod, report, Outcome.OUTPUT_LIMIT, "reducer (task 0) wrote more than 1048576 bytes of output")


def test_output_of_all_files_is_summed(pod: PodServer, line: Path) -> None:
    line.write_text("x\n" * 8)
    writer = "print('x' * 400_000)\n"
    order = order_of([line], writer, options={"reducer": "", "split_bytes": 4}, output_bytes=MIB)
    judge(pod, pod.run(order), Outcome.OUTPUT_LIMIT, "wrote more than 1048576 bytes of output")


def test_map_output_without_end(pod: PodServer, line: Path) -> None:
    report = pod.run(order_of([line], "while True: print('x' * 50)\n", disk_bytes=2 * MIB))
    judge(pod, report, Outcome.OUTPUT_LIMIT, "mapper wrote more than 2 MiB of files and intermediate data")


def test_a_line_without_end(pod: PodServer, line: Path) -> None:
    endless = "import sys\nwhile True: sys.stdout.write('x' * 100_000)\n"
    report = pod.run(order_of([line], endless))
    judge(pod, report, Outcome.OUTPUT_LIMIT, "mapper (task 0) wrote a line longer than 8 MiB")


def test_stderr_without_end_costs_no_memory(pod: PodServer, line: Path) -> None:
    chatter = "import sys\nfor i in range(300_000): print('x' * 50, file=sys.stderr)\nraise SystemExit(3)\n"
    report = pod.run(order_of([line], chatter))
    judge(pod, report, Outcome.RUNTIME_ERROR, "exit code 3")
    assert len(report.stages[0].stderr) <= 8192


def test_counters_without_end(pod: PodServer, line: Path) -> None:
    flood = "import sys\nfor i in range(10**9): print(f'reporter:counter:g,c{i},1', file=sys.stderr)\n"
    report = pod.run(order_of([line], flood))
    judge(pod, report, Outcome.RUNTIME_ERROR, "mapper (task 0) counts more than 100 different counters")


def test_one_large_file(pod: PodServer, line: Path) -> None:
    large = "with open('large', 'wb') as f:\n    while True: f.write(b'x' * 100_000)\n"
    report = pod.run(order_of([line], large, disk_bytes=4 * MIB))
    judge(pod, report, Outcome.OUTPUT_LIMIT, "mapper wrote more than 4 MiB of files")


def test_many_files(pod: PodServer, line: Path) -> None:
    many = "i = 0\nwhile True:\n    i += 1\n    open(str(i), 'w').close()\n"
    report = pod.run(order_of([line], many, disk_bytes=4 * MIB))
    judge(pod, report, Outcome.OUTPUT_LIMIT, "mapper wrote more than 4 MiB of files")


def test_just_enough_of_everything_is_enough(pod: PodServer, line: Path) -> None:
    modest = """\
import os, threading, time
held = b"x" * 20_000_000
threads = [threading.Thread(target=time.sleep, args=(0.2,)) for _ in range(5)]
for thread in threads: thread.start()
with open("file", "wb") as f: f.write(b"x" * 3_000_000)
for thread in threads: thread.join()
print("x" * 900_000)
"""
    order = order_of(
        [line], modest, memory_bytes=64 * MIB, processes=8, disk_bytes=4 * MIB, output_bytes=MIB, cpu_s=5
    )
    report = pod.run_ok(order)
    assert 20 * MIB < report.usage.peak_bytes < 64 * MIB
    assert report.usage.cpu_s < 5


def test_a_program_that_flushes_each_line_is_held_too(pod: PodServer, line: Path) -> None:
    flusher = "while True: print('x' * 50, flush=True)\n"
    report = pod.run(order_of([line], flusher, disk_bytes=MIB))
    judge(pod, report, Outcome.OUTPUT_LIMIT, "mapper wrote more than 1 MiB of files and intermediate data")


def test_a_program_that_is_stopped_was_killed(pod: PodServer, line: Path) -> None:
    report = pod.run(order_of([line], "while True: print('x' * 50)\n", options={"reducer": ""}))
    judge(pod, report, Outcome.OUTPUT_LIMIT, "bytes of output")
    assert (report.stages[0].exit, report.stages[0].signal) == (None, "SIGKILL")
