"""Does a feed follow US Core? In: the newest run; out: profiles, elements, rules and extensions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from starlette.routing import Route

from uptake.report.figures import Figures
from uptake.web.templating import page, site_of
from uptake.web.views.empty import no_run

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from starlette.requests import Request
    from starlette.responses import Response

    from uptake.project import Project

JUDGED = "conformance.parquet"
"""The file of a run that says its conformance was judged."""
OLDER = "This run was made before conformance was judged; assess again to see it."


@dataclass(frozen=True, slots=True)
class Profile:
    """One profile over all feeds: how many records it is meant for, and how many keep it."""

    url: str
    resources: int
    without_error: int
    rules_judged: int
    elements: tuple[tuple[str, int, int], ...]
    """Must-support element, records that carry it, records of the profile."""
    skipped: tuple[tuple[str, str], ...]
    """Rules that are not judged, each with the reason."""

    @property
    def name(self) -> str:
        """The profile's id, the last step of its URL."""
        return self.url.rpartition("/")[2]


@dataclass(frozen=True, slots=True)
class Extension:
    """An extension whose definition is not here."""

    feed: str
    url: str
    types: str
    resources: int
    modifier: bool
    home: str
    """The element that is meant for what it holds; empty where none is known."""


def index(request: Request) -> Response:
    """Show, profile by profile, what follows US Core, and what was not judged."""
    site = site_of(request)
    run = site.run()
    if run is None:
        return no_run(request)
    is_judged = (run / JUDGED).is_file()
    profiles, extensions = site.of_run("conformance", lambda: read(run, site.project))
    return page(
        request,
        "conformance.html",
        here="/feeds",
        profiles=profiles,
        extensions=extensions,
        lead=lead(profiles) if is_judged else OLDER,
        is_judged=is_judged,
    )


def read(run: Path, project: Project) -> tuple[tuple[Profile, ...], tuple[Extension, ...]]:
    """Return the profiles that records fit best and the extensions of a run; none if not judged."""
    if not (run / JUDGED).is_file():
        return (), ()
    files = {
        name: _rows(run / f"{name}.parquet")
        for name in ("conformance", "conformance_rules", "element_coverage", "extensions")
    }
    fitting = [row for row in files["conformance"] if row["best_fit"]]
    urls = sorted({row["profile"] for row in fitting})
    homes = _homes(project)
    return (
        tuple(_profile(url, fitting, files) for url in urls),
        tuple(
            Extension(
                row["feed"],
                row["url"],
                row["types"],
                row["resources"],
                row["modifier"],
                home(row["url"], homes),
            )
            for row in files["extensions"]
        ),
    )


def _profile(url: str, fitting: Iterable[Any], files: Mapping[str, Any]) -> Profile:
    rows = [row for row in fitting if row["profile"] == url]
    elements: dict[str, tuple[int, int]] = {}
    for row in files["element_coverage"]:
        if row["profile"] == url:
            carried, of = elements.get(row["element"], (0, 0))
            elements[row["element"]] = (carried + row["populated"], of + row["resources"])
    return Profile(
        url,
        sum(row["resources"] for row in rows),
        sum(row["without_error"] for row in rows),
        max(row["rules_judged"] for row in rows),
        tuple((name, carried, of) for name, (carried, of) in elements.items()),
        tuple(
            (row["rule"], row["reason"])
            for row in files["conformance_rules"]
            if row["profile"] == url and not row["judged"]
        ),
    )


def lead(profiles: Iterable[Profile]) -> str:
    """Return the answer in one sentence."""
    figures = Figures()
    whole = sum(p.resources for p in profiles)
    if not whole:
        return "No record of this run fits a profile of US Core."
    kept = sum(p.without_error for p in profiles)
    told = f"{figures.count(whole, 'records')} that US Core has a profile for"
    share = figures.share(kept, whole)
    return f"{share[:1].upper()}{share[1:]} of {told} keep every rule that was judged."


def home(url: str, homes: Mapping[str, str]) -> str:
    """Return the element that is meant for what an extension holds, by the words of its URL."""
    last = url.rstrip("/").rpartition("/")[2].lower().replace("-", "").replace("_", "")
    return next((element for words, element in homes.items() if words in last), "")


def _homes(project: Project) -> dict[str, str]:
    from uptake.definitions.reference import read_reference_tables

    table = read_reference_tables(project.content("reference"))["extension_home"]
    return {str(words): str(element) for words, element in table.rows}


def _rows(path: Path) -> list[dict[str, Any]]:
    import pyarrow.parquet as pq

    found: list[dict[str, Any]] = pq.read_table(path).to_pylist()
    return found


routes = [Route("/conformance", index)]
