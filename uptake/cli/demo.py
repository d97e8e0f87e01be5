"""`uptake demo`: a simulated hospital's half year, lived through, and where its use cases stall."""

from __future__ import annotations

from pathlib import Path

import click

from uptake.cli.options import quiet_option


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--patients", type=click.IntRange(40), default=1000, show_default=True)
@click.option("--seed", type=int, default=7, show_default=True)
@click.option("--serve", "serves", is_flag=True, help="Then serve it, with a practice EHR.")
@click.option(
    "--port", type=click.IntRange(1, 65534), default=8000, show_default=True,
    help="Of the pages; the practice EHR takes the next one.",
)  # fmt: skip
@quiet_option
def demo(folder: Path, patients: int, seed: int, serves: bool, port: int, quiet: bool) -> None:
    """Write a demo project into DIR and run the loop: from charters to a verified fix."""
    from rich.console import Console

    from uptake.cli.progress import Bars
    from uptake.cli.status import show
    from uptake.demo.loop import run_loop
    from uptake.project import read_project
    from uptake.rollout.chain import chains
    from uptake.rollout.facts import project_situation

    with Bars(Console(stderr=True), quiet=quiet) as bars:
        run_loop(folder, patients, seed, bars, port)
    if not quiet:
        situation = project_situation(read_project(folder))
        try:
            show(chains(situation))
        finally:
            situation.close()
            situation.state.close()
    if serves:
        serve_demo(folder, port)


def serve_demo(folder: Path, port: int) -> None:
    """Serve a demo with the practice EHR beside it, until it is told to stop."""
    from uptake.cli.serve import serve_project
    from uptake.demo.practice.serving import practice_served
    from uptake.project import read_project

    with practice_served(folder, port) as address:
        click.echo(f"The practice EHR: {address}")
        serve_project(read_project(folder), "127.0.0.1", port, verbose=False)
