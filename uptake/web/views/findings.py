"""Findings. In: the newest run; out: what fails and what it breaks, down to the record as sent."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING
from uuid import uuid4

from starlette.exceptions import HTTPException
from starlette.routing import Route

from uptake.engine.tokens import tables_of
from uptake.errors import SourceError
from uptake.findings.impact import use_cases_of
from uptake.findings.show import find
from uptake.model import CheckResult, Severity, Verdict
from uptake.report import sentences
from uptake.report.codes import coverage_lines
from uptake.report.figures import Figures
from uptake.runs import history
from uptake.terminology.statuses import CODES
from uptake.web import run as runs
from uptake.web import trends
from uptake.web.charts import lines
from uptake.web.people import person
from uptake.web.templating import page, site_of
from uptake.web.views.empty import no_run

if TYPE_CHECKING:
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

    from uptake.model import UseCase
    from uptake.web.charts import Drawing
    from uptake.web.site import Site

MOMENTS_NEEDED = 2
"""A single month or run shows no movement."""
_FINGERPRINT = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Line:
    """A check's line in the table."""

    result: CheckResult
    sentence: str
    breaks: tuple[UseCase, ...]
    width: float
    """Patients, in percent of the most of any check."""
    blocks: bool
    """The next repair of a use case that is not fit is of this check: few may be enough."""

    @property
    def matters(self) -> bool:
        """Return whether it fails, or is under its threshold and blocks a use case all the same."""
        return self.result.verdict == Verdict.FAIL or self.blocks


def index(request: Request) -> Response:
    """Show which checks fail, and what they break."""
    site = site_of(request)
    run = site.run()
    if run is None:
        return no_run(request)
    lines = site.of_run("lines", lambda: _lines(site, run))
    failing = [line for line in lines if line.matters]
    return page(
        request,
        "findings.html",
        failing=failing,
        rest=[line for line in lines if not line.matters],
        lead=_lead(failing, len(lines)),
        first=failing[0] if failing else None,
    )


def check(request: Request) -> Response:
    """Show one check: what it finds, why it matters, how to fix it, and its findings."""
    site, code = site_of(request), request.path_params["code"]
    run = site.run()
    if run is None:
        return no_run(request)
    lines = site.of_run("lines", lambda: _lines(site, run))
    line = next((known for known in lines if known.result.check.code == code), None)
    if line is None:
        raise HTTPException(404)
    asked = request.query_params
    feed, key, number = asked.get("feed", ""), asked.get("fix", ""), asked.get("page", "1")
    at = int(number) if number.isascii() and number.isdigit() and len(number) < 7 else 1
    by_feed, by_key = site.of_run(f"groups {code}", lambda: runs.groups(run, code))
    return page(
        request,
        "check.html",
        line=line,
        check=line.result.check,
        looked_up=_looked_up(site, run, line.result),
        by_feed=by_feed,
        by_key=by_key,
        most=max((g.patients for g in by_feed), default=0) or 1,
        found=site.of_run(
            f"listing {code} {feed} {key} {at}", lambda: runs.listing(run, code, feed, key, at)
        ),
        feed=feed,
        chosen=next((g for g in by_key if g.key == key), None),
        key=key,
        drawings=site.of_run(f"trends {code}", lambda: _trends(site, run, line.result)),
    )


def finding(request: Request) -> Response:
    """Show one finding with the record as it was sent."""
    site, fingerprint = site_of(request), request.path_params["fingerprint"]
    run = site.run()
    if run is None:
        return no_run(request)
    if not _FINGERPRINT.fullmatch(fingerprint):
        raise HTTPException(404)
    try:
        found = find(fingerprint, run, site.store())
    except SourceError as error:
        raise HTTPException(404) from error
    row = {name: "" if value is None else str(value) for name, value in found.row.items()}
    lines = site.of_run("lines", lambda: _lines(site, run))
    line = next((known for known in lines if known.result.check.code == row["check"]), None)
    if line is None:
        raise HTTPException(404)
    return page(
        request,
        "finding.html",
        row=row,
        place=found.place,
        raw=found.raw,
        repair=found.repair,
        line=line,
        check=line.result.check,
        about=f"{row['feed']}|{row['resource_type']}/{row['resource_id']}"
        if row["resource_id"]
        else "",
        report=str(uuid4()),
        who=person(request),
    )


