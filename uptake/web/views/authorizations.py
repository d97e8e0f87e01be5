"""Prior authorizations. In: the newest run; out: the work list by clock, and figures by payer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec
from starlette.routing import Route

from uptake.authorization.figures import Figure
from uptake.authorization.tracker import CLOCKS
from uptake.findings.authorizations import FIGURES, LIST
from uptake.identity.decisions import Record
from uptake.web.patients import UNKNOWN, called
from uptake.web.templating import page, site_of
from uptake.web.views.empty import no_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

    from uptake.web.site import Site

OPEN = ("needed", "asked", "pended", "cannot tell", "error")
"""Where somebody still has something to do, or to wait for."""
SHOWN = 200
"""Rows of the work list on the page; the file has all."""


@dataclass(frozen=True, slots=True)
class Line:
    """One authorization of the work list."""

    row: Mapping[str, Any]
    since: date | None
    """Since when it waits: the request, else the signature."""

    @property
    def patient(self) -> Record:
        """Return the record of whom it is for."""
        return Record(self.row["feed"], self.row["patient_id"])

    @property
    def clocks(self) -> list[tuple[str, str, str]]:
        """Return name, moment to the minute and source of the known clocks, in their order."""
        return [
            (words, _minute(self.row[name]) or self.row[f"{name}_day"], self.row[f"{name}_source"])
            for name, words in CLOCKS.items()
            if self.row[f"{name}_day"]
        ]


def index(request: Request) -> Response:
    """Show who waits for a payer, the longest first, and the figures of each line."""
    site = site_of(request)
    run = site.run()
    if run is None:
        return no_run(request)
    found = site.of_run("authorizations", lambda: read_list(run))
    waiting = [line for line in found if line.row["status"] in OPEN]
    wrong = [line for line in found if line.row["mismatches"]]
    shown = {line.patient for line in (*waiting[:SHOWN], *wrong[:SHOWN])}
    return page(
        request,
        "authorizations.html",
        here="/",
        lead=_lead(site, found, waiting, wrong),
        waiting=waiting[:SHOWN],
        left=max(0, len(waiting) - SHOWN),
        wrong=wrong[:SHOWN],
        called=called(site, "authorized patients", shown),
        unknown=UNKNOWN,
        figures_of=site.of_run("authorization figures", lambda: read_figures(run)),
        today=site.now().date(),
        say=say,
    )


def read_list(run: Path) -> tuple[Line, ...]:
    """Return the work list of a run, what waits longest first."""
    rows = (msgspec.json.decode(line) for line in _lines(run / LIST))
    lines = [Line(row, _since(row)) for row in rows]
    return tuple(sorted(lines, key=_place))


def read_figures(run: Path) -> Mapping[str, list[Figure]]:
    """Return the figures of a run by payer's line."""
    found: dict[str, list[Figure]] = {}
    for line in _lines(run / FIGURES):
        figure = msgspec.json.decode(line, type=Figure)
        found.setdefault(figure.line, []).append(figure)
    return found


def say(figure: Figure) -> str:
    """Return a figure in words: `50 %`, `3.5 days`, `6 hours`, or why there is none."""
    if figure.value is None:
        return figure.why
    if figure.unit == "share":
        return f"{100 * figure.value:.0f} % of {figure.of}"
    many = f"{figure.value / 24:.1f} days" if figure.value >= 48 else f"{figure.value:.1f} hours"
    return f"{many}, {figure.of} requests"


def _lines(path: Path) -> Iterable[bytes]:
    return path.read_bytes().splitlines() if path.is_file() else ()


def _minute(text: str | None) -> str:
    """Return a FHIR instant as it was sent, to the minute."""
    return (text or "")[:16].replace("T", " ")


def _place(one: Line) -> tuple[date, str, str]:
    return (one.since or date.max, one.row["feed"], one.row["order"])


def _since(row: Mapping[str, Any]) -> date | None:
    text = row["T3_day"] or row["T0_day"]
    return date.fromisoformat(text) if text else None


def _lead(site: Site, found: Sequence[Line], waiting: Sequence[Line], wrong: Sequence[Line]) -> str:
    """Return the answer of the page."""
    if not found:
        return "The newest run knows of no order that a payer was asked about."
    late = sum(line.row["in_time"] is False for line in waiting)
    told = f"{len(waiting):,} of {len(found):,} authorizations are open"
    if late:
        told += f"; the payer's time is over for {late:,} of them"
    days = [(site.now().date() - line.since).days for line in waiting if line.since]
    if days:
        told += f"; the oldest waits for {max(days):,} days"
    return f"{told}. {_differing(len(wrong))}"


def _differing(count: int) -> str:
    if not count:
        return "None differs from its order."
    return f"{count:,} {'differs from its' if count == 1 else 'differ from their'} order."


routes = [Route("/authorizations", index)]
