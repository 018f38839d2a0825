"""Which modules a program imports, held against an assignment's rules.

This helps honest people to notice what the course doesn't want. It is no wall: a program can reach any
module in ways that no reader of source finds. Walls are the pod's.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator

import msgspec

from bighost.job.assignment import SanityRules
from bighost.job.excerpt import excerpt
from bighost.job.finding import Finding

_BY_CALL = frozenset({"__import__", "import_module"})


class Import(msgspec.Struct, frozen=True, kw_only=True):
    """One import of `module`, or of `names` from it; `level` counts the dots of a relative import."""

    module: str
    line: int
    column: int
    names: tuple[str, ...] = ()
    level: int = 0

    @property
    def reached(self) -> tuple[str, ...]:
        """All that may be a module here: `from os import path` reaches os and os.path."""
        return (self.module, *(f"{self.module}.{name}" for name in self.names))


def imports(tree: ast.AST) -> Iterator[Import]:
    """The imports of a program: statements, `__import__("x")` and `importlib.import_module("x")`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield Import(module=alias.name, line=node.lineno, column=node.col_offset + 1)
        elif isinstance(node, ast.ImportFrom):
            yield Import(
                module=node.module or "",
                names=tuple(alias.name for alias in node.names),
                level=node.level,
                line=node.lineno,
                column=node.col_offset + 1,
            )
        elif isinstance(node, ast.Call) and (module := _called(node)) is not None:
            yield Import(module=module, line=node.lineno, column=node.col_offset + 1)


def check_imports(rules: SanityRules, file: str, tree: ast.AST, local: Collection[str]) -> list[Finding]:
    """A finding for each import that the rules don't want; `local` are the modules of the hand-in itself.

    A rule covers the submodules of what it names. Where modules are allow-listed, those of the hand-in and
    `__future__` may be imported too.
    """
    found = [
        _finding(file, item, module, rules)
        for item in imports(tree)
        if (module := _unwanted(rules, item, local)) is not None
    ]
    return sorted(found, key=lambda f: (f.line or 0, f.column or 0))


def _called(node: ast.Call) -> str | None:
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", None)
    if name not in _BY_CALL:
        return None
    named = [k.value for k in node.keywords if k.arg == "name"]
    for argument in (*node.args[:1], *named):
        if isinstance(argument, ast.Constant) and isinstance(argument.value, str):
            return argument.value
    return None


def _unwanted(rules: SanityRules, item: Import, local: Collection[str]) -> str | None:
    """The module that a rule is against, or None."""
    if item.level:  # `from . import x` can only mean a file of the hand-in
        names = [item.module.partition(".")[0]] if item.module else list(item.names)
        outside = [name for name in names if name not in local]
        return "." + outside[0] if outside and rules.allowed_modules is not None else None
    for name in item.reached:
        if _covered(name, rules.forbidden_modules):
            return name
    if rules.allowed_modules is None or item.module.partition(".")[0] in {"__future__", *local}:
        return None
    if _covered(item.module, rules.allowed_modules):
        return None
    if item.names and all(_covered(name, rules.allowed_modules) for name in item.reached[1:]):
        return None
    return item.module


def _covered(module: str, rules: Collection[str]) -> bool:
    return any(module == rule or module.startswith(f"{rule}.") for rule in rules)


def _finding(file: str, item: Import, module: str, rules: SanityRules) -> Finding:
    allowed = rules.allowed_modules
    return Finding(
        file=file,
        line=item.line,
        column=item.column,
        reason=f"module '{excerpt(module)}' may not be used in this assignment",
        hint="" if allowed is None else f"Allowed are {', '.join(allowed) or 'no modules at all'}.",
    )
