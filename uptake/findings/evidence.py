"""What the numbers of a run rest on. In: the tables of a run; out: Parquet files in its folder.

A unit's or opportunity's `key` is 16 hexadecimal letters: it stands in the web application's paths,
where no identifier may.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uptake.engine.duckdb import quoted
from uptake.findings import local_codes
from uptake.identity import doubts
from uptake.reconciliation.conflicts import batch as conflicts

if TYPE_CHECKING:
    from pathlib import Path

    from uptake.engine.duckdb import Database

FILES = {
    "unit": """
        with state as (
          select use_case, unit, case when bool_or(state = 'unfit') then 'unfit'
            when bool_or(state = 'unknown') then 'unknown' else 'fit' end as state
          from unit_state group by use_case, unit
        )
        select u.use_case, u.unit, left(sha256(u.use_case || chr(31) || u.unit), 16) as key,
          u.person, r.feed, r.type, r.id, u.anchor, s.state
        from unit u join state s using (use_case, unit)
        left join record r on r.rid = u.patient_rid
        order by u.use_case, key""",
    "unit_cause": """
        select c.use_case, c.unit, left(sha256(c.use_case || chr(31) || c.unit), 16) as key,
          c.requirement, c."check", c.feed, c.fix_key, r.type, r.id
        from unit_cause c left join record r on r.rid = c.rid
        order by c.use_case, key, c.requirement, c."check", c.fix_key""",
    "opportunity": """
        select o.use_case, o.opportunity,
          left(sha256(o.use_case || chr(31) || o.opportunity), 16) as key, o.person,
          r.feed, r.type, r.id, p.feed as patient_feed, p.id as patient_id, o.at_time, o.opens,
          o.due, o.decided_at, o.until, coalesce(o.place, '') as place,
          coalesce(o.actionable, false) as actionable, o.acted, o.acted_at,
          a.feed as acted_feed, a.type as acted_type, a.id as acted_id
        from opportunity o left join record r on r.rid = o.rid
        left join record p on p.rid = o.patient_rid left join record a on a.rid = o.acted_rid
        order by o.use_case, o.at_time, key""",
    "measure_row": "select * from measure_row order by measure, at_time, unit",
    "person_key": "select * from person_key order by value, person, feed, kind, system",
    "medication_difference": """
        select * exclude (chart_rid, outside_rid, other_rid) from medication_difference
        order by all""",
    "delivery/medication_entry": "select * from medication_entry order by all",
    "delivery/allergy_entry": "select * from allergy_entry order by all",
    "delivery/conflict": conflicts.FILE,
    "delivery/identity_doubt": doubts.DELIVERED,
    # What duplicates cost: facts of a requirement that lie on a record which nobody opens, and the
    # people of whom there is no other.
    "duplicate_cost": """
        with lies as (
          select distinct f.requirement, f.rid, f.person, s.survivor_rid <> s.rid as off
          from fact f join resource r on r.rid = f.rid
          left join patient_survivor s on s.rid = r.patient_rid
        ),
        counted as (
          select requirement, person, count(*) filter (off) as facts,
            bool_and(coalesce(off, false)) as only_there
          from lies group by requirement, person
        )
        select split_part(requirement, '/', 1) as use_case,
          split_part(requirement, '/', 2) as requirement, sum(facts)::bigint as facts,
          count(*) as people, count(*) filter (only_there) as only_there
        from counted where facts > 0
        group by requirement order by only_there desc, people desc, use_case, requirement""",
    "local_code": local_codes.LOCAL_CODE,
    "code_coverage": local_codes.CODE_COVERAGE,
}
READS = doubts.READS | {"patient_survivor", "conflict"}
"""The tables the loader must make for this, beside those that fitness reads."""


def write_evidence(db: Database, folder: Path) -> None:
    """Write each file of a run whole."""
    for name, query in FILES.items():
        draft = folder / f"{name}.parquet.tmp"
        draft.parent.mkdir(exist_ok=True)
        db.run(f"copy ({query}) to {quoted(str(draft))} (format parquet, compression zstd)")
        draft.replace(folder / f"{name}.parquet")
