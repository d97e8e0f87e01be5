"""Releases of code systems, shipped and added. In: folders; out: which release answers.

A release is a folder, written whole or not at all:

    release.json          what it is, where it comes from, when it was added
    system.parquet        system, complete, case_sensitive, shape, covered_from, covered_to
    concept.parquet       COLUMNS: a row a concept, retired ones too
    designation.parquet   system, code, display: what else a concept is called (optional)
    parent.parquet        system, code, parent: what it is a kind of (optional)
    loinc.parquet         the columns of Loinc.csv (of LOINC only)

Complete: a code that is not in it is none of the system's, if it has the shape (a pattern; NULL:
any) and was used from `covered_from` to `covered_to` (NULL: whenever).
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uptake.disk import sync_folder
from uptake.engine.duckdb import quoted
from uptake.errors import StorageError

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database
    from uptake.project import Project

PACKAGES = Path("packages")
"""Where a project's FHIR packages lie, within its folder of releases."""
FOLDER = "terminology"
"""Where a project keeps what was added; FHIR packages in a folder of their own there."""

DRAFTS = (".tmp", ".old")
"""What ends so is half written, or was replaced: a crash may leave it behind."""

COLUMNS: Mapping[str, str] = {
    "system": "varchar",
    "code": "varchar",
    "display": "varchar",
    "active": "boolean",
    "kind": "varchar",
    "tty": "varchar",
    "ingredient": "varchar",
    "replaced_by": "varchar",
    "billable": "boolean",
    "valid_from": "date",
    "valid_to": "date",
    "retired_by": "date",
}
"""`valid_from` and `valid_to`: the first and the last day it is known to be valid, NULL where that
is open. `retired_by`: the first day it is known to be no longer valid."""

TABLES: Mapping[str, Mapping[str, str]] = {
    "system": {
        "system": "varchar",
        "complete": "boolean",
        "case_sensitive": "boolean",
        "shape": "varchar",
        "covered_from": "date",
        "covered_to": "date",
    },
    "concept": COLUMNS,
    "designation": {"system": "varchar", "code": "varchar", "display": "varchar"},
    "parent": {"system": "varchar", "code": "varchar", "parent": "varchar"},
}
OPTIONAL = ("designation", "parent")


@dataclass(frozen=True, slots=True)
class Release:
    """One release of one or several code systems."""

    name: str
    version: str
    systems: tuple[str, ...]
    """The one it is a release of; of a collection, a few that tell what it is."""
    codes: int
    source: str
    """The file or package it was made from."""
    added: str = ""
    """When, as an ISO instant; empty for what ships."""
    complete: bool = False
    folder: Path = Path()

    @property
    def file(self) -> str:
        """Return the pattern that names its Parquet files: `{}` stands for the table."""
        return str(self.folder / "{}.parquet")

    @property
    def said(self) -> dict[str, Any]:
        """Return what release.json says."""
        return {
            "name": self.name,
            "version": self.version,
            "systems": list(self.systems),
            "codes": self.codes,
            "complete": self.complete,
            "source": self.source,
            "added": self.added,
        }


def folder_of(project: Project) -> Path | None:
    """Return where a project's releases lie; None without a project."""
    return project.folder / FOLDER if project.folder else None


def shipped() -> tuple[Release, ...]:
    """Return the releases that are part of the product."""
    return added(Path(str(resources.files("uptake"))) / "content" / "terminology" / "releases")


def added(folder: Path | None) -> tuple[Release, ...]:
    """Return the releases in a folder, by name, the newest version first."""
    if folder is None:
        return ()
    paths = [*folder.glob("*/release.json"), *folder.glob(f"{PACKAGES}/*/release.json")]
    found = [_read(path) for path in sorted(paths) if path.parent.suffix not in DRAFTS]
    newest_first = sorted(found, key=lambda r: version_key(r.version), reverse=True)
    return tuple(sorted(newest_first, key=lambda r: r.name.lower()))


def version_key(version: str) -> tuple[int, ...]:
    """Return what versions are compared by: their numbers, so that 2.9 comes before 2.80."""
    return tuple(int(digits) for digits in re.findall(r"[0-9]+", version))


def added_packages(releases: Path) -> list[Path]:
    """Return the folders of the FHIR packages, by name, the newest version last."""

    def key(folder: Path) -> tuple[str, tuple[int, ...], str]:
        name, _, version = folder.name.partition("#")
        return name, version_key(version), version

    found = (releases / PACKAGES).glob("*")
    return sorted((f for f in found if f.suffix not in DRAFTS and f.is_dir()), key=key)


def in_use(folder: Path | None) -> tuple[Release, ...]:
    """Return the releases that answer: the newest of each name, those first that were added.

    For a system in several, the first that is complete answers.
    """
    newest: dict[str, Release] = {}
    for release in (*added(folder), *shipped()):
        before = newest.get(release.name)
        if before is None or version_key(release.version) > version_key(before.version):
            newest[release.name] = release
    return tuple(sorted(newest.values(), key=lambda r: not r.added))


def new_tables(db: Database) -> None:
    """Make the empty tables that an importer fills and `save` writes."""
    for table, columns in TABLES.items():
        listed = ", ".join(f"{name} {kind}" for name, kind in columns.items())
        db.run(f"create or replace table {table} ({listed})")


def save(
    db: Database,
    release: Release,
    folder: Path,
    more: Iterable[str] = (),
    beside: Callable[[Path], None] = lambda _: None,
    level: int = 9,
) -> Release:
    """Write what `new_tables` made and an importer filled as a release; returns it as written.

    `more` names further tables, `beside` writes further files into the folder it is given. An
    existing folder is replaced when the new one is whole. `level` is how hard zstd tries. Raises
    StorageError.
    """
    codes = db.row("select count(*) from concept")[0]
    written = replace(release, codes=codes, folder=folder)
    draft = folder.with_name(folder.name + ".tmp")
    try:
        shutil.rmtree(draft, ignore_errors=True)
        draft.mkdir(parents=True)
        for table in (*TABLES, *more):
            if table not in OPTIONAL or db.row(f"select count(*) from {table}")[0]:
                _copy(db, table, draft / f"{table}.parquet", level)
        beside(draft)
        text = json.dumps(written.said, indent=1, ensure_ascii=False)
        (draft / "release.json").write_text(f"{text}\n", "utf-8")
        sync_folder(draft)
        old = folder.with_name(folder.name + ".old")
        shutil.rmtree(old, ignore_errors=True)
        if folder.exists():
            folder.rename(old)
        draft.rename(folder)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        shutil.rmtree(draft, ignore_errors=True)
        raise StorageError(f"{folder}: cannot be written: {error.strerror or error}") from error
    return written


def _copy(db: Database, table: str, path: Path, level: int) -> None:
    db.run(
        f"copy (select * from {table} order by all) to {quoted(str(path))} "
        f"(format parquet, compression zstd, compression_level {level}, row_group_size 200000)"
    )


def _read(path: Path) -> Release:
    said: dict[str, Any] = json.loads(path.read_text("utf-8"))
    said["systems"] = tuple(said["systems"])
    return Release(**said, folder=path.parent)
