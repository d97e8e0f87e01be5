"""Whose events a file holds. In: a file and the surfaces; out: its surface, and its records.

The header tells the surface of a CSV export, the codes that of AuditEvents; where that is not
exactly one, a person names it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING

from uptake.adoption.audit_events import read_audit_events
from uptake.adoption.rows import COLUMNS, Record, beginning, headers, plain, read_rows
from uptake.errors import SourceError

if TYPE_CHECKING:
    from uptake.model import Surface

TRIED = 1000
"""AuditEvents that are read to find whose they are."""


def open_usage(
    surfaces: Mapping[str, Surface], path: Path, code: str | None
) -> tuple[Surface, Iterator[Record]]:
    """Return the surface of a file and its records; raises SourceError naming the candidates."""
    of_json = beginning(path).lstrip().startswith(b"{")
    return (_audited if of_json else _tabled)(surfaces, path, code)


def _named(surfaces: Mapping[str, Surface], code: str) -> Surface:
    if code not in surfaces:
        known = ", ".join(surfaces) or "none; write one into the project's surfaces/"
        raise SourceError(f"there is no surface {code}; known: {known}")
    return surfaces[code]


def _one(path: Path, fitting: list[Surface], of: Iterable[Surface], what: str) -> Surface:
    """Return the only surface that fits; an error names those it may be."""
    if len(fitting) == 1:
        return fitting[0]
    codes = ", ".join(s.code for s in (fitting or of)) or "none is defined"
    which = f"several surfaces have {what}" if fitting else f"no surface has {what}"
    raise SourceError(f"{path}: {which}; name one with --surface: {codes}")


def _tabled(
    surfaces: Mapping[str, Surface], path: Path, code: str | None
) -> tuple[Surface, Iterator[Record]]:
    """Return the surface of a CSV export and its rows."""
    candidates = [s for s in surfaces.values() if s.columns]
    if code is not None:
        candidates = [_named(surfaces, code)]
        if not candidates[0].columns:
            raise SourceError(
                f"{path}: the surface {code} has no [columns], so it takes FHIR AuditEvents only"
            )
    fitting = {
        surface.code: (surface, delimiter, names)
        for delimiter, names in headers(path)
        for surface in candidates
        if all(names.count(plain(column)) == 1 for column in surface.columns.values())
    }
    if code is not None and not fitting:
        columns = ", ".join(candidates[0].columns.values())
        raise SourceError(f"{path}: the header does not have, once each, the columns {columns}")
    surface = _one(path, [s for s, *_ in fitting.values()], candidates, "the columns of this file")
    _, delimiter, names = fitting[surface.code]
    return surface, _rows(path, surface, delimiter, names)


def _rows(path: Path, surface: Surface, delimiter: str, names: tuple[str, ...]) -> Iterator[Record]:
    places = {name: names.index(plain(column)) for name, column in surface.columns.items()}
    with path.open("rb") as stream:
        rows = read_rows(stream, delimiter)
        next(rows)
        for row in rows:
            fault = row.fault or (COLUMNS if len(row.fields) != len(names) else "")
            fields = {} if fault else {n: row.fields[at].strip() for n, at in places.items()}
            yield Record(row.line, row.raw, fields, ((fields.get("action", ""),),), fault)


def _audited(
    surfaces: Mapping[str, Surface], path: Path, code: str | None
) -> tuple[Surface, Iterator[Record]]:
    """Return the surface of a file of AuditEvents, found by the codes it maps, and its events."""
    if code is not None:
        return _named(surfaces, code), read_audit_events(path)
    words = {
        word.casefold()
        for a in islice(read_audit_events(path), TRIED)
        for rank in a.codes
        for word in rank
    }
    fitting = [s for s in surfaces.values() if words & {w.casefold() for w in s.actions}]
    return _one(path, fitting, surfaces.values(), "actions of this file"), read_audit_events(path)
