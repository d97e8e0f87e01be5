"""`uptake demo`: a project of simulated feeds with known defects, and a run over it."""

from __future__ import annotations

import secrets
import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from uptake.cli.assess import instant, run
from uptake.cli.checks import read_catalogue
from uptake.cli.options import quiet_option


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--patients", type=click.IntRange(1), default=500, show_default=True)
@click.option("--seed", type=int, default=7, show_default=True)
@quiet_option
def demo(folder: Path, patients: int, seed: int, quiet: bool) -> None:
    """Write a demo project into DIR and run the loop on it."""
    from uptake.demo.hospital import write_sample
    from uptake.findings.assess import Request
    from uptake.project import read_project

    folder.mkdir(parents=True, exist_ok=True)
    truth = write_sample(folder, patients=patients, seed=seed)
    truth.write(folder / "truth.ndjson")
    project = read_project(folder)
    checks, use_cases = read_catalogue(project)
    now = datetime.now(UTC)
    request = Request(
        feeds=project.feeds,
        checks=checks,
        use_cases=use_cases,
        as_of=instant(project.as_of, now),
        run=f"{now:%Y-%m-%dT%H:%M:%SZ}-{secrets.token_hex(2)}",
    )
    code = run(request, project, None, fail_on="never", as_json=False, quiet=quiet)
    sys.exit(0 if code in (0, 1, 3) else code)  # the sample holds broken lines on purpose
