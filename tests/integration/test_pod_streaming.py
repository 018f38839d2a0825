"""Framework `streaming` in a pod: what Hadoop Streaming would make of the same programs."""

from __future__ import annotations

import gzip
import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from podserver import CAT, COUNT_MAPPER, COUNT_REDUCER, PodServer, order_of, pod_server

from bighost.pod.contract import Outcome
from bighost.pod.frameworks.records import partition_of

TELL_ENVIRONMENT = """\
import json, os, sys
for line in sys.stdin: pass
print(json.dumps({k: v for k, v in os.environ.items() if k.startswith("mapreduce")} | {"argv": sys.argv[1:]}))
"""


@pytest.fixture(scope="module")
def pod() -> Iterator[PodServer]:
    with pod_server() as server:
        yield server


def written(folder: Path, content: bytes, name: str = "input.txt") -> Path:
    path = folder / name
    path.write_bytes(content)
    return path


def through(pod: PodServer, path: Path, **options: Any) -> bytes:
    """What comes out when mapper and reducer pass everything on."""
    pod.run_ok(order_of([path], BYTES_CAT, BYTES_CAT, options=options))
    return pod.output()


BYTES_CAT = "import sys, shutil\nshutil.copyfileobj(sys.stdin.buffer, sys.stdout.buffer)\n"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (b"k\tv\n", b"k\tv\n"),
        (b"key only\n", b"key only\t\n"),
        (b"no end", b"no end\t\n"),
        (b"b\t1\r\na\t2\r\n", b"a\t2\nb\t1\n"),
        (b"a\t\xff\xfe\x00\n", b"a\t\xff\xfe\x00\n"),
        (b"\n", b"\t\n"),
        (b"", b""),
        (b"b\t2\na\t9\nb\t1\n", b"a\t9\nb\t2\nb\t1\n"),  # never sorted by value
        (b"\xc3\xa9\t1\nz\t1\nZ\t1\n", b"Z\t1\nz\t1\n\xc3\xa9\t1\n"),  # by bytes
    ],
)
def test_lines_come_out_as_hadoop_writes_them(
    pod: PodServer, tmp_path: Path, given: bytes, expected: bytes
) -> None:
    assert through(pod, written(tmp_path, given)) == expected


def test_keys_of_several_fields(pod: PodServer, tmp_path: Path) -> None:
    path = written(tmp_path, b"b,1,x\na,2,z\na,1,y\na,2,a\n")
    assert through(pod, path, separator=",", key_fields=2) == b"a,1,y\na,2,z\na,2,a\nb,1,x\n"


def test_several_files_some_packed(pod: PodServer, tmp_path: Path) -> None:
    one = written(tmp_path, b"x y\n", "one.txt")
    two = written(tmp_path, gzip.compress(b"x\n" * 3), "two.txt.gz")
    report = pod.run_ok(order_of([one, two], COUNT_MAPPER, COUNT_REDUCER))
    assert pod.output() == b"x\t4\ny\t1\n"
    mapper, reducer = report.stages
    assert (mapper.tasks, mapper.records_in, mapper.records_out) == (2, 4, 5)
    assert (reducer.tasks, reducer.records_in, reducer.records_out, reducer.bytes_out) == (1, 5, 2, 8)
    assert mapper.usage.cpu_s > 0
    assert mapper.usage.peak_bytes > 1 << 20


def test_each_key_goes_to_the_reducer_that_java_would_choose(pod: PodServer, tmp_path: Path) -> None:
    words = [b"w%d" % i for i in range(50)] + ["ключ".encode()]
    path = written(tmp_path, b"".join(word + b"\t1\n" for word in words))
    report = pod.run_ok(order_of([path], BYTES_CAT, BYTES_CAT, options={"reducers": 3}))
    assert [file.name for file in report.output] == ["part-00000", "part-00001", "part-00002"]
    for part in range(3):
        expected = sorted(word for word in words if partition_of(word, 3) == part)
        assert pod.output(f"part-{part:05}") == b"".join(word + b"\t1\n" for word in expected)


@pytest.mark.parametrize("options", [{"reducer": ""}, {"reducers": 0}])
def test_without_reducers_mappers_write_the_output(
    pod: PodServer, tmp_path: Path, options: dict[str, Any]
) -> None:
    path = written(tmp_path, b"b\na\nd\nc\n")
    report = pod.run_ok(order_of([path], BYTES_CAT, options={**options, "split_bytes": 3}))
    assert [pod.output(file.name) for file in report.output] == [b"b\t\na\t\n", b"d\t\nc\t\n", b""]
    assert [stage.name for stage in report.stages] == ["mapper"]
    assert report.segments.map_output == [[file.digest] for file in report.output]


