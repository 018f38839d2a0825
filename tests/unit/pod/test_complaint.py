"""The sentence about a program that failed: what Python said, and where in the student's file."""

from __future__ import annotations

import signal

import pytest

from bighost.pod.complaint import about_breach, about_exit, last_error
from bighost.pod.contract import Outcome, RunLimits
from bighost.pod.messages import Breach

EXIT_1 = 1 << 8
LIMITS = RunLimits(1.5, 20, 64 << 20, 8, 1 << 20, 3 << 20)

DEEP = """\
some words
Traceback (most recent call last):
  File "mapper.py", line 7, in <module>
    main()
  File "mapper.py", line 3, in main
    json.loads("{")
  File "/usr/lib/python3.11/json/__init__.py", line 346, in loads
    return _default_decoder.decode(s)
           ^^^^^^^^^^^^^^^^^^^^^^^^^^
json.decoder.JSONDecodeError: Expecting property name
"""
CHAINED = """\
Traceback (most recent call last):
  File "reducer.py", line 2, in <module>
    int("x")
ValueError: invalid literal for int() with base 10: 'x'

During handling of the above exception, another exception occurred:

Traceback (most recent call last):
  File "reducer.py", line 4, in <module>
    {}["y"]
    ~~^^^^^
KeyError: 'y'
"""
SYNTAX = """\
  File "lib/helper.py", line 1
    def (:
        ^
SyntaxError: invalid syntax
"""
BARE = """\
Traceback (most recent call last):
  File "mapper.py", line 9, in <module>
    assert False
AssertionError
"""


@pytest.mark.parametrize(
    ("stderr", "expected"),
    [
        (DEEP, "json.decoder.JSONDecodeError: Expecting property name (mapper.py, line 3)"),
        (CHAINED, "KeyError: 'y' (reducer.py, line 4)"),
        (SYNTAX, "SyntaxError: invalid syntax (lib/helper.py, line 1)"),
        (BARE, "AssertionError (mapper.py, line 9)"),
    ],
)
def test_the_last_error_and_the_students_own_line(stderr: str, expected: str) -> None:
    assert str(last_error(stderr)) == expected
    complaint = about_exit("mapper (task 0)", EXIT_1, stderr)
    assert complaint == (Outcome.RUNTIME_ERROR, f"mapper (task 0) ended with exit code 1: {expected}")


@pytest.mark.parametrize("stderr", ["", "Error: no input\n", 'File "cut off'])
def test_no_traceback_no_guess(stderr: str) -> None:
    assert about_exit("reducer (task 2)", 3 << 8, stderr).message == "reducer (task 2) ended with exit code 3"


@pytest.mark.parametrize("kind", ["MemoryError", "numpy._ArrayMemoryError: Unable to allocate"])
def test_no_memory_is_the_memory_limit(kind: str) -> None:
    assert about_exit("mapper", EXIT_1, BARE.replace("AssertionError", kind)).outcome is Outcome.MEMORY_LIMIT


@pytest.mark.parametrize(
    ("number", "name"), [(signal.SIGSEGV, "SIGSEGV"), (signal.SIGKILL, "SIGKILL"), (40, "number 40")]
)
def test_a_signal_is_named(number: int, name: str) -> None:
    complaint = about_exit("mapper", number, DEEP)
    assert complaint == (Outcome.RUNTIME_ERROR, f"mapper was ended by signal {name}")


def test_a_kill_for_want_of_memory_is_the_memory_limit() -> None:
    assert about_exit("mapper", signal.SIGKILL, "", oom_killed=True).outcome is Outcome.MEMORY_LIMIT


def test_long_errors_are_cut() -> None:
    assert len(about_exit("mapper", EXIT_1, BARE.replace("False", "x") + "E: " + "x" * 9999).message) < 500


@pytest.mark.parametrize(
    ("breach", "outcome", "words"),
    [
        (Breach.CPU, Outcome.TIME_LIMIT, "mapper used more than 1.5 s of CPU time"),
        (Breach.WALL, Outcome.TIME_LIMIT, "the run took longer than 20 s, in mapper"),
        (Breach.MEMORY, Outcome.MEMORY_LIMIT, "mapper used more than 64 MiB of memory"),
        (Breach.PROCESSES, Outcome.RUNTIME_ERROR, "mapper had more than 8 processes and threads at once"),
        (Breach.DISK, Outcome.OUTPUT_LIMIT, "mapper wrote more than 3 MiB of files and intermediate data"),
    ],
)
def test_each_breach_has_its_outcome(breach: Breach, outcome: Outcome, words: str) -> None:
    assert about_breach("mapper", breach, LIMITS) == (outcome, words)
