"""The work list of reviewers. In: the newest run, and decisions; out: what waits, the worst first.

Below it stands what the checks of shared numbers found.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from starlette.routing import Route

from uptake.engine.duckdb import brief_database
from uptake.identity.decisions import Decided, Record, decisions
from uptake.identity.explain import told
from uptake.identity.merges import Merge, read_merges
from uptake.report.figures import Figures
from uptake.web import run as runs
from uptake.web.patients import UNKNOWN, called
from uptake.web.templating import page, site_of
from uptake.web.views.duplicates import pairs
from uptake.web.views.empty import no_run

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

    from uptake.model import Check
    from uptake.web.site import Site
    from uptake.web.views.duplicates.pairs import Queue

LINKED = "DUP-02"
"""The check whose findings are the pairs of this page."""
QUEUES = {
    pairs.REVIEW: "To review",
    pairs.AUTO: "Linked in figures",
    pairs.RELATED: "Related",
    pairs.DECIDED: "Decided",
}
MEANINGS = {
    pairs.REVIEW: "What stands on one record only, and is missed in the other, comes first.",
    pairs.AUTO: "So likely that a person is counted once; no fact crosses until somebody decides.",
    pairs.RELATED: "Two people of one household, by all that is known; they are not linked.",
    pairs.DECIDED: "The newest decision first; open one to change it or to take it back.",
}
DECISIONS = {
    "same": "the same person",
    "different": "two different people",
    "related": "two people of one household",
    "unsure": "unsure",
    "unlinked": "taken back",
}


@dataclass(frozen=True, slots=True)
class View:
    """What of the work list is looked at."""

    queue: str = pairs.REVIEW
    feed: str = ""
    """Empty: all."""

    def address(self, key: str = "", **more: str | int) -> str:
        """Return the address of the list, or of a pair in it."""
        asked = {"queue": self.queue} if self.queue != pairs.REVIEW else {}
        asked |= {"feed": self.feed} if self.feed else {}
        query = urlencode(asked | {name: str(value) for name, value in more.items() if value})
        path = "/patients/review" + (f"/{key}" if key else "")
        return f"{path}?{query}" if query else path


@dataclass(frozen=True, slots=True)
class Kept:
    """A decision that was kept just now."""

    key: str
    said: str
    by: str


@dataclass(frozen=True, slots=True)
class Cost:
    """What stands on records that nobody opens, of what a use case needs."""

    use_case: str
    requirement: str
    facts: int
    people: int
    only_there: int
    """People of whom there is no other."""


def asked_view(values: Mapping[str, object]) -> View:
    """Return what an address or a form asks to look at."""
    name, feed = (values.get(n, "") for n in ("queue", "feed"))
    return View(
        name if isinstance(name, str) and name in QUEUES else pairs.REVIEW,
        feed if isinstance(feed, str) else "",
    )


def decided_of(site: Site) -> tuple[Decided, ...]:
    """Return the newest decision of each pair."""
    return site.of_state("identity decisions", lambda: decisions(site.state))


def kept_now(request: Request) -> Kept | None:
    """Return the decision that led to this page, None where none did."""
    key = request.query_params.get("kept", "")
    found = [d for d in decided_of(site_of(request)) if key and pairs.key_of(d) == key]
    return Kept(key, DECISIONS[found[0].decision], found[0].by) if found else None


def index(request: Request) -> Response:
    """Show the pairs that wait for a decision, or one of the other queues."""
    site = site_of(request)
    run = site.run()
    if run is None:
        return no_run(request)
    view = asked_view(request.query_params)
    number = request.query_params.get("page", "1")
    at = int(number) if number.isascii() and number.isdigit() and len(number) < 7 else 1
    shown = linkage = None
    if pairs.compared(run):
        decided = decided_of(site)
        name = f"pairs {view} {at}"
        shown = site.of_state(name, lambda: _shown(run, decided, view, at))
        linkage = site.of_run("linkage", lambda: pairs.read_linkage(run))
    found = site.of_run("pairs", lambda: runs.pairs(run))
    if shown:
        found = tuple(pair for pair in found if pair.check != LINKED)
    return page(
        request,
        "duplicates.html",
        lead=_lead(shown, len(found)) if shown else _found_lead(found),
        view=view,
        shown=shown,
        linkage=linkage,
        queues={name: (title, View(name, view.feed)) for name, title in QUEUES.items()},
        feeds=_feeds(view, shown),
        meaning=MEANINGS[view.queue],
        decisions=DECISIONS,
        chance=told,
        kept=kept_now(request),
        found=_beside(found) if shown and found else "",
        groups=_groups(site, found),
        called=called(site, "paired patients", _records(found)),
        unknown=UNKNOWN,
        most=runs.CLUSTERS_SHOWN,
        costs=site.of_run("duplicate cost", lambda: _costs(site, run)),
        merges=site.of_run("merges", lambda: _merges(run)),
    )


def _merges(run: Path) -> tuple[Merge, ...]:
    """Return what was merged in the EHR, or taken apart again: what is against a decision first."""
    with brief_database() as db:
        found = read_merges(db, run)
    return tuple(sorted(found, key=lambda m: (not m.alarms, -m.facts, m.feed, m.replaced)))


def _costs(site: Site, run: Path) -> tuple[Cost, ...]:
    """Return what duplicates cost each use case; none in a run of before, or where nothing lies."""
    if not (run / "duplicate_cost.parquet").is_file():
        return ()
    with runs.findings(run, "duplicate_cost") as db:
        rows = db.rows("select use_case, requirement, facts, people, only_there from finding")
    cases = site.definitions().use_cases
    return tuple(
        Cost(cases[case].title, needed.title, *numbers)
        for case, code, *numbers in rows
        if case in cases
        for needed in cases[case].requirements
        if needed.code == code
    )


def _shown(run: Path, decided: tuple[Decided, ...], view: View, at: int) -> Queue:
    with pairs.opened(run, decided) as found:
        return found.queue(view.queue, view.feed, at)


def _feeds(view: View, shown: Queue | None) -> list[tuple[str, View]]:
    """Return the feeds to choose from; there is no choice where there is one feed."""
    feeds = shown.feeds if shown else ()
    if len(feeds) < 2:
        return []
    return [("All feeds", View(view.queue)), *((feed, View(view.queue, feed)) for feed in feeds)]


def _lead(shown: Queue, others: int) -> str:
    """Return how many pairs wait, and which comes first; beside `others` of other checks."""
    waiting, harmful = shown.counts[pairs.REVIEW], shown.harmful
    if not waiting and others:
        return (
            f"No pair waits for a decision here; {Figures().count(others, 'pairs')} below "
            f"{'waits' if others == 1 else 'wait'} for whoever keeps the patient index."
        )
    if not waiting:
        return "No pair of records waits for a decision."
    if waiting == 1:
        alone = "a medication or an allergy stands on one of its records only"
        return f"1 pair waits for a decision{f'; {alone}' if harmful else ''}."
    first = "the likeliest to be one person first"
    if harmful:
        which = "the one" if harmful == 1 else f"the {Figures().count(harmful)}"
        first = f"first {which} with a medication or an allergy on one record only"
    return f"{Figures().count(waiting, 'pairs')} wait for a decision, {first}."


def _found_lead(found: tuple[runs.Pair, ...]) -> str:
    """Return what was found where the run did not compare patients with each other."""
    if not found:
        return "No two records were found that may be one patient."
    many = Figures().count(len(_records(found)), "records")
    return f"{many} may be the same patient as another one; nothing is merged here."


def _beside(found: tuple[runs.Pair, ...]) -> str:
    """Return whose the pairs of other checks are: no decision on this page settles them."""
    many, one = Figures().count(len(found), "pairs"), len(found) == 1
    return (
        f"{many} of records {'waits' if one else 'wait'} for whoever keeps the patient index; "
        f"there is nothing to decide on {'it' if one else 'them'} here."
    )


def _records(found: tuple[runs.Pair, ...]) -> frozenset[Record]:
    names = ((pair.feed, name) for pair in found for _, name in pair.records)
    return frozenset(Record(feed, name.removeprefix("Patient/")) for feed, name in names)


def _groups(site: Site, found: tuple[runs.Pair, ...]) -> list[tuple[Check, list[runs.Pair]]]:
    """Return what was found, by check."""
    checks, groups = site.definitions().checks, dict[str, list[runs.Pair]]()
    for pair in found:
        groups.setdefault(pair.check, []).append(pair)
    return [(checks[code], rows) for code, rows in groups.items() if code in checks]


routes = [Route("/patients/review", index)]
