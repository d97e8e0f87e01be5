"""Was a merge done in the EHR? In: two runs and what reviewers decided; out: merges, seen by run.

Uptake merges nothing, so it looks whether the EHR did: a Patient that is replaced by the other, one
that is inactive and linked to it, or one that is gone while its medical record number came to the
other. A merge of two records that a reviewer called two people is an alarm; one that was undone is
said, and so are the facts that stay on the record that was replaced.
https://hl7.org/fhir/R4/patient.html#links
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import astuple, dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from uptake.engine.duckdb import in_utc, quoted
from uptake.errors import StorageError
from uptake.identity.decisions import SEPARATE, Decided, Record

if TYPE_CHECKING:
    from pathlib import Path

    from uptake.engine.duckdb import Database

FILE = "merges.parquet"
READS = frozenset({"reference", "patient_link", "person_record"})
"""The tables read here, beside those of every load and the Patients as sent."""
UNDONE = "undone"
HOW = {
    "replaced": "one record says that the other replaces it",
    "inactive": "one record is inactive and linked to the other",
    "taken over": "one record is gone, and its medical record number is on the other",
    UNDONE: "it was merged, and both records stand for themselves again",
}


@dataclass(frozen=True, slots=True)
class Merge:
    """A merge that the EHR did, or undid; its fields are the columns of `merges.parquet`."""

    feed: str
    """Of both: an EHR merges what it holds."""
    replaced: str
    kept: str
    how: str
    seen_at: datetime
    """When a run saw it first."""
    facts: int
    """Resources that lie on the replaced record: none should after a merge."""
    decision: str = ""
    """A reviewer's newest; empty: none."""

    @property
    def records(self) -> tuple[Record, Record]:
        """Return both records, in text order."""
        first, second = sorted((self.replaced, self.kept))
        return Record(self.feed, first), Record(self.feed, second)

    @property
    def alarms(self) -> bool:
        """Tell whether the EHR joined what a reviewer keeps apart."""
        return self.how != UNDONE and self.decision in SEPARATE

    @property
    def sentence(self) -> str:
        """Return what happened, in words that name nobody."""
        told = [HOW[self.how]]
        if self.alarms:
            told.insert(0, f"merged in the EHR, though a reviewer decided {self.decision}")
        if self.facts and self.how != UNDONE:
            many = f"{self.facts:,} facts are" if self.facts > 1 else "1 fact is"
            told.append(f"{many} still on the replaced record")
        return "; ".join(told)


_PAIR = "feed_l, id_l, feed_r, id_r"
_JUDGED = f"""
create or replace temp table judged_pair as
select distinct feed_l as feed, id_l, id_r from (
  select l.feed as feed_l, l.id as id_l, r.feed as feed_r, r.id as id_r
  from patient_link p join sent_patient l on l.rid = p.rid_l join sent_patient r on r.rid = p.rid_r
  union all select {_PAIR} from merge_decision
  union all select feed, replaced, feed, kept from merged_before
  union all select {_PAIR} from pair_before
) where feed_l = feed_r and id_l is not null and id_r is not null
"""
_LINKED = """
create or replace temp table patient_linked as
select distinct p.feed, p.id, coalesce(t.id, r.target_id) as other,
  json_extract_string(s.text,
    replace(replace(r.expression, 'Patient.', '$.'), '.other', '.type')) as type
from reference r join sent_patient p using (rid) join stored s using (rid)
left join record t on t.rid = r.target_rid
where r.path = 'Patient.link.other' and coalesce(r.target_type, 'Patient') = 'Patient'
"""
_SEEN = """
create or replace temp table merge_seen as
with pair as (
  select feed, id_l as one, id_r as other from judged_pair
  union select feed, id_r, id_l from judged_pair
),
way as (
  select p.feed, p.one as replaced, p.other as kept, 'replaced' as how, 1 as grade
  from pair p where exists (from patient_linked l where l.feed = p.feed
    and ((l.type = 'replaced-by' and l.id = p.one and l.other = p.other)
      or (l.type = 'replaces' and l.id = p.other and l.other = p.one)))
  union all
  select p.feed, p.one, p.other, 'inactive', 2
  from pair p join sent_patient a on (a.feed, a.id) = (p.feed, p.one)
  join sent_patient b on (b.feed, b.id) = (p.feed, p.other)
  where not a.active and b.active is not false and exists (from patient_linked l
    where l.feed = p.feed and l.type in ('seealso', 'refer')
      and (l.id, l.other) in ((p.one, p.other), (p.other, p.one)))
  union all
  select p.feed, p.one, p.other, 'taken over', 3
  from pair p join number_before g on (g.feed, g.id) = (p.feed, p.one)
  join number_before k on (k.feed, k.id) = (p.feed, p.other)
  join person_record n on (n.feed, n.id) = (p.feed, p.other)
  where len(g.mrns) > 0 and list_has_all(n.mrns, g.mrns) and not list_has_all(k.mrns, g.mrns)
    and not exists (from sent_patient s where (s.feed, s.id) = (p.feed, p.one))
),
best as (
  select feed, replaced, kept, how from way
  qualify grade = min(grade) over (
    partition by feed, least(replaced, kept), greatest(replaced, kept))
)
-- where each is replaced by the other, nobody can say which one is left
select * from best qualify count(*) over (
  partition by feed, least(replaced, kept), greatest(replaced, kept)) = 1
"""
_STANDING = f"""
create or replace temp table merge_standing as
with told as (
  select coalesce(n.feed, b.feed) as feed, coalesce(n.replaced, b.replaced) as replaced,
    coalesce(n.kept, b.kept) as kept,
    case when n.how is not null then n.how
      when exists (from sent_patient s where (s.feed, s.id) = (b.feed, b.replaced)) then '{UNDONE}'
      else b.how end as how,
    b.how as how_before, b.seen_at
  from merge_seen n full join merged_before b
    on n.feed = b.feed and least(n.replaced, n.kept) = least(b.replaced, b.kept)
    and greatest(n.replaced, n.kept) = greatest(b.replaced, b.kept)
)
select feed, replaced, kept, how,
  case when (how = '{UNDONE}') = (how_before = '{UNDONE}') then seen_at else $at::timestamp end
    as seen_at
from told
"""
_FACTS = """
select m.feed, m.replaced, m.kept, m.how, m.seen_at, count(f.rid)::bigint,
  coalesce(min(d.decision), '')
from merge_standing m
left join sent_patient p on (p.feed, p.id) = (m.feed, m.replaced)
left join resource f on f.patient_rid = p.rid and f.type <> 'Patient' and not f.entered_in_error
left join merge_decision d on (d.feed_l, d.id_l, d.feed_r, d.id_r)
  = (m.feed, least(m.replaced, m.kept), m.feed, greatest(m.replaced, m.kept))
group by all order by all
"""


