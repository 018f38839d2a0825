"""`bighost users`: people and their tokens."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Annotated, Any

import typer

from bighost.cli import console, options
from bighost.errors import OperatorError
from bighost.job import ids
from bighost.job.role import Role
from bighost.wire.http import NewToken, NewUser, UserView

app = typer.Typer(help="Add people, import a class, make tokens.", no_args_is_help=True)
Update = Annotated[bool, typer.Option("--update", help="Change those who are there already.")]
COLUMNS = {"name", "team", "role", "email"}


@app.command("add")
def add(
    name: Annotated[str, typer.Argument(help="The name that the person signs with.")],
    team: Annotated[str, typer.Option("--team", help="Their team; their own name by default.")] = "",
    role: Annotated[Role, typer.Option("--role")] = Role.STUDENT,
    email: Annotated[str, typer.Option("--email")] = "",
    update: Update = False,
    url: options.Url = None,
    token: options.Token = None,
    json: options.Json = False,
) -> None:
    """Add a person, and print their token: it is not shown again."""
    with options.client(url, token) as client:
        person = NewUser(name=name, team=team, role=role, email=email)
        _told(client.add_users([person], update=update), json)


@app.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="CSV with a header: name, and maybe team, role, email.")],
    update: Update = False,
    url: options.Url = None,
    token: options.Token = None,
    json: options.Json = False,
) -> None:
    """Add a whole class from a CSV file, all or none; prints everybody's token once."""
    people = read_people(file)
    with options.client(url, token) as client:
        _told(client.add_users(people, update=update), json)


@app.command("list")
def list_users(url: options.Url = None, token: options.Token = None, json: options.Json = False) -> None:
    """List all users."""
    with options.client(url, token) as client:
        users = client.users()
    if json:
        console.json_out(users)
        return
    console.table(
        "", ("name", "team", "role", "e-mail"), [(u.name, u.team, u.role.value, u.email) for u in users]
    )


@app.command("token")
def new_token(
    name: Annotated[str, typer.Argument(help="Whose.")],
    expires: Annotated[
        str | None, typer.Option("--expires", help="After 90d, 12h, …; never by default.")
    ] = None,
    url: options.Url = None,
    token: options.Token = None,
    json: options.Json = False,
) -> None:
    """Make one more token for a user."""
    with options.client(url, token) as client:
        made = client.new_token(NewToken(user=name, expires_in_s=options.duration(expires)))
    if json:
        console.json_out(made)
    else:
        console.out(made.token)


def read_people(file: Path) -> list[NewUser]:
    """The people of a CSV file. Raises OperatorError naming file and line."""
    try:
        with file.open(newline="", encoding="utf-8-sig") as lines:
            reader = csv.DictReader(lines)
            header = {name.strip().lower() for name in reader.fieldnames or ()}
            if "name" not in header or not header <= COLUMNS:
                known = ", ".join(sorted(COLUMNS))
                raise OperatorError(f"{file}, line 1: the header must have 'name', and nothing but {known}")
            return [_person(file, reader.line_num, row) for row in reader]
    except OSError as error:
        raise OperatorError(f"{file} can't be read: {error.strerror}") from None
    except (UnicodeDecodeError, csv.Error) as error:
        raise OperatorError(f"{file} is no CSV file in UTF-8: {error}") from None


def _person(file: Path, line: int, row: dict[str | Any, str | Any]) -> NewUser:
    if None in row or None in row.values():
        raise OperatorError(f"{file}, line {line}: it has not as many fields as the header")
    values = {key.strip().lower(): (value or "").strip() for key, value in row.items() if key}
    if not ids.is_name(values["name"]) or not ids.is_name(values.get("team") or "team"):
        raise OperatorError(
            f"{file}, line {line}: a name or team has letters, digits, '.', '_' and '-', at most 64"
        )
    try:
        return NewUser(
            name=values["name"],
            team=values.get("team", ""),
            role=Role(values.get("role") or Role.STUDENT),
            email=values.get("email", ""),
        )
    except ValueError:
        raise OperatorError(
            f"{file}, line {line}: {values.get('role')!r} is no role: student, staff or admin"
        ) from None


def _told(users: list[UserView], json: bool) -> None:
    if json:
        console.json_out(users)
        return
    rows = [(u.name, u.team, u.role.value, u.token or "(has one already)") for u in users]
    console.table("", ("name", "team", "role", "token"), rows)
