"""One person, however many records. In: Patient identifiers and links; out: the table `person`.

Two Patients are one person when they share a medical record number of one system and no birth date
contradicts it, or when one links to the other. A number that many share, that has no digit or one
character only (UNKNOWN, 000000) is nobody's number. Likeness of names counts for nothing here.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, TypeAlias

from uptake.identity.decisions import SAME, SEPARATE
from uptake.identity.outcomes import grouped

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database
    from uptake.identity.decisions import Decided

_Pairs: TypeAlias = list[tuple[int, int]]
COUNTED = "counted_person"
"""The table of persons as figures count them: likely links count, too."""
MOST = 12
"""A number on more Patients than this identifies nobody: 000000, a test range, a household's."""
TABLES = frozenset({"patient", "identifier"})
"""The tables read here."""


def build_persons(db: Database, decided: Iterable[Decided] = ()) -> None:
    """Make `person`: the `rid` of every Patient, and the smallest rid of the same person.

    What a reviewer decided to be the same is one person; a likely link alone is not. Where a
    reviewer separates two, no number that they share joins them.
    """
    exact = db.rows(f"""
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
    same, separate = _decided_pairs(db, decided)
    roots = _joined(exact, same, separate)
    db.run("create table linked (rid bigint, person bigint)")
    db.insert("linked", ("rid", "person"), list(roots.items()))
    db.run(
        "create table person as select p.rid, coalesce(l.person, p.rid) as person, i.feed "
        "from patient p join record i using (rid) left join linked l using (rid)"
    )
    db.run("drop table linked")


def _decided_pairs(db: Database, decided: Iterable[Decided]) -> tuple[_Pairs, _Pairs]:
    """Return the rids of what reviewers decided to be the same, and of what they separate."""
    columns = ("feed_l", "id_l", "feed_r", "id_r", "decision")
    db.run(
        "create or replace temp table told_decision "
        f"({', '.join(f'{name} varchar' for name in columns)})"
    )
    db.insert("told_decision", columns, [tuple(getattr(d, c) for c in columns) for d in decided])
    rows = db.rows("""
        select a.rid, b.rid, d.decision from told_decision d
        join record a on a.type = 'Patient' and a.feed = d.feed_l and a.id = d.id_l
        join record b on b.type = 'Patient' and b.feed = d.feed_r and b.id = d.id_r
    """)
    return (
        [(left, right) for left, right, decision in rows if decision == SAME],
        [(left, right) for left, right, decision in rows if decision in SEPARATE],
    )


def _joined(exact: _Pairs, same: _Pairs, separate: _Pairs) -> dict[int, int]:
    """Return the smallest rid of each person, by rid.

    A group that holds two whom a reviewer separates is one by a reviewer's word only: whose the
    other records are, the number that all share does not say.
    """
    roots = grouped([*exact, *same])
    torn = {roots[a] for a, b in separate if a in roots and roots[a] == roots.get(b)}
    if not torn:
        return roots
    return grouped([*(pair for pair in exact if roots[pair[0]] not in torn), *same])


def build_counted_persons(db: Database, decided: Iterable[Decided] = ()) -> None:
    """Make `counted_person`, as `person` is, with those joined that are linked by likeness.

    For figures only: so nobody is counted twice, and no fact of another record reaches a card.
    Likeness joins no group that holds two whom a reviewer separates, not through a third either.
    """
    exact = db.rows("select rid, person from person where rid <> person")
    likely = db.rows("select rid, cluster from patient_cluster where rid <> cluster")
    _, separate = _decided_pairs(db, decided)
    roots = grouped([*exact, *likely])
    torn = {roots[a] for a, b in separate if a in roots and roots[a] == roots.get(b)}
    if torn:
        roots = grouped([*exact, *(pair for pair in likely if roots[pair[0]] not in torn)])
    db.run("create temp table likely (rid bigint, person bigint)")
    db.insert("likely", ("rid", "person"), list(roots.items()))
    db.run(
        f"create table {COUNTED} as select p.rid, coalesce(l.person, p.person) as person, p.feed "
        "from person p left join likely l using (rid)"
    )
    db.run("drop table likely")
