"""`uptake terminology add` and what `list` shows of releases: which code systems are at hand."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from uptake.cli.options import UsageError, json_option, open_project, printable, project_option

if TYPE_CHECKING:
    from uptake.project import Project
    from uptake.terminology.releases import Release


@click.command("add")
@click.argument("file", type=click.Path(path_type=Path))
@project_option
@json_option
@click.option("--quiet", is_flag=True, help="Print nothing while it works.")
def add_release(file: Path, project_folder: Path | None, as_json: bool, quiet: bool) -> None:
    """Install a code system from its publisher's file: LOINC, SNOMED CT, RxNorm, CVX, ICD-10-CM,
    or a FHIR package.

    What FILE is, is told by its content. The next `uptake assess` asks it.
    """
    from rich.console import Console

    from uptake.cli.progress import Bars
    from uptake.terminology.adding.add import add_file
    from uptake.terminology.releases import folder_of, in_use

    project = open_project(project_folder)
    folder = folder_of(project)
    if folder is None:
        raise UsageError("releases are kept in a project; `uptake init DIR` writes one")
    if not file.is_file():
        what = "a folder; name the file in it" if file.is_dir() else "no such file"
        raise UsageError(f"{file}: {what}")
    with Bars(Console(stderr=True), quiet=quiet or as_json) as bars:
        release = add_file(file, folder, datetime.now(UTC), bars.begin, bars.advance)
    if as_json:
        click.echo(json.dumps(row(release, answers=True), indent=2, ensure_ascii=False))
        return
    click.echo(printable(f"{release.name} {release.version}: {release.codes:,} codes added"))
    newest = next(r for r in in_use(folder) if r.name == release.name)
    if newest.version != release.version:
        click.echo(printable(f"A newer one is here and answers: {newest.version}"))
    else:
        click.echo("The next `uptake assess` asks it.")


def releases(project: Project) -> tuple[tuple[Release, ...], tuple[Release, ...]]:
    """Return what was added to a project, and what ships."""
    from uptake.terminology.picked import picked
    from uptake.terminology.releases import added, folder_of, shipped

    return added(folder_of(project)), (*shipped(), *picked().values())


def release_rows(project: Project) -> list[dict[str, Any]]:
    """Return every release at hand as `--json` prints it, what was added first."""
    answering = _answering(project)
    return [
        row(r, answers=answering.get(r.name, r.version) == r.version)
        for listed in releases(project)
        for r in listed
    ]


def _answering(project: Project) -> dict[str, str]:
    """Return the version of each release that is asked."""
    from uptake.terminology.releases import folder_of, in_use

    return {r.name: r.version for r in in_use(folder_of(project))}


def row(release: Release, *, answers: bool) -> dict[str, Any]:
    """Return a release as `--json` prints it; `answers`: it is asked, not a newer one."""
    return {**release.said, "added": release.added or None, "answers": answers}


def show_releases(project: Project) -> None:
    """Print what was added and what ships, a line a release."""
    own, ours = releases(project)
    answering = _answering(project)
    for title, listed in (("Added:", own), ("Shipped:", ours)):
        if listed:
            click.echo(title)
        for r in listed:
            part = "" if r.complete or r.folder.parent.name == "packages" else "a part, "
            added = f", added {r.added[:10]}" if r.added else ""
            asked = answering.get(r.name, r.version) == r.version
            older = "" if asked else " (a newer one answers)"
            said = (
                f"{r.name} {r.version}".strip()
                + f": {part}{r.codes:,} codes, from {r.source}{added}{older}"
            )
            click.echo(printable(f"  {said}"))
    if not own:
        click.echo("Nothing was added; `uptake terminology add FILE` installs a release.")
