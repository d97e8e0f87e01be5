"""What changed since an earlier run. In: two runs' findings; out: what became of each.

A finding is known again by its fingerprint. One that is missing now is resolved only where it was
looked for again: its check ran and its feed was read. Else it stays open, for nobody knows.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uptake.engine.duckdb import in_utc, quoted
from uptake.errors import SourceError
from uptake.model import Change, Changes, FitBefore, Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable

    from uptake.engine.duckdb import Database
    from uptake.model import CheckResult

FILE = "history.parquet"

_LOOKED_FOR = """
create or replace temp table looked_for as
  select c.code as "check", f.feed from looked_for_check c cross join (
    select distinct feed from sent_record) f
"""
_FOUND = """
create or replace temp table found as
  select fingerprint, min("check") as "check", min(severity) as severity,
    min(feed) as feed, min(resource_type) as resource_type,
    min(resource_id) as resource_id, min(fix_key) as fix_key
  from finding group by fingerprint
"""
_EARLIER = """
create or replace temp table earlier as
  select fingerprint, min("check") as "check", min(severity) as severity,
    min(feed) as feed, min(resource_type) as resource_type,
    min(resource_id) as resource_id, min(fix_key) as fix_key,
    $at::timestamp as first_seen, $at::timestamp as last_seen, 'open' as status,
    '' as resolution, null::timestamp as resolved_at, false as returned
  from read_parquet({path}) group by fingerprint
"""
_HISTORY = """
  select coalesce(n.fingerprint, e.fingerprint) as fingerprint,
    coalesce(n."check", e."check") as "check", coalesce(n.severity, e.severity) as severity,
    coalesce(n.feed, e.feed) as feed,
    coalesce(n.resource_type, e.resource_type) as resource_type,
    coalesce(n.resource_id, e.resource_id) as resource_id,
    coalesce(n.fix_key, e.fix_key) as fix_key,
    coalesce(e.first_seen, $at::timestamp) as first_seen,
    case when n.fingerprint is not null then $at::timestamp else e.last_seen end as last_seen,
    case when n.fingerprint is not null and e.status in ('new', 'open') then 'open'
      when n.fingerprint is not null then 'new'
      when e.status = 'resolved' or l.feed is not null then 'resolved'
      else 'open' end as status,
    case when n.fingerprint is not null then ''
      when e.status = 'resolved' then e.resolution
      when l.feed is null then ''
      when e.resource_id is null then ''
      when r.id is null then 'not sent'
      else 'corrected' end as resolution,
    case when n.fingerprint is not null then null
      when e.status = 'resolved' then e.resolved_at
      when l.feed is not null then $at::timestamp end as resolved_at,
    e.returned is true or (n.fingerprint is not null and e.status = 'resolved') is true as returned
  from found n full join earlier e using (fingerprint)
  left join looked_for l on l."check" = e."check" and l.feed = e.feed
  left join (select distinct feed, type, id from record where id is not null) r
    on r.feed = e.feed and r.type = e.resource_type and r.id = e.resource_id
"""
"""`resolution`: `corrected` where the record came again without the finding, `not sent` where the
record is not in this load: a defect that is gone, not one that was repaired. Empty where it was
about no record with an id (a line that could not be read, a feed): that cannot be told."""


def write_history(
    db: Database,
    results: Iterable[CheckResult],
    before: Path | None,
    folder: Path,
    as_of: datetime,
) -> None:
    """Write `history.parquet`: every finding ever seen, when first and last, and what became of it.

    `before` is the run before in the project: its history goes on, or begins with its findings.
    """
    _look(db, results)
    if before is not None and (before / FILE).is_file():
        db.run(
            "create or replace temp table earlier as select * from "
            f"read_parquet({quoted(str(before / FILE))})"
        )
    elif before is not None and (before / "findings.parquet").is_file():
        _read_earlier(db, before)
    else:
        _read_findings(db, folder, as_of)
        db.run("delete from earlier")  # no run was before: its columns, and no rows
    draft = folder / f"{FILE}.tmp"
    db.run(
        f'copy ({_HISTORY} order by "check", feed, fingerprint) to {quoted(str(draft))} '
        "(format parquet, compression zstd)",
        {"at": in_utc(as_of)},
    )
    draft.replace(folder / FILE)


def compare(db: Database, results: Iterable[CheckResult], before: Path) -> Changes:
    """Return what changed since an earlier run, by check and feed.

    Raises SourceError where that run's files are not there.
    """
    ran = list(results)
    _look(db, ran)
    run, at = _read_earlier(db, before)
    rows = db.rows(
        """
        select coalesce(n."check", e."check"), coalesce(n.feed, e.feed),
          count(*) filter (e.fingerprint is null),
          count(*) filter (n.fingerprint is not null and e.fingerprint is not null),
          count(*) filter (n.fingerprint is null and l.feed is not null),
          count(*) filter (n.fingerprint is null and l.feed is null)
        from found n full join earlier e using (fingerprint)
        left join looked_for l on l."check" = e."check" and l.feed = e.feed
        group by all order by all
        """
    )
    return Changes(
        run["run"],
        at,
        tuple(Change(*row) for row in rows),
        {
            case["code"]: FitBefore(case["fit"], case["population"])
            for case in run["use_cases"]
            if case["verdict"] not in ("cannot tell", "not applicable")
        },
    )


def _look(db: Database, results: Iterable[CheckResult]) -> None:
    """Make `looked_for`, the checks that ran by feed, and `found`, this run's fingerprints."""
    db.run("create or replace temp table looked_for_check (code varchar)")
    ran = [(r.check.code,) for r in results if r.verdict is not Verdict.NOT_RUN]
    db.insert("looked_for_check", ("code",), ran)
    db.run(_LOOKED_FOR)
    db.run(_FOUND)


def _read_earlier(db: Database, before: Path) -> tuple[dict[str, Any], datetime]:
    """Make `earlier` from a run's findings; returns its summary, and what "now" was in it."""
    try:
        told: dict[str, Any] = json.loads((before / "summary.json").read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SourceError(f"{before}: no run is here; name one of `uptake assess`") from error
    at = datetime.fromisoformat(told["as_of"])
    at = at if at.tzinfo else at.replace(tzinfo=UTC)
    path = before / "findings.parquet"
    if not path.is_file():
        raise SourceError(f"{path}: no such file; the run is not whole")
    _read_findings(db, before, at)
    return told, at


def _read_findings(db: Database, run: Path, at: datetime) -> None:
    path = quoted(str(run / "findings.parquet"))
    db.run(_EARLIER.format(path=path), {"at": in_utc(at)})
