"""The examples without pods: a plain pipe with Hadoop Streaming's order of lines runs what ends by itself."""

from __future__ import annotations

import gzip
import os
import runpy
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable
from functools import cache
from pathlib import Path

import pytest

from bighost import linter
from bighost.folder import Folder, Sample, read, read_handin
from bighost.job import sanity
from bighost.job.assignment import mark
from bighost.job.verdict import Verdict
from bighost.marking import judge

EXAMPLES = Path(__file__).parents[2] / "examples"
NAMES = ("degrees", "flights", "wordcount")
PIPED = ("passed", "partial", "wrong_answer", "no_output", "runtime_error")
STOPPED = ("time_limit", "memory_limit", "output_limit")
MOST_COMPRESSED = 5_000_000


class Stopped(Exception):
    """A stage did not end by itself with exit code 0."""

    def __init__(self, verdict: Verdict) -> None:
        super().__init__(verdict)
        self.verdict = verdict


class Example:
    """An example's folder, and what its submissions get in the pipe."""

    def __init__(self, folder: Folder) -> None:
        self.folder = folder
        self.assignment = folder.assignment
        self.answer = cache(self._answer)

    def verdict(self, submission: Path) -> Verdict:
        verdicts = {test.name: self._verdict(submission, test.name) for test in self.assignment.tests}
        return mark(self.assignment, verdicts).verdict

    def inputs(self, test: str) -> list[bytes]:
        dataset = next(t.dataset for t in self.assignment.tests if t.name == test)
        paths = [self.folder.files[digest] for digest in self.assignment.datasets[dataset].files]
        return [plain(path) for path in paths]

    def _verdict(self, submission: Path, test: str) -> Verdict:
        try:
            output = pipe(submission, self.inputs(test), self.assignment.limits.cpu_s)
        except Stopped as stopped:
            return stopped.verdict
        return judge(self.assignment.comparator, [[self.answer(test)]], [[output]]).verdict

    def _answer(self, test: str) -> bytes:
        if test in self.folder.answers:
            return self.folder.answers[test].read_bytes()
        return pipe(self.folder.references[test], self.inputs(test), self.assignment.limits.cpu_s)


def plain(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()


def pipe(submission: Path, inputs: Iterable[bytes], cpu_s: float) -> bytes:
    """A mapper for each input, a combiner for each mapper where there is one, one reducer."""
    mapped = [stage(submission / "mapper.py", data, cpu_s) for data in inputs]
    combiner = submission / "combiner.py"
    if combiner.exists():
        mapped = [stage(combiner, sort_by_key(lines), cpu_s) for lines in mapped]
    return stage(submission / "reducer.py", sort_by_key(b"".join(mapped)), cpu_s)


def stage(program: Path, data: bytes, cpu_s: float) -> bytes:
    limited = ["sh", "-c", 'ulimit -S -t "$1" && shift && exec "$@"', "sh", str(round(cpu_s))]
    done = subprocess.run([*limited, sys.executable, str(program)], input=data, capture_output=True)
    if done.returncode:
        raise Stopped(Verdict.TIME_LIMIT if done.returncode == -signal.SIGXCPU else Verdict.RUNTIME_ERROR)
    return done.stdout


def sort_by_key(lines: bytes) -> bytes:
    """By the bytes before the first TAB only: lines of one key stay in the order in which they came."""
    command = ["sort", "-s", "-t", "\t", "-k1,1"]
    environment = {**os.environ, "LC_ALL": "C"}
    return subprocess.run(command, input=lines, env=environment, capture_output=True, check=True).stdout


@pytest.fixture(scope="module")
def example(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Example]:
    @cache
    def load(name: str) -> Example:
        return Example(read(EXAMPLES / name, work=tmp_path_factory.mktemp(name)))

    return load


def submissions(*groups: str) -> list[str]:
    found = [path for name in NAMES for path in (EXAMPLES / name / "submissions").glob("*/*")]
    return sorted(str(path.relative_to(EXAMPLES)) for path in found if path.parent.name in groups)


@pytest.mark.parametrize("submission", submissions(*PIPED))
def test_piped_submission_gets_the_verdict_of_its_folder(
    example: Callable[[str], Example], submission: str
) -> None:
    name, _, expected, _ = submission.split("/")
    assert example(name).verdict(EXAMPLES / submission) == expected


@pytest.mark.parametrize("name", NAMES)
def test_every_kind_of_submission_is_there(example: Callable[[str], Example], name: str) -> None:
    groups = {sample.expected for sample in example(name).folder.submissions}
    assert groups == {*PIPED, *STOPPED, "rejected"}


@pytest.mark.parametrize("name", NAMES)
def test_only_what_lies_under_rejected_is_rejected(example: Callable[[str], Example], name: str) -> None:
    assignment = example(name).assignment

    def is_rejected(sample: Sample) -> bool:
        handin = read_handin(sorted(path for path in sample.path.iterdir() if path.is_file()))
        return bool(sanity.check(assignment.sanity, assignment.files, handin, linter.ruff))

    rejected = {sample.path for sample in example(name).folder.submissions if is_rejected(sample)}
    assert rejected == {s.path for s in example(name).folder.submissions if s.expected == "rejected"}


@pytest.mark.parametrize("name", NAMES)
def test_tests_need_only_what_is_shipped(example: Callable[[str], Example], name: str) -> None:
    folder = example(name).folder
    assert set(folder.assignment.datasets) == {"sample", "larger"}
    assert all(path.is_relative_to(EXAMPLES) for path in folder.files.values())
    assert (folder.path / "LICENSE-DATA.md").is_file()


def test_examples_stay_small_enough_for_a_repository() -> None:
    files = (path for path in EXAMPLES.rglob("*") if path.is_file())
    assert sum(len(gzip.compress(path.read_bytes(), 1)) for path in files) <= MOST_COMPRESSED


def test_each_distinct_edge_counts_once_on_both_sides(example: Callable[[str], Example]) -> None:
    degrees = example("degrees")
    for test in ("sample", "larger"):
        edges = {edge for data in degrees.inputs(test) for edge in data.splitlines()}
        rows = [line.split(b"\t") for line in degrees.answer(test).splitlines()]
        assert {row[0] for row in rows} == {package for edge in edges for package in edge.split(b"\t")}
        assert sum(int(row[1]) for row in rows) == sum(int(row[2]) for row in rows) == len(edges)


def test_edges_are_bare_names_with_every_alternative() -> None:
    make = runpy.run_path(str(EXAMPLES / "degrees/data/make.py"))
    text = (
        "Package: aa\nSection: x\nDepends: bb (>= 1:2~), c++:any | d.d,\n e-e, bb (<< 3)\n\n"
        "Package: ff\nSection: y\nDepends: aa\n\n"
        "Package: gg\n"
    )
    packages = list(make["stanzas"](text))
    assert sorted(make["edges"](packages, "x")) == ["aa\tbb", "aa\tbb", "aa\tc++", "aa\td.d", "aa\te-e"]
    assert len(make["edges"](packages, None)) == 6


@pytest.mark.parametrize("name", NAMES)
def test_script_says_in_a_sentence_that_its_source_is_out_of_reach(name: str, tmp_path: Path) -> None:
    output = tmp_path / "full"
    script = EXAMPLES / name / "data/make.py"
    done = subprocess.run(
        [sys.executable, str(script), "--dataset", "full", "--output", str(output)],
        env={"PATH": str(tmp_path), "PIP_NO_INDEX": "1", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert done.stderr.startswith(f"{name}: the ")
    assert "can't be made here: " in done.stderr
    assert len(done.stderr.splitlines()) == 1
    assert not output.exists()
