"""Real Hadoop Streaming in a pod: it grades, it says who failed and how, and the next one is unharmed."""

from __future__ import annotations

import gzip
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hadoop_pod import MIB, HadoopPod, hadoop_order, hadoop_pod
from podserver import CAT, COUNT_MAPPER, COUNT_REDUCER

from bighost.pod.contract import Outcome, RunOrder, RunReport, from_dict

pytestmark = [pytest.mark.docker, pytest.mark.bigdata("hadoop")]

IDLE_BYTES = 600 * MIB
SMOKE = Path(__file__).parents[2] / "images" / "hadoop" / "smoke.json"


@pytest.fixture(scope="module")
def pod() -> Iterator[HadoopPod]:
    with hadoop_pod("mapreduce") as running:
        yield running


@pytest.fixture
def words(pod: HadoopPod) -> Path:
    return pod.put("words.txt", b"b a\nc a\n" * 100)


@pytest.fixture(autouse=True)
def next_one_unharmed(pod: HadoopPod) -> Iterator[None]:
    """After every test the pod gets clean, and runs an honest submission."""
    yield
    assert pod.reset() == {"clean": True}, pod.log()
    count = order([pod.put("after.txt", b"x y x\n")], COUNT_MAPPER, COUNT_REDUCER)
    report = pod.run(count)
    assert report.outcome is Outcome.OK, (report, pod.log())
    assert pod.output() == b"x\t2\ny\t1\n"
    assert pod.reset() == {"clean": True}


def order(inputs: list[Path], mapper: str, reducer: str = CAT, **more: Any) -> RunOrder:
    return hadoop_order("mapreduce", inputs, mapper, reducer, **more)


def stage_of(report: RunReport, name: str) -> Any:
    return next(stage for stage in report.stages if stage.name == name)


def test_the_smoke_order_gives_what_it_should(pod: HadoopPod) -> None:
    smoke = json.loads(SMOKE.read_text())
    report = pod.run(from_dict(RunOrder, smoke["order"]))
    assert report.outcome is Outcome.OK, (report, pod.log())
    assert {file.name: pod.output(file.name).decode() for file in report.output} == smoke["output"]


def test_records_are_counted_in_and_out_of_each_stage(pod: HadoopPod, words: Path) -> None:
    report = pod.run_ok(order([words], COUNT_MAPPER, COUNT_REDUCER))
    mapper, reducer = report.stages
    assert (mapper.name, mapper.records_in, mapper.records_out) == ("mapper", 200, 400)
    assert (reducer.name, reducer.records_in, reducer.records_out) == ("reducer", 400, 3)
    assert reducer.counters["Map-Reduce Framework"]["Reduce input groups"] == 3
    assert pod.output() == b"a\t200\nb\t100\nc\t100\n"


def test_two_reducers_share_the_keys_as_hadoop_divides_them(pod: HadoopPod, words: Path) -> None:
    report = pod.run_ok(order([words], COUNT_MAPPER, COUNT_REDUCER, options={"reducers": 2}))
    assert [file.name for file in report.output] == ["part-00000", "part-00001"]
    assert pod.output("part-00000") == b"a\t200\nc\t100\n"  # hashes 31 + 97 and 31 + 99 are even
    assert pod.output("part-00001") == b"b\t100\n"


def test_a_combiner_runs_and_is_told_apart(pod: HadoopPod, words: Path) -> None:
    combine = {"combiner.py": COUNT_REDUCER}
    options = {"combiner": "combiner.py"}
    report = pod.run_ok(order([words], COUNT_MAPPER, COUNT_REDUCER, files=combine, options=options))
    combiner = stage_of(report, "combiner")
    assert (combiner.records_in, combiner.records_out) == (400, 3)
    assert stage_of(report, "reducer").records_in == 3
    assert pod.output() == b"a\t200\nb\t100\nc\t100\n"


def test_without_a_reducer_the_mappers_lines_are_the_output(pod: HadoopPod, words: Path) -> None:
    report = pod.run_ok(order([words], CAT, options={"reducer": ""}))
    assert [stage.name for stage in report.stages] == ["mapper"]
    assert pod.output().count(b"\n") == 200


