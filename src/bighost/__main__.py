"""The command `bighost`: `main(args) -> exit code`, and what the installed script calls."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence


def main(args: Sequence[str]) -> int:
    """Run one command and return its exit code; never exits, never shows a traceback unless `-v` asks."""
    from bighost.cli.app import call  # Typer is only needed here, not by those who import `main`

    return call(list(args))


def run() -> None:
    """The installed script."""
    code = main(sys.argv[1:])
    try:
        sys.stdout.flush()
    except BrokenPipeError:
        # Whoever read us has had enough; Python would complain again while it exits.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


if __name__ == "__main__":
    run()
