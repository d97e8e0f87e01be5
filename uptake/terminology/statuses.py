"""The status tables. In: the codes, identifiers and units of a load; out: what each is worth.

A row a distinct value, so that a check is a join. NULL is a value in `unit_status` and
`code_status`: join them with `is not distinct from`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from uptake.terminology import check_digits, systems, units
from uptake.terminology.ucum import is_ucum

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database


def build_statuses(db: Database, wanted: frozenset[str]) -> None:
    """Make those of `code_status`, `identifier_status`, `unit_status`, `system_status` in `wanted`.

    The tables `coding`, `identifier` and `quantity` must exist as far as they are read. Raises
    EngineError if a status table exists already.
    """
    for name, build in _BUILDERS.items():
        if name in wanted:
            build(db)


def _build_code_status(db: Database) -> None:
    """Judge each distinct (system, code) by the rules of the system that is meant."""
    db.run(
        "create table code_status (system varchar, code varchar, check_digit_ok boolean, "
        "format_ok boolean, suggestion varchar)"
    )
    ruled = [
        (system, rules)
        for (system,) in db.rows("select distinct system from coding where system is not null")
        if (rules := systems.code_rules(system)) and check_digits.has_rule(rules)
    ]
    db.run("create temp table ruled_system (system varchar, rules varchar)")
    db.insert("ruled_system", ("system", "rules"), ruled)
    # Only what can be judged comes to Python: a load has far more local codes than standard ones.
    db.run(
        "insert into code_status (system, code) select distinct system, code from coding "
        "where code is null or system is null or system not in (select system from ruled_system)"
    )
    judged = db.rows(
        "select distinct r.rules, c.system, c.code from coding c "
        "join ruled_system r using (system) where c.code is not null"
    )
    columns = ("system", "code", "check_digit_ok", "format_ok", "suggestion")
    db.insert("code_status", columns, [_code_row(*row) for row in judged])
    db.run("drop table ruled_system")


def _code_row(
    rules: str, system: str, code: str
) -> tuple[str, str, bool | None, bool | None, str | None]:
    right = check_digits.check_digit_ok(rules, code)
    suggestion = check_digits.suggest(rules, code) if right is False else None
    return system, code, right, check_digits.format_ok(rules, code), suggestion


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
        "suggestion varchar)"
    )
    rows = [
        (
            unit,
            system,
            code,
            None if code is None else is_ucum(code),
            units.suggest(unit, system, code),
        )
        for unit, system, code in db.rows("select distinct unit, system, code from quantity")
    ]
    db.insert("unit_status", ("unit", "system", "code", "ucum_ok", "suggestion"), rows)


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
    "code_status": _build_code_status,
    "identifier_status": _build_identifier_status,
    "unit_status": _build_unit_status,
    "system_status": _build_system_status,
}
