"""Options that several commands share, and how a command comes to its client."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from bighost.client import Client

Url = Annotated[
    str | None,
    typer.Option(
        "--url", envvar="BIGHOST_URL", help="The coordinator, http://HOST:9000.", show_default=False
    ),
]
Token = Annotated[
    str | None,
    typer.Option("--token", envvar="BIGHOST_TOKEN", help="Your token.", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON, for scripts.")]


def client(url: str | None, token: str | None) -> Client:
    """The client for what the person gave, logged in to, or runs on this machine.

    Raises OperatorError when no coordinator is known.
    """
    from bighost.client import Client
    from bighost.config import credentials

    found = credentials(url, token)
    return Client(found.url, found.token)


def duration(text: str | None) -> float | None:
    """Seconds in a person's '90d'. Raises OperatorError."""
    from bighost.errors import OperatorError
    from bighost.job.units import parse_duration

    try:
        return None if text is None else parse_duration(text)
    except ValueError as error:
        raise OperatorError(str(error)) from None