def test_a_combiner_makes_segments_smaller_and_changes_nothing(pod: PodServer, tmp_path: Path) -> None:
    path = written(tmp_path, b"a b a c a\n" * 200)
    order = order_of([path], COUNT_MAPPER, COUNT_REDUCER, options={"reducers": 2, "split_bytes": 700})
    plain = pod.run_ok(order)
    expected = [pod.output(file.name) for file in plain.output]
    combining = {**order.options, "combiner": "reducer.py"}
    combined = pod.run_ok(order_of([path], COUNT_MAPPER, COUNT_REDUCER, options=combining))
    assert [pod.output(file.name) for file in combined.output] == expected
    assert [stage.name for stage in combined.stages] == ["mapper", "combiner", "reducer"]
    assert combined.stages[1].records_in == plain.stages[1].records_in == 1000
    assert combined.stages[2].records_in < 20


def test_a_combiner_that_was_not_handed_in_is_left_out(pod: PodServer, tmp_path: Path) -> None:
    path = written(tmp_path, b"a\n")
    report = pod.run_ok(order_of([path], options={"combiner": "combiner.py"}))
    assert [stage.name for stage in report.stages] == ["mapper", "reducer"]


def test_runs_are_reproducible_whatever_the_cores(pod: PodServer, tmp_path: Path) -> None:
    text = b"".join(b"k%d v%d\n" % (i * 7919 % 97, i) for i in range(3000))
    mapper = """\
import sys
for line in sys.stdin:
    key, value = line.split()
    print(key, hash(value) % 1000, sep="\\t")
"""
    options = {"reducers": 2, "split_bytes": 4000}
    orders = [
        order_of([written(tmp_path, text)], mapper, options=options, cores=cores) for cores in (1, 2, 2)
    ]
    reports = [pod.run_ok(order) for order in orders]
    assert len(reports[0].segments.map_output) == len(text) // 4000 + 1
    assert reports[0].segments == reports[1].segments == reports[2].segments
    assert reports[0].output == reports[1].output == reports[2].output


def test_digests_are_of_the_very_bytes(pod: PodServer, tmp_path: Path) -> None:
    report = pod.run_ok(order_of([written(tmp_path, b"b\t1\na\t1\n")]))
    digest = hashlib.blake2b(b"a\t1\nb\t1\n", digest_size=32).hexdigest()
    assert report.segments.map_output == [[digest]]
    assert report.segments.reduce_input == report.segments.reduce_output == [digest]
    assert (report.output[0].size, report.output[0].digest) == (8, digest)


def test_programs_are_told_what_hadoop_tells_them(pod: PodServer, tmp_path: Path) -> None:
    path = written(tmp_path, b"1\n2\n3\n4\n")
    order = order_of(
        [path],
        TELL_ENVIRONMENT,
        options={"reducer": "", "split_bytes": 4},
        arguments=["--flag", "two words"],
    )
    report = pod.run_ok(order)
    first, second = (json.loads(pod.output(file.name)) for file in report.output)
    assert first["argv"] == ["--flag", "two words"]
    assert first["mapreduce_map_input_file"] == str(path)
    assert (first["mapreduce_map_input_start"], first["mapreduce_map_input_length"]) == ("0", "4")
    assert second["mapreduce_map_input_start"] == "4"
    assert second["mapreduce_task_partition"] == "1"
    assert second["mapreduce_task_ismap"] == "true"
    assert second["mapreduce_task_id"].endswith("_m_000001")
    assert second["mapreduce_task_attempt_id"].endswith("_m_000001_0")
    assert (first["mapreduce_job_maps"], first["mapreduce_job_reduces"]) == ("2", "0")


def test_reducers_are_told_too(pod: PodServer, tmp_path: Path) -> None:
    pod.run_ok(order_of([written(tmp_path, b"1\n")], CAT, TELL_ENVIRONMENT))
    told = json.loads(pod.output())
    assert told["mapreduce_task_ismap"] == "false"
    assert told["mapreduce_task_id"].endswith("_r_000000")
    assert told["mapreduce_job_reduces"] == "1"
    assert "mapreduce_map_input_file" not in told


def test_reporter_lines_are_counters_and_status(pod: PodServer, tmp_path: Path) -> None:
    mapper = """\
import sys
for line in sys.stdin:
    print("reporter:counter:lines,all,1", file=sys.stderr)
print("reporter:status:done", file=sys.stderr)
print("a word", file=sys.stderr)
"""
    order = order_of([written(tmp_path, b"x\n" * 10)], mapper, options={"split_bytes": 10})
    *events, last = pod.events(order)
    stage = last["report"]["stages"][0]
    assert stage["counters"] == {"lines": {"all": 10}}
    assert (stage["status"], stage["stderr"]) == ("done", "a word\n")
    assert "done" in [event["progress"]["status"] for event in events]


def test_a_mapper_need_not_read(pod: PodServer, tmp_path: Path) -> None:
    path = written(tmp_path, b"x" * 100 + b"\n" * 1_000_000)
    report = pod.run_ok(order_of([path], 'print("done")\n', 'print("too")\n'))
    assert pod.output() == b"too\t\n"
    assert report.segments.reduce_input == [hashlib.blake2b(b"done\t\n", digest_size=32).hexdigest()]


def test_silent_programs_make_empty_files(pod: PodServer, tmp_path: Path) -> None:
    report = pod.run_ok(order_of([written(tmp_path, b"")], CAT, CAT, options={"reducers": 2}))
    assert [(file.name, file.size) for file in report.output] == [("part-00000", 0), ("part-00001", 0)]
    assert report.stages[0].tasks == 1


