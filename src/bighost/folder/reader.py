"""An assignment's folder made into values: `assignment.toml` first, then the files that it names."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from bighost.errors import AssignmentError
from bighost.folder import keys, kinds
from bighost.folder.files import digest_of, file_inside, folder_inside, normalised_answer, unpacked
from bighost.folder.generator import generate
from bighost.folder.keys import Key
from bighost.folder.source import Source, Table
from bighost.job.assignment import (
    Answer,
    Assignment,
    Comparator,
    Dataset,
    FileRule,
    Framework,
    Limits,
    Marks,
    SanityRules,
    Test,
    Tries,
)
from bighost.job.spelling import perhaps
from bighost.job.verdict import Verdict
from bighost.pod.contract import Option, frameworks

FILE_NAME = "assignment.toml"
REJECTED = "rejected"
"""The folder of sample submissions that the sanity check must refuse."""

EXPECTATIONS = (*(verdict.value for verdict in Verdict), REJECTED)

Frameworks = Mapping[str, Mapping[str, Option]]
T = TypeVar("T")


class Sample(msgspec.Struct, frozen=True):
    """A submission that staff keep beside the assignment, and what it must get."""

    expected: str  # a verdict's value, or REJECTED
    name: str
    path: Path  # of the folder that holds its files


class Folder(msgspec.Struct, frozen=True, kw_only=True):
    """An assignment and the files that belong to it.

    `assignment.answers` holds the tests whose answer is a file; the others' `references` are to be run on
    their datasets first. Datasets that no test uses are left out.
    """

    path: Path
    assignment: Assignment
    files: dict[str, Path]  # of datasets, by digest
    answers: dict[str, Path]  # by test, unpacked
    references: dict[str, Path]  # by test: the folder of the submission that makes its answer
    submissions: tuple[Sample, ...]


def read(folder: Path, *, work: Path, known: Frameworks | None = None) -> Folder:
    """Read an assignment's folder. Generated and unpacked files are put in `work`, and found there again.

    `known` are the frameworks and their options, by default those of this version. Raises AssignmentError,
    with file and line, for the first thing that is not right.
    """
    top = Source.read(folder / FILE_NAME).table()
    fields = top.fields(keys.TOP)
    fields |= _structs(top, frameworks() if known is None else known)
    answers, references = _answers(folder, top, work)
    fields["answers"] = _digested(fields["comparator"], top, answers)
    fields["datasets"], files = _datasets(folder, top, work)
    return Folder(
        path=folder,
        assignment=_made(Assignment, top, fields),
        files=files,
        answers=answers,
        references=references,
        submissions=samples(folder),
    )


def samples(folder: Path) -> tuple[Sample, ...]:
    """The submissions beside an assignment, by expected verdict and name.

    Raises AssignmentError where a folder of `submissions/` is named after no verdict.
    """
    found: list[Sample] = []
    for group in _folders(folder / "submissions"):
        if group.name not in EXPECTATIONS:
            hint = perhaps(group.name, EXPECTATIONS) or f"It has to be one of {', '.join(EXPECTATIONS)}."
            raise AssignmentError(f"submissions/{group.name} is named after no verdict", hint=hint)
        found += [Sample(group.name, path.name, path) for path in _folders(group)]
    return tuple(found)


def _structs(top: Table, known: Frameworks) -> dict[str, Any]:
    """All of an assignment that needs no other file than `assignment.toml`."""
    framework = top.table("framework")
    options = _options(framework, known)
    structs = {
        "framework": _framework(framework, options),
        "sanity": _struct(SanityRules, top.table("sanity"), keys.SANITY),
        "limits": _struct(Limits, top.table("limits"), keys.LIMITS),
        "tests": tuple(_test(t, top.values["datasets"], options) for t in top.tables("tests")),
        "comparator": _struct(Comparator, top.table("comparator"), keys.COMPARATOR),
        "marks": _struct(Marks, top.table("marks"), keys.MARKS),
        "tries": _struct(Tries, top.table("tries"), keys.TRIES),
    }
    return structs | ({"files": _files(top)} if "files" in top.values else {})


def _made(kind: Callable[..., T], table: Table, fields: Mapping[str, Any]) -> T:
    try:
        return kind(**fields)
    except ValueError as error:
        raise table.error(str(error)) from None


def _struct(kind: Callable[..., T], table: Table, allowed: Sequence[Key]) -> T:
    return _made(kind, table, table.fields(allowed))


def _framework(table: Table, options: Sequence[Key]) -> Framework:
    fields = table.fields((*keys.FRAMEWORK, *options))
    given = {key.name: fields.pop(key.name) for key in options if key.name in fields}
    return Framework(**fields, options=given)


def _options(framework: Table, known: Frameworks) -> tuple[Key, ...]:
    """The options of the framework that `[framework]` names, as keys."""
    name = framework.value("name", kinds.text) if "name" in framework.values else Framework().name
    if name not in known:
        message = f"there is no framework {name!r}, only {', '.join(sorted(known))}"
        raise framework.error(message, "name", perhaps(name, known))
    return tuple(Key(option, kinds.option(what), option) for option, what in known[name].items())


def _files(top: Table) -> tuple[FileRule, ...]:
    rules: dict[str, FileRule] = {}
    for table in top.tables("files"):
        rule = _struct(FileRule, table, keys.FILES)
        if rule.name.casefold() in rules:
            raise table.error(f"another file is named {rule.name!r}, give or take upper case", "name")
        rules[rule.name.casefold()] = rule
    if not rules:
        raise top.error("at least one file is needed, under [[files]]", "files")
    return tuple(rules.values())


def _test(table: Table, datasets: Mapping[str, Any], options: Sequence[Key]) -> Test:
    fields = table.fields(keys.TESTS)
    if fields["dataset"] not in datasets:
        hint = perhaps(fields["dataset"], datasets)
        raise table.error(f"there is no [datasets.{fields['dataset']}]", "dataset", hint)
    _only_one(table, "answer", "reference")
    fields["options"] = table.table("options").fields(options)
    return _made(Test, table, {k: v for k, v in fields.items() if k not in ("answer", "reference")})


def _answers(folder: Path, top: Table, work: Path) -> tuple[dict[str, Path], dict[str, Path]]:
    answers: dict[str, Path] = {}
    references: dict[str, Path] = {}
    for table in top.tables("tests"):
        test = table.values["name"]
        if "answer" in table.values:
            path = table.value("answer", lambda name: file_inside(folder, name))
            answers[test] = unpacked(path, work)
        else:
            references[test] = table.value("reference", lambda name: folder_inside(folder, name))
    return answers, references


def _digested(comparator: Comparator, top: Table, answers: Mapping[str, Path]) -> dict[str, Answer]:
    digested = {}
    for table in top.tables("tests"):
        path = answers.get(table.values["name"])
        if path is None:
            continue
        try:
            normalised = normalised_answer(comparator, path)
        except AssignmentError as error:
            raise table.error(error.message, "answer", error.hint) from None
        digested[table.values["name"]] = Answer(digest=digest_of(path), normalised=normalised)
    return digested


def _datasets(folder: Path, top: Table, work: Path) -> tuple[dict[str, Dataset], dict[str, Path]]:
    used = {table.values["dataset"] for table in top.tables("tests")}
    datasets: dict[str, Dataset] = {}
    files: dict[str, Path] = {}
    for name in top.values["datasets"]:
        table = top.table("datasets").table(name)
        table.fields(keys.DATASET)
        _only_one(table, "path", "files", "generator")
        found = _dataset_files(folder, table)
        if name not in used:
            continue
        if "generator" in table.values:
            found = [generate(folder, found[0], name, work)]
        digests = [digest_of(path) for path in found]
        files |= dict(zip(digests, found, strict=True))
        size = sum(path.stat().st_size for path in found)
        datasets[name] = Dataset(name=name, files=tuple(digests), size=size)
    return datasets, files


def _dataset_files(folder: Path, table: Table) -> list[Path]:
    """The files of a dataset, or the script that makes it."""
    if "files" not in table.values:
        key = "path" if "path" in table.values else "generator"
        return [table.value(key, lambda name: file_inside(folder, name))]
    if not table.values["files"]:
        raise table.error("at least one file is needed", "files")
    return table.value("files", lambda names: [file_inside(folder, name) for name in names])


def _only_one(table: Table, *names: str) -> None:
    given = [name for name in names if name in table.values]
    if len(given) != 1:
        listed = f"{', '.join(map(repr, names[:-1]))} or {names[-1]!r}"
        wrong = f"not {' and '.join(map(repr, given))}" if given else "none is there"
        raise table.error(f"one of {listed} is needed, {wrong}", given[1] if given else None)


def _folders(folder: Path) -> list[Path]:
    if not folder.is_dir():
        return []
    hidden = ("__pycache__", ".")
    return sorted(p for p in folder.iterdir() if p.is_dir() and not p.name.startswith(hidden))
