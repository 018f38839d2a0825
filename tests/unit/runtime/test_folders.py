"""Runtime folders are short, private, found again, and never somebody else's."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from bighost.node.runtime.folders import Folders, UnsafeFolder, own_datasets, short_name


def test_a_nodes_next_start_finds_its_folders(short_path: Path) -> None:
    left = Folders("node", "c", short_path).make("7")
    again = Folders("node", "c", short_path)
    assert list(again.left()) == [left]
    again.wipe()
    assert list(again.left()) == []


def test_nodes_and_runtimes_are_kept_apart(short_path: Path) -> None:
    paths = {Folders(node, kind, short_path).path for node in ("a", "b") for kind in ("c", "p")}
    assert len(paths) == 4


@pytest.mark.parametrize("umask", [0o000, 0o077])
def test_only_this_user_enters_a_pods_folder_whatever_the_umask(short_path: Path, umask: int) -> None:
    before = os.umask(umask)
    try:
        folders = Folders("node", "c", short_path)
        pod = folders.make("0")
        open_pod = folders.make("1", 0o711)
    finally:
        os.umask(before)
    assert [stat.S_IMODE(path.stat().st_mode) for path in (folders.path, pod, open_pod)] == [
        0o711,
        0o700,
        0o711,
    ]


def test_a_made_folder_is_empty_though_it_was_there(short_path: Path) -> None:
    folders = Folders("node", "c", short_path)
    (folders.make("0") / "old").touch()
    assert list(folders.make("0").iterdir()) == []


def test_a_folder_that_others_may_write_is_refused(short_path: Path) -> None:
    planted = short_path / f"bh-{short_name('node')}"
    planted.mkdir()
    planted.chmod(0o777)
    with pytest.raises(UnsafeFolder):
        Folders("node", "c", short_path)


def test_a_link_is_refused(short_path: Path) -> None:
    (short_path / "elsewhere").mkdir()
    (short_path / f"bh-{short_name('node')}").symlink_to(short_path / "elsewhere")
    with pytest.raises(UnsafeFolder):
        Folders("node", "c", short_path)


def test_a_path_too_long_for_a_socket_is_refused_before_anything_is_made(short_path: Path) -> None:
    with pytest.raises(UnsafeFolder, match="too long"):
        Folders("node", "c", short_path / ("x" * 80))
    assert list(short_path.iterdir()) == []


def test_a_folder_that_cannot_be_made_is_a_fault(short_path: Path) -> None:
    folders = Folders("node", "c", short_path)
    folders.close()
    with pytest.raises(UnsafeFolder, match="can't be made"):
        folders.make("0")


def test_the_dataset_cache_is_there_before_an_engine_makes_it(short_path: Path) -> None:
    assert own_datasets(short_path / "a/b").is_dir()


def test_closing_leaves_nothing_but_what_another_runtime_uses(short_path: Path) -> None:
    one, two = Folders("node", "c", short_path), Folders("node", "p", short_path)
    one.close()
    assert two.path.is_dir()
    two.close()
    assert list(short_path.iterdir()) == []