def test_input_is_split_and_the_splits_are_mapped_side_by_side(pod: HadoopPod) -> None:
    lines = pod.put("lines.txt", b"".join(b"%06d\n" % number for number in range(30_000)))
    report = pod.run_ok(
        order([lines], CAT, COUNT_REDUCER.replace("int(count)", "1"), options={"split_bytes": 65536})
    )
    assert stage_of(report, "mapper").tasks == 4  # 210,000 bytes
    assert pod.output().count(b"\n") == 30_000


def test_gzip_is_known_by_its_first_bytes_and_several_inputs_are_read(pod: HadoopPod) -> None:
    inputs = [pod.put("packed", gzip.compress(b"a\n" * 5)), pod.put("plain", b"a\nb\n")]
    pod.run_ok(order(inputs, COUNT_MAPPER, COUNT_REDUCER))
    assert pod.output() == b"a\t6\nb\t1\n"


def test_arguments_side_files_and_settings_reach_the_programs(pod: HadoopPod, words: Path) -> None:
    stop = pod.put("stop", b"a\n")
    mapper = """
import os, sys
stop = set(open(sys.argv[1]).read().split())
for line in sys.stdin:
    for word in line.split():
        if word not in stop:
            print(word + os.environ["my_suffix"], 1, sep="\\t")
"""
    options = {"side_files": ["stop.txt"], "settings": ["my.suffix=!"]}
    pod.run_ok(order([words, stop], mapper, COUNT_REDUCER, options=options, arguments=["stop.txt"]))
    assert pod.output() == b"b!\t100\nc!\t100\n"


def test_secondary_sort_by_a_second_field(pod: HadoopPod) -> None:
    pairs = pod.put("pairs", b"x\t2\ny\t7\nx\t10\ny\t30\nx\t1\n")
    options = {"key_fields": 2, "partition_fields": 1, "sort": "-k1,1 -k2,2nr", "reducers": 2}
    report = pod.run_ok(order([pairs], CAT, options=options))
    everything = b"".join(pod.output(file.name) for file in report.output)
    values = [line.split() for line in everything.splitlines()]
    assert [value for key, value in values if key == b"x"] == [b"10", b"2", b"1"]
    assert [value for key, value in values if key == b"y"] == [b"30", b"7"]


def test_a_failing_mapper_is_named_with_its_traceback(pod: HadoopPod, words: Path) -> None:
    report = pod.run(order([words], "import sys\nfor line in sys.stdin:\n    int(line)\n"))
    assert report.outcome is Outcome.RUNTIME_ERROR
    assert report.stage == "mapper"
    assert "invalid literal for int()" in report.message
    assert "mapper.py, line 3" in report.message
    mapper = stage_of(report, "mapper")
    assert (mapper.exit, mapper.failed_task) == (1, 0)
    assert "Traceback" in mapper.stderr


def test_a_failing_reducer_and_a_failing_combiner_are_named(pod: HadoopPod, words: Path) -> None:
    crash = "import sys\nsys.exit(3)\n"
    report = pod.run(order([words], COUNT_MAPPER, crash))
    assert (report.stage, stage_of(report, "reducer").exit) == ("reducer", 3)
    assert report.message.startswith("reducer (task 0) ended with exit code 3")
    more = {"files": {"combiner.py": crash}, "options": {"combiner": "combiner.py"}}
    report = pod.run(order([words], COUNT_MAPPER, COUNT_REDUCER, **more))
    assert report.message.startswith("combiner (task 0) ended with exit code 3")
    assert stage_of(report, "combiner").exit == 3


def test_a_mapper_that_eats_memory_gets_memory_limit(pod: HadoopPod, words: Path) -> None:
    report = pod.run(order([words], "hoard = []\nwhile True:\n    hoard.append('x' * 1000000)\n"))
    assert report.outcome is Outcome.MEMORY_LIMIT
    assert "128 MiB" in report.message
    assert stage_of(report, "mapper").usage.peak_bytes > 100 * MIB


def test_endless_programs_get_time_limit(pod: HadoopPod, words: Path) -> None:
    report = pod.run(order([words], "while True:\n    pass\n", cpu_s=1.0))
    assert (report.outcome, report.stage) == (Outcome.TIME_LIMIT, "mapper")
    sleeper = "import sys, time\nsys.stdin.read()\ntime.sleep(600)\n"
    report = pod.run(order([words], CAT, sleeper, wall_s=3.0))
    assert (report.outcome, report.stage) == (Outcome.TIME_LIMIT, "reducer")


