"""The same jobs on HDFS and YARN inside a pod: graded, blamed, ended, and the next one unharmed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hadoop_pod import MIB, HadoopPod, hadoop_order, hadoop_pod
from podserver import COUNT_MAPPER, COUNT_REDUCER

from bighost.pod.contract import Outcome, RunOrder

pytestmark = [pytest.mark.docker, pytest.mark.bigdata("yarn"), pytest.mark.timeout(600)]

DAEMONS = ("NameNode", "DataNode", "ResourceManager", "NodeManager", "JobHistoryServer")


@pytest.fixture(scope="module")
def pod() -> Iterator[HadoopPod]:
    with hadoop_pod("mapreduce", "hadoop-yarn", memory_mib=3500, processes=1024) as running:
        yield running


@pytest.fixture
def words(pod: HadoopPod) -> Path:
    return pod.put("words.txt", b"b a\nc a\n" * 100)


def order(words: Path, mapper: str, reducer: str = COUNT_REDUCER, **limits: Any) -> RunOrder:
    options = {"mode": "yarn", "reducers": 2}
    return hadoop_order("mapreduce", [words], mapper, reducer, options=options, **{"wall_s": 120.0, **limits})


def test_a_job_is_graded_and_its_daemons_are_processes_of_their_own(pod: HadoopPod, words: Path) -> None:
    mapper = "import os, sys\nprint(os.environ['mapreduce_map_input_file'], file=sys.stderr)\n" + COUNT_MAPPER
    report = pod.run_ok(order(words, mapper))
    assert pod.output("part-00000") == b"a\t200\nc\t100\n"
    assert pod.output("part-00001") == b"b\t100\n"
    assert [(stage.name, stage.records_in, stage.records_out) for stage in report.stages] == [
        ("mapper", 200, 400),
        ("reducer", 400, 3),
    ]
    assert report.stages[0].stderr.startswith("hdfs://")
    running = " ".join(pod.processes())
    assert all(name in running for name in DAEMONS)
    assert pod.reset() == {"clean": True}


def test_failures_are_told_as_in_local_mode_and_the_next_job_is_unharmed(pod: HadoopPod, words: Path) -> None:
    report = pod.run(order(words, "hoard = ['x' * 1000000 for _ in range(10000)]\n"))
    assert report.outcome is Outcome.MEMORY_LIMIT
    assert report.stages[0].usage.peak_bytes > 100 * MIB
    report = pod.run(order(words, COUNT_MAPPER, "raise ValueError('boo')\n"))
    assert (report.outcome, report.stage) == (Outcome.RUNTIME_ERROR, "reducer")
    assert "ValueError: boo (reducer.py, line 1)" in report.message
    report = pod.run(order(words, "import time\ntime.sleep(600)\n", wall_s=25.0))
    assert (report.outcome, report.stage) == (Outcome.TIME_LIMIT, "mapper")
    assert pod.reset() == {"clean": True}
    pod.run_ok(order(words, COUNT_MAPPER))
    assert pod.output("part-00001") == b"b\t100\n"
