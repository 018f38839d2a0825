"""Rounds of real Hadoop jobs in a pod: they converge, are bounded, and say how each round went."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hadoop_pod import HadoopPod, hadoop_order, hadoop_pod

from bighost.pod.contract import Outcome, RunOrder

pytestmark = [pytest.mark.docker, pytest.mark.bigdata("hadoop")]

# Every key's number goes half of the way to 8.
PASS_ON = "import sys\nsys.stdout.writelines(sys.stdin)\n"
HALVE = """
import sys
for line in sys.stdin:
    key, value = line.split()
    print(key, (float(value) + 8) / 2, sep="\\t")
"""
# Two centres on a line; the state file has `number TAB centre`.
NEAREST = """
import sys
centres = [line.split() for line in open("state.txt")]
for line in sys.stdin:
    point = float(line)
    print(min(centres, key=lambda centre: abs(float(centre[1]) - point))[0], point, sep="\\t")
"""
MEANS = """
import sys
from itertools import groupby
pairs = (line.split() for line in sys.stdin)
for number, group in groupby(pairs, key=lambda pair: pair[0]):
    points = sorted(float(point) for _, point in group)
    print(number, sum(points) / len(points), sep="\\t")
"""


@pytest.fixture(scope="module")
def pod() -> Iterator[HadoopPod]:
    with hadoop_pod("iterative") as running:
        yield running


@pytest.fixture(autouse=True)
def clean_afterwards(pod: HadoopPod) -> Iterator[None]:
    yield
    assert pod.reset() == {"clean": True}, pod.log()


def order(
    pod: HadoopPod, mapper: str, reducer: str, start: bytes = b"a\t0\nb\t16\n", **more: Any
) -> RunOrder:
    return hadoop_order("iterative", [pod.put("start", start)], mapper, reducer, **more)


def test_rounds_end_when_the_numbers_no_longer_change(pod: HadoopPod) -> None:
    options = {"tolerance": 0.6, "rounds": 30}
    *progress, _ = pod.events(order(pod, PASS_ON, HALVE, options=options))
    told = [event["progress"] for event in progress if event["progress"]["status"].startswith("delta")]
    assert [(each["stage"], each["status"]) for each in told] == [
        ("round 2", "delta 2"),
        ("round 3", "delta 1"),
        ("round 4", "delta 0.5"),
    ]
    assert pod.output() == b"a\t7.5\nb\t8.5\n"


def test_each_round_is_reported_with_its_stages(pod: HadoopPod) -> None:
    report = pod.run_ok(order(pod, PASS_ON, HALVE, options={"rounds": 2, "tolerance": 0.0}))
    assert [(stage.name, stage.records_in, stage.status) for stage in report.stages] == [
        ("round 1 mapper", 2, ""),
        ("round 1 reducer", 2, ""),
        ("round 1", 0, ""),
        ("round 2 mapper", 2, ""),
        ("round 2 reducer", 2, ""),
        ("round 2", 0, "delta 2"),
    ]
    assert pod.output() == b"a\t6.0\nb\t10.0\n"  # the bound on rounds is a fine end too


def test_a_run_that_has_to_converge_fails_at_the_bound(pod: HadoopPod) -> None:
    options = {"rounds": 2, "tolerance": 0.0, "must_converge": True}
    report = pod.run(order(pod, PASS_ON, HALVE, options=options))
    assert (report.outcome, report.stage) == (Outcome.RUNTIME_ERROR, "round 2")
    assert "still changes (delta 2)" in report.message


def test_the_state_may_lie_beside_the_programs_while_the_input_stays(pod: HadoopPod) -> None:
    points = pod.put("points", b"0\n1\n2\n10\n11\n12\n")
    first = pod.put("first", b"0\t0\n1\t2\n")
    options = {"carry": "side", "side_files": ["state.txt"], "tolerance": 0.0, "rounds": 20}
    report = pod.run_ok(hadoop_order("iterative", [points, first], NEAREST, MEANS, options=options))
    assert pod.output() == b"0\t1.0\n1\t11.0\n"
    assert sum(stage.name.startswith("round") and " " not in stage.name[6:] for stage in report.stages) < 10


def test_the_assignments_own_program_may_decide(pod: HadoopPod) -> None:
    check = """
import sys
new = [float(line.split()[2]) for line in sys.stdin if line.startswith("new")]
print("converged" if min(new) > 5 else "continue", min(new))
"""
    inputs = [pod.put("start", b"a\t0\n"), pod.put("check", check.encode())]
    options = {"check": "check.py", "side_files": ["check.py"]}
    report = pod.run_ok(hadoop_order("iterative", inputs, PASS_ON, HALVE, options=options))
    assert pod.output() == b"a\t6.0\n"
    assert report.stages[-1].status == "delta 6.0"


def test_a_round_may_have_several_jobs(pod: HadoopPod) -> None:
    files = {"halve.py": HALVE, "add.py": HALVE.replace("(float(value) + 8) / 2", "float(value) + 1")}
    options = {"jobs": ["mapper.py halve.py", "mapper.py add.py"], "rounds": 2}
    report = pod.run_ok(order(pod, PASS_ON, PASS_ON, b"a\t0\n", files=files, options=options))
    assert pod.output() == b"a\t7.5\n"  # ((0 + 8) / 2 + 1 + 8) / 2 + 1
    assert "round 2 job 2 reducer" in [stage.name for stage in report.stages]


def test_a_failure_names_its_round(pod: HadoopPod) -> None:
    crash = "import os\nif os.environ['iterative_round'] == '3':\n    raise ValueError('third')\n" + HALVE
    report = pod.run(order(pod, PASS_ON, crash, options={"rounds": 5}))
    assert (report.outcome, report.stage) == (Outcome.RUNTIME_ERROR, "round 3 reducer")
    assert "ValueError: third" in report.message


def test_a_round_has_a_time_limit_of_its_own(pod: HadoopPod) -> None:
    slow = "import time\ntime.sleep(600)\n"
    report = pod.run(order(pod, PASS_ON, slow, options={"round_wall_s": 2.0}, wall_s=60.0))
    assert (report.outcome, report.stage) == (Outcome.TIME_LIMIT, "round 1 reducer")
    assert "the round took longer than 2 s" in report.message


def test_numbers_that_are_none_are_the_students_fault(pod: HadoopPod) -> None:
    words = "import sys\nfor line in sys.stdin:\n    print(line.split()[0], 'many', sep='\\t')\n"
    report = pod.run(order(pod, PASS_ON, words, options={"tolerance": 0.1}))
    assert report.outcome is Outcome.RUNTIME_ERROR
    assert "is no number" in report.message
