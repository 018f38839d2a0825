"""`docs/states.md`: the life of a job, drawn from the table that the engine itself obeys."""

from __future__ import annotations

import re

from bighost.job import state
from bighost.job.state import DEADLINES, FINAL, TRANSITIONS, State, Step
from tools.docs import markdown as md
from tools.docs.source import doc

SOURCE = "src/bighost/job/state.py"


def page() -> str:
    """The whole page."""
    what, states, *rules = _theory()
    return md.join(
        "# The life of a job",
        md.drawn_from(SOURCE),
        what,
        diagram(),
        "## States",
        md.table(("state", "what it means", "left by"), _states(states)),
        *rules,
        "## Steps",
        "A step that this table does not hold raises `IllegalStep`, naming job, state and step.",
        md.table(("step", "from", "to"), _steps()),
        "## Deadlines",
        "By when a job must have left each state that is not final, and what happens when it has not.",
        md.table(("state", "deadline"), ((md.code(s.value), text) for s, text in DEADLINES.items())),
    )


def diagram() -> str:
    """The transition table as a drawing."""
    edges = [f"    {before} --> {after}: {move}" for (before, move), after in TRANSITIONS.items()]
    ends = [f"    {s} --> [*]" for s in State if s in FINAL]
    return md.fence("mermaid", "\n".join(["stateDiagram-v2", f"    [*] --> {State.RECEIVED}", *edges, *ends]))


def _theory() -> list[str]:
    """The paragraphs of the module's docstring after its title, without what it says of this page."""
    paragraphs = (re.sub(r"\s*`docs/states.md`.*", "", p, flags=re.S) for p in doc(state).split("\n\n")[1:])
    return [paragraph for paragraph in paragraphs if paragraph.strip()]


def _states(block: str) -> list[tuple[str, str, str]]:
    found = re.split(rf"^ +(?=(?:{'|'.join(State)}) )", block, flags=re.M)[1:]
    meanings = dict(entry.split(maxsplit=1) for entry in found)
    return [(md.code(s.value), meanings[s.value], _moves(s) or "nothing") for s in State]


def _moves(before: State) -> str:
    return ", ".join(move.value for (origin, move) in TRANSITIONS if origin is before)


def _steps() -> list[tuple[str, str, str]]:
    rows = []
    for move in Step:
        pairs = [(before, after) for (before, m), after in TRANSITIONS.items() if m is move]
        origins = ", ".join(md.code(before.value) for before, _ in pairs)
        rows.append((move.value, origins, ", ".join(dict.fromkeys(md.code(a.value) for _, a in pairs))))
    return rows
