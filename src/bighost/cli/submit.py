"""`bighost submit`: hand in, and with `--wait` see it through to the mark."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from bighost.cli import console, options, show
from bighost.errors import NetworkError, StudentError

if TYPE_CHECKING:
    from bighost.client import Client
    from bighost.job.finding import Finding
    from bighost.wire.http import AssignmentView, JobView

REJECTED = StudentError.exit_code


def submit(
    files: Annotated[list[Path], typer.Argument(help="The files of the hand-in: mapper.py reducer.py")],
    assignment: Annotated[
        str | None, typer.Option("--assignment", "-a", help="Which one; the only open one by default.")
    ] = None,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Wait for the mark.")] = False,
    send_anyway: Annotated[
        bool, typer.Option("--send-anyway", help="Send it even if the check on this machine finds something.")
    ] = False,
    url: options.Url = None,
    token: options.Token = None,
    json: options.Json = False,
) -> int:
    """Hand in a submission.

    It is checked on this machine first, by the same rules as on the coordinator; what is found costs no try.
    Exit code 0: handed in (with --wait: passed), 1: did not pass, 66: not taken as it is.
    """
    from bighost.folder import read_handin

    handin = read_handin(files)
    with options.client(url, token) as client:
        if not send_anyway:
            _check(client, assignment, handin)
        job = client.submit(handin, assignment)
        if not json and job.state != "rejected":
            console.say(
                f"Handed in as {job.id}: hand-in {job.number} of team {job.team} for {job.assignment}."
            )
        if wait:
            job = follow(client, job)
    if json:
        console.json_out(job)
    elif wait or job.state == "rejected":
        show.job(job)
    else:
        console.say(f"See how it goes: bighost jobs show {job.id} --wait")
    if job.state == "rejected":
        return REJECTED
    return show.exit_code(job) if wait else 0


def follow(client: Client, job: JobView) -> JobView:
    """Show how a job goes until it has ended, and return it then. A coordinator that is started anew in
    between is waited for; Ctrl-C ends the waiting, not the job."""
    with console.progress() as progress:
        try:
            while not job.state.final:
                job = _follow_once(client, job, progress)
        except KeyboardInterrupt:
            progress.stop()
            console.say(f"The job goes on. Look again: bighost jobs show {job.id} --wait")
            raise
    return job


def _follow_once(client: Client, job: JobView, progress: console.Progress) -> JobView:
    try:
        for latest in client.follow(job.id):
            job = latest
            progress.show(show.step(job))
    except NetworkError:
        progress.show("reconnecting…")
        _wait_for(client)
    return job


def _wait_for(client: Client) -> None:
    """Until the coordinator answers again, for ten minutes; asking ever more slowly."""
    import random
    import time

    deadline = time.monotonic() + 600
    pause = 0.25
    while True:
        try:
            client.health()
            return
        except NetworkError:
            if time.monotonic() > deadline:
                raise
        time.sleep(pause * random.uniform(0.7, 1.3))
        pause = min(5.0, pause * 1.5)


def _check(client: Client, assignment: str | None, handin: dict[str, bytes]) -> None:
    """The sanity check on this machine. Raises StudentError with what it found."""
    from bighost import linter

    rules = _rules(client, assignment)
    if rules is None:
        return
    findings = linter.check(rules.sanity, rules.hand_in, handin)
    if findings:
        raise StudentError(_told(findings), hint="Nothing was sent, and it costs no try.")


def _rules(client: Client, assignment: str | None) -> AssignmentView | None:
    """What is to be handed in; None where the coordinator has to say what is wrong."""
    if assignment is not None:
        return client.assignment(assignment)
    is_open = [a for a in client.assignments() if a.window == "open"]
    return is_open[0] if len(is_open) == 1 else None


def _told(findings: tuple[Finding, ...]) -> str:
    lines = "\n  ".join(str(finding) for finding in findings)
    return f"this hand-in would be rejected:\n  {lines}"
