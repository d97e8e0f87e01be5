"""`uptake duplicates`: link patients; writes pairs, clusters, the review queue and a work list."""

from __future__ import annotations

import json
import os
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from uptake.cli.assess import named
from uptake.cli.options import (
    UsageError,
    json_option,
    known_memory,
    open_project,
    project_option,
    quiet_option,
)

if TYPE_CHECKING:
    from uptake.findings.duplicates import Search
    from uptake.identity.linkage import Linkage
    from uptake.project import Project

DEFAULT_OUT = "uptake-duplicates"


@click.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE ...]")
@project_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help=f"Where the results go; default: {DEFAULT_OUT}, in the project if there is one.",
)
@click.option("--feed", "feeds", multiple=True, metavar="NAME=PATH", help="Name a source.")
@click.option(
    "--against",
    type=click.Path(path_type=Path),
    help="Hold the records against an earlier search's folder, and not against each other.",
)
@click.option("--threads", type=click.IntRange(1), help="Processor cores to use; default: all.")
@click.option("--memory", default="2GB", show_default=True, help="Memory before spilling to disk.")
@json_option
@quiet_option
def duplicates(
    sources: tuple[str, ...],
    project_folder: Path | None,
    out: Path | None,
    feeds: tuple[str, ...],
    against: Path | None,
    threads: int | None,
    memory: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Link the patients of the sources, within a feed and across feeds. Nothing is merged.

    Writes pairs.parquet (auto, review, related, each with what speaks for and against it),
    clusters.parquet, summary.json, and a work list for whoever keeps the patient index
    (duplicates.csv, and duplicates.ndjson with FHIR Linkage and Task). All of them hold what
    identifies people: they are not meant to be shared. Exit codes: 0 fine; 2 wrong usage or nothing
    could be read; 3 finished, but some input was kept out.
    """
    from rich.console import Console

    from uptake.cli.progress import Bars
    from uptake.findings.duplicates import find_duplicates, find_known

    project = open_project(project_folder)
    search = _search(project, sources, feeds, threads, memory)
    place = out or (project.folder or Path()) / DEFAULT_OUT
    with Bars(Console(stderr=True), quiet=quiet or as_json) as bars:
        if against is not None:
            known, kept_out = find_known(search, against, place, bars)
            if as_json:
                click.echo(json.dumps(known))
            elif not quiet:
                _tell_known(known, place)
            _finish(kept_out, place, quiet=quiet or as_json)
        linkage, kept_out = find_duplicates(search, place, bars)
        _write_worklist(search, place)
    if as_json:
        click.echo((place / "summary.json").read_text("utf-8"))
    elif not quiet:
        _tell(linkage, place)
    _finish(kept_out, place, quiet=quiet or as_json)


def _finish(kept_out: int, place: Path, *, quiet: bool) -> NoReturn:
    """Leave with 3 where records were kept out: who stands in them was not looked for."""
    from uptake.findings.assess import QUARANTINE

    if kept_out and not quiet:
        click.echo(f"records kept out: {kept_out:,}; {place / QUARANTINE} says why", err=True)
    sys.exit(3 if kept_out else 0)


def _search(
    project: Project,
    sources: tuple[str, ...],
    feeds: tuple[str, ...],
    threads: int | None,
    memory: str,
) -> Search:
    """Return what is asked for; raises UsageError where there is nothing to read."""
    from uptake.feeds.files import find_feeds
    from uptake.findings.duplicates import Search
    from uptake.findings.inputs import read_inputs
    from uptake.project import as_of

    declared = () if sources or feeds else project.feeds
    if not (sources or feeds or declared):
        raise UsageError("nothing to read; give a folder: uptake duplicates FOLDER")
    inputs = read_inputs(project)
    return Search(
        feeds=find_feeds(sources, named(feeds), declared),
        as_of=as_of(project, datetime.now(UTC)),
        threads=threads or os.cpu_count() or 1,
        memory=known_memory(memory),
        knowledge=inputs.knowledge,
        decided=inputs.decided,
    )


def _write_worklist(search: Search, place: Path) -> None:
    from uptake.identity.exporting import write_worklist

    chart = [feed.name for feed in search.feeds if feed.role == "ehr"]
    write_worklist(place, search.decided, place, chart=chart)


def _tell(linkage: Linkage, place: Path) -> None:
    """Show what was found: numbers only, for a terminal's history is read by others."""
    found = linkage.outcomes
    click.echo(
        f"Of {linkage.records:,} patients, pairs linked: {found['auto']:,} (groups: "
        f"{linkage.clusters:,}); to review: {found['review']:,}; two people of one household: "
        f"{found['related']:,}"
    )
    if not linkage.sanity.passed:
        wrong = "; ".join(f.name for f in linkage.sanity.figures if not f.passed)
        click.echo(f"The sanity gate did not pass ({wrong}): nothing is linked by itself.")
    click.echo(f"Results: {place}")


def _tell_known(known: dict[str, int], place: Path) -> None:
    auto, review, related = (known.get(name, 0) for name in ("auto", "review", "related"))
    click.echo(
        f"Of a new and a known record, pairs linked: {auto:,}; to review: {review:,}; two people "
        f"of one household: {related:,}\nResults: {place}"
    )
