"""Control groups of both versions, on a tree of plain files that stands in for the kernel's."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from bighost.node.runtime import cgroups
from bighost.node.runtime.cgroups import Caps, Controller, Group, Tree

CAPS = Caps(memory_bytes=1000, processes=7, cpus=1.5)


def v1(root: Path) -> Path:
    lines = ["proc /proc proc rw 0 0"]
    for name in ("memory", "pids", "cpu,cpuacct"):
        (root / name).mkdir()
        lines.append(f"cgroup {root / name} cgroup rw,nosuid,{name} 0 0")
    (root / "unified").mkdir()
    lines.append(f"cgroup2 {root / 'unified'} cgroup2 rw 0 0")
    (root / "mounts").write_text("\n".join(lines))
    return root / "mounts"


def v2(root: Path, controllers: str = "cpuset cpu io memory pids") -> Path:
    (root / "cgroup.controllers").write_text(controllers)
    (root / "mounts").write_text(f"cgroup2 {root} cgroup2 rw 0 0\n")
    return root / "mounts"


def test_version_one_is_taken_where_it_has_the_controllers(tmp_path: Path) -> None:
    tree = Tree.find(v1(tmp_path))
    assert (tree.version, tree.available()) == (1, frozenset(Controller))
    tree.make("pod", CAPS)
    assert (tmp_path / "memory/bighost/pod/memory.limit_in_bytes").read_text() == "1000"
    assert (tmp_path / "pids/bighost/pod/pids.max").read_text() == "7"
    assert (tmp_path / "cpu,cpuacct/bighost/pod/cpu.cfs_quota_us").read_text() == "150000"


def test_version_two_has_one_folder_for_all(tmp_path: Path) -> None:
    tree = Tree.find(v2(tmp_path))
    group = tree.make("pod", CAPS)
    assert group.folders == (tmp_path / "bighost/pod",)
    files = {file.name: file.read_text() for file in group.folders[0].iterdir()}
    assert files == {"memory.max": "1000", "pids.max": "7", "cpu.max": "150000 100000"}


def test_a_controller_that_is_not_there_is_not_available(tmp_path: Path) -> None:
    assert Tree.find(v2(tmp_path, "pids")).available() == {Controller.PIDS}


def test_no_control_groups_at_all_is_a_valid_answer(tmp_path: Path) -> None:
    (tmp_path / "mounts").write_text("proc /proc proc rw 0 0\n")
    tree = Tree.find(tmp_path / "mounts")
    assert tree.available() == frozenset()
    assert tree.make("pod", CAPS).entrance() == []


def test_a_place_where_no_group_can_be_made_is_not_available(tmp_path: Path) -> None:
    mounts = v1(tmp_path)
    (tmp_path / "memory/bighost").touch()  # a file is in the way
    assert Controller.MEMORY not in Tree.find(mounts).available()


def test_the_entrance_enters_every_folder_and_then_becomes_the_program(tmp_path: Path) -> None:
    group = Group((tmp_path / "a", tmp_path / "b"))
    for folder in group.folders:
        folder.mkdir()
    said = subprocess.run(
        [*group.entrance(), "/bin/sh", "-c", "echo $$ $1", "sh", "two words"], capture_output=True
    )
    pid, words = said.stdout.decode().split(" ", 1)
    assert [(f / "cgroup.procs").read_text().strip() for f in group.folders] == [pid, pid]
    assert words == "two words\n"


def test_a_program_does_not_start_outside_of_its_group(tmp_path: Path) -> None:
    group = Group((tmp_path / "missing",))
    said = subprocess.run([*group.entrance(), "/bin/echo", "outside"], capture_output=True)
    assert said.returncode != 0
    assert said.stdout == b""


@pytest.mark.parametrize(
    ("file", "text", "out"),
    [
        ("memory.events", "low 0\noom 3\noom_kill 1\n", True),
        ("memory.events", "low 0\noom 3\noom_kill 0\n", False),
        ("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n", True),
        ("cgroup.procs", "", False),
    ],
)
def test_out_of_memory_is_read_in_both_versions(tmp_path: Path, file: str, text: str, out: bool) -> None:
    (tmp_path / file).write_text(text)
    assert Group((tmp_path,)).out_of_memory() is out


def test_groups_that_are_left_are_found_by_the_start_of_their_name(tmp_path: Path) -> None:
    tree = Tree.find(v1(tmp_path))
    tree.make("aa-1", CAPS)
    tree.make("bb-1", CAPS)
    assert [{folder.name for folder in group.folders} for group in tree.left("aa-")] == [{"aa-1"}]


def test_a_group_that_cannot_be_emptied_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cgroups, "EMPTYING_S", 0.0)
    (tmp_path / "pod").mkdir()
    (tmp_path / "pod/child").mkdir()
    with pytest.raises(OSError, match="not empty"):
        Group((tmp_path / "pod",)).remove()


def test_a_box_sees_its_memory_group_where_each_version_has_it(tmp_path: Path) -> None:
    for version, at in ((1, "/sys/fs/cgroup/memory"), (2, "/sys/fs/cgroup")):
        (tmp_path / str(version)).mkdir()
        tree = Tree.find((v1 if version == 1 else v2)(tmp_path / str(version)))
        group = tree.make("pod", CAPS)
        assert group.inside_view() == (tree.tops[Controller.MEMORY] / "pod", at)
