"""`uptake gaps`: care-gap rules, the list before the visits, exports, official measures."""

from __future__ import annotations

import json
import sys
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING

import click

from uptake.cli.options import (
    UsageError,
    json_option,
    open_project,
    printable,
    project_option,
    quiet_option,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from uptake.care_gaps.engines import Evaluated, MeasureEngine
    from uptake.care_gaps.rules import GapRule
    from uptake.project import Project

MEASURED = "measure-results.ndjson"


def known_rules(project: Project) -> dict[str, GapRule]:
    """Return the rules of a project; only its own SQL needs verifying."""
    from uptake.care_gaps.rules import FOLDER, read_rules

    return read_rules(project.content(FOLDER), verify=project.own_content(FOLDER))


@click.group()
def gaps() -> None:
    """Care gaps: the rules, who comes tomorrow, what payers are sent, official measures."""


@gaps.command("list")
@project_option
@json_option
def list_rules(project_folder: Path | None, as_json: bool) -> None:
    """List every care-gap rule with its source."""
    rules = known_rules(open_project(project_folder)).values()
    if as_json:
        rows = [
            {
                "code": r.code,
                "title": r.title,
                "measure": r.measure,
                "source": {
                    "by": r.source.by,
                    "title": r.source.title,
                    "year": r.source.year,
                    "url": r.source.url,
                },
            }
            for r in rules
        ]
        click.echo(json.dumps(rows, indent=2, ensure_ascii=False))
        return
    for r in rules:
        click.echo(f"{r.code}: {r.title} ({r.source.by}, {r.source.year}; {r.source.url})")


@gaps.command()
@click.argument("path", type=click.Path(path_type=Path, exists=True), required=False)
@project_option
def test(path: Path | None, project_folder: Path | None) -> None:
    """Run the examples of all rules, or of the file or folder PATH; exit 1 if one is wrong."""
    from uptake.care_gaps.rules import read_rule, read_rules
    from uptake.cli.checks import read_catalogue
    from uptake.findings.gap_examples import run_gap_examples

    project = open_project(project_folder)
    if path is None:
        found = list(known_rules(project).values())
    elif path.is_dir():
        found = list(read_rules([path]).values())
    else:
        found = [read_rule(path)]
    checks, _ = read_catalogue(project)
    faults = []
    for rule in found:
        wrong = run_gap_examples(rule, checks)
        click.echo(f"{rule.code}: {len(rule.examples)} examples, {len(wrong)} wrong")
        faults += wrong
    for fault in faults:
        click.echo(f"uptake: {printable(fault)}", err=True)
    sys.exit(1 if faults else 0)


@gaps.command()
@click.argument("day", required=False, metavar="[DAY]")
@click.option("--out", type=click.Path(path_type=Path), help="A CSV file to write instead.")
@project_option
def visits(day: str | None, out: Path | None, project_folder: Path | None) -> None:
    """Show who comes on DAY, and their gaps, as CSV; default: the day after now."""
    from uptake.care_gaps.lists import as_csv, visits_on
    from uptake.disk import write_whole
    from uptake.errors import SourceError
    from uptake.runs import run_folder

    project = open_project(project_folder)
    run, _ = run_folder(project, None)
    found = visits_on(run, _day(day, project))
    if found is None:
        raise SourceError("no run has worked out care gaps; run `uptake assess`")
    text = as_csv(found)
    if out is None:
        click.echo(printable(text.replace("\r", "")), nl=False)
    else:
        write_whole(out, text.encode())


def _day(text: str | None, project: Project) -> date:
    from uptake.project import now

    if text is None:
        return now(project, datetime.now(UTC)).date() + timedelta(days=1)
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"DAY {text}: no date; write 2026-11-23") from error


@gaps.command()
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False), metavar="DIR")
@project_option
@click.option("--reporter", default="Uptake", show_default=True, help="Who reports.")
@quiet_option
def export(folder: Path, project_folder: Path | None, reporter: str, quiet: bool) -> None:
    """Write a DEQM gaps-in-care Bundle a patient into DIR.

    Patients whose identity is in doubt are left out, and counted.
    """
    from uptake.care_gaps.deqm import Document, gaps_bundle
    from uptake.care_gaps.lists import everybody, patient_key
    from uptake.care_gaps.records import records
    from uptake.disk import write_whole
    from uptake.project import now
    from uptake.runs import run_folder

    project = open_project(project_folder)
    run, store = run_folder(project, None)
    rules = known_rules(project)
    base = str(project.settings.get("web", {}).get("base_url", "http://127.0.0.1:8000"))
    document = Document(f"{base.rstrip('/')}/fhir", now(project, datetime.now(UTC)), reporter)
    people = list(everybody(run))
    keys = {(feed, "Patient", patient) for feed, patient, _ in people}
    keys |= {
        (row["evidence_feed"], row["evidence_type"], row["evidence_id"])
        for *_, rows in people
        for row in rows
        if row["evidence_id"]
    }
    found = records(store, keys)
    folder.mkdir(parents=True, exist_ok=True)
    counts: Counter[str] = Counter()
    for feed, patient, rows in people:
        sent = found.get((feed, "Patient", patient))
        bundle = gaps_bundle(rows, rules, sent, found, document) if sent else None
        if bundle is not None:
            text = json.dumps(bundle, indent=2, ensure_ascii=False)
            write_whole(folder / f"{patient_key(feed, patient)}.json", text.encode())
        counts["written" if bundle else "withheld"] += 1
    if not quiet:
        click.echo(f"{counts['written']} Bundles in {folder}; {counts['withheld']} withheld.")


