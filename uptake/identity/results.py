"""What a run keeps of linkage. In: the tables; out: files beside its findings.

pairs.parquet     a row a judged pair: outcome, veto, what speaks for and against it, and its harm:
                  how many active medicines and allergies stand on one of the two records only
clusters.parquet  records that are linked, and the cluster that they are of
persons.parquet   the normal form of every record in a pair: what the review page shows
duplicates.json   the figures, and what the sanity gate says

They hold what identifies people, as findings.parquet does: they are not meant to be shared.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from uptake.disk import write_whole
from uptake.engine.duckdb import quoted
from uptake.errors import StorageError
from uptake.identity.linkage import Linkage

if TYPE_CHECKING:
    from pathlib import Path

    from uptake.engine.duckdb import Database

FIGURES = "duplicates.json"
HARM_READS = frozenset({"medication_request", "medication_statement", "allergy_intolerance"})
"""The tables that the harm of a pair is counted from."""

_HARM = """
create or replace temp table record_item as
select distinct patient_rid as rid, kind, coalesce(code, lower(code_text)) as item from (
  select patient_rid, 'medication' as kind, code, code_text from medication_request
  where status in ('active', 'on-hold') and not entered_in_error
  union all select patient_rid, 'medication', code, code_text from medication_statement
  where status in ('active', 'on-hold', 'intended') and not entered_in_error
  union all select patient_rid, 'allergy', code, code_text from allergy_intolerance
  where coalesce(clinical_status, 'active') = 'active' and not entered_in_error
)
where patient_rid in (select rid_l from patient_link union select rid_r from patient_link)
  and coalesce(code, code_text) is not null;
create or replace temp table pair_harm as
with alone as (
  select k.rid_l, k.rid_r, i.kind, i.item from patient_link k
  join record_item i on i.rid in (k.rid_l, k.rid_r)
  group by all having count(*) = 1
)
select rid_l, rid_r, count(*) as harm, count(*) filter (kind = 'medication') as medications,
  count(*) filter (kind = 'allergy') as allergies
from alone group by rid_l, rid_r
"""
_WORDS = """
concat_ws(' and ',
  case when medications = 1 then '1 active medicine' when medications > 1
    then medications || ' active medicines' end,
  case when allergies = 1 then '1 allergy' when allergies > 1 then allergies || ' allergies' end)
|| case when harm = 1 then ' stands on one record only' else ' stand on one record only' end
"""
FILES = {
    "pairs": f"""
        with named as (
          select k.*, a.feed as feed_a, a.id as id_a, b.feed as feed_b, b.id as id_b,
            coalesce(h.harm, 0) as harm, case when h.harm > 0 then {_WORDS} else '' end
              as harm_reason
          from patient_link k join person_record a on a.rid = k.rid_l
          join person_record b on b.rid = k.rid_r
          left join pair_harm h on h.rid_l = k.rid_l and h.rid_r = k.rid_r
          where a.id is not null and b.id is not null
        ),
        placed as (select *, (feed_a, id_a) < (feed_b, id_b) as in_order from named)
        select case when in_order then feed_a else feed_b end as feed_l,
          case when in_order then id_a else id_b end as id_l,
          case when in_order then feed_b else feed_a end as feed_r,
          case when in_order then id_b else id_a end as id_r,
          probability, outcome, veto, weight, levels, harm::integer as harm, harm_reason, decided
        from placed order by feed_l, id_l, feed_r, id_r""",
    "clusters": """
        select dense_rank() over (order by min_feed, min_id) as cluster, feed, id from (
          select p.feed, p.id, min(p.feed) over (partition by c.cluster) as min_feed,
            min(p.id) over (partition by c.cluster) as min_id
          from patient_cluster c join person_record p using (rid))
        order by cluster, feed, id""",
    "persons": """
        select * exclude (rid, n) from person_record
        where rid in (select rid_l from patient_link union select rid_r from patient_link)
        order by feed, id""",
}


def figures(linkage: Linkage) -> dict[str, Any]:
    """Return what duplicates.json says."""
    return {
        "records": linkage.records,
        "candidate_pairs": linkage.candidates,
        "outcomes": dict(linkage.outcomes),
        "clusters": linkage.clusters,
        "prevalence": linkage.model.prevalence,
        "prevalence_across": linkage.model.across,
        "model": linkage.model.version,
        "keys": [msgspec.to_builtins(key) for key in linkage.keys],
        "sanity": {
            "passed": linkage.sanity.passed,
            "figures": [
                msgspec.to_builtins(figure) | {"passed": figure.passed}
                for figure in linkage.sanity.figures
            ],
        },
        "seconds": round(sum(linkage.seconds.values()), 3),
    }


def read_linkage(db: Database) -> Linkage | None:
    """Return what linking this load came to; None where it was not linked."""
    if not db.rows("select 1 from duckdb_tables() where table_name = 'linkage'"):
        return None
    (told,) = db.row("select told from linkage")
    return msgspec.json.decode(told, type=Linkage)


def write_duplicates(db: Database, out: Path) -> None:
    """Write the files, each whole or not at all; none where the load was not linked.

    Raises StorageError.
    """
    linkage = read_linkage(db)
    if linkage is None:
        return
    tables = {name for (name,) in db.rows("select table_name from duckdb_tables()")}
    if tables >= HARM_READS:
        db.run(_HARM)
    else:
        db.run(
            "create or replace temp table pair_harm (rid_l bigint, rid_r bigint, harm bigint, "
            "medications bigint, allergies bigint)"
        )
    try:
        for name, query in FILES.items():
            draft = out / f"{name}.parquet.tmp"
            db.run(f"copy ({query}) to {quoted(str(draft))} (format parquet, compression zstd)")
            draft.replace(out / f"{name}.parquet")
    except OSError as error:
        raise StorageError(f"{out}: cannot be written: {error.strerror or error}") from error
    told = msgspec.json.format(msgspec.json.encode(figures(linkage)), indent=2)
    write_whole(out / FIGURES, told)
