"""Every wall of a docker pod is in the settings that the engine is given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from fake_runtime import MIB, make_spec

from bighost.node.runtime import container
from bighost.node.runtime.base import PodSpec

PLACE = container.Place(
    name="bighost-1-0-0",
    node="n",
    rank=0,
    student=1234,
    sockets=Path("/s"),
    datasets=Path("/d"),
    cgroup_version=2,
)


def test_memory_and_swap_together_are_all_that_the_pod_may_have(spec: PodSpec) -> None:
    said = container.settings(spec, PLACE)
    whole = (
        spec.memory_bytes + spec.overhead_bytes + spec.disk_bytes + container.TMP_BYTES + container.SHM_BYTES
    )
    assert said["mem_limit"] == said["memswap_limit"] == whole


def test_swappiness_is_set_where_it_exists(spec: PodSpec) -> None:
    assert "mem_swappiness" not in container.settings(spec, PLACE)
    assert container.settings(spec, replace(PLACE, cgroup_version=1))["mem_swappiness"] == 0


def test_a_pod_has_no_network_no_writable_root_and_few_capabilities(spec: PodSpec) -> None:
    said = container.settings(spec, PLACE)
    assert said["network_mode"] == "none"
    assert said["read_only"] is True
    assert said["cap_drop"] == ["ALL"]
    assert set(said["cap_add"]) == {"SETUID", "SETGID", "KILL", "CHOWN", "DAC_OVERRIDE", "FOWNER"}
    assert said["security_opt"] == ["no-new-privileges"]
    assert said["ipc_mode"] == "private"


def test_processes_of_the_student_and_of_the_framework_are_capped_together() -> None:
    spec = make_spec(processes=7, overhead_processes=5)
    assert container.settings(spec, PLACE)["pids_limit"] == 12


def test_student_code_runs_as_the_pods_own_user(spec: PodSpec) -> None:
    words = container.command(spec, PLACE)
    assert words[words.index("--student-uid") + 1] == "1234"


def test_cores_are_pinned_beside_the_quota(spec: PodSpec) -> None:
    assert "cpuset_cpus" not in container.settings(spec, PLACE)
    said = container.settings(spec, replace(PLACE, cores=(0, 3)))
    assert (said["cpuset_cpus"], said["nano_cpus"]) == ("0,3", 1_000_000_000)


def test_datasets_can_only_be_read(spec: PodSpec) -> None:
    assert container.settings(spec, PLACE)["volumes"]["/d"] == {"bind": "/data", "mode": "ro"}


def test_what_can_be_written_has_a_size(spec: PodSpec) -> None:
    tmpfs = container.settings(spec, PLACE)["tmpfs"]
    assert set(tmpfs) == {"/work", "/tmp"}
    assert all("size=" in options and "nr_inodes=" in options for options in tmpfs.values())
    assert f"size={spec.disk_bytes}," in tmpfs["/work"]


def test_a_socket_that_stays_inside_needs_a_folder_in_memory(spec: PodSpec) -> None:
    said = container.settings(spec, replace(PLACE, sockets=None))
    assert "/run/bighost" in said["tmpfs"]
    assert set(said["volumes"]) == {"/d"}


@pytest.mark.parametrize("field", ["cpus", "memory_bytes", "overhead_bytes", "processes", "disk_bytes"])
def test_a_pod_without_a_limit_cannot_be_specified(field: str) -> None:
    with pytest.raises(ValueError, match=field):
        make_spec(**{field: 0})


def test_small_work_folders_still_hold_some_files() -> None:
    assert "nr_inodes=1024," in container.settings(make_spec(disk_bytes=MIB), PLACE)["tmpfs"]["/work"]
