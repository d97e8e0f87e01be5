"""What was received. In: the newest run; out: feeds, files, and what was kept out and why."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from starlette.routing import Route

from uptake.report.figures import Figures
from uptake.web import run as runs
from uptake.web.templating import page, site_of
from uptake.web.views.empty import no_run

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.responses import Response

    from uptake.web.site import Site


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


routes = [Route("/feeds", index)]
