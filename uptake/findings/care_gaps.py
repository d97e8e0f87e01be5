"""Care gaps of a run. In: rules, checks and tables that are judged; out: `delivery/*.parquet`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from uptake.care_gaps import judge, visits
from uptake.care_gaps.facts import EHR, order_codes
from uptake.care_gaps.rules import settings
from uptake.engine.duckdb import quoted
from uptake.identity import doubts

if TYPE_CHECKING:
    from pathlib import Path

    from uptake.care_gaps.rules import GapRule
    from uptake.engine.duckdb import Database
    from uptake.model import Check

READS = judge.READS | visits.READS | doubts.READS
"""Tables the loader must make for rules."""
FOLDER = "delivery"
"""Where a run keeps what is delivered."""

_FILES = {
    "care_gap": f"""
        with record_of as (
          select p.person, r.feed, r.id from person p join record r using (rid)
          join feed d on d.feed = p.feed where {EHR} and r.id is not null
        )
        select o.id as patient_id, o.feed as patient_feed, g.person, g.rule, g.title, g.measure,
          g.status, g.reason, g.why, g."check", g.fix_key, coalesce(g.evidence, '') as evidence,
          coalesce(e.type, '') as evidence_type, coalesce(e.id, '') as evidence_id,
          coalesce(e.feed, '') as evidence_feed, coalesce(f.role, '') as evidence_role,
          g.evidence_date, coalesce(g.evidence_value, '') as evidence_value,
          coalesce(g.evidence_unit, '') as evidence_unit,
          coalesce(h.type, '') as hidden_type, coalesce(h.id, '') as hidden_id,
          coalesce(h.feed, '') as hidden_feed, g.next_due,
          coalesce(s.id, '') as ordered_id, coalesce(s.feed, '') as ordered_feed, g.ordered_date,
          d.declined_at,
          t.order_system, t.order_code, t.order_display, t.order_words, t.codes, t.source,
          t.source_url
        from care_gap g join record_of o using (person)
        join gap_told t on t.rule = g.rule
        left join record e on e.rid = g.evidence_rid left join feed f on f.feed = e.feed
        left join record h on h.rid = g.hidden_rid
        left join record s on s.rid = g.ordered_rid
        left join gap_declined d on d.person = g.person and d.rule = g.rule
        order by patient_id, patient_feed, g.rule""",
    "planned_visit": visits.PLANNED,
}
_TOLD = (
    "rule", "order_system", "order_code", "order_display", "order_words", "codes", "source",
    "source_url",
)  # fmt: skip


def write_care_gaps(
    db: Database, rules: Iterable[GapRule], checks: Iterable[Check], folder: Path
) -> list[str]:
    """Judge every rule, and write `care_gap` and `planned_visit` below the run's folder.

    Returns what could not be judged, in sentences. Needs `finding`, `identity_doubt`
    and the tables of READS.
    """
    known = list(rules)
    faults = judge.judge_gaps(db, known, checks)
    _told(db, known)
    _declined(db, known)
    visits.find_visits(db)
    (folder / FOLDER).mkdir(parents=True, exist_ok=True)
    for name, query in _FILES.items():
        draft = folder / FOLDER / f"{name}.parquet.tmp"
        db.run(f"copy ({query}) to {quoted(str(draft))} (format parquet, compression zstd)")
        draft.replace(folder / FOLDER / f"{name}.parquet")
    return faults


def _told(db: Database, rules: Iterable[GapRule]) -> None:
    """Make `gap_told`: what a card and a list say of each rule."""
    db.run(f"create temp table gap_told ({', '.join(f'{c} varchar' for c in _TOLD)})")
    rows = []
    for rule in rules:
        order, source = rule.order, rule.source
        codes = " ".join(sorted({f"{system}|{code}" for _, system, code in order_codes(rule)}))
        rows.append(
            (
                rule.code,
                order.coding.system if order else "",
                order.coding.code if order else "",
                order.coding.display if order else "",
                order.words if order else "",
                codes,
                f"{source.by}: {source.title} ({source.year})",
                source.url,
            )
        )
    db.insert("gap_told", _TOLD, rows)


def _declined(db: Database, rules: Iterable[GapRule]) -> None:
    """Make `gap_declined`: when a clinician last declined a person's gap, as the log has it.

    A card's reason says of which gap it is; without a log nobody declined anything.
    """
    db.run("create temp table gap_declined (person bigint, rule varchar, declined_at timestamp)")
    db.run("create temp table gap_reason (rule varchar, reason varchar)")
    words = settings()["declined"]["words"].values()
    reasons = [(rule.code, one.format(title=rule.title)) for rule in rules for one in words]
    db.insert("gap_reason", ("rule", "reason"), reasons)
    if db.rows("select 1 from duckdb_tables() where table_name = 'usage_event'"):
        db.run("""
            insert into gap_declined
            select e.person, r.rule, max(e.at_time)
            from usage_event e join gap_reason r using (reason)
            where e.person is not null group by all
        """)
