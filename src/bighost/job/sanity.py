"""Whether a hand-in can be run at all: the check before a submission waits, the same for student and server.

What it finds costs no try. Pure: files come as bytes, and the linter, a program of its own, comes as a
function (`bighost.linter.ruff`). Every file is judged, each up to its first kind of fault, so that a student
sees in one go what to change:

    name → asked for → size → decodes → compiles → imports → linter
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from bighost.job import ids
from bighost.job.assignment import FileRule, SanityRules
from bighost.job.excerpt import excerpt
from bighost.job.finding import Finding
from bighost.job.imports import check_imports
from bighost.job.source import compile_source, decode, parse
from bighost.job.spelling import perhaps

__all__ = ["MOST_FINDINGS", "Finding", "Linter", "check"]

Linter = Callable[[Mapping[str, str]], Sequence[Finding]]
"""Takes Python files by name, decoded, and gives what it finds. Raises Ours where it can't work."""

MOST_FINDINGS = 50


def check(
    rules: SanityRules, files: tuple[FileRule, ...], handin: Mapping[str, bytes], lint: Linter | None
) -> tuple[Finding, ...]:
    """Why `handin` can't be taken (at most MOST_FINDINGS reasons); empty where it can.

    `lint` is called only where the rules ask for it. A linter that fails raises Ours; that is never the
    student's fault, so whoever calls takes the hand-in by calling again with None, and tells staff.
    """
    findings = list(_files(files, handin))
    refused = {finding.file for finding in findings}
    texts: dict[str, str] = {}
    for name in (f.name for f in files if f.name.endswith(".py")):
        if name not in handin or name in refused:
            continue
        text, found = _python(rules, name, handin)
        findings += found
        if text is not None:
            texts[name] = text
    if lint is not None and rules.lint and texts:
        findings += lint(texts)
    return tuple(findings[:MOST_FINDINGS])


def _files(files: tuple[FileRule, ...], handin: Mapping[str, bytes]) -> Iterator[Finding]:
    asked = {rule.name: rule for rule in files}
    for rule in files:
        if rule.name in handin:
            yield from _size(rule, len(handin[rule.name]))
        elif rule.required:
            yield Finding(file=rule.name, reason="this file is missing")
    for name in handin:
        if name not in asked:
            yield _not_asked_for(name, asked, handin)


def _size(rule: FileRule, size: int) -> Iterator[Finding]:
    if size == 0:
        yield Finding(file=rule.name, reason="this file is empty")
    elif size > rule.max_bytes:
        reason = f"{size:,} bytes are too many: at most {rule.max_bytes:,} are taken"
        yield Finding(file=rule.name, reason=reason)


def _not_asked_for(name: str, asked: Mapping[str, FileRule], handin: Mapping[str, bytes]) -> Finding:
    twin = next((n for n in handin if n != name and n.casefold() == name.casefold()), None)
    if "/" in name or "\\" in name or name in ("", ".", ".."):
        reason = "a hand-in's files lie side by side; their names hold no folder"
    elif name.startswith("."):
        reason = "hidden files are not taken"
    elif not ids.is_name(name):
        reason = "no such name: use letters, digits, '.', '_' and '-'"
    elif twin is not None:
        reason = f"this name differs from '{excerpt(twin)}' only by upper and lower case"
    else:
        reason = "nobody asked for this file"
    asked_for = f"Asked for: {', '.join(asked)}."
    return Finding(file=excerpt(name), reason=reason, hint=perhaps(name, asked) or asked_for)


def _python(
    rules: SanityRules, name: str, handin: Mapping[str, bytes]
) -> tuple[str | None, Sequence[Finding]]:
    """The text of a file that compiles, and what is wrong with it."""
    text = decode(name, handin[name])
    if isinstance(text, Finding):
        return None, [text]
    broken = compile_source(name, text)
    if broken is not None:
        return None, [broken]
    if not rules.forbidden_modules and rules.allowed_modules is None:
        return text, []
    tree = parse(name, text)
    if isinstance(tree, Finding):
        return None, [tree]
    local = {n.removesuffix(".py") for n in handin if n.endswith(".py")}
    return text, check_imports(rules, name, tree, local)
