"""Opportunities and measures. In: use cases, measures, events and tables; out: rows to count.

An opportunity is an eligible patient at a workflow moment: what should have been delivered is
worked out from the data, since no log tells what was never sent. A query that fails is told, and
the rest goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from uptake.engine.tokens import tables_of
from uptake.errors import EngineError

if TYPE_CHECKING:
    import pyarrow as pa

    from uptake.engine.duckdb import Database
    from uptake.model import Measure, Surface, UseCase

TABLES = """
create table found_opportunity (use_case varchar, opportunity varchar, rid bigint,
  patient_rid bigint, person bigint, at_time timestamp, opens timestamp, due timestamp,
  decided_at timestamp, until timestamp, place varchar, actionable boolean, acted boolean,
  acted_at timestamp, acted_rid bigint);
create table measure_row (measure varchar, unit varchar, at_time timestamp, value double,
  counts boolean, place varchar);
create table person_key as
  select person, feed, 'id' as kind, '' as system, record.id as value
  from person join record using (rid, feed) where record.id is not null
  union
  select person, feed, 'identifier', coalesce(i.system, ''), i.value
  from person join identifier i using (rid)
  where i.path = 'Patient.identifier' and i.value is not null;
"""
READS = frozenset({"identifier", "patient"})
"""The tables read here."""


def find_opportunities(
    db: Database,
    use_cases: Iterable[UseCase],
    measures: Mapping[str, Measure],
    events: pa.Table | None,
    surfaces: Mapping[str, Surface],
) -> list[str]:
    """Make `opportunity` and `measure_row`; return what could not be found, in sentences.

    Needs `unit` and `person`. `events` has the columns of the event log.
    """
    cases = list(use_cases)
    db.run(TABLES)
    _read_events(db, events, surfaces)
    told = db.each(_of_case, cases)
    db.run("create table opportunity as select * from found_opportunity")
    found = {c.code: bool(c.opportunity) and not t for c, t in zip(cases, told, strict=True)}
    wanted = [m for m in measures.values() if m.use_case in found]
    # Without opportunities a measure of them would say that all is well.
    able = [m for m in wanted if found[m.use_case] or "opportunity" not in tables_of(m.query)]
    told += db.each(_of_measure, able)
    told += [
        f"The measure {m.code} could not be worked out: it counts the opportunities of "
        f"{m.use_case}, and there are none to count."
        for m in wanted
        if m not in able
    ]
    return [fault for fault in told if fault]


def _read_events(db: Database, events: pa.Table | None, surfaces: Mapping[str, Surface]) -> None:
    """Make `usage_event`: each event once, its patient as the one person who has that key.

    One of a surface that serves several use cases is of each of them.
    """
    columns = 'id, "at" as at_time, action, surface, use_case, practitioner, patient, reason'
    if events is None:
        db.run(
            "create table sent_event (id varchar, at_time timestamp, action varchar, "
            "surface varchar, use_case varchar, practitioner varchar, patient varchar, "
            "reason varchar)"
        )
    else:
        db.load("sent_event", events, columns)
    db.run("create temp table surface_case (surface varchar, use_case varchar)")
    shown = [(s.code, case) for s in surfaces.values() for case in s.use_cases]
    db.insert("surface_case", ("surface", "use_case"), shown)
    db.run("""
        create table usage_event as
        with known as (
          select value, min(person) as person from person_key group by value
          having count(distinct person) = 1
        )
        select e.id, e.at_time, e.action, e.surface, coalesce(c.use_case, e.use_case) as use_case,
          e.practitioner, k.person, e.reason
        from sent_event e left join known k on k.value = e.patient
        left join surface_case c on c.surface = e.surface and e.use_case = ''
        qualify row_number() over (partition by e.id, c.use_case order by e.at_time) = 1
    """)


def _eligible(db: Database, case: str) -> None:
    """Make `eligible`, by persons that are sure: no likely link puts a fact into what was done.

    A unit that figures take for one person is all of the persons that it may be.
    """
    db.run(
        """
        create or replace temp table eligible as
        with own as (
          select u.unit, p.person, u.patient_rid, u.anchor, u.person as counted
          from unit u left join person p on p.rid = u.patient_rid
          where u.use_case = ? and u.applicable
        )
        select unit, person, patient_rid, anchor from own
        union all
        select o.unit, p.person, min(p.rid), o.anchor from own o
        join counted_person c on c.person = o.counted join person p on p.rid = c.rid
        where o.unit = o.counted::varchar and p.person <> o.person
        group by o.unit, p.person, o.anchor
        """,
        [case],
    )


def _of_case(db: Database, case: UseCase) -> str:
    """Find the opportunities of a use case, and whether each was acted on."""
    if not case.opportunity:
        return ""
    try:
        _eligible(db, case.code)
        db.run(f"""
            create or replace temp table opportunity as
            select q.*, p.person from ({case.opportunity}) q join person p on p.rid = q.patient_rid
            where q.at_time is not null
        """)
        told = _odd_rows(db, case.code)
        acted = case.acted or (
            "select opportunity, null::boolean as acted, null::timestamp as acted_at, "
            "null::bigint as acted_rid from opportunity"
        )
        db.run(
            f"""
            insert into found_opportunity by name
            select $case as use_case, o.*, a.acted, a.acted_at, a.acted_rid
            from opportunity o left join ({acted}) a using (opportunity)
            """,
            {"case": case.code},
        )
    except EngineError as error:
        return f"The opportunities of {case.code} could not be found: {error}"
    finally:
        db.run("drop table if exists temp.opportunity")
    return told


def _odd_rows(db: Database, case: str) -> str:
    """Say which rows make a query's numbers wrong: an opportunity twice, or without an end."""
    rows, distinct, endless = db.row(
        "select count(*), count(distinct opportunity), "
        "count(*) filter (opens is null or due is null or until is null) "
        "from temp.opportunity"
    )
    faults = []
    if rows > distinct:
        faults.append(f"{rows - distinct:,} rows name an opportunity a second time")
    if endless:
        faults.append(f"{endless:,} do not say when they open, are due or end, and are not counted")
    return f"Of the opportunities of {case}: {'; '.join(faults)}." if faults else ""


def _of_measure(db: Database, measure: Measure) -> str:
    try:
        _eligible(db, measure.use_case)
        column = "counts" if measure.statistic in ("share", "count") else "value"
        db.run(
            "insert into measure_row by name "
            f"select $code as measure, unit, at_time, {column}, place from ({measure.query}) "
            "where at_time is not null",
            {"code": measure.code},
        )
    except EngineError as error:
        return f"The measure {measure.code} could not be worked out: {error}"
    return ""
