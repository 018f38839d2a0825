"""`bighost login`: remember a coordinator and a token on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

from bighost.cli import console


def login(
    url: Annotated[str, typer.Argument(help="The coordinator, http://HOST:9000.")],
    token: Annotated[
        str, typer.Option("--token", envvar="BIGHOST_TOKEN", prompt=True, hide_input=True, help="Your token.")
    ],
) -> None:
    """Remember a coordinator and your token, so that no command asks for them again."""
    from bighost.client import Client
    from bighost.config import save_login

    with Client(url, token) as client:
        me = client.me()
    path = save_login(url, token)
    console.say(f"You are {me.name} of team {me.team} ({me.role.value}). Kept in {path}, for you alone.")
