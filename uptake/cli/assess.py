"""`uptake assess`: load the sources, run every check, say what the data are fit for."""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import click

from uptake.cli.checks import read_catalogue
from uptake.cli.options import (
    UsageError,
    json_option,
    known_memory,
    open_project,
    project_option,
    quiet_option,
)
from uptake.report.formats import FILES

if TYPE_CHECKING:
    from uptake.findings.assess import Request
    from uptake.model import Assessment, Check
    from uptake.project import Project

FORMATS = ("html", *FILES)
LEVELS = ("blocker", "high", "medium", "low", "never")
_T = TypeVar("_T")


@click.command()
@click.argument("sources", nargs=-1, metavar="[SOURCE ...]")
@project_option
@click.option(
    "--out",
    type=click.Path(path_type=Path),
    help="Where the results go; default: the project's runs/, or uptake-out.",
)
@click.option("--feed", "feeds", multiple=True, metavar="NAME=PATH", help="Name a source.")
@click.option("--engine", type=click.Choice(["duckdb", "spark"]), default="duckdb")
@click.option("--threads", type=click.IntRange(1), help="Processor cores to use; default: all.")
@click.option("--memory", default="2GB", show_default=True, help="Memory before spilling to disk.")
@click.option("--checks", "check_codes", metavar="CODE,...", help="Only these checks.")
@click.option("--use-case", "case_codes", metavar="CODE,...", help="Only these use cases.")
@click.option("--as-of", metavar="INSTANT", help='What "now" means: a date or date-time.')
@click.option("--fail-on", type=click.Choice(LEVELS), default="blocker", show_default=True)
@click.option("--compare", metavar="RUN", help="Say what changed since this run: id or folder.")
@click.option("--format", "formats", default="html", help=f"More files: {', '.join(FORMATS[1:])}.")
@json_option
@quiet_option
def assess(
    sources: tuple[str, ...],
    project_folder: Path | None,
    out: Path | None,
    feeds: tuple[str, ...],
    engine: str,
    threads: int | None,
    memory: str,
    check_codes: str | None,
    case_codes: str | None,
    as_of: str | None,
    fail_on: str,
    compare: str | None,
    formats: str,
    as_json: bool,
    quiet: bool,
) -> None:
    """Load the sources, run every check, compute fitness.

    SOURCE is a file or a folder of FHIR R4 NDJSON (plain or gzip) or Bundles; without one, the
    feeds of the project are read. Exit codes: 0 fine; 1 a check failed; 2 wrong usage or nothing
    could be read; 3 finished, but some input was kept out or some check did not run.
    """
    if engine == "spark":
        raise UsageError("the engine spark is not part of this version; use duckdb")
    forms = tuple(name for name in map(str.strip, formats.split(",")) if name)
    if unknown := set(forms) - set(FORMATS):
        raise UsageError(
            f"this version writes no {', '.join(sorted(unknown))}; known: {', '.join(FORMATS)}"
        )
    project = open_project(project_folder)
    catalogue, use_cases = read_catalogue(project)
    from uptake.feeds.files import find_feeds
    from uptake.findings.assess import Request
    from uptake.findings.inputs import read_inputs
    from uptake.project import FILE

    declared = () if sources or feeds else project.feeds
    if not (sources or feeds or declared):
        folder = project.folder
        told = f"name its feeds in {folder / FILE}, or " if folder else ""
        raise UsageError(f"nothing to read; {told}give a folder: uptake assess FOLDER")
    now = datetime.now(UTC)
    inputs = read_inputs(project)
    request = Request(
        feeds=find_feeds(sources, named(feeds), declared),
        checks=_with_left_out(catalogue, _chosen(catalogue, check_codes, "check")),
        partial=check_codes is not None,
        use_cases=_chosen(use_cases, case_codes, "use case"),
        as_of=_as_of(as_of or project.as_of, now),
        run=f"{now:%Y-%m-%dT%H:%M:%SZ}-{secrets.token_hex(2)}",
        threads=threads or os.cpu_count() or 1,
        memory=known_memory(memory),
        form=forms,
        **inputs.named(),
        compare=_earlier_run(compare, project),
    )
    sys.exit(run(request, project, out, fail_on=fail_on, as_json=as_json, quiet=quiet))


