"""What releases say of the codes of a load. In: `coding`, releases; out: tables of their answers.

Joined in DuckDB against Parquet, for the distinct codes of the load only. What no release covers is
`not covered`: nothing is known of it, and nothing is held against it.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any

from uptake.terminology import check_digits, systems
from uptake.terminology.releases import COLUMNS, Release
from uptake.terminology.sources import Answer, Terminology, answers_for, concepts, key_of

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database
    from uptake.terminology.server import Server

_TABLES = f"""
create temp table sent as select distinct system, code, display from coding;
create temp table named_system (system varchar, rules varchar, ruled boolean, standard boolean,
  kind varchar);
create temp table answering (system varchar, source integer, rank integer, complete boolean,
  sensitive boolean, shape varchar, covered_from date, covered_to date);
create temp table found (sent_system varchar, sent_code varchar, rank integer,
  {", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())});
"""

_ANSWERING = ("system", "source", "rank", "complete", "sensitive", "shape", "covered_from",
              "covered_to")  # fmt: skip

_FIND = """
insert into found
select s.system, s.code, a.rank, c.* from ({concepts}) c
join answering a on a.system = c.system and a.source = {source}
join sought s on s.rules = c.system and s.key = {held} and (s.code = c.code or not a.sensitive)
"""

_SOUGHT = f"""
create temp table sought as
select *, {key_of("rules", "code")} as key
from (select distinct n.rules, n.ruled, n.standard, c.system, c.code
  from sent c join named_system n using (system) where c.code is not null)
"""

_KNOWN = """
create table known_code as select * from found
qualify row_number() over (
  partition by sent_system, sent_code order by rank, code = sent_code desc, code) = 1
"""
"""Of a code the first answer's concept: where letter case is free, the one written alike."""

_STATUS = """
create table code_status as
select d.system, d.code, j.check_digit_ok, j.format_ok, j.suggestion,
  case when k.active then 'valid' when k.code is not null then 'inactive'
    when v.code is not null then 'invalid'
    when d.code is not null and a.complete
      and (a.shape is null or regexp_full_match(d.code, a.shape)) then 'invalid'
    else 'not covered' end as status,
  a.covered_from, a.covered_to, k.display, coalesce(k.kind, n.kind) as kind, k.tty, k.ingredient,
  k.replaced_by
from (select distinct system, code from sent) d
left join named_system n on n.system = d.system
left join answering a on a.system = n.rules and a.complete
left join known_code k on k.sent_system = d.system and k.sent_code = d.code
left join judged_code j on j.system = d.system and j.code = d.code
left join denied_code v on v.system = d.system and v.code = d.code
"""

_UNTOLD = """
select s.rules, s.system, s.code from sought s
join judged_code j on j.system = s.system and j.code = s.code
left join known_code k on k.sent_system = s.system and k.sent_code = s.code
left join answering a on a.system = s.rules and a.complete
where s.standard and k.code is null and a.system is null
  and j.format_ok and j.check_digit_ok is distinct from false
"""
"""Codes to ask a server about: of a standard, of the right shape (so that no name that was typed
into a code leaves the machine), and of no release here."""

_VALIDITY = """
create table code_validity as
select sent_system as system, sent_code as code, valid_from, valid_to, retired_by
from known_code where billable or valid_to is not null or retired_by is not null
"""


@functools.cache
def words() -> dict[str, Any]:
    """Return what kinds.toml says: names and kinds of whole systems, kinds by tag and term type."""
    path = resources.files("uptake") / "content" / "terminology" / "kinds.toml"
    return tomllib.loads(path.read_text("utf-8"))


def build_code_status(db: Database, terminology: Terminology) -> list[Answer]:
    """Make `code_status`, `code_validity` and what they rest on; returns who was asked.

    `sent` has each (system, code, display) of the load, `sought` each code of a system that is
    known by name, `known_code` what its release says of those that it holds.
    """
    db.run(_TABLES)
    named = [
        (
            system,
            rules,
            check_digits.has_rule(rules),
            systems.is_standard(rules),
            words()["systems"].get(rules),
        )
        for (system,) in db.rows("select distinct system from sent where system is not null")
        if (rules := systems.code_rules(system))
    ]
    db.insert("named_system", ("system", "rules", "ruled", "standard", "kind"), named)
    db.run(_SOUGHT)
    asked = _find(db, terminology.releases)
    db.run(_KNOWN)
    _judge(db)
    _ask_server(db, terminology.server)
    db.run(_STATUS)
    db.run(_VALIDITY)
    for table in ("named_system", "answering", "found", "judged_code", "denied_code"):
        db.run(f"drop table {table}")
    return asked


def _find(db: Database, releases: Sequence[Release]) -> list[Answer]:
    """Fill `answering` and `found`: each distinct code of the load that a release holds."""
    rules = {name for (name,) in db.rows("select distinct rules from named_system")}
    by_system = answers_for(db, rules, releases)
    ranked = [(rank, a) for answers in by_system.values() for rank, a in enumerate(answers)]
    sources = sorted({a.release for _, a in ranked}, key=lambda r: (r.name, r.version))
    index = {release: source for source, release in enumerate(sources)}
    rows = [
        (a.system, index[a.release], rank, a.complete, a.case_sensitive, a.shape, *a.covered)
        for rank, a in ranked
    ]
    db.insert("answering", _ANSWERING, rows)
    for source, release in enumerate(sources):
        db.run(
            _FIND.format(
                concepts=concepts(release),
                source=source,
                held=key_of("c.system", "c.code"),
            )
        )
    return [a for _, a in ranked]


def _ask_server(db: Database, server: Server | None) -> None:
    """Add to `known_code` what a server knows, and to `denied_code` what it says is no code."""
    db.run("create temp table denied_code (system varchar, code varchar)")
    db.run("create table terminology_note (note varchar)")
    if server is None:
        return
    sought = db.rows(_UNTOLD)
    said = server.ask((rules, code) for rules, _, code in sought)
    told = [(system, code, rules, said.get((rules, code))) for rules, system, code in sought]
    db.insert(
        "known_code",
        ("sent_system", "sent_code", "system", "code", "display", "active"),
        [(s, c, rules, c, a.display, a.active) for s, c, rules, a in told if a and a.valid],
    )
    denied = [(system, code) for system, code, _, a in told if a and not a.valid]
    db.insert("denied_code", ("system", "code"), denied)
    db.insert("terminology_note", ("note",), [(note,) for note in server.notes])


def _judge(db: Database) -> None:
    """Make `judged_code`: what a code says of itself, by the rules of its system."""
    db.run(
        "create temp table judged_code (system varchar, code varchar, check_digit_ok boolean, "
        "format_ok boolean, suggestion varchar)"
    )
    # Only what can be judged comes to Python: a load has far more local codes than standard ones.
    sought = db.rows("select rules, system, code from sought where ruled")
    columns = ("system", "code", "check_digit_ok", "format_ok", "suggestion")
    db.insert("judged_code", columns, [_judged(*row) for row in sought])


def _judged(
    rules: str, system: str, code: str
) -> tuple[str, str, bool | None, bool | None, str | None]:
    right = check_digits.check_digit_ok(rules, code)
    suggestion = check_digits.suggest(rules, code) if right is False else None
    return system, code, right, check_digits.format_ok(rules, code), suggestion
