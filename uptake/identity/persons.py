"""One person, however many records. In: Patient identifiers and links; out: the table `person`.

Two Patients are one person when they share a medical record number of one system and no birth date
contradicts it, or when one links to the other. A number that many share, that has no digit or one
character only (UNKNOWN, 000000) is nobody's number. Likeness of names counts for nothing here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

MOST = 12
"""A number on more Patients than this identifies nobody: 000000, a test range, a household's."""
TABLES = frozenset({"patient", "identifier"})
"""The tables read here."""


def build_persons(db: Database) -> None:
    """Make `person`: the `rid` of every Patient, and the smallest rid of the same person."""
    pairs = db.rows(f"""
        with number as (
          select distinct i.rid, i.system, i.value, p.birth_date_text as born
          from identifier i join patient p using (rid)
          where i.path = 'Patient.identifier' and i.type = 'MR' and i.system is not null
            and regexp_matches(i.value, '[0-9]') and not p.entered_in_error
            and replace(i.value, left(i.value, 1), '') <> ''
        ),
        shared as (
          select system, value, born, min(rid) as first from number where born is not null
          group by all having count(*) between 2 and {MOST}
        )
        select s.first, n.rid from number n join shared s using (system, value, born)
        where n.rid <> s.first
        union all
        select min(o.rid), n.rid from number n join number o using (system, value)
        where n.born is null and o.born is not null
        group by n.rid, system, value having count(distinct o.born) = 1 and count(*) <= {MOST}
        union all
        select rid, target_rid from reference
        where path = 'Patient.link.other' and target_rid in (select rid from patient)
    """)
    roots = _roots(pairs)
    db.run("create table linked (rid bigint, person bigint)")
    db.insert("linked", ("rid", "person"), list(roots.items()))
    db.run(
        "create table person as select p.rid, coalesce(l.person, p.rid) as person, i.feed "
        "from patient p join record i using (rid) left join linked l using (rid)"
    )
    db.run("drop table linked")


def _roots(pairs: list[tuple[int, int]]) -> dict[int, int]:
    """Return the smallest member of each connected group, by member."""
    parent: dict[int, int] = {}

    def root(x: int) -> int:
        while parent.setdefault(x, x) != x:
            parent[x] = parent[parent[x]]
            x = parent[x]
        return x

    for a, b in pairs:
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    return {member: root(member) for member in parent}