def run(
    request: Request,
    project: Project,
    out: Path | None,
    *,
    fail_on: str,
    as_json: bool,
    quiet: bool,
) -> int:
    """Assess, write every file, show the result; returns the exit code."""
    from rich.console import Console

    from uptake.cli.progress import Bars
    from uptake.report.run import write_run
    from uptake.report.summary import summary

    with Bars(Console(stderr=True), quiet=quiet or as_json) as bars:
        done, place = write_run(request, project, out, bars)
    if as_json:
        import json

        click.echo(json.dumps(summary(done), indent=2, ensure_ascii=False))
    elif not quiet:
        from uptake.report.terminal import show

        show(done, Console(), out=place.final)
    if not any(f.resources for f in done.inputs):
        click.echo(
            f"uptake: no record could be read; {place.final / 'quarantine.parquet'} says why",
            err=True,
        )
    return exit_code(done, fail_on)


def exit_code(done: Assessment, fail_on: str) -> int:
    """Return the exit code of a finished run; 2 beats 3 beats 1."""
    from uptake.findings.checks import fails

    if not any(f.resources for f in done.inputs):
        return 2
    if any(f.quarantined for f in done.inputs) or any(r.reason == "error" for r in done.checks):
        return 3
    return 1 if any(fails(r, fail_on) for r in done.checks) else 0


def _earlier_run(named: str | None, project: Project) -> Path | None:
    """Return the folder of the run to compare with: a run's folder, or the begin of its id."""
    from uptake.runs import history

    if named is None:
        return None
    if (Path(named) / "summary.json").is_file():
        return Path(named)
    known = history(project)
    found = [folder for folder in known if folder.name.startswith(named.replace(":", ""))]
    if len(found) == 1:
        return found[0]
    told = ", ".join(f.name for f in (found or known[-3:]))
    what = f"{len(found)} runs begin so" if found else "there is no such run"
    raise UsageError(f"--compare {named}: {what}" + (f"; known: {told}" if told else ""))


def _as_of(text: str, now: datetime) -> datetime:
    """Return what "now" means."""
    from uptake.project import instant

    try:
        return instant(text, now)
    except ValueError as error:
        raise UsageError(f"--as-of {text}: no date or date-time; write 2026-11-23") from error


def _with_left_out(catalogue: Mapping[str, Check], chosen: Mapping[str, Check]) -> dict[str, Check]:
    """Return every check, those not chosen as not to be run: a summary lists them all."""
    from uptake.model import LEFT_OUT

    left_out = {"unavailable": LEFT_OUT}
    return {
        code: check if code in chosen else replace(check, options={**check.options, **left_out})
        for code, check in catalogue.items()
    }


def named(feeds: Sequence[str]) -> dict[str, str]:
    """Return the paths of sources by name, from `NAME=PATH`; raises UsageError."""
    found: dict[str, str] = {}
    for feed in feeds:
        name, sign, path = feed.partition("=")
        if not sign or not name or not path:
            raise UsageError(f"--feed {feed}: write NAME=PATH")
        if name in found:
            raise UsageError(f"two sources are named {name!r}: {found[name]} and {path}")
        found[name] = path
    return found


def _chosen(known: Mapping[str, _T], codes: str | None, what: str) -> dict[str, _T]:
    if codes is None:
        return dict(known)
    wanted = [c.strip() for c in codes.split(",") if c.strip()]
    if not wanted:
        raise UsageError(f"no {what} is named; write codes with commas between, or leave it out")
    if missing := [c for c in wanted if c not in known]:
        raise UsageError(f"there is no {what} {', '.join(missing)}; known: {', '.join(known)}")
    return {code: known[code] for code in known if code in wanted}
