"""`bighost images`: the images that pods are started from."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from bighost.cli import console, options
from bighost.job.units import show_size

DEFAULT = "streaming"
app = typer.Typer(help="Build and list the images of pods.", no_args_is_help=True)


@app.command("build")
def build(
    names: Annotated[list[str] | None, typer.Argument(help=f"Which; {DEFAULT} by default.")] = None,
    everything: Annotated[
        bool, typer.Option("--all", help="All; those with Hadoop and Kafka need Maven and a JDK here.")
    ] = False,
    ca_bundle: Annotated[
        Path | None,
        typer.Option(
            "--ca-bundle",
            envvar="BIGHOST_CA_BUNDLE",
            exists=True,
            dir_okay=False,
            help="Certificates that the build is to trust, behind a company's proxy.",
        ),
    ] = None,
) -> None:
    """Build images where they are missing or stale."""
    from bighost.node import images

    wanted = images.names() if everything else names or [DEFAULT]
    for reference in images.build(wanted, ca_bundle=ca_bundle, on_line=console.say):
        console.out(reference)


@app.command("list")
def list_images(json: options.Json = False) -> None:
    """List the images and whether they are fresh."""
    from dataclasses import asdict

    from bighost.node import images

    found = images.listing()
    if json:
        console.json_out([asdict(image) for image in found])
        return
    rows = [
        (
            image.name,
            image.reference,
            "fresh" if image.fresh else "stale" if image.built else "not built",
            show_size(image.size) if image.size else "-",
        )
        for image in found
    ]
    console.table("", ("name", "reference", "state", "size"), rows)
