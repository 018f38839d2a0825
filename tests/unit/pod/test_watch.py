"""What is counted, what is too much, and which breach is the one that is told."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from bighost.pod.messages import Begin, Breach
from bighost.pod.processes import Process, descendants, parse_stat
from bighost.pod.watch import ENTRY_BYTES, Watch, folder_bytes

MIB = 1 << 20


def limits(scratch: Path | str = "", **changes: float) -> Begin:
    fresh = Begin(10.0, time.monotonic() + 60, 100 * MIB, 4, MIB, 0, str(scratch))
    return fresh._replace(**changes)


def process(cpu_s: float = 0.0, resident_bytes: int = 0, threads: int = 1) -> Process:
    return Process(1, 0, cpu_s, resident_bytes, threads)


def test_within_all_limits_there_is_no_breach() -> None:
    watch = Watch(limits(), reaped_s=5.0)
    watch.note_processes(14.0, [process(0.9, 99 * MIB, 4)])
    assert watch.breach is None
    assert watch.usage(clean=True) == (pytest.approx(9.9), 99 * MIB, 4, None, True)


@pytest.mark.parametrize(
    ("family", "breach"),
    [
        ([process(cpu_s=6), process(cpu_s=6)], Breach.CPU),
        ([process(resident_bytes=60 * MIB)] * 2, Breach.MEMORY),
        ([process(threads=3)] * 2, Breach.PROCESSES),
    ],
)
def test_processes_are_summed(family: list[Process], breach: Breach) -> None:
    watch = Watch(limits(), reaped_s=0.0)
    watch.note_processes(0.0, family[:1])
    assert watch.breach is None
    watch.note_processes(0.0, family)
    assert watch.breach is breach


def test_time_of_earlier_stages_is_not_counted() -> None:
    watch = Watch(limits(), reaped_s=100.0)
    watch.note_exit(109.0, 0)
    assert watch.breach is None
    watch.note_exit(111.0, 0)
    assert watch.breach is Breach.CPU


def test_a_process_between_two_samples_is_judged_by_its_own_peak() -> None:
    watch = Watch(limits(), reaped_s=0.0)
    watch.note_exit(0.1, 101 * MIB)
    assert watch.breach is Breach.MEMORY


def test_the_first_breach_is_told() -> None:
    watch = Watch(limits(deadline=time.monotonic() - 1), reaped_s=0.0)
    watch.note_processes(0.0, [])
    watch.note_processes(99.0, [])
    assert watch.breach is Breach.WALL


def test_intermediate_data_count_as_disk(tmp_path: Path) -> None:
    watch = Watch(limits(tmp_path, charged_bytes=MIB // 2), reaped_s=0.0)
    watch.charge(MIB // 4)
    watch.note_disk()
    assert watch.breach is None
    (tmp_path / "file").write_bytes(b"x" * (MIB // 2))
    watch.note_disk()
    assert watch.breach is Breach.DISK


def test_empty_files_are_not_free(tmp_path: Path) -> None:
    for number in range(10):
        (tmp_path / str(number)).touch()
    assert folder_bytes(str(tmp_path), MIB) == 10 * ENTRY_BYTES


def test_a_folder_is_not_counted_further_than_needed(tmp_path: Path) -> None:
    deep = tmp_path / "a"
    (deep / "b").mkdir(parents=True)
    assert ENTRY_BYTES <= folder_bytes(str(tmp_path), 0) < 2 * ENTRY_BYTES


def test_links_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to("/usr")
    assert folder_bytes(str(tmp_path), MIB) == ENTRY_BYTES


def test_what_is_too_deep_to_be_listed_counts_as_too_much(tmp_path: Path) -> None:
    here = os.open(tmp_path, os.O_RDONLY)
    for _ in range(30):
        os.mkdir("d" * 200, dir_fd=here)
        below = os.open("d" * 200, os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    assert folder_bytes(str(tmp_path), 1 << 40) == sys.maxsize


def test_a_name_can_not_pretend_to_be_fields() -> None:
    text = b"7 (a) Z 1 (b) R 3 7 7 0 -1 0 0 0 0 0 150 50 25 25 20 0 2 0 99 1000 5 18446744073709551615\n"
    seen = parse_stat(7, text)
    assert (seen.parent, seen.threads, seen.cpu_s) == (3, 2, pytest.approx(2.5))


def test_descendants_are_found_however_deep() -> None:
    script = "import os, sys; os.fork() or os.fork(); print(flush=True); sys.stdin.read()"
    with subprocess.Popen(
        [sys.executable, "-c", script], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout
        for _ in range(3):
            child.stdout.readline()
        found = descendants(os.getpid())
        assert child.pid in {process.pid for process in found}
        assert len(descendants(child.pid)) == 2
        assert all(process.resident_bytes > 0 and process.threads == 1 for process in descendants(child.pid))
