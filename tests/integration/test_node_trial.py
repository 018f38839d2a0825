"""Hand-ins run on this machine as on a node, in process pods: verdicts, differences, keys that are made."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bighost.errors import AssignmentError
from bighost.job import assignment as vocabulary
from bighost.job.assignment import Answer, Assignment, Comparator, Compare, Dataset, Limits
from bighost.job.verdict import Verdict
from bighost.marking import Kind
from bighost.node.trial import Bench, bench

TEXT = b"the cat and the dog\nthe end\n"
MAPPER = (
    b"import sys\nfor line in sys.stdin:\n    for word in line.split():\n        print(word, 1, sep='\\t')\n"
)
REDUCER = (
    b"import sys\nfrom collections import Counter\nseen = Counter()\n"
    b"for line in sys.stdin:\n    seen[line.split('\\t')[0]] += 1\n"
    b"for word, n in seen.items():\n    print(word, n, sep='\\t')\n"
)
GOOD = {"mapper.py": MAPPER, "reducer.py": REDUCER}
KEY = b"and\t1\ncat\t1\ndog\t1\nend\t1\nthe\t3\n"
DIGEST = hashlib.blake2b(TEXT, digest_size=32).hexdigest()


def assignment() -> Assignment:
    answer = Answer(digest="0" * 64, normalised="0" * 64)
    return Assignment(
        id="words",
        title="Words",
        limits=Limits(memory_bytes=128 * 1024**2, wall_s=20, cpu_s=5),
        datasets={"text": Dataset(name="text", files=(DIGEST,), size=len(TEXT))},
        tests=(
            vocabulary.Test(name="one", dataset="text"),
            vocabulary.Test(name="two", dataset="text", options={"reducers": 2}),
        ),
        answers={"one": answer, "two": answer},
        comparator=Comparator(kind=Compare.KEYED),
    )


@pytest.fixture(scope="module")
def dataset(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("data") / "text.txt"
    path.write_bytes(TEXT)
    return path


@pytest.fixture
async def here(dataset) -> AsyncIterator[Bench]:
    async with bench(assignment(), {DIGEST: dataset}, "process") as opened:
        yield opened


@pytest.fixture
def keys(tmp_path) -> dict[str, Path]:
    path = tmp_path / "key"
    path.write_bytes(KEY)
    return {"one": path, "two": path}


async def test_a_right_hand_in_passes_every_test(here, keys):
    told: list[str] = []
    trial = await here.run(GOOD, keys, told.append)
    assert (trial.verdict, trial.score) == (Verdict.PASSED, 10.0)
    assert [test.verdict for test in trial.tests] == [Verdict.PASSED] * 2
    assert trial.tests[0].run.usage.cpu_s > 0
    assert "one: mapper" in told


async def test_several_are_tried_one_after_the_other_with_their_own_verdicts(here, keys):
    wrong = {**GOOD, "reducer.py": REDUCER.replace(b"+= 1", b"= 1")}
    broken = {**GOOD, "reducer.py": b"raise KeyError('cat')\n"}
    silent = {**GOOD, "reducer.py": b"pass\n"}
    trials = await asyncio.gather(*(here.run(handin, keys) for handin in (wrong, broken, silent)))
    assert [trial.verdict for trial in trials] == [
        Verdict.WRONG_ANSWER,
        Verdict.RUNTIME_ERROR,
        Verdict.NO_OUTPUT,
    ]
    difference = trials[0].tests[0].difference
    assert difference is not None
    assert (difference.kind, difference.key) == (Kind.WRONG_VALUE, "the")
    assert "KeyError" in trials[1].tests[0].run.stages[-1].stderr


async def test_a_reference_submission_makes_the_keys(here, tmp_path):
    made = await here.answers(GOOD, tmp_path / "made")
    assert sorted(made["one"].read_bytes().splitlines(keepends=True)) == KEY.splitlines(keepends=True)
    assert (await here.run(GOOD, made)).verdict is Verdict.PASSED


async def test_a_reference_submission_that_fails_is_the_staffs(here, tmp_path):
    with pytest.raises(AssignmentError, match="the reference submission fails test 'one'"):
        await here.answers({**GOOD, "mapper.py": b"raise SystemExit(3)\n"}, tmp_path / "made")


SPY = (
    b"import os, sys\n"
    b"for top in ('/data', '/work', '/run/bighost', '/opt'):\n"
    b"    for folder, _, names in os.walk(top):\n"
    b"        for name in names:\n"
    b"            path = os.path.join(folder, name)\n"
    b"            try:\n"
    b"                found = b'the cat' in open(path, 'rb').read(10_000)\n"
    b"            except OSError:\n"
    b"                continue\n"
    b"            if found:\n"
    b"                print(path, file=sys.stderr)\n"
    b"sys.exit('looked everywhere')\n"
)


@pytest.mark.parametrize("runtime", ["process", pytest.param("docker", marks=pytest.mark.docker)])
async def test_student_code_sees_no_dataset_file(request, runtime, dataset, keys):
    if runtime == "docker":
        request.getfixturevalue("streaming_image")
    async with bench(assignment(), {DIGEST: dataset}, runtime) as opened:
        trial = await opened.run({"mapper.py": SPY, "reducer.py": REDUCER}, keys)
    said = trial.tests[0].run.stages[0].stderr
    assert said.strip() == "looked everywhere"
