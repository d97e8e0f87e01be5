"""`uptake findings show`: one finding, with its check and the raw resource."""

from __future__ import annotations

import json
from pathlib import Path

import click

from uptake.cli.options import json_option, open_project, printable, project_option


@click.group()
def findings() -> None:
    """The findings of a run."""


@findings.command()
@click.argument("fingerprint")
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="The folder that `uptake assess --out` wrote; default: the project's last run.",
)
@project_option
@json_option
def show(fingerprint: str, out: Path | None, project_folder: Path | None, as_json: bool) -> None:
    """Show a finding with its check and the raw resource; a unique beginning will do."""
    from uptake.cli.checks import read_catalogue
    from uptake.findings.show import find
    from uptake.runs import run_folder

    project = open_project(project_folder)
    folder, store = run_folder(project, out)
    found = find(fingerprint, folder, store)
    if as_json:
        patch = json.loads(found.repair.json_patch) if found.repair else None
        said = found.row | {"raw": found.raw, "json_patch": patch}
        click.echo(json.dumps(said, indent=2, default=str))
        return
    check = read_catalogue(project)[0].get(found.row["check"])
    for name, value in found.row.items():
        if value is not None and name != "repair":
            click.echo(f"{name + ':':<15} {printable(str(value))}")
    if check:
        click.echo(f"\n{check.title}\n\n{check.finds}\n\n{check.matters}\n\n{check.fix}")
    if found.repair:
        click.echo(f"\nWhat would repair it, at {found.repair.place or 'the record'}:")
        click.echo(printable("\n".join(found.repair.lines())))
    elif found.no_repair:
        click.echo(f"\nIts repair cannot be shown: {found.no_repair}")
    click.echo(f"\n{found.place}:")
    click.echo(printable(found.raw))