def find_merges(
    db: Database, decisions: Iterable[Decided], at: datetime, before: Path | None = None
) -> tuple[Merge, ...]:
    """Return the merges that stand, and those that were undone, in order of the records.

    `before` is the folder of the run before this one: without it nobody can tell that a record is
    gone, or that a merge was undone. Where two records each replace the other nothing was merged.
    """
    decided = [(d.feed_l, d.id_l, d.feed_r, d.id_r, d.decision) for d in decisions]
    columns = ("feed_l", "id_l", "feed_r", "id_r", "decision")
    db.run(f"create or replace temp table merge_decision ({' varchar, '.join(columns)} varchar)")
    db.insert("merge_decision", columns, decided)
    _read_before(db, before)
    for sql in (_JUDGED, _LINKED, _SEEN):
        db.run(sql)
    db.run(_STANDING, {"at": in_utc(at)})
    return tuple(
        Merge(feed, replaced, kept, how, seen_at.replace(tzinfo=UTC), *rest)
        for feed, replaced, kept, how, seen_at, *rest in db.rows(_FACTS)
    )


def _read_before(db: Database, before: Path | None) -> None:
    """Make what the earlier run says: its pairs, the numbers of their records, its merges."""
    for view, file, columns in (
        ("pair_before", "pairs.parquet", dict.fromkeys(_PAIR.split(", "), "varchar")),
        ("number_before", "persons.parquet",
         {"feed": "varchar", "id": "varchar", "mrns": "varchar[]"}),
        ("merged_before", FILE,
         dict.fromkeys(("feed", "replaced", "kept", "how"), "varchar") | {"seen_at": "timestamp"}),
    ):  # fmt: skip
        path = before / file if before else None
        select = (
            f"select {', '.join(columns)} from read_parquet({quoted(str(path))})"
            if path and path.is_file()
            else f"select {', '.join(f'null::{t} as {c}' for c, t in columns.items())} where false"
        )
        db.run(f"create or replace temp view {view} as {select}")


def write_merges(db: Database, merges: Iterable[Merge], out: Path) -> None:
    """Write `merges.parquet`, whole; raises StorageError."""
    names = [field.name for field in fields(Merge)]
    db.run(
        "create or replace temp table merge_told (feed varchar, replaced varchar, kept varchar, "
        "how varchar, seen_at timestamp, facts bigint, decision varchar)"
    )
    told = [astuple(merge) for merge in merges]
    at = names.index("seen_at")
    db.insert("merge_told", names, [(*row[:at], in_utc(row[at]), *row[at + 1 :]) for row in told])
    draft = out / f"{FILE}.tmp"
    db.run(f"copy merge_told to {quoted(str(draft))} (format parquet, compression zstd)")
    try:
        draft.replace(out / FILE)
    except OSError as error:
        raise StorageError(f"{out}: cannot be written: {error.strerror or error}") from error


def read_merges(db: Database, run: Path) -> tuple[Merge, ...]:
    """Return the merges that a run saw; none where it did not look."""
    if not (run / FILE).is_file():
        return ()
    names = ", ".join(field.name for field in fields(Merge))
    rows = db.rows(f"select {names} from read_parquet({quoted(str(run / FILE))}) order by all")
    return tuple(
        Merge(feed, replaced, kept, how, at.replace(tzinfo=UTC), *rest)
        for feed, replaced, kept, how, at, *rest in rows
    )
