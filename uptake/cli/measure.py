"""`uptake measure`: the measures of the newest run by week, as words or as FHIR MeasureReports."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING

import click

from uptake.cli.options import UsageError, json_option, open_project, project_option

if TYPE_CHECKING:
    from collections.abc import Iterable

    from uptake.adoption.series import Series
    from uptake.rollout.situation import Situation

FILE = "measure-reports.ndjson"


@click.command()
@click.argument("codes", nargs=-1, metavar="[CODE ...]")
@project_option
@click.option("--out", type=click.Path(path_type=Path), help=f"The folder to write {FILE} to.")
@json_option
def measure(
    codes: tuple[str, ...], project_folder: Path | None, out: Path | None, as_json: bool
) -> None:
    """Show the measures CODE, or all, of the newest run: now, before go-live, target.

    With --out they are written as FHIR MeasureReports, one a week.
    """
    from uptake.adoption.measure_reports import measure_reports
    from uptake.disk import write_whole
    from uptake.rollout.facts import project_situation

    situation = project_situation(open_project(project_folder))
    try:
        found = _series(situation, codes)
    finally:
        situation.close()
        situation.state.close()
    reports = [r for s in found for r in measure_reports(s, situation.now)]
    if out is not None:
        out.mkdir(parents=True, exist_ok=True)
        lines = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in reports)
        write_whole(out / FILE, lines.encode())
    if as_json:
        click.echo(json.dumps(reports, indent=2, ensure_ascii=False))
    else:
        _show(found)


def _series(situation: Situation, codes: Iterable[str]) -> list[Series]:
    from uptake.errors import SourceError
    from uptake.rollout.chain import measured

    known = situation.definitions.measures
    if missing := [c for c in codes if c not in known]:
        raise UsageError(f"there is no measure {', '.join(missing)}; known: {', '.join(known)}")
    if situation.reach is None:
        raise SourceError("no run has worked out measures; run `uptake assess`")
    found = []
    for case in situation.definitions.use_cases.values():
        both = measured(situation, case)
        found += [s for s in (both.outcome, *both.guardrails, *both.workflow) if s]
    return [s for s in found if not codes or s.measure.code in codes]


def _show(found: Iterable[Series]) -> None:
    from uptake.adoption.series import say

    for one in found:
        told = [f"{len(one.weeks)} weeks"]
        if one.now is not None:
            told.append(f"now {say(one.now, one.measure)}")
        if one.baseline is not None:
            told.append(f"before go-live {say(one.baseline, one.measure)}")
        if one.target is not None:
            told.append(f"target {say(one.target, one.measure)}")
        if not one.weeks and one.undecided:
            told = [f"cannot tell: {one.undecided:,} cannot be judged"]
        click.echo(f"{one.measure.code}: {one.measure.title}: {', '.join(told)}")
