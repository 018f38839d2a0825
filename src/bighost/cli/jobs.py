"""`bighost jobs`: look at hand-ins, stop them, and (staff) run them again."""

from __future__ import annotations

from typing import Annotated

import typer

from bighost.cli import console, options, show
from bighost.cli.submit import follow
from bighost.job.state import State

app = typer.Typer(help="Look at submissions; cancel them or run them again.", no_args_is_help=True)
Id = Annotated[str, typer.Argument(help="The id that `bighost submit` printed.")]


@app.command("list")
def list_jobs(
    assignment: Annotated[str | None, typer.Option("--assignment", "-a")] = None,
    team: Annotated[str | None, typer.Option("--team", help="Staff only; students see their own.")] = None,
    state: Annotated[list[State] | None, typer.Option("--state", help="May be given several times.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1000)] = 50,
    url: options.Url = None,
    token: options.Token = None,
    json: options.Json = False,
) -> None:
    """List submissions, the latest first."""
    with options.client(url, token) as client:
        found = client.jobs(assignment=assignment, team=team, states=state or (), limit=limit)
    if json:
        console.json_out(found)
        return
    rows = [
        (
            j.id,
            j.assignment,
            j.team,
            j.number,
            j.state.value,
            j.verdict.value if j.verdict else "-",
            f"{j.score:g}" if j.score is not None else "-",
            console.when(j.latency.received),
            j.node or "-",
        )
        for j in found
    ]
    console.table(
        "", ("id", "assignment", "team", "#", "state", "verdict", "score", "received", "node"), rows
    )


@app.command("show")
def show_job(
    id: Id,
    wait: Annotated[bool, typer.Option("--wait", "-w", help="Wait until it has ended.")] = False,
    url: options.Url = None,
    token: options.Token = None,
    json: options.Json = False,
) -> int:
    """Show one submission: verdict, why, stages, usage, times."""
    with options.client(url, token) as client:
        job = client.job(id)
        if wait:
            job = follow(client, job)
    if json:
        console.json_out(job)
    else:
        show.job(job)
    return show.exit_code(job) if wait else 0


@app.command("story")
def story(id: Id, url: options.Url = None, token: options.Token = None, json: options.Json = False) -> None:
    """Tell what happened to a submission, step by step."""
    with options.client(url, token) as client:
        lines = client.story(id)
    if json:
        console.json_out(lines)
        return
    for line in lines:
        console.out(f"{console.when(line.at)}  {line.text}")


@app.command("logs")
def logs(id: Id, url: options.Url = None, token: options.Token = None, json: options.Json = False) -> None:
    """Print what each stage of a submission wrote to stderr, and its counters."""
    with options.client(url, token) as client:
        job = client.job(id)
    if json:
        console.json_out(job.stages)
        return
    for stage in job.stages:
        console.out(f"== {stage.test}: {stage.name}, {stage.tasks} task(s)")
        if stage.stderr:
            console.out(stage.stderr.rstrip())
        for group, counters in stage.counters.items():
            for counter, value in counters.items():
                console.out(f"{group}: {counter} = {value}")


@app.command("cancel")
def cancel(id: Id, url: options.Url = None, token: options.Token = None, json: options.Json = False) -> None:
    """Stop a submission that has not ended."""
    with options.client(url, token) as client:
        job = client.cancel(id)
    if json:
        console.json_out(job)
    else:
        console.say(f"{id} is {job.state.value}.")


@app.command("retry")
def retry(id: Id, url: options.Url = None, token: options.Token = None, json: options.Json = False) -> None:
    """Run a submission that has ended again, behind the students' (staff)."""
    with options.client(url, token) as client:
        job = client.retry(id)
    if json:
        console.json_out(job)
    else:
        console.say(f"{id} is run again, behind the students' jobs.")
