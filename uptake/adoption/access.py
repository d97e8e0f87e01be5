"""Who may see what. In: an access list; out: people with their units and surfaces, one each.

A list is the whole of those with access on a day; the newest one counts. A person in two units is
one person: counted once in all, and in each unit.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sqlalchemy import select

from uptake.adoption import import_log
from uptake.adoption.import_log import Imported, RefusedRow, Tally
from uptake.adoption.rows import COLUMNS, Row, beginning, digest, headers, read_rows
from uptake.errors import SourceError
from uptake.state.schema import access, access_list

if TYPE_CHECKING:
    from sqlalchemy import Connection

    from uptake.model import Surface
    from uptake.state.database import State

NAMES = {
    "practitioner": (
        "practitioner", "practitioner id", "practitionerid", "user", "user id", "userid",
        "staff", "staff id", "employee id", "provider", "provider id", "login",
    ),
    "name": ("name", "full name", "display name", "user name", "staff name", "provider name"),
    "role": ("role", "roles", "job title", "title", "profession", "position"),
    "unit": ("unit", "department", "ward", "location", "clinic", "team"),
    "surfaces": ("surfaces", "surface", "access", "access to", "applications", "systems"),
}  # fmt: skip
"""What a column is called in lists; case, spaces and underscores do not matter."""

NO_ID = "no practitioner id"
NO_SURFACE = "a surface that is not defined"
_NEEDED = ("practitioner", "unit", "surfaces")
_KEPT = ("practitioner", "name", "role", "unit", "surface")


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on an access list."""

    practitioner: str
    name: str
    role: str
    units: tuple[str, ...]
    surfaces: frozenset[str]


@dataclass(frozen=True, slots=True)
class Access:
    """An access list: everybody with access on a day."""

    as_of: date
    people: tuple[Person, ...]


def import_access(
    state: State, surfaces: Collection[str], path: Path, *, as_of: date, now: datetime
) -> Imported:
    """Return what became of a list's rows; it counts from then on, if no newer one is there.

    `surfaces` are the codes there are. Raises SourceError when it cannot be read, or when no row
    of it can: an empty list would say that nobody has access.
    """
    beginning(path)
    if as_of > now.date():
        raise SourceError(f"{path}: the list is of {as_of}, which is still to come")
    sha256 = digest(path)
    before = import_log.entry(state, sha256)
    if before and not before.refused and _is_kept(state, sha256, as_of):
        rows = before.accepted + before.repeated
        return Imported(path.name, "access", "", 0, rows, 0, {}, (), before.at)
    tally = Tally(sha256, path.name, "access")
    found, refused = _read(path, surfaces, tally)
    if not found:
        raise SourceError(f"{path}: {_why_none(refused)}")
    with state.write() as connection:
        tally.begin(connection)
        listed = {"as_of": as_of, "file": path.name, "sha256": sha256, "imported_at": now}
        number = connection.execute(access_list.insert(), listed).inserted_primary_key
        assert number is not None  # noqa: S101 -- for the type checker: an insert of one row
        connection.execute(access.insert(), [g | {"list": number[0]} for g in found])
        tally.refuse(connection, refused)
        tally.end(connection, now)
    return tally.result(_notes(state, as_of), before.at if before else None)


def _read(
    path: Path, surfaces: Collection[str], tally: Tally
) -> tuple[list[dict[str, str]], list[RefusedRow]]:
    """Return who may see what, each once, and the rows refused; the others are tallied."""
    found: dict[tuple[str, ...], dict[str, str]] = {}
    refused: list[RefusedRow] = []
    seen: set[tuple[str, ...]] = set()
    for row, fields in _rows(path):
        key = tuple(fields.values())
        if fault := row.fault or _fault(fields, surfaces):
            refused.append(RefusedRow(row.line, row.raw, fault))
        elif key in seen:
            tally.repeated += 1
        else:
            seen.add(key)
            tally.accepted += 1
            found |= _grants(fields)
    return list(found.values()), refused


def _why_none(refused: list[RefusedRow]) -> str:
    if not refused:
        return "nobody is on this list; it is not kept"
    first = refused[0]
    return f"no row can be kept (line {first.line}: {first.reason}); the list is not kept"


