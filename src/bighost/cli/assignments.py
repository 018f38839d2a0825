"""`bighost assignments`: write one, check it, hand it to the coordinator, open and close it."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bighost.cli import console, options
from bighost.wire.http import AssignmentView

if TYPE_CHECKING:
    from bighost.client import Client
    from bighost.folder import Folder

app = typer.Typer(help="Write, check, add and close assignments.", no_args_is_help=True)
Dir = Annotated[Path, typer.Argument(help="The assignment's folder.")]
RuntimeName = Annotated[
    str, typer.Option("--runtime", help="Where submissions run on this machine: docker, process or auto.")
]
MISMATCH = 1


@app.command("new")
def new(
    folder: Dir,
    id: Annotated[str | None, typer.Option("--id", help="The folder's name by default.")] = None,
    framework: Annotated[str, typer.Option("--framework")] = "streaming",
) -> None:
    """Write a folder to start from: a small assignment that works."""
    from bighost import folder as assignment_folder

    assignment_folder.new(folder, id or folder.name, framework)
    console.say(
        f"Wrote {folder}. Look at {folder / 'assignment.toml'}, then: bighost assignments check {folder}"
    )


@app.command("check")
def check(folder: Dir, runtime: RuntimeName = "auto", json: options.Json = False) -> int:
    """Run every submission of submissions/<verdict>/ and hold its verdict against the folder's name.

    Exit code 1 when one differs. Proposes a time limit from the slowest accepted one.
    """
    from bighost.cli import rehearsal

    with read(folder) as whole:
        rehearsed = rehearsal.rehearse(whole, runtime)
    rehearsal.report(whole.assignment, rehearsed, json=json)
    return 0 if all(r.right for r in rehearsed) else MISMATCH


@app.command("add")
def add(
    folder: Dir,
    runtime: RuntimeName = "auto",
    url: options.Url = None,
    token: options.Token = None,
    json: options.Json = False,
) -> None:
    """Hand an assignment to the coordinator, or replace the one of its id.

    Answers that a reference submission makes are made here, on your machine: no node sees them.
    """
    with read(folder) as whole, options.client(url, token) as client:
        added = upload(client, whole, runtime)
    if json:
        console.json_out(added)
    else:
        console.say(f"{added.id} ({added.title}) is {added.window}.")


@app.command("list")
def list_assignments(
    url: options.Url = None, token: options.Token = None, json: options.Json = False
) -> None:
    """List all assignments."""
    with options.client(url, token) as client:
        found = client.assignments()
    if json:
        console.json_out(found)
        return
    rows = [(a.id, a.title, a.window, str(a.due or "-"), a.framework, " ".join(a.files)) for a in found]
    console.table("", ("id", "title", "state", "due", "framework", "files"), rows)


@app.command("show")
def show(
    id: Annotated[str, typer.Argument()],
    url: options.Url = None,
    token: options.Token = None,
    json: options.Json = False,
) -> None:
    """Show one assignment: what to hand in, until when, what it is worth."""
    with options.client(url, token) as client:
        found = client.assignment(id)
    if json:
        console.json_out(found)
    else:
        _describe(found)


@app.command("close")
def close(
    id: Annotated[str, typer.Argument()],
    reopen: Annotated[bool, typer.Option("--reopen", help="Take hand-ins again.")] = False,
    url: options.Url = None,
    token: options.Token = None,
) -> None:
    """Take no more hand-ins; what waits is still run."""
    with options.client(url, token) as client:
        found = client.close_assignment(id, closed=not reopen)
    console.say(f"{found.id} is {found.window}.")


@contextmanager
def read(folder: Path) -> Iterator[Folder]:
    """An assignment's folder, with a work folder for what is generated while it is used."""
    from bighost import folder as assignment_folder

    with tempfile.TemporaryDirectory(prefix="bighost-") as work:
        yield assignment_folder.read(folder, work=Path(work))


def upload(client: Client, whole: Folder, runtime: str) -> AssignmentView:
    """Hand a folder to the coordinator: datasets and answers by digest, then the assignment."""
    from bighost.cli import rehearsal
    from bighost.folder import files
    from bighost.wire.http import NewAssignment

    with tempfile.TemporaryDirectory(prefix="bighost-") as work:
        keys = dict(whole.answers)
        if whole.references:
            keys |= rehearsal.answers(whole, runtime, Path(work))
        digests = {test: files.digest_of(path) for test, path in keys.items()}
        for test, path in keys.items():
            client.upload(digests[test], path)
        for digest, path in whole.files.items():
            client.upload(digest, path)
        return client.add_assignment(NewAssignment(assignment=whole.assignment, keys=digests))


def _describe(found: AssignmentView) -> None:
    console.out(f"{found.id}: {found.title}")
    console.out(f"  {found.window}; opens {found.opens or 'at once'}, due {found.due or 'never'}")
    console.out(f"  hand in {' '.join(found.files)} ({found.framework}), {found.total:g} marks")
    console.out(f"  tests: {', '.join(found.tests)}; you see: {found.feedback.value}")
    hour = f"{found.tries_per_hour} an hour" if found.tries_per_hour else ""
    total = f"{found.tries_total} in all" if found.tries_total else ""
    console.out(f"  tries: {', '.join(t for t in (hour, total) if t) or 'without bound'}")
