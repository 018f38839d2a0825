"""Every key that `assignment.toml` may hold, by table; `docs/assignments.md` says what each is for."""

from __future__ import annotations

from typing import NamedTuple

from bighost.folder import kinds
from bighost.folder.kinds import Kind
from bighost.job.assignment import Compare, Feedback, Partial, Reuse


class Key(NamedTuple):
    """A key, what it takes, and the field of the struct in `bighost.job.assignment` that it becomes."""

    name: str
    kind: Kind
    field: str
    needed: bool = False


def _key(name: str, kind: Kind, field: str = "", *, needed: bool = False) -> Key:
    return Key(name, kind, field or name, needed)


TOP = (
    _key("id", kinds.name, needed=True),
    _key("title", kinds.text, needed=True),
    _key("opens", kinds.moment),
    _key("due", kinds.moment),
    _key("feedback", kinds.choice(Feedback)),
    _key("framework", kinds.table),
    _key("files", kinds.array),
    _key("sanity", kinds.table),
    _key("limits", kinds.table),
    _key("datasets", kinds.table_of_tables, needed=True),
    _key("tests", kinds.array, needed=True),
    _key("comparator", kinds.table),
    _key("marks", kinds.table),
    _key("tries", kinds.table),
)

FRAMEWORK = (
    _key("name", kinds.text),
    _key("image", kinds.text),
    _key("reuse", kinds.choice(Reuse)),
)

FILES = (
    _key("name", kinds.name, needed=True),
    _key("max", kinds.size, "max_bytes"),
    _key("required", kinds.flag),
)

SANITY = (
    _key("lint", kinds.flag),
    _key("forbidden_modules", kinds.texts),
    _key("allowed_modules", kinds.texts),
)

LIMITS = (
    _key("cpus", kinds.whole(1, 256)),
    _key("memory", kinds.size, "memory_bytes"),
    _key("wall", kinds.duration, "wall_s"),
    _key("cpu", kinds.duration, "cpu_s"),
    _key("processes", kinds.whole(1)),
    _key("output", kinds.size, "output_bytes"),
    _key("disk", kinds.size, "disk_bytes"),
)

DATASET = (
    _key("path", kinds.text),
    _key("files", kinds.texts),
    _key("generator", kinds.text),
)

TESTS = (
    _key("name", kinds.name, needed=True),
    _key("dataset", kinds.name, needed=True),
    _key("weight", kinds.number(0)),
    _key("answer", kinds.text),
    _key("reference", kinds.text),
    _key("arguments", kinds.texts),
    _key("options", kinds.table),
)

COMPARATOR = (
    _key("kind", kinds.choice(Compare)),
    _key("separator", kinds.separator),
    _key("relative", kinds.number(0)),
    _key("absolute", kinds.number(0)),
)

MARKS = (
    _key("total", kinds.number(0)),
    _key("partial", kinds.choice(Partial)),
)

TRIES = (
    _key("per_hour", kinds.whole(1)),
    _key("total", kinds.whole(1)),
)

TABLES = {
    "": TOP,
    "framework": FRAMEWORK,
    "files": FILES,
    "sanity": SANITY,
    "limits": LIMITS,
    "datasets": DATASET,
    "tests": TESTS,
    "comparator": COMPARATOR,
    "marks": MARKS,
    "tries": TRIES,
}
