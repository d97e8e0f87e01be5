"""The status tables. In: the codes, identifiers and units of a load; out: what each is worth.

A row a distinct value, so that a check is a join. NULL is a value in `unit_status` and
`code_status`: join them with `is not distinct from`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from uptake.terminology import check_digits, systems, units
from uptake.terminology.coverage import build_coverage
from uptake.terminology.dimensions import measure
from uptake.terminology.displays import build_display_status
from uptake.terminology.lookup import build_code_status
from uptake.terminology.releases import shipped
from uptake.terminology.sources import Terminology
from uptake.terminology.ucum import is_ucum

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database


CODES = frozenset({"code_status", "code_validity", "display_status", "terminology_coverage"})
"""What is told by the same look into the releases."""


def build_statuses(
    db: Database, wanted: frozenset[str], terminology: Terminology | None = None
) -> None:
    """Make the status tables in `wanted`; `terminology` answers for codes, without it what ships.

    The tables `coding`, `identifier` and `quantity` must exist as far as they are read. Raises
    EngineError if a status table exists already.
    """
    if wanted & CODES:
        asked = build_code_status(db, terminology or Terminology(shipped()))
        if "display_status" in wanted:
            build_display_status(db, asked)
        if "terminology_coverage" in wanted:
            build_coverage(db, asked)
    for name, build in _BUILDERS.items():
        if name in wanted:
            build(db)


def _build_identifier_status(db: Database) -> None:
    """Judge each distinct NPI; other identifiers have no check digit that is known here."""
    db.run("create table identifier_status (system varchar, value varchar, check_digit_ok boolean)")
    named = db.rows("select distinct system from identifier where system is not null")
    npis = [(system,) for (system,) in named if systems.canonical(system) == check_digits.NPI]
    db.run("create temp table npi_system (system varchar)")
    db.insert("npi_system", ("system",), npis)
    values = db.rows(
        "select distinct system, value from identifier join npi_system using (system) "
        "where value is not null"
    )
    rows = [(system, value, check_digits.npi_ok(value)) for system, value in values]
    db.insert("identifier_status", ("system", "value", "check_digit_ok"), rows)
    db.run("drop table npi_system")


def _build_unit_status(db: Database) -> None:
    """Judge each distinct (unit, system, code)."""
    db.run(
        "create table unit_status (unit varchar, system varchar, code varchar, ucum_ok boolean, "
        "suggestion varchar, dimension varchar, factor double)"
    )
    sent = db.rows("select distinct unit, system, code from quantity")
    columns = ("unit", "system", "code", "ucum_ok", "suggestion", "dimension", "factor")
    db.insert("unit_status", columns, [_unit_row(*row) for row in sent])


def _unit_row(
    unit: str | None, system: str | None, code: str | None
) -> tuple[str | None, str | None, str | None, bool | None, str | None, str | None, float | None]:
    meant = units.suggest(unit, system, code)
    measured = measure(meant) if meant else None
    dimension = measured.dimension if measured else None
    factor = float(measured.size) if measured else None
    return unit, system, code, None if code is None else is_ucum(code), meant, dimension, factor


def _build_system_status(db: Database) -> None:
    """Say what each distinct system of a code or a quantity is."""
    db.run("create table system_status (system varchar, canonical varchar, standard boolean)")
    found = db.rows("select system from coding union select system from quantity")
    rows = [
        (system, systems.canonical(system), systems.is_standard(system))
        for (system,) in found
        if system is not None
    ]
    db.insert("system_status", ("system", "canonical", "standard"), rows)


_BUILDERS: dict[str, Callable[[Database], None]] = {
    "identifier_status": _build_identifier_status,
    "unit_status": _build_unit_status,
    "system_status": _build_system_status,
}
