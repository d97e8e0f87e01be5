"""What a run keeps of conformance. In: the tables; out: four Parquet files beside its findings.

conformance.parquet        feed, profile, claimed, best_fit: resources, resources without an error
conformance_rules.parquet  profile: every rule, judged or the reason why not
element_coverage.parquet   feed, profile, element: resources, those that carry it
extensions.parquet         feed, url: resources that carry an extension nobody here explains
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uptake.engine.duckdb import quoted

if TYPE_CHECKING:
    from pathlib import Path

    from uptake.engine.duckdb import Database

FILES = {
    "conformance": """
        select r.feed, v.profile, v.claimed, v.best_fit, count(*) as resources,
          count(*) filter (e.shape is null) as without_error,
          max(coalesce(c.rules_judged, 0)) as rules_judged,
          max(coalesce(c.rules_skipped, 0)) as rules_skipped
        from shape_verdict v join resource_shape s using (shape) join record r using (rid)
        left join rule_count c on c.profile = v.profile
        left join (select distinct shape, profile from shape_issue where severity = 'error') e
          on e.shape = v.shape and e.profile = v.profile
        where v.judged group by r.feed, v.profile, v.claimed, v.best_fit
        order by r.feed, v.profile, v.claimed, v.best_fit""",
    "conformance_rules": "select * from conformance_rule order by profile, element, kind, rule",
    "element_coverage": """
        select feed, profile, element, must_support, resources, populated
        from element_coverage order by feed, profile, number""",
    "extensions": """
        select r.feed, i.evidence as url, i.rule = 'modifier' as modifier,
          string_agg(distinct r.type, ', ' order by r.type) as types,
          count(distinct i.rid) as resources
        from conformance_issue i join record r using (rid)
        where i.kind = 'extension' group by r.feed, i.evidence, i.rule
        order by r.feed, i.rule, resources desc, url""",
}


def write_results(db: Database, out: Path) -> None:
    """Write the files, each whole or not at all; none where conformance was not judged."""
    if not db.rows("select 1 from duckdb_tables() where table_name = 'shape_verdict'"):
        return
    for name, query in FILES.items():
        draft = out / f"{name}.parquet.tmp"
        db.run(f"copy ({query}) to {quoted(str(draft))} (format parquet, compression zstd)")
        draft.replace(out / f"{name}.parquet")