def test_too_much_output_and_too_much_between_stages_are_stopped(pod: HadoopPod, words: Path) -> None:
    chatty = "for number in range(3000000):\n    print(number, 'x' * 90, sep='\\t')\n"
    report = pod.run(order([words], CAT, chatty, output_bytes=MIB))
    assert (report.outcome, report.stage) == (Outcome.OUTPUT_LIMIT, "reducer")
    assert "output" in report.message
    report = pod.run(order([words], chatty, disk_bytes=8 * MIB))
    assert (report.outcome, report.stage) == (Outcome.OUTPUT_LIMIT, "mapper")
    assert "intermediate data" in report.message


def test_a_line_that_never_ends_is_the_students_fault(pod: HadoopPod, words: Path) -> None:
    endless_line = "import sys\nfor _ in range(900):\n    sys.stdout.write('x' * 1000000)\n"
    report = pod.run(order([words], endless_line, wall_s=60.0))
    assert report.outcome is Outcome.RUNTIME_ERROR, (report, pod.log())
    assert "too long" in report.message


def test_unread_input_is_a_failure_as_hadoop_has_it(pod: HadoopPod) -> None:
    long = pod.put("long.txt", b"0123456789\n" * 200_000)
    report = pod.run(order([long], "pass\n"))
    assert report.outcome is Outcome.RUNTIME_ERROR
    assert "without reading all of its input" in report.message


def test_a_cancelled_run_ends_at_once(pod: HadoopPod, words: Path) -> None:
    with pod.running(order([words], "import time\ntime.sleep(600)\n")) as events:
        next(events)
        threading.Timer(0.5, lambda: pod.call("POST", "/cancel")).start()
        last = list(events)[-1]
    assert from_dict(RunReport, last["report"]).outcome is Outcome.CANCELLED


def test_reporter_lines_are_counters_and_status(pod: HadoopPod, words: Path) -> None:
    mapper = """
import sys
for line in sys.stdin:
    print("reporter:counter:course,lines,1", file=sys.stderr)
print("reporter:status:done", file=sys.stderr)
"""
    report = pod.run_ok(order([words], mapper))
    mapper_stage = stage_of(report, "mapper")
    assert mapper_stage.counters["course"] == {"lines": 200}
    assert mapper_stage.status == "done"


def test_student_code_reaches_neither_hadoop_nor_its_files(pod: HadoopPod, words: Path) -> None:
    mapper = """
import os, pathlib, sys
sys.stdin.read()
print("uid", os.getuid(), sep="\\t")
for path in ["/work/private", "/data", *map(str, pathlib.Path("/tmp").iterdir())]:
    try:
        os.listdir(path)
        print("open", path, sep="\\t")
    except PermissionError:
        print("shut", "yes", sep="\\t")
java = [p for p in pathlib.Path("/proc").glob("[0-9]*") if b"Driver" in (p / "cmdline").read_bytes()]
print("seen", len(java), sep="\\t")
for name in ("environ", "mem", "fd"):
    try:
        list(os.scandir(java[0] / name)) if name == "fd" else open(java[0] / name, "rb").read(1)
        print("open", name, sep="\\t")
    except PermissionError:
        print("shut", name, sep="\\t")
try:
    os.kill(int(java[0].name), 9)
except PermissionError:
    print("spared", 1, sep="\\t")
"""
    pod.run_ok(order([words], mapper))
    said = pod.output().decode()
    assert f"uid\t{pod.student}" in said
    assert "seen\t1" in said
    assert "spared\t1" in said
    assert "open" not in said


def test_the_jvm_stays_until_it_has_run_its_jobs(pod: HadoopPod, words: Path) -> None:
    def jvm() -> str:
        return next(line.split()[0] for line in pod.processes() if "bighost.hadoop.Driver" in line)

    first = jvm()
    pod.run_ok(order([words], COUNT_MAPPER, COUNT_REDUCER))
    assert pod.reset() == {"clean": True}
    assert jvm() == first
    pod.run_ok(order([words], COUNT_MAPPER, COUNT_REDUCER, options={"jvm_jobs": 1}))
    assert pod.reset() == {"clean": True}
    assert jvm() != first


def test_an_idle_pod_is_small(pod: HadoopPod) -> None:
    assert sum(pod.processes().values()) < IDLE_BYTES
