"""Assignment folders: what is read, and how mistakes are pointed at."""

from __future__ import annotations

import gzip
import hashlib
import os
import select
import subprocess
import sys
from pathlib import Path

import pytest

from bighost import folder as folders
from bighost.errors import AssignmentError, StudentError
from bighost.folder import generator, handin, keys
from bighost.folder.source import Source
from bighost.job import sanity
from bighost.job.assignment import Compare, Feedback, FileRule, Partial, Reuse
from bighost.linter import ruff
from bighost.marking import judge, normalised
from bighost.pod.contract import Option

ROOT = Path(__file__).parents[2]
EXAMPLES = sorted((ROOT / "examples").glob("*/assignment.toml"))
KNOWN = {
    "streaming": {
        "reducers": Option(int, 1, "how many", 1, 64),
        "comparator": Option(str, "", "a text"),
        "sorted": Option(bool, False, "a flag"),
        "ratio": Option(float, 0.5, "a number", 0, 1),
        "extra": Option(list, [], "a list"),
    }
}
MINIMAL = """\
id = "tiny"
title = "Tiny"

[datasets.sample]
path = "data/sample.txt"

[[tests]]
name = "sample"
dataset = "sample"
answer = "answers/sample.txt"
"""
FULL = """\
id = "full"
title = "Everything"
opens = 2026-01-05T00:00:00+05:30
due = 2036-06-30T23:59:59Z
feedback = "stage"
[framework]
name = "streaming"
image = "registry.example/streaming:1"
reuse = "never"
reducers = 2
extra = ["a"]
ratio = 1
[[files]]
name = "mapper.py"
max = "1KiB"
[[files]]
name = "notes.txt"
required = false
[sanity]
lint = false
forbidden_modules = ["socket"]
allowed_modules = ["sys"]
[limits]
cpus = 2
memory = "64MiB"
wall = "1min"
cpu = 1.5
processes = 8
output = 1000
disk = "1MB"
[datasets.both]
files = ["data/sample.txt", "data/more.txt.gz"]
[datasets.made]
generator = "data/make.py"
[datasets.unused]
generator = "data/fails.py"
[[tests]]
name = "both"
dataset = "both"
weight = 0
reference = "submissions/passed/plain"
arguments = ["--fast"]
options = { reducers = 5 }
[[tests]]
name = "made"
dataset = "made"
weight = 2
answer = "answers/packed.txt.gz"
[comparator]
kind = "keyed"
separator = ","
relative = 1e-9
absolute = 0.5
[marks]
total = 5
partial = "none"
[tries]
per_hour = 3
total = 9
"""
MAKE = """\
import argparse
from pathlib import Path
parser = argparse.ArgumentParser()
parser.add_argument("--dataset")
parser.add_argument("--output", type=Path)
asked = parser.parse_args()
with open("runs", "a") as runs:
    runs.write(asked.dataset)
asked.output.write_text(f"made for {asked.dataset}")
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, data in {
        "data/sample.txt": b"a b a\n",
        "data/more.txt.gz": gzip.compress(b"c\n"),
        "data/make.py": MAKE.encode(),
        "data/fails.py": b"import sys\nsys.exit('no \\x1b[2J source')\n",
        "answers/sample.txt": b"a\t2\nb\t1\n",
        "answers/packed.txt.gz": gzip.compress(b"a,1\n"),
        "submissions/passed/plain/mapper.py": b"pass\n",
        "submissions/rejected/empty/mapper.py": b"",
        "submissions/README.md": b"",
    }.items():
        path = tmp_path / "assignment" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    return tmp_path / "assignment"


def read(folder: Path, text: str) -> folders.Folder:
    (folder / "assignment.toml").write_text(text, "utf-8")
    return folders.read(folder, work=folder.parent / "work", known=KNOWN)


def complaint(folder: Path, text: str) -> str:
    with pytest.raises(AssignmentError) as caught:
        read(folder, text)
    return f"{caught.value.message} {caught.value.hint}".rstrip()


def digest(data: bytes) -> str:
    return hashlib.blake2b(data, digest_size=32).hexdigest()


def test_a_minimal_assignment_has_the_documented_defaults(folder: Path) -> None:
    got = read(folder, MINIMAL)
    assignment = got.assignment
    assert [f.name for f in assignment.files] == ["mapper.py", "reducer.py"]
    assert (assignment.framework.name, assignment.feedback) == ("streaming", Feedback.FULL)
    sample = digest(b"a b a\n")
    assert assignment.datasets["sample"].files == (sample,)
    assert assignment.datasets["sample"].size == 6
    assert got.files == {sample: folder / "data/sample.txt"}
    assert assignment.answers["sample"].digest == digest(b"a\t2\nb\t1\n")
    assert got.answers == {"sample": folder / "answers/sample.txt"}
    assert [(s.expected, s.name) for s in got.submissions] == [("passed", "plain"), ("rejected", "empty")]


def test_every_key_arrives(folder: Path) -> None:
    got = read(folder, FULL)
    a = got.assignment
    assert a.opens is not None
    assert a.opens.isoformat() == "2026-01-05T00:00:00+05:30"
    assert a.feedback is Feedback.STAGE
    assert (a.framework.image, a.framework.reuse) == ("registry.example/streaming:1", Reuse.NEVER)
    assert a.framework.options == {"reducers": 2, "extra": ["a"], "ratio": 1.0}
    assert a.files == (FileRule(name="mapper.py", max_bytes=1024), FileRule(name="notes.txt", required=False))
    assert (a.sanity.lint, a.sanity.forbidden_modules, a.sanity.allowed_modules) == (
        False,
        ("socket",),
        ("sys",),
    )
    assert (a.limits.cpus, a.limits.memory_bytes, a.limits.wall_s, a.limits.cpu_s) == (
        2,
        64 * 1024**2,
        60,
        1.5,
    )
    assert (a.limits.processes, a.limits.output_bytes, a.limits.disk_bytes) == (8, 1000, 10**6)
    assert (a.comparator.kind, a.comparator.separator) == (Compare.KEYED, ",")
    assert (a.comparator.relative, a.comparator.absolute) == (1e-9, 0.5)
    assert (a.marks.total, a.marks.partial) == (5, Partial.NONE)
    assert (a.tries.per_hour, a.tries.total) == (3, 9)
    assert (a.tests[0].arguments, a.tests[0].options, a.tests[0].weight) == (("--fast",), {"reducers": 5}, 0)


def test_datasets_keep_their_order_and_those_that_no_test_uses_are_not_made(folder: Path) -> None:
    got = read(folder, FULL)
    packed = digest((folder / "data/more.txt.gz").read_bytes())
    assert got.assignment.datasets["both"].files == (digest(b"a b a\n"), packed)
    assert set(got.assignment.datasets) == {"both", "made"}
    assert got.files[got.assignment.datasets["made"].files[0]].read_bytes() == b"made for made"


def test_a_generator_runs_once_until_it_changes(folder: Path) -> None:
    read(folder, FULL)
    read(folder, FULL)
    assert (folder / "runs").read_text() == "made"
    (folder / "data/make.py").write_text(MAKE + "# changed\n")
    read(folder, FULL)
    assert (folder / "runs").read_text() == "mademade"


def test_answers_are_unpacked_and_references_named(folder: Path) -> None:
    got = read(folder, FULL)
    assert got.answers["made"].read_bytes() == b"a,1\n"
    assert got.references == {"both": folder / "submissions/passed/plain"}
    answer = got.assignment.answers["made"]
    assert answer.digest == digest(b"a,1\n")
    normaliser = normalised(got.assignment.comparator)
    normaliser.update(b"a,1.0")
    normaliser.end_of_part()
    assert answer.normalised == normaliser.hexdigest()
    packed = folder / "answers/packed.txt.gz"
    assert folders.normalised_answer(got.assignment.comparator, packed) == answer.normalised
    assert set(got.assignment.answers) == {"made"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("memory", "memroy", "unknown key 'memroy' in [limits] Perhaps you meant 'memory'?"),
        ("title", "titel", "unknown key 'titel' Perhaps you meant 'title'?"),
        ("weight", "wieght", "unknown key 'wieght' in [[tests]] Perhaps you meant 'weight'?"),
        ("reducers = 2", "reducer = 2", "unknown key 'reducer' in [framework] Perhaps you meant 'reducers'?"),
        ("{ reducers", "{ reducer", "unknown key 'reducer' in [tests.options] Perhaps you meant 'reducers'?"),
        ("[marks]", "[mark]", "unknown key 'mark' Perhaps you meant 'marks'?"),
        ('"full"', '""', "id: a text is needed, not an empty one"),
        ('"full"', '"a/b"', "id: 'a/b' is no name"),
        ("+05:30", "", "opens: it has no time zone"),
        ("2036-06-30T23:59:59Z", '"soon"', "due: a date with time and zone is needed, such as"),
        (
            '"stage"',
            '"stages"',
            "feedback: 'stages' is none of 'full', 'stage', 'verdict'. Perhaps you meant",
        ),
        ('"streaming"', '"streeming"', "there is no framework 'streeming', only streaming Perhaps you meant"),
        ("reducers = 2", "reducers = 0", "reducers in [framework]: at least 1 is needed, not 0"),
        ("reducers = 2", "reducers = 65", "reducers in [framework]: at most 64 may be given, not 65"),
        ("reducers = 2", 'reducers = "2"', "reducers in [framework]: a whole number is needed, not '2'"),
        ("reducers = 2", "reducers = true", "reducers in [framework]: a whole number is needed, not true"),
        ("ratio = 1", "ratio = nan", "ratio in [framework]: a number is needed, not nan"),
        ('["a"]', "[1]", "extra in [framework]: a list of texts is needed, not a list"),
        ('"1KiB"', '"1 stone"', "max in [[files]]: '1 stone' is not a size: write one such as"),
        ('"1KiB"', "0", "max in [[files]]: at least 1 is needed, not 0"),
        ("notes.txt", "Mapper.PY", "another file is named 'Mapper.PY', give or take upper case"),
        ('"1min"', '"1 fortnight"', "wall in [limits]: '1 fortnight' is not a duration"),
        ("cpu = 1.5", "cpu = inf", "cpu in [limits]: inf is not a duration such as '90s' or '2h'"),
        ("cpu = 1.5", "cpu = 0", "cpu in [limits]: a duration above zero is needed, not 0"),
        ("lint = false", "lint = 0", "lint in [sanity]: true or false is needed, not 0"),
        (
            "data/sample.txt",
            "data/smaple.txt",
            "files in [datasets.both]: 'data/smaple.txt' does not exist. Per",
        ),
        ("data/sample.txt", "../x", "files in [datasets.both]: '../x' leads out of the assignment's folder"),
        ("data/sample.txt", "data", "files in [datasets.both]: 'data' is not a file"),
        (
            "data/make.py",
            "data/maek.py",
            "generator in [datasets.made]: 'data/maek.py' does not exist. Perhaps",
        ),
        ('dataset = "both"', 'dataset = "bot"', "there is no [datasets.bot] Perhaps you meant 'both'?"),
        (
            "passed/plain",
            "passed/plane",
            "reference in [[tests]]: 'submissions/passed/plane' does not exist.",
        ),
        ("answers/packed.txt.gz", "answers/x", "answer in [[tests]]: 'answers/x' does not exist."),
        ('","', '",,"', "separator in [comparator]: one ASCII character is needed, such as '\\t', not ',,'"),
        ("per_hour = 3", "per_hour = 0", "per_hour in [tries]: at least 1 is needed, not 0"),
        ("[marks]", "[marks", "this is no TOML: Expected ']'"),
        ('"Everything"', '"Every', "this is no TOML: Illegal character"),
        ("[comparator]", "[limits]", "this is no TOML: Cannot declare ('limits',) twice"),
    ],
)
def test_mistakes_are_named_with_file_and_line(folder: Path, old: str, new: str, message: str) -> None:
    line = FULL[: FULL.index(old)].count("\n") + 1
    told = complaint(folder, FULL.replace(old, new, 1))
    assert told.startswith(f"assignment.toml, line {line}: {message}")


@pytest.mark.parametrize(
    ("old", "new", "at", "message"),
    [
        ('"64MiB"', '"1KiB"', "[limits]", "at most 256 cpus and 24 h of wall time, at least 8 MiB of memory"),
        ("1e-9", "2", "[comparator]", "relative must be in [0, 1), absolute at least 0"),
        ("total = 5", "total = 0", "[marks]", "total must be above zero"),
        (
            'path = "data/sample.txt"',
            "",
            "[datasets.sample]",
            "one of 'path', 'files' or 'generator' is needed",
        ),
        (
            'arguments = ["--fast"]',
            'answer = "x"',
            "reference",
            "one of 'answer' or 'reference' is needed, not",
        ),
        ('name = "both"', "", "[[tests]]", "'name' is missing from [[tests]]"),
    ],
)
def test_mistakes_in_what_belongs_together(folder: Path, old: str, new: str, at: str, message: str) -> None:
    text = (FULL if old in FULL else MINIMAL).replace(old, new, 1)
    line = text[: text.index(at)].count("\n") + 1
    assert complaint(folder, text).startswith(f"assignment.toml, line {line}: {message}")


def test_mistakes_that_stand_nowhere(folder: Path) -> None:
    told = complaint(folder, MINIMAL.replace('title = "Tiny"\n', ""))
    assert told == "assignment.toml: 'title' is missing"
    told = complaint(folder, MINIMAL + "weight = 0\n")
    assert told == "assignment.toml: at least one test must have a weight above zero"


def test_lines_are_found_inside_statements_of_many_lines() -> None:
    source = Source(
        "a.toml", b'# first\na = """\nb = 1\n"""\nc = [\n  1,\n\n  2]\r\nd.e = {f = 1}\n[[g]]\n[[g]]\nh = 1\n'
    )
    for place, line in {
        ("a",): 2,
        ("c",): 5,
        ("d", "e", "f"): 9,
        ("g", 0): 10,
        ("g", 1): 11,
        ("g", 1, "h"): 12,
        ("g", 1, "none"): 11,
    }.items():
        assert source.error(place, "no").message == f"a.toml, line {line}: no"
    assert source.error(("none",), "no").message == "a.toml: no"


def test_bytes_that_are_no_text_have_a_line() -> None:
    with pytest.raises(AssignmentError, match="line 2: byte 0xff is not UTF-8"):
        Source("a.toml", b"a = 1\nb = \xff")


def test_a_folder_without_description(tmp_path: Path) -> None:
    with pytest.raises(AssignmentError, match="No such file") as caught:
        folders.read(tmp_path, work=tmp_path, known=KNOWN)
    assert "assignments new" in caught.value.hint


def test_links_may_stay_in_the_folder_and_not_leave_it(folder: Path) -> None:
    (folder / "data/inner.txt").symlink_to("sample.txt")
    assert read(folder, MINIMAL.replace("data/sample", "data/inner")).files
    (folder.parent / "outside.txt").write_text("secret")
    (folder / "data/outer.txt").symlink_to(folder.parent / "outside.txt")
    told = complaint(folder, MINIMAL.replace("data/sample", "data/outer"))
    assert told.startswith(
        "assignment.toml, line 5: path in [datasets.sample]: 'data/outer.txt' is a link that"
    )
    (folder / "data/loop.txt").symlink_to("loop.txt")
    assert "does not exist" in complaint(folder, MINIMAL.replace("data/sample", "data/loop"))


@pytest.mark.parametrize(
    ("script", "message"),
    [
        (
            "raise SystemExit('no \\x1b[2J source')",
            "data/make.py --dataset made ended with 1:\n  no \\x1b[2J source",
        ),
        ("raise SystemExit(3)", "data/make.py --dataset made ended with 3, and said nothing"),
        ("print('done')", "data/make.py --dataset made ended without an error, and wrote no file"),
        (
            "print('busy', flush=True)\nwhile True: pass",
            "data/make.py --dataset made took longer than 1.0 s",
        ),
    ],
)
def test_generators_that_fail(folder: Path, script: str, message: str, monkeypatch) -> None:
    monkeypatch.setattr(generator, "DEADLINE_S", 1.0 if "while" in script else 60.0)
    (folder / "data/make.py").write_text(script)
    assert complaint(folder, FULL).startswith(message)
    assert not [p for p in (folder.parent / "work").rglob("*") if p.is_file() and "generated" in p.parts]


def test_nothing_that_a_generator_started_outlives_it(folder: Path) -> None:
    pipe = folder / "pipe"
    os.mkfifo(pipe)
    held = "import subprocess\nsubprocess.Popen(['sleep', '200'], stdout=open('pipe', 'w'))\n"
    (folder / "data/make.py").write_text(held + MAKE)
    reader = os.open(pipe, os.O_RDONLY | os.O_NONBLOCK)
    try:
        read(folder, FULL)
        assert select.select([reader], [], [], 60)[0]
        assert os.read(reader, 1) == b""  # whoever held the other end is gone
    finally:
        os.close(reader)


def test_answers_that_nothing_can_equal(folder: Path) -> None:
    text = MINIMAL + '[comparator]\nkind = "keyed"\n'
    (folder / "answers/sample.txt").write_bytes(b"a\t1\na\t2\n")
    assert complaint(folder, text).startswith(
        "assignment.toml, line 10: the answer holds key 'a' again in line 2"
    )
    (folder / "answers/sample.txt").write_bytes(b"a\tnan\n")
    assert "holds NaN" in complaint(folder, text)
    (folder / "answers/sample.txt.gz").write_bytes(b"no gzip")
    assert "can't be unpacked" in complaint(
        folder, text.replace("answers/sample.txt", "answers/sample.txt.gz")
    )


def test_sample_submissions_lie_under_verdicts(folder: Path) -> None:
    (folder / "submissions/pased/x").mkdir(parents=True)
    told = complaint(folder, MINIMAL)
    assert told == "submissions/pased is named after no verdict Perhaps you meant 'passed'?"


@pytest.mark.parametrize("description", EXAMPLES, ids=lambda path: path.parent.name)
def test_the_examples_are_read(description: Path, tmp_path: Path) -> None:
    got = folders.read(description.parent, work=tmp_path)
    assert got.assignment.id == description.parent.name
    assert {"passed", "wrong_answer", "rejected"} <= {sample.expected for sample in got.submissions}
    for sample in got.submissions:
        files = {p.name: p.read_bytes() for p in sample.path.iterdir() if p.is_file()}
        found = sanity.check(got.assignment.sanity, got.assignment.files, files, ruff)
        assert bool(found) == (sample.expected == "rejected"), (sample.path, [str(f) for f in found])


def test_a_new_assignment_works_as_it_is(tmp_path: Path) -> None:
    folders.new(tmp_path / "new", "mine", "streaming")
    got = folders.read(tmp_path / "new", work=tmp_path / "work", known=KNOWN)
    assert got.assignment.id == "mine"
    assert sorted(s.expected for s in got.submissions) == ["passed", "wrong_answer"]
    for sample in got.submissions:
        files = folders.read_handin(sorted(sample.path.glob("*.py")))
        assert sanity.check(got.assignment.sanity, got.assignment.files, files, ruff) == ()
        output = _piped(sample.path, next(iter(got.files.values())).read_bytes())
        answer = got.answers["sample"].read_bytes()
        assert judge(got.assignment.comparator, [[answer]], [[output]]).verdict == sample.expected


def _piped(path: Path, data: bytes) -> bytes:
    def run(script: str, data: bytes) -> bytes:
        command = [sys.executable, path / script]
        return subprocess.run(command, input=data, capture_output=True, timeout=60, check=True).stdout

    mapped = run("mapper.py", data)
    return run("reducer.py", b"".join(sorted(mapped.splitlines(keepends=True))))


@pytest.mark.parametrize(
    ("id", "framework", "message"),
    [
        ("mine", "streeming", "no template for framework 'streeming'"),
        ("no/name", "streaming", "'no/name' is no name"),
        ("mine", "streaming", "is there already, and not empty"),
    ],
)
def test_what_no_new_assignment_is_made_of(tmp_path: Path, id: str, framework: str, message: str) -> None:
    (tmp_path / "precious").write_text("keep me")
    with pytest.raises(AssignmentError, match=message):
        folders.new(tmp_path, id, framework)
    assert [p.name for p in tmp_path.iterdir()] == ["precious"]


def test_a_handin_is_read_by_name(tmp_path: Path) -> None:
    (tmp_path / "mapper.py").write_bytes(b"one")
    (tmp_path / "reducer.py").write_bytes(b"")
    got = folders.read_handin([tmp_path / "mapper.py", tmp_path / "reducer.py"])
    assert got == {"mapper.py": b"one", "reducer.py": b""}


def test_what_no_handin_holds(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(handin, "MOST_BYTES", 1000)
    (tmp_path / "a.py").write_bytes(b"a")
    (tmp_path / "other").mkdir()
    (tmp_path / "other/a.py").write_bytes(b"b")
    (tmp_path / "link.py").symlink_to("a.py")
    (tmp_path / "long.py").write_bytes(b"x" * 1001)
    os.mkfifo(tmp_path / "pipe.py")
    for names, message in {
        (): "no files were named",
        ("none.py",): "can't be read: No such file",
        ("other",): "is a folder",
        ("link.py",): "is a link",
        ("pipe.py",): "is no regular file",
        ("long.py",): "has 1001 B, too much",
        ("a.py", "other/a.py"): "two of the files are named 'a.py'",
    }.items():
        with pytest.raises(StudentError, match=message):
            folders.read_handin([tmp_path / name for name in names])


def test_devices_are_not_read() -> None:
    with pytest.raises(StudentError, match="is no regular file"):
        folders.read_handin([Path("/dev/zero")])


def test_the_reference_of_the_format_names_every_key() -> None:
    text = (ROOT / "docs/assignments.md").read_text("utf-8")
    rows = {
        tuple(cell.strip().strip("`") for cell in line.split("|")[1:3])
        for line in text.splitlines()
        if line.startswith("| `")
    }
    titles = {"files": "[[files]]", "tests": "[[tests]]", "datasets": "[datasets.NAME]", "": "(top)"}
    for table, known in keys.TABLES.items():
        for key in known:
            if not (table == "" and key.name in keys.TABLES):
                assert (titles.get(table, f"[{table}]"), key.name) in rows
