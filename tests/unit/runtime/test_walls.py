"""The table of walls names everything, and says plainly what does not hold."""

from __future__ import annotations

import itertools

import pytest

from bighost.node.runtime.walls import (
    Against,
    EngineWalls,
    HostWalls,
    Wall,
    docker_walls,
    missing,
    process_walls,
)


def names(walls: tuple[Wall, ...]) -> set[Against]:
    return {wall.against for wall in walls}


EVERY_HOST = [HostWalls(*flags) for flags in itertools.product([False, True], repeat=5)]


@pytest.mark.parametrize("host", EVERY_HOST, ids=str)
def test_every_wall_is_named_once_with_a_sentence(host: HostWalls) -> None:
    walls = process_walls(host)
    assert [wall.against for wall in walls] == list(Against)
    assert all(wall.says.endswith(".") and wall.says[0].isupper() for wall in walls)


def test_a_docker_pod_lacks_only_a_kernel_of_its_own() -> None:
    assert names(missing(docker_walls(EngineWalls()))) == {Against.KERNEL}
    assert missing(docker_walls(EngineWalls(oci_runtime="runsc"))) == ()


def test_what_an_engine_cannot_cap_is_said() -> None:
    weak = EngineWalls(memory=False, cpu=False, pids=False, seccomp=False)
    lacking = names(missing(docker_walls(weak)))
    assert lacking == {Against.MEMORY, Against.CPU, Against.PROCESSES, Against.SYSCALLS, Against.KERNEL}


def test_a_plain_process_pod_lacks_every_wall() -> None:
    assert names(missing(process_walls(HostWalls(bubblewrap=False, other_user=False)))) == set(Against)


def test_bubblewrap_brings_network_files_disk_and_ipc() -> None:
    plain = names(missing(process_walls(HostWalls(bubblewrap=False, other_user=True))))
    boxed = names(missing(process_walls(HostWalls(bubblewrap=True, other_user=True))))
    assert plain - boxed == {Against.NETWORK, Against.FILES, Against.DISK, Against.IPC}
