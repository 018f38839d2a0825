"""What a hand-in is refused for before it runs, and that nothing else refuses it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bighost import linter
from bighost.errors import Ours
from bighost.job.assignment import FileRule, SanityRules
from bighost.job.finding import Finding
from bighost.job.sanity import MOST_FINDINGS, check

PLAIN = SanityRules(lint=False)
FILES = (
    FileRule(name="mapper.py", max_bytes=100_000),
    FileRule(name="reducer.py", required=False),
    FileRule(name="words.txt", required=False),
)


def findings(mapper: bytes, rules: SanityRules = PLAIN, **others: bytes) -> tuple[Finding, ...]:
    handin = {"mapper.py": mapper} | {f"{name}.py": data for name, data in others.items()}
    return check(rules, FILES, handin, linter.ruff)


def one(mapper: bytes, rules: SanityRules = PLAIN) -> str:
    (finding,) = findings(mapper, rules)
    return str(finding)


@pytest.mark.parametrize(
    "source",
    [
        b"print(1)",
        b"print(1)\r\nprint(2)\r\n",
        b"\xef\xbb\xbfprint(1)\n",
        b"# -*- coding: latin-1 -*-\n# caf\xe9\n",
        b"#!/usr/bin/env python3\n# vim: set fileencoding=cp1252 :\nprint('\x80')\n",
        "print('Zoë')\n".encode(),
        b"x = 1\n\x0cy = 2\n",
    ],
)
def test_what_python_runs_is_taken(source: bytes) -> None:
    assert findings(source) == ()


REFUSED_BY_PYTHON = [
    (b"x = 1\n# caf\xe9\n", "mapper.py, line 2: byte 0xe9 is not UTF-8"),
    (b"# caf\xe9\n", "mapper.py, line 1: byte 0xe9 is not UTF-8"),
    (b"# coding: no-such\n", "mapper.py: Python can't decode it: unknown encoding: no-such"),
    (b"\xef\xbb\xbf# coding: latin-1\n", "mapper.py: Python can't decode it"),
    (b"# coding: rot13\n", "mapper.py: Python can't decode it"),
    (b"# coding: ascii\n\n# \xe9\n", "mapper.py, line 3: byte 0xe9 is not ASCII"),
    (b"\xff\xfep\0r\0i\0n\0t\0", "mapper.py, line 1: a NUL byte"),
    (b"for x in y\n    pass\n", "mapper.py, line 1: SyntaxError: expected ':' in 'for x in y'"),
    (b"x = 1\nreturn x\n", "mapper.py, line 2: SyntaxError: 'return' outside function"),
    (b"if 1:\npass\n", "mapper.py, line 2: IndentationError"),
    (b"if 1:\n\tx\n        y\n", "mapper.py, line 3: TabError"),
    (b"print 'two'\n", "mapper.py, line 1: SyntaxError: Missing parentheses"),
    (b"x = '\xe2\x80\xae\n", "mapper.py, line 1: SyntaxError: unterminated string literal"),
    (b"x = " + b"9" * 5000 + b"\n", "mapper.py, line 1: SyntaxError: Exceeds the limit"),
    (b"(" * 50_000, "mapper.py, line 1: SyntaxError: too many nested parentheses"),
    (b"-" * 60_000 + b"1", "mapper.py: it is nested too deeply"),
    (b"f" + b"()" * 30_000, "mapper.py: it is nested too deeply"),
]


@pytest.mark.parametrize(("source", "message"), REFUSED_BY_PYTHON)
def test_what_python_refuses_is_refused_with_line_and_reason(source: bytes, message: str) -> None:
    told = one(source)
    assert told.startswith(message)
    assert told.isprintable()


@pytest.mark.parametrize("source", [source for source, _ in REFUSED_BY_PYTHON[:14]])
def test_python_itself_refuses_these(source: bytes, tmp_path: Path) -> None:
    (tmp_path / "mapper.py").write_bytes(source)
    done = subprocess.run([sys.executable, tmp_path / "mapper.py"], capture_output=True, timeout=60)
    assert done.returncode != 0
    assert b"Error" in done.stderr


def test_a_comment_of_old_macs_can_hide_no_code() -> None:
    assert one(b"x = 1\n# harmless\rimport os\n").startswith("mapper.py, line 2: a carriage return")


def test_warnings_of_the_compiler_stay_inside() -> None:
    assert findings(b"x = 1\nassert (x, 'always true')\nx is 1\ny = '\\d'\n") == ()


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_no_bytes_make_the_check_fail(data: bytes) -> None:
    rules = SanityRules(lint=False, forbidden_modules=("os",), allowed_modules=("sys",))
    for finding in findings(data, rules):
        assert str(finding).isprintable()


def test_missing_empty_and_large_files() -> None:
    assert [str(f) for f in check(PLAIN, FILES, {}, None)] == ["mapper.py: this file is missing"]
    assert one(b"") == "mapper.py: this file is empty"
    assert one(b"#" * 100_001) == "mapper.py: 100,001 bytes are too many: at most 100,000 are taken"
    assert one(b"\xff" * 100_001).startswith("mapper.py: 100,001 bytes")


@pytest.mark.parametrize(
    ("name", "reason", "hint"),
    [
        ("maper.py", "nobody asked for this file", "Perhaps you meant 'mapper.py'?"),
        ("zzz", "nobody asked for this file", "Asked for: mapper.py, reducer.py, words.txt."),
        ("Mapper.py", "this name differs from 'mapper.py' only by upper and lower case", "Perhaps"),
        ("../mapper.py", "a hand-in's files lie side by side", ""),
        ("a\\b", "a hand-in's files lie side by side", ""),
        ("..", "a hand-in's files lie side by side", ""),
        (".bashrc", "hidden files are not taken", ""),
        ("a b\x1b[2J", "no such name", ""),
    ],
)
def test_files_that_nobody_asked_for(name: str, reason: str, hint: str) -> None:
    (finding,) = check(PLAIN, FILES, {"mapper.py": b"pass", name: b"pass"}, None)
    assert finding.reason.startswith(reason)
    assert finding.hint.startswith(hint)
    assert str(finding).isprintable()


def test_a_hint_follows_the_reason() -> None:
    (finding,) = check(PLAIN, FILES, {"mapper.py": b"pass", "reduser.py": b"pass"}, None)
    assert str(finding) == "reduser.py: nobody asked for this file. Perhaps you meant 'reducer.py'?"


def test_files_that_are_no_python_may_hold_anything() -> None:
    assert check(PLAIN, FILES, {"mapper.py": b"pass", "words.txt": b"\0\xff"}, linter.ruff) == ()


def test_every_file_is_judged_at_once_and_findings_are_bounded() -> None:
    handin = {"mapper.py": b"(", "reducer.py": b"\xff"} | {f"x{i}": b"" for i in range(1000)}
    found = check(PLAIN, FILES, handin, None)
    assert len(found) == MOST_FINDINGS
    assert {str(f).split(":")[0] for f in check(PLAIN, FILES, dict(list(handin.items())[:2]), None)} == {
        "mapper.py, line 1",
        "reducer.py, line 1",
    }


FORBIDDEN = SanityRules(lint=False, forbidden_modules=("subprocess", "os.path", "socket"))
ALLOWED = SanityRules(lint=False, allowed_modules=("sys", "collections", "os.path"))


@pytest.mark.parametrize(
    ("source", "line"),
    [
        (b"import subprocess", 1),
        (b"import sys, subprocess as s", 1),
        (b"\nfrom subprocess import run", 2),
        (b"def f():\n  import socket", 2),
        (b"import os.path", 1),
        (b"from os import path", 1),
        (b"__import__('subprocess')", 1),
        (b"import importlib\nimportlib.import_module('subprocess')", 2),
        (b"from importlib import import_module as m, import_module\nimport_module(name='socket')", 2),
    ],
)
def test_forbidden_modules(source: bytes, line: int) -> None:
    assert one(source, FORBIDDEN).startswith(f"mapper.py, line {line}: module '")


@pytest.mark.parametrize(
    "source",
    [
        b"import os",
        b"import subprocess2",
        b"from . import subprocess",
        b"x.import_module(y)",
        b"# import socket",
    ],
)
def test_what_is_not_forbidden(source: bytes) -> None:
    assert findings(source, FORBIDDEN) == ()


@pytest.mark.parametrize(
    "source",
    [
        b"import sys",
        b"from collections.abc import Iterable",
        b"from os import path",
        b"import os.path",
        b"from __future__ import annotations",
        b"import reducer",
        b"from .reducer import main",
        b"from . import reducer",
    ],
)
def test_allowed_modules(source: bytes) -> None:
    assert findings(source, ALLOWED, reducer=b"pass") == ()


@pytest.mark.parametrize(
    "source",
    [
        b"import re",
        b"import os",
        b"from os import path, fork",
        b"import systematic",
        b"from .helper import x",
    ],
)
def test_modules_that_are_not_allowed(source: bytes) -> None:
    (finding,) = findings(source, ALLOWED, reducer=b"pass")
    assert finding.line == 1
    assert finding.hint == "Allowed are sys, collections, os.path."


def test_the_linter_names_file_and_line() -> None:
    rules = SanityRules(lint=True)
    handin = {"mapper.py": b"import os\nprint(1)\n", "reducer.py": b"# coding: latin-1\n# \xe9\nprnt(1)\n"}
    assert [str(f) for f in check(rules, FILES, handin, linter.ruff)] == [
        "mapper.py, line 1: F401 `os` imported but unused",
        "reducer.py, line 3: F821 Undefined name `prnt`",
    ]
    assert check(SanityRules(lint=False), FILES, handin, linter.ruff) == ()
    assert check(rules, FILES, handin, None) == ()


def test_files_that_do_not_compile_are_not_linted() -> None:
    linted: list[str] = []

    def lint(files):
        linted.extend(files)
        return ()

    check(SanityRules(), FILES, {"mapper.py": b"(", "reducer.py": b"pass"}, lint)
    assert linted == ["reducer.py"]


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("exit 101", "ended with 101"),
        ("kill -9 $$", "ended with -9"),
        ("echo '{'", "answer can't be read"),
        ("echo '[{\"no\": 1}]'", "answer can't be read"),
        ("exec /bin/sleep 60", "took longer"),
        (None, "can't be started"),
    ],
)
def test_a_linter_that_fails_is_our_fault(
    script: str | None, message: str, tmp_path: Path, monkeypatch
) -> None:
    fake = tmp_path / "ruff"
    if script is not None:
        fake.write_text(f"#!/bin/sh\n{script}\n")
        fake.chmod(0o700)
    monkeypatch.setattr(linter, "find_ruff_bin", lambda: str(fake))
    monkeypatch.setattr(linter, "DEADLINE_S", 0.5 if script and "sleep" in script else 20.0)
    with pytest.raises(Ours, match=message):
        linter.ruff({"mapper.py": "pass"})


def test_a_linter_that_fails_is_our_fault_and_rejects_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: object) -> object:
        raise Ours("ruff is not there")

    monkeypatch.setattr(linter, "ruff", broken)
    rules, files = SanityRules(lint=True), (FileRule(name="mapper.py"),)

    assert linter.check(rules, files, {"mapper.py": b"print(1)\n"}) == ()
    assert [f.line for f in linter.check(rules, files, {"mapper.py": b"print(\n"})] == [1]


def test_a_syntax_error_quotes_the_hand_in_and_no_file_that_lies_around(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mapper.py").write_text("import sys\nSECRET_ANSWER = 42\n")
    monkeypatch.chdir(tmp_path)

    (found,) = findings(b"import sys\nfor x in\n")

    assert "SECRET" not in str(found)
    assert "for x in" in str(found)