def _lines(site: Site, run: Path) -> tuple[Line, ...]:
    """Return every check of a run: what fails first, the most severe and most patients first."""
    known, summary = site.definitions(), runs.read_summary(run)
    blocking = {
        fix.check
        for case in summary.use_cases
        if case.verdict in ("at risk", "unfit") and case.fix_plan
        for fix in case.fix_plan[0].fixes
    }
    results = [
        CheckResult(
            known.checks[row.code],
            Verdict(row.verdict),
            row.numerator,
            row.denominator,
            row.not_judged,
            row.patients,
            row.reason,
            row.detail,
        )
        for row in summary.checks
        if row.code in known.checks
    ]
    most = max((r.patients for r in results), default=0) or 1
    ranked = sorted(results, key=_rank)
    return tuple(
        Line(
            result,
            sentences.check_sentence(result, Figures()),
            tuple(
                known.use_cases[code]
                for code in use_cases_of(result.check, known.use_cases.values())
            ),
            round(100 * result.patients / most, 1),
            result.check.code in blocking,
        )
        for result in ranked
    )


def _looked_up(site: Site, run: Path, result: CheckResult) -> list[str]:
    """Return how far codes could be looked up, for a check that rests on it."""
    if not tables_of(result.check.query) & CODES:
        return []
    return coverage_lines(site.of_run("summary", lambda: runs.read_summary(run)).terminology)


def _trends(site: Site, run: Path, result: CheckResult) -> tuple[Drawing, ...]:
    """Return how a check's share moves by month of the data, and from run to run."""
    found = []
    for groups, title, layout in (
        (trends.by_month(run, result.check.code), "by month of the data", "%Y-%m"),
        (trends.by_run(history(site.project), result.check.code), "from run to run", "%Y-%m-%d"),
    ):
        if any(len(dots) >= MOMENTS_NEEDED for dots in groups.values()):
            found.append(
                lines(
                    groups,
                    title=f"Share found {title}",
                    bound=result.check.threshold,
                    sentence=f"{result.check.code}: share found, {title}, by feed.",
                    layout=layout,
                )
            )
    return tuple(found)


def _rank(result: CheckResult) -> tuple[bool, int, int, str]:
    failed = result.verdict == Verdict.FAIL
    return not failed, result.check.severity.rank, -result.patients, result.check.code


def _lead(failing: list[Line], whole: int) -> str:
    """Return the answer of the page."""
    if not failing:
        return f"No check is over its threshold: {whole} were asked."
    over = [line for line in failing if line.result.verdict == Verdict.FAIL]
    blockers = sum(line.result.check.severity == Severity.BLOCKER for line in over)
    told = f"{len(over)} of {whole} checks {'fails' if len(over) == 1 else 'fail'}"
    if blockers:
        told += f", {blockers} of them {'a blocker' if blockers == 1 else 'blockers'}"
    if few := len(failing) - len(over):
        verbs = ("is", "blocks") if few == 1 else ("are", "block")
        told += f", {few} more {verbs[0]} within the limit and {verbs[1]} a use case"
    defects = [line for line in failing if line.result.check.effect == "defect"]
    hit = {case.title for line in defects for case in line.breaks}
    cases = f"{len(hit)} use case" if len(hit) == 1 else f"{len(hit)} use cases"
    return f"{told}; they break {cases}." if hit else f"{told}."


routes = [
    Route("/findings", index),
    Route("/findings/{code}", check),
    Route("/finding/{fingerprint}", finding),
]