@gaps.command()
@click.argument("package", type=click.Path(path_type=Path, dir_okay=False, exists=True))
@click.option(
    "--modules",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    help="Where fqm-execution is installed; default: the project's folder.",
)
@click.option("--period", nargs=2, metavar="START END", help="Instead of the measure's own.")
@click.option("--seconds", type=click.FloatRange(min=0.1), default=30.0, show_default=True,
              help="The longest a patient may take.")  # fmt: skip
@click.option("--out", type=click.Path(path_type=Path), help=f"The folder to write {MEASURED} to.")
@click.option("--needs", is_flag=True, help="Show what the measure reads, and run nothing.")
@project_option
@json_option
def measure(
    package: Path,
    modules: Path | None,
    period: tuple[str, str] | None,
    seconds: float,
    out: Path | None,
    needs: bool,
    project_folder: Path | None,
    as_json: bool,
) -> None:
    """Run the official measure of PACKAGE on every patient of the EHR's feeds.

    PACKAGE is a Bundle of one Measure with its Libraries (ELM) and ValueSets. It is run by the npm
    package fqm-execution. A patient on whom it fails is not evaluated: exit code 3.
    """
    from uptake.care_gaps.fqm import FqmEngine

    project = open_project(project_folder)
    where = modules or project.folder or Path()
    engine = FqmEngine(package, where.resolve(), period=period, seconds=seconds)
    try:
        if needs:
            _show_needs(engine, as_json=as_json)
            return
        found = _evaluate(engine, project)
    finally:
        engine.close()
    if out is not None:
        _write_results(found, out)
    told = _counts(found)
    if as_json:
        click.echo(json.dumps(told, indent=2))
    else:
        for name, count in told.items():
            click.echo(f"{name}: {count}")
    sys.exit(3 if told["not evaluated"] else 0)


def _show_needs(engine: MeasureEngine, *, as_json: bool) -> None:
    found = engine.needs()
    if as_json:
        rows = [
            {"type": n.type, "elements": list(n.elements), "value_sets": list(n.value_sets)}
            for n in found
        ]
        click.echo(json.dumps(rows, indent=2))
        return
    for one in found:
        sets = f" of {', '.join(one.value_sets)}" if one.value_sets else ""
        elements = f": {', '.join(one.elements)}" if one.elements else ""
        click.echo(f"{one.type}{sets}{elements}")


def _evaluate(engine: MeasureEngine, project: Project) -> list[tuple[str, Evaluated]]:
    """Return what the engine says of each patient of the chart, with the patient's feed."""
    from uptake.care_gaps.records import patients_of
    from uptake.runs import run_folder

    _, store = run_folder(project, None)
    roles = {feed.name: feed.role for feed in project.feeds}
    chart = "ehr" if "ehr" in roles.values() else ""
    feeds = [name for name, role in roles.items() if role == chart]
    found: list[tuple[str, Evaluated]] = []
    for feed, own in groupby(patients_of(store, feeds), key=lambda one: one[0]):
        told = engine.evaluate((patient, sent) for _, patient, sent in own)
        found += [(feed, one) for one in told]
    return found


def _write_results(found: list[tuple[str, Evaluated]], out: Path) -> None:
    from uptake.disk import write_whole

    out.mkdir(parents=True, exist_ok=True)
    lines = (
        json.dumps({"feed": feed, "patient": o.patient, "groups": o.groups, "fault": o.fault})
        for feed, o in found
    )
    write_whole(out / MEASURED, "".join(f"{line}\n" for line in lines).encode())


def _counts(found: list[tuple[str, Evaluated]]) -> Mapping[str, int]:
    """Return how many patients are in each population, and how many were not evaluated."""
    counts: Counter[str] = Counter()
    for _, one in found:
        for group, populations in one.groups.items():
            for population, member in populations.items():
                counts[f"{group}, {population}"] += member
    untold = sum(bool(one.fault) for _, one in found)
    return {"patients": len(found), **counts, "not evaluated": untold}
