"""What was received. In: the newest run; out: feeds, files, and what was kept out and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.exceptions import HTTPException
from starlette.routing import Route

from uptake.report.figures import Figures
from uptake.runs import history
from uptake.web import run as runs
from uptake.web import scorecards
from uptake.web.charts import lines
from uptake.web.templating import page, site_of
from uptake.web.views.empty import no_run

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

    from uptake.web.charts import Dot
    from uptake.web.site import Site

SAME = 0.005
"""Shares that differ by less are said to be the same."""


@dataclass(frozen=True, slots=True)
class FeedLine:
    """What one feed sent."""

    name: str
    role: str
    files: tuple[runs.Input, ...]
    types: tuple[tuple[str, int], ...]
    records: int
    resources: int
    quarantined: int


def index(request: Request) -> Response:
    """Show what was received, and what was kept out."""
    site = site_of(request)
    run = site.run()
    if run is None:
        return no_run(request)
    summary = site.of_run("summary", lambda: runs.read_summary(run))
    lines = feed_lines(site, summary)
    return page(
        request,
        "feeds.html",
        lines=lines,
        most=max((line.records for line in lines), default=0) or 1,
        held=site.of_run("held", lambda: runs.held(run)),
        lead=received(summary),
        summary=summary,
    )


def sender(request: Request) -> Response:
    """Show how good what one feed sends is, whether it gets better, and what to repair first."""
    site, name = site_of(request), request.path_params["feed"]
    run = site.run()
    if run is None:
        return no_run(request)
    summary = site.of_run("summary", lambda: runs.read_summary(run))
    feed = next((line for line in feed_lines(site, summary) if line.name == name), None)
    if feed is None:
        raise HTTPException(404)
    card = site.of_run(f"sender {name}", lambda: _card(site, run, summary, name))
    return page(request, "sender.html", feed=feed, summary=summary, **card)


def _card(site: Site, run: Path, summary: runs.Summary, name: str) -> dict[str, Any]:
    checks, past = site.definitions().checks, history(site.project)
    before = past[-2] if len(past) > 1 else None
    moves = scorecards.sound(past, name, scorecards.serious(checks.values()))
    judged = scorecards.feed_checks(run, before, name, checks)
    lead = sound_sentence(name, moves)
    drawing = lines(
        {name: moves}, title="Resources without a serious defect", bound=None, sentence=lead,
        layout="%Y-%m-%d",
    )  # fmt: skip
    return {
        "lead": lead,
        "drawings": (drawing,) if len(moves) > 1 else (),
        "failing": [line for line in judged if line.fails],
        "others": len([line for line in judged if not line.fails]),
        "steps": scorecards.steps(summary, name),
    }


def sound_sentence(feed: str, moves: Sequence[Dot]) -> str:
    """Return how much of a feed has no serious defect, and what it was before."""
    if not moves:
        return f"Nothing of {feed} could be read."
    figures, now = Figures(), moves[-1]
    whole = figures.count(now.denominator, "resources")
    told = f"{figures.share(now.numerator, now.denominator)} of {whole} have no serious defect"
    if len(moves) == 1:
        return f"{told}."
    then = moves[-2]
    moved = now.share - then.share
    if abs(moved) < SAME:
        return f"{told}, as in the run before."
    before = figures.share(then.numerator, then.denominator)
    return f"{told}, {'up' if moved > 0 else 'down'} from {before} in the run before."


def feed_lines(site: Site, summary: runs.Summary) -> tuple[FeedLine, ...]:
    """Return what each feed sent, declared feeds that sent nothing too."""
    roles = {feed.name: feed.role for feed in site.project.feeds}
    names = sorted({*roles, *(f.feed for f in summary.inputs)})
    files = {name: tuple(f for f in summary.inputs if f.feed == name) for name in names}
    return tuple(
        FeedLine(
            name,
            {"ehr": "the chart", "external": "outside source"}.get(roles.get(name, ""), ""),
            files[name],
            tuple(sorted(summary.resources.get(name, {}).items(), key=lambda t: (-t[1], t[0]))),
            sum(f.records for f in files[name]),
            sum(f.resources for f in files[name]),
            sum(f.quarantined for f in files[name]),
        )
        for name in names
    )


def received(summary: runs.Summary) -> str:
    """Return what was received, in one sentence."""
    figures, files = Figures(), summary.inputs
    kept, feeds = sum(f.quarantined for f in files), {f.feed for f in files}
    told = (
        f"{figures.count(sum(f.records for f in files), 'records')} in "
        f"{figures.count(len(files), 'files')} of {figures.count(len(feeds), 'feeds')}"
    )
    if not kept:
        return f"{told}; all of them could be read."
    were = "was" if kept == 1 else "were"
    return f"{told}; {figures.count(kept, 'records')} {were} kept out, and say why below."


routes = [Route("/feeds", index), Route("/feeds/{feed:path}", sender)]
