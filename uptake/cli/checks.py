"""`uptake checks`: the catalogue, one check, and the examples that are its tests."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import click

from uptake.cli.options import UsageError, json_option, open_project, project_option

if TYPE_CHECKING:
    from collections.abc import Mapping

    from uptake.model import Check, UseCase
    from uptake.project import Project


def read_catalogue(project: Project) -> tuple[dict[str, Check], dict[str, UseCase]]:
    """Return the checks and use cases of a project; only its own SQL needs verifying."""
    from uptake.definitions import read_checks, read_use_cases

    folders = project.content("checks"), project.content("use_cases")
    return (
        read_checks(folders[0], verify=project.own_content("checks")),
        read_use_cases(folders[1], verify=project.own_content("use_cases")),
    )


@click.group()
def checks() -> None:
    """The checks: list them, read one, run their examples."""


@checks.command("list")
@project_option
@json_option
def list_checks(project_folder: Path | None, as_json: bool) -> None:
    """List every check of the catalogue."""
    from uptake.findings.impact import use_cases_of

    catalogue, use_cases = read_catalogue(open_project(project_folder))
    rows = [
        {
            "code": c.code,
            "title": c.title,
            "category": c.category,
            "dimension": c.dimension,
            "severity": c.severity.value,
            "effect": c.effect,
            "unit": c.unit,
            "use_cases": use_cases_of(c, use_cases.values()),
            "status": "unavailable" if c.options.get("unavailable") else "available",
        }
        for c in catalogue.values()
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    click.echo("code     category     severity status       this feed has  [use cases it breaks]")
    for row in rows:
        named = ", ".join(str(code) for code in row["use_cases"]) or "-"
        told = f"{row['code']:<8} {row['category']:<12} {row['severity']:<8} {row['status']:<12}"
        click.echo(f"{told} {row['title']}  [{named}]")


@checks.command()
@click.argument("code")
@project_option
@json_option
def show(code: str, project_folder: Path | None, as_json: bool) -> None:
    """Show the definition of the check CODE."""
    check = _known(code, read_catalogue(open_project(project_folder))[0])
    if as_json:
        fields = ("code", "title", "category", "dimension", "effect", "unit", "threshold", "query")
        found = {name: getattr(check, name) for name in fields}
        found |= {"severity": check.severity.value, "elements": list(check.elements)}
        found |= {"finds": check.finds, "matters": check.matters, "fix": check.fix}
        click.echo(json.dumps(found, indent=2, ensure_ascii=False))
        return
    click.echo(check.path.read_text("utf-8"), nl=False)


@checks.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True), required=False)
@project_option
def test(path: Path | None, project_folder: Path | None) -> None:
    """Run the examples of all checks, or of the file or folder PATH; exit 1 if one is wrong."""
    from uptake.definitions import read_check, read_checks
    from uptake.findings.examples import run_examples

    if path is None:
        found = list(read_catalogue(open_project(project_folder))[0].values())
    elif path.is_dir():
        found = list(read_checks([path]).values())
    else:
        found = [read_check(path)]
    faults = []
    for check in found:
        wrong = run_examples(check)
        click.echo(f"{check.code}: {len(check.examples)} examples, {len(wrong)} wrong")
        faults += wrong
    for fault in faults:
        click.echo(f"uptake: {fault}", err=True)
    sys.exit(1 if faults else 0)


def _known(code: str, catalogue: Mapping[str, Check]) -> Check:
    if code not in catalogue:
        raise UsageError(f"there is no check {code}; `uptake checks list` names them")
    return catalogue[code]
