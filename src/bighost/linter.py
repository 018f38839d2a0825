"""Ruff as the judge of students' Python: rules E9 and F, which find what would fail when it runs.

One call takes all files of a hand-in, some 20 ms. Comments such as `# noqa` hold: this helps honest people,
it is no wall.
"""

from __future__ import annotations

import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import structlog
from ruff import find_ruff_bin  # type: ignore[import-untyped]  # it ships no types

from bighost.errors import Ours
from bighost.job import sanity
from bighost.job.assignment import FileRule, SanityRules
from bighost.job.excerpt import excerpt
from bighost.job.finding import Finding

log = structlog.get_logger()
RULES = "E9,F"
TARGET = "py311"
DEADLINE_S = 20.0

_OPTIONS = ("--isolated", "--no-cache", "--exit-zero", "--quiet", "--output-format=json")


class _Location(msgspec.Struct):
    row: int
    column: int


class _Diagnostic(msgspec.Struct):
    filename: str
    message: str
    location: _Location | None = None
    code: str | None = None


def check(
    rules: SanityRules, files: tuple[FileRule, ...], handin: Mapping[str, bytes]
) -> tuple[Finding, ...]:
    """The whole sanity check with ruff where the rules ask for it. Where ruff itself fails, a hand-in is
    judged without it: that is our fault, and must not keep a program from being run."""
    try:
        return sanity.check(rules, files, handin, ruff if rules.lint else None)
    except Ours as fault:
        log.error("ruff failed", action="lint_failed", reason=fault.message)
        return sanity.check(rules, files, handin, None)


def ruff(files: Mapping[str, str]) -> Sequence[Finding]:
    """What ruff finds in Python files (name to text), by file and line.

    Raises Ours where ruff is missing, crashes, answers what can't be read, or takes longer than DEADLINE_S:
    the hand-in is not at fault then, and must not be rejected for it.
    """
    with tempfile.TemporaryDirectory(prefix="bighost-lint-") as folder:
        for name, text in files.items():
            (Path(folder) / name).write_text(text, encoding="utf-8", newline="")
        diagnostics = _diagnostics(_run(folder))
    return sorted(map(_finding, diagnostics), key=lambda f: (f.file, f.line or 0, f.column or 0))


def _run(folder: str) -> bytes:
    options = (*_OPTIONS, f"--select={RULES}", f"--target-version={TARGET}")
    try:
        command = [find_ruff_bin(), "check", *options, "."]
        # Without our environment, where RUFF_… variables could change what a mark depends on.
        done = subprocess.run(
            command, cwd=folder, env={}, capture_output=True, timeout=DEADLINE_S, check=True
        )
    except OSError as error:
        raise Ours(f"ruff, which checks hand-ins, can't be started: {error.strerror or error}") from error
    except subprocess.TimeoutExpired as error:
        raise Ours(f"ruff, which checks hand-ins, took longer than {DEADLINE_S:.0f} s") from error
    except subprocess.CalledProcessError as error:
        tail = excerpt(error.stderr[-400:], 400)
        raise Ours(f"ruff, which checks hand-ins, ended with {error.returncode}: {tail}") from error
    return done.stdout


def _diagnostics(answer: bytes) -> list[_Diagnostic]:
    try:
        return msgspec.json.decode(answer, type=list[_Diagnostic])
    except msgspec.MsgspecError as error:
        raise Ours(f"ruff's answer can't be read: {error}") from error


def _finding(diagnostic: _Diagnostic) -> Finding:
    location = diagnostic.location
    code = "" if diagnostic.code in (None, "invalid-syntax") else f"{diagnostic.code} "
    return Finding(
        file=Path(diagnostic.filename).name,
        line=location.row if location else None,
        column=location.column if location else None,
        reason=f"{code}{excerpt(diagnostic.message)}",
    )
