"""Which Parquet answers for a system. In: releases; out: tables of what they say of a load's codes.

A complete release answers alone. Where there is none, all parts that are known answer together:
what they hold is right, what they lack is not covered.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from uptake.engine.duckdb import quoted
from uptake.terminology.picked import concepts_of_csv, picked
from uptake.terminology.releases import COLUMNS, Release, folder_of, in_use
from uptake.terminology.server import Server

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database
    from uptake.project import Project

CACHE = "server.json"
"""What a project's terminology server said, in its folder of releases."""
DOTLESS = ("http://hl7.org/fhir/sid/icd-10-cm", "http://hl7.org/fhir/sid/icd-9-cm")
"""Feeds send these with and without the dot: `E11.9` and `E119` are one code."""


@dataclass(frozen=True, slots=True)
class Terminology:
    """Whom a run asks about codes."""

    releases: tuple[Release, ...]
    server: Server | None = None
    """Asked last, where a project names one."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one release says of one system."""

    system: str
    release: Release
    complete: bool
    case_sensitive: bool
    shape: str | None
    covered: tuple[date | None, ...]
    """From which day to which it knows every code; None: open."""


def read_terminology(project: Project) -> Terminology:
    """Return whom a project's runs ask: what was added to it, what ships, then its server.

    Raises DefinitionError where the server's address is none.
    """
    folder = folder_of(project)
    url = project.settings.get("terminology", {}).get("server")
    server = Server(url, folder / CACHE) if url and folder else None
    return Terminology(in_use(folder), server)


def answers_for(
    db: Database, systems: Iterable[str], releases: Sequence[Release]
) -> dict[str, list[Answer]]:
    """Return who answers for each system, the first first; a system nobody knows is left out."""
    wanted = frozenset(systems)
    found: dict[str, list[Answer]] = {}
    for release in releases:
        for system, complete, sensitive, shape, *covered in db.rows(
            "select system, complete, case_sensitive, shape, covered_from, covered_to "
            f"from read_parquet({quoted(release.file.format('system'))}) order by system"
        ):
            if system in wanted:
                answer = Answer(system, release, complete, sensitive, shape, tuple(covered))
                found.setdefault(system, []).append(answer)
    for system, release in picked().items():
        if system in wanted:
            part = Answer(system, release, False, True, None, (None, None))
            found.setdefault(system, []).insert(0, part)
    return {system: _first_complete(answers) for system, answers in found.items()}


def _first_complete(answers: list[Answer]) -> list[Answer]:
    whole = [a for a in answers if a.complete]
    return whole[:1] or answers


def concepts(release: Release) -> str:
    """Return the query of a release's concepts, with the columns of every other."""
    if release.folder.suffix == ".csv":
        return concepts_of_csv(release.folder)
    path = quoted(release.file.format("concept"))
    return f"select {', '.join(COLUMNS)} from read_parquet({path})"


def key_of(system: str, code: str) -> str:
    """Return the SQL of what all writings of one code have in common: letter case, some dots."""
    dotless = ", ".join(map(quoted, DOTLESS))
    return f"lower(case when {system} in ({dotless}) then replace({code}, '.', '') else {code} end)"
