"""All subcommands under one command; errors become a sentence, a hint and an exit code.

A subcommand is one file beside this one. What is heavy is imported where it is used, so that `--help`
answers at once.
"""

from __future__ import annotations

from typing import Annotated, Any

import typer

from bighost import __version__
from bighost.cli import (
    assignments,
    console,
    coordinator,
    demo,
    images,
    jobs,
    login,
    node,
    nodes,
    status,
    submit,
    users,
)
from bighost.errors import BigHostError

# Typer carries a Click of its own and exports few of its exceptions: this is the base of all that tell of a
# command line that can't be.
UsageProblem: Any = next(kind for kind in typer.BadParameter.__mro__ if kind.__name__ == "ClickException")
INTERRUPTED = 130
BROKEN_PIPE = 141

app = typer.Typer(
    name="bighost",
    help="Run and mark student programs on real Big Data frameworks.",
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("submit")(submit.submit)
app.command("status")(status.status)
app.command("demo")(demo.demo)
app.command("login")(login.login)
app.add_typer(jobs.app, name="jobs")
app.add_typer(assignments.app, name="assignments")
app.add_typer(coordinator.app, name="coordinator")
app.add_typer(node.app, name="node")
app.add_typer(nodes.app, name="nodes")
app.add_typer(users.app, name="users")
app.add_typer(images.app, name="images")


def _version(asked: bool) -> None:
    if asked:
        console.out(f"bighost {__version__}")
        raise typer.Exit


@app.callback()
def options(
    verbose: Annotated[
        bool, typer.Option("-v", "--verbose", help="Show tracebacks and debug records.")
    ] = False,
    version: Annotated[  # noqa: ARG001 - its callback has done the work
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Run and mark student programs on real Big Data frameworks."""
    from bighost.log import configure

    configure(verbose=verbose)


def call(args: list[str]) -> int:
    """Run a command line and return its exit code: see `errors.py` for what each means."""
    verbose = "-v" in args[:2] or "--verbose" in args[:2]
    try:
        result = app(args, prog_name="bighost", standalone_mode=False)
    except BigHostError as problem:
        console.error(problem, verbose=verbose)
        return problem.exit_code
    except UsageProblem as problem:
        problem.show()
        return int(problem.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        console.say("Interrupted; what the coordinator has taken goes on.")
        return INTERRUPTED
    except BrokenPipeError:
        return BROKEN_PIPE
    except Exception as problem:  # noqa: BLE001 - the last line of defence: a sentence instead of a traceback
        console.bug(problem, verbose=verbose)
        return 70
    return result if isinstance(result, int) else 0
