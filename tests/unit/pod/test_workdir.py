"""The work folder is laid out for a run, and whatever was done to it, it is wiped."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bighost.pod.workdir import MODES, Workdir, remove


@pytest.fixture
def workdir(tmp_path: Path) -> Workdir:
    return Workdir(tmp_path / "work", None)


def shape(root: Path) -> set[str]:
    return {str(path.relative_to(root)) for path in root.rglob("*")}


def test_files_are_laid_out_for_reading_only(workdir: Workdir) -> None:
    workdir.prepare({"mapper.py": b"1", "lib/deep/helper.py": b"2"})
    assert (workdir.code / "lib/deep/helper.py").read_bytes() == b"2"
    modes = {path.name: path.stat().st_mode & 0o777 for path in workdir.code.rglob("*")}
    assert modes == {"mapper.py": 0o644, "lib": 0o755, "deep": 0o755, "helper.py": 0o644}


def test_the_next_run_finds_nothing_of_the_last(workdir: Workdir, tmp_path: Path) -> None:
    workdir.prepare({"a.py": b""})
    (workdir.output / "part-00000").touch()
    (workdir.spill / "map-00000").touch()
    workdir.new_scratch("mapper-0")
    workdir.wipe_after_run()
    assert shape(tmp_path / "work") == {*MODES, "private/output/part-00000"}
    workdir.prepare({"b.py": b""})
    assert shape(tmp_path / "work") == {*MODES, "code/b.py"}


def test_a_wipe_leaves_nothing(workdir: Workdir, tmp_path: Path) -> None:
    workdir.prepare({"a.py": b""})
    assert workdir.leftovers() == f"{tmp_path}/work/code/a.py is left"
    (tmp_path / "work" / "stranger").touch()
    workdir.wipe()
    assert shape(tmp_path / "work") == set(MODES)
    assert workdir.leftovers() is None


def test_somebody_elses_folder_is_not_wiped(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").touch()
    with pytest.raises(ValueError, match=r"holds thesis\.tex"):
        Workdir(tmp_path, None)
    assert (tmp_path / "thesis.tex").exists()


def test_a_killed_pods_folder_is_taken_over(workdir: Workdir, tmp_path: Path) -> None:
    workdir.prepare({"a.py": b""})
    Workdir(tmp_path / "work", None)
    assert workdir.leftovers() is None


def test_deep_and_locked_folders_are_removed(tmp_path: Path) -> None:
    top = tmp_path / "top"
    top.mkdir()
    here = os.open(top, os.O_RDONLY)
    for _ in range(1500):  # deeper than Python's recursion and than a path may be long
        os.mkdir("deep", dir_fd=here)
        below = os.open("deep", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    (top / "file").touch()
    (top / "link").symlink_to(tmp_path)
    (top / "locked").mkdir(0o000)
    remove(top)
    assert list(tmp_path.iterdir()) == []


def test_a_link_is_removed_not_what_it_points_to(tmp_path: Path) -> None:
    target = tmp_path / "target"
    target.mkdir()
    link = tmp_path / "link"
    link.symlink_to(target)
    remove(link)
    assert target.is_dir()
    assert not link.is_symlink()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can leave files of another user")
def test_files_of_the_student_in_shared_folders_are_found_and_removed(tmp_path: Path) -> None:
    student = 61999
    workdir = Workdir(tmp_path / "work", student)
    left = Path(f"/tmp/left-by-{student}")
    left.mkdir()
    (left / "inside").touch()
    os.chown(left, student, student)
    assert workdir.leftovers() == f"{left} is left"
    workdir.wipe_student_files()
    assert not left.exists()
    assert workdir.leftovers() is None
