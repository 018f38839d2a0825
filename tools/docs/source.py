"""What a class says in its source: fields or members in order, each with the comment on its line.

Types and defaults are taken as they are written there, because that is how people know them.
"""

from __future__ import annotations

import ast
import inspect
import io
import textwrap
import tokenize
from typing import NamedTuple


class Line(NamedTuple):
    """A field of a class, or a member of an enum."""

    name: str
    type: str
    default: str
    note: str


def lines(cls: type) -> list[Line]:
    """The fields of a class in the order of its source, without those that it inherits."""
    source = textwrap.dedent(inspect.getsource(cls))
    notes = _comments(source)
    (body,) = [node.body for node in ast.parse(source).body if isinstance(node, ast.ClassDef)]
    return [_line(node, notes) for node in body if isinstance(node, (ast.AnnAssign, ast.Assign))]


def notes(cls: type) -> dict[str, str]:
    """The comment on the line of each field or member."""
    return {line.name: line.note for line in lines(cls)}


def doc(thing: object) -> str:
    """A docstring without its indentation. Raises ValueError where there is none."""
    text = inspect.getdoc(thing)
    if not text:
        raise ValueError(f"{thing!r} has no docstring to draw from")
    return text


def sentence(thing: object) -> str:
    """A docstring on one line."""
    return " ".join(doc(thing).split())


def _line(node: ast.AnnAssign | ast.Assign, notes: dict[int, str]) -> Line:
    target = node.target if isinstance(node, ast.AnnAssign) else node.targets[0]
    kind = ast.unparse(node.annotation) if isinstance(node, ast.AnnAssign) else ""
    default = ast.unparse(node.value) if node.value is not None else ""
    return Line(ast.unparse(target), kind, default, notes.get(node.end_lineno or node.lineno, ""))


def _comments(source: str) -> dict[int, str]:
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    return {t.start[0]: t.string.lstrip("# ") for t in tokens if t.type == tokenize.COMMENT}