def test_sibling_files_can_be_imported(pod: PodServer, tmp_path: Path) -> None:
    files = {"helper.py": "WORD = 'helped'\n", "lib/deep.py": "from helper import WORD\n"}
    mapper = "from lib.deep import WORD\nprint(WORD)\n"
    pod.run_ok(order_of([written(tmp_path, b"")], mapper, files=files))
    assert pod.output() == b"helped\t\n"


def test_standard_streams_can_be_opened_by_name(pod: PodServer, tmp_path: Path) -> None:
    mapper = 'with open("/dev/stdin") as i, open("/dev/stdout", "w") as o:\n    o.writelines(i)\n'
    pod.run_ok(order_of([written(tmp_path, b"b\na\n")], mapper))
    assert pod.output() == b"a\t\nb\t\n"


@pytest.mark.parametrize(
    ("mapper", "message"),
    [
        ("\n\n1 / 0\n", "ended with exit code 1: ZeroDivisionError: division by zero (mapper.py, line 3)"),
        ("def f(:\n", "ended with exit code 1: SyntaxError: invalid syntax (mapper.py, line 1)"),
        ("raise SystemExit(3)\n", "ended with exit code 3"),
        ("import os\nos.kill(os.getpid(), 11)\n", "was ended by signal SIGSEGV"),
        ("import os\nos.kill(os.getpid(), 9)\n", "was ended by signal SIGKILL"),
        ("import nothing.there\n", "ModuleNotFoundError: No module named 'nothing' (mapper.py, line 1)"),
    ],
)
def test_a_failure_is_told_in_a_sentence(pod: PodServer, tmp_path: Path, mapper: str, message: str) -> None:
    report = pod.run(order_of([written(tmp_path, b"x\n")], mapper))
    assert (report.outcome, report.stage) == (Outcome.RUNTIME_ERROR, "mapper")
    assert report.message.startswith("mapper (task 0) ")
    assert report.message.endswith(message)
    (stage,) = report.stages
    assert stage.failed_task == 0
    assert (stage.exit is None) == (stage.signal is not None)
    assert str(pod.work) not in stage.stderr
    assert report.output == []


def test_a_reducer_that_fails_is_named(pod: PodServer, tmp_path: Path) -> None:
    reducer = "import sys\nfor line in sys.stdin:\n    assert 'b' not in line, line.strip()\n"
    path = written(tmp_path, b"".join(b"%d\n" % i for i in range(100)) + b"b\n")
    report = pod.run(order_of([path], CAT, reducer, options={"reducers": 2}))
    assert (report.outcome, report.stage) == (Outcome.RUNTIME_ERROR, "reducer")
    mapper, failed = report.stages
    assert mapper.exit == 0
    assert (failed.exit, failed.failed_task) == (1, partition_of(b"b", 2))
    assert 'File "reducer.py", line 3' in failed.stderr


def test_the_first_task_that_fails_is_named_however_many_do(pod: PodServer, tmp_path: Path) -> None:
    mapper = """\
import os, time
task = int(os.environ["mapreduce_task_partition"])
if task == 2:
    time.sleep(0.3)
if task >= 2:
    raise ValueError(task)
"""
    path = written(tmp_path, b"x\n" * 40)
    for _ in range(3):
        report = pod.run(order_of([path], mapper, options={"split_bytes": 8}))
        assert report.stages[0].failed_task == 2
        assert report.message.endswith("ValueError: 2 (mapper.py, line 6)")


def test_a_later_task_is_stopped_when_an_earlier_one_fails(pod: PodServer, tmp_path: Path) -> None:
    mapper = """\
import os, time
if os.environ["mapreduce_task_partition"] == "0":
    raise SystemExit("no")
time.sleep(600)
"""
    report = pod.run(order_of([written(tmp_path, b"x\n" * 20)], mapper, options={"split_bytes": 20}))
    assert (report.outcome, report.stages[0].failed_task) == (Outcome.RUNTIME_ERROR, 0)


def test_input_larger_than_memory_is_sorted_within_bounds(pod: PodServer, tmp_path: Path) -> None:
    lines = [b"%08d\t%d\n" % (i * 7919 % 1_000_003, i) for i in range(1_000_000)]
    path = written(tmp_path, b"".join(lines))
    limits = {"output_bytes": 64 << 20, "disk_bytes": 64 << 20}
    before = peak_bytes(pod)
    report = pod.run_ok(order_of([path], BYTES_CAT, BYTES_CAT, options={"split_bytes": 64 << 20}, **limits))
    expected = hashlib.blake2b(b"".join(sorted(lines)), digest_size=32).hexdigest()
    assert report.segments.reduce_input == [expected]
    assert peak_bytes(pod) - before < 60 << 20


def peak_bytes(pod: PodServer) -> int:
    status = Path(f"/proc/{pod.process.pid}/status").read_text()
    (line,) = (line for line in status.splitlines() if line.startswith("VmHWM"))
    return int(line.split()[1]) * 1024
