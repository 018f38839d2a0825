"""`docs/verdicts.md`: exactly when each verdict is given, and what is never one."""

from __future__ import annotations

from bighost.job.assignment import mark
from bighost.job.job import HARMLESS, FaultKind
from bighost.job.verdict import Verdict
from tools.docs import markdown as md
from tools.docs.source import doc, notes

SOURCES = ("src/bighost/job/verdict.py", "src/bighost/job/assignment.py", "src/bighost/job/job.py")

INTRODUCTION = """
A verdict says what the student's program did, the [state](states.md) of a job where it is, and a fault what
went wrong on our side. The three are never mixed up: a fault is no verdict, costs no mark and no try.
"""

FAULTS = """
A job that meets one of these waits again, first in its line, and a node where it has not yet failed is tried
before any other. When its attempts are used up, or it took pods down on several nodes, it is `failed`: no
mark, no try used, and staff are told.
"""


def page() -> str:
    """The whole page."""
    return md.join(
        "# Verdicts",
        md.drawn_from(*SOURCES),
        INTRODUCTION,
        md.table(("verdict", "given when"), ((md.code(v.value), v.given) for v in Verdict)),
        "## Several tests",
        doc(mark),
        "## What is never a verdict: faults of ours",
        FAULTS,
        md.table(("fault", "", "uses an attempt"), _faults()),
    )


def _faults() -> list[tuple[str, str, str]]:
    note = notes(FaultKind)
    return [(kind.value, note[kind.name], "no" if kind in HARMLESS else "yes") for kind in FaultKind]
