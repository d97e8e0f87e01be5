"""`uptake demo`: a simulated hospital's half year, lived through, and where its use cases stall."""

from __future__ import annotations

from pathlib import Path

import click

from uptake.cli.options import quiet_option


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--patients", type=click.IntRange(40), default=1000, show_default=True)
@click.option("--seed", type=int, default=7, show_default=True)
@quiet_option
def demo(folder: Path, patients: int, seed: int, quiet: bool) -> None:
    """Write a demo project into DIR and run the loop: from charters to a verified fix."""
    from rich.console import Console

    from uptake.cli.progress import Bars
    from uptake.cli.status import show
    from uptake.demo.loop import run_loop
    from uptake.project import read_project
    from uptake.rollout.chain import chains
    from uptake.rollout.facts import project_situation

    with Bars(Console(stderr=True), quiet=quiet) as bars:
        run_loop(folder, patients, seed, bars)
    if quiet:
        return
    situation = project_situation(read_project(folder))
    try:
        show(chains(situation))
    finally:
        situation.close()
        situation.state.close()