def _is_kept(state: State, sha256: str, as_of: date) -> bool:
    query = select(access_list.c.id).where(access_list.c.sha256 == sha256)
    with state.read() as connection:
        return connection.scalar(query.where(access_list.c.as_of == as_of)) is not None


def _notes(state: State, as_of: date) -> list[str]:
    newest = read_access(state)
    if newest and newest.as_of > as_of:
        return [f"a newer list is there, of {newest.as_of}; that one counts"]
    return []


def _rows(path: Path) -> Iterator[tuple[Row, dict[str, str]]]:
    """Yield every row beneath the header with its fields; a row with a fault has none."""
    delimiter, places, width = _header(path)
    with path.open("rb") as stream:
        rows = read_rows(stream, delimiter)
        next(rows)
        for row in rows:
            if row.fault or len(row.fields) != width:
                yield Row(row.line, row.raw, fault=row.fault or COLUMNS), {}
            else:
                yield row, {name: row.fields[at].strip() for name, at in places.items()}


def _header(path: Path) -> tuple[str, dict[str, int], int]:
    """Return the delimiter, where each field stands, and how many columns there are."""
    missing: list[str] = list(_NEEDED)
    for delimiter, names in headers(path):
        columns = [name.replace("_", " ") for name in names]
        places = {
            field: [at for at, column in enumerate(columns) if column in words]
            for field, words in NAMES.items()
        }
        lacking = [field for field in _NEEDED if not places[field]]
        if not lacking:
            if twice := [field for field, found in places.items() if len(found) > 1]:
                raise SourceError(f"{path}: two columns may be the {twice[0]}; rename one")
            return delimiter, {f: found[0] for f, found in places.items() if found}, len(names)
        missing = min(missing, lacking, key=len)
    raise SourceError(
        f"{path}: the header has no column for {', '.join(missing)}; an access list has "
        f"{', '.join(NAMES)}"
    )


def _fault(fields: Mapping[str, str], surfaces: Collection[str]) -> str:
    if not fields.get("practitioner"):
        return NO_ID
    return "" if _codes(fields) <= set(surfaces) else NO_SURFACE


def _codes(fields: Mapping[str, str]) -> set[str]:
    return {code.strip() for code in re.split("[;,|]", fields["surfaces"]) if code.strip()}


def _grants(fields: Mapping[str, str]) -> dict[tuple[str, ...], dict[str, str]]:
    """Return a row a surface; one without a surface for a person who may see none."""
    rows = [
        {name: fields.get(name, "") for name in _KEPT[:-1]} | {"surface": code}
        for code in sorted(_codes(fields)) or [""]
    ]
    return {tuple(row.values()): row for row in rows}


def read_access(state: State) -> Access | None:
    """Return the newest access list, people in the order of their ids; None when there is none."""
    query = select(access_list.c.id, access_list.c.as_of)
    with state.read() as connection:
        newest = connection.execute(
            query.order_by(access_list.c.as_of.desc(), access_list.c.id.desc()).limit(1)
        ).first()
        return None if newest is None else Access(newest.as_of, _people(connection, newest.id))


def with_access(
    access: Access | None, surfaces: Iterable[Surface], use_case: str
) -> tuple[Person, ...]:
    """Return the people who may see a surface of a use case, in the order of their ids."""
    codes = {s.code for s in surfaces if use_case in s.use_cases}
    return tuple(p for p in access.people if p.surfaces & codes) if access else ()


def _people(connection: Connection, number: int) -> tuple[Person, ...]:
    query = select(*(access.c[name] for name in _KEPT)).where(access.c.list == number)
    rows: dict[str, list[Any]] = {}
    for row in connection.execute(query.order_by(access.c.practitioner, access.c.id)):
        rows.setdefault(row.practitioner, []).append(row)
    return tuple(
        Person(
            practitioner=practitioner,
            name=next((r.name for r in found if r.name), ""),
            role=next((r.role for r in found if r.role), ""),
            units=tuple(dict.fromkeys(r.unit for r in found if r.unit)),
            surfaces=frozenset(r.surface for r in found if r.surface),
        )
        for practitioner, found in rows.items()
    )
