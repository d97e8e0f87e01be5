"""`uptake export`: the catalogue, and what a run found, in the forms that others read."""

from __future__ import annotations

import json
from pathlib import Path

import click

from uptake.cli.options import json_option, open_project, project_option, quiet_option


@click.group()
def export() -> None:
    """The checks and views, and conflicts with the chart, in the forms that others read."""


@export.command("sql-on-fhir")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
@project_option
@quiet_option
@json_option
def sql_on_fhir(folder: Path, project_folder: Path | None, quiet: bool, as_json: bool) -> None:
    """Write checks and views into DIR as SQL on FHIR artefacts.

    A check is an SQLQuery Library, a table it reads an SQLView, and what these read of a resource a
    ViewDefinition. Checks that need more than SQL are named, and stay here.
    """
    from uptake.cli.checks import read_catalogue
    from uptake.definitions.reference import read_reference_tables
    from uptake.findings.sql_on_fhir import export as export_checks

    project = open_project(project_folder)
    checks, _ = read_catalogue(project)
    made = export_checks(checks, read_reference_tables(project.content("reference")), folder)
    counts = {kind: made.count(kind) for kind in ("check", "table", "view")}
    if as_json:
        click.echo(json.dumps({**counts, "left_out": made.left_out}, indent=2))
    elif not quiet:
        told = ", ".join(f"{n} {kind}s" for kind, n in counts.items())
        click.echo(f"{told} in {folder}.")
        for code, reason in made.left_out.items():
            click.echo(f"{code} is not among them: {reason}")


@export.command("conflicts")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
@project_option
@quiet_option
@json_option
def conflicts(folder: Path, project_folder: Path | None, quiet: bool, as_json: bool) -> None:
    """Write conflicts of the newest run into DIR as FHIR: DetectedIssue and Provenance.

    Those of patients whose identity is in doubt are left out, and counted.
    """
    from uptake.report.formats.conflicts import write_conflicts
    from uptake.runs import run_folder

    run, _ = run_folder(open_project(project_folder), None)
    counts = write_conflicts(run, folder)
    if as_json:
        click.echo(json.dumps(counts, indent=2))
    elif not quiet:
        click.echo(f"{counts['written']} conflicts in {folder}; {counts['withheld']} withheld.")
