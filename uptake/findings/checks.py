"""Run checks. In: definitions and tables; out: counts by stratum, and a row a violation.

A check gives one row a unit and a boolean; everything that is counted is counted here, once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from uptake.definitions.checks import UNITS
from uptake.errors import EngineError
from uptake.model import Check, CheckResult, Severity, Stratum, Verdict

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

TABLES = """
create table finding (fingerprint varchar, "check" varchar, severity varchar, feed varchar,
  resource_type varchar, resource_id varchar, patient_id varchar, expression varchar,
  other varchar, evidence varchar, suggestion varchar, fix_key varchar, source_file varchar,
  source_line bigint, rid bigint, patient varchar);
create table stratum ("check" varchar, feed varchar, type varchar, month varchar,
  numerator bigint, denominator bigint, not_judged bigint);
create table place as
  select rid, feed, type, id, file, line, entered_in_error, month, patient_id,
    coalesce(type || '/' || id, 'hash:' || hash) as key,
    coalesce(patient_rid::varchar, feed || '/' || patient_id) as patient
  from resource
  union all
  select rid, feed, '', null, file, line, false, null, null, 'raw:' || raw_hash, null
  from sent_record where error is not null;
"""
"""`place` says of every record where it stands; those kept out have no type and no id."""


def run_checks(
    db: Database, checks: Iterable[Check], progress: Callable[[str], None]
) -> tuple[CheckResult, ...]:
    """Run each check and return its numbers; violations go to the table `finding`.

    A check that fails to run says so in its result; the others go on.
    """
    for statement in TABLES.strip().rstrip(";").split(";"):
        db.run(statement)
    results = []
    for check in checks:
        progress(check.code)
        unavailable = check.options.get("unavailable")
        if unavailable:
            results.append(_not_run(check, "unavailable", str(unavailable)))
            continue
        try:
            results.append(_run(db, check))
        except EngineError as error:
            db.run("drop table if exists answer")
            results.append(_not_run(check, "error", str(error)))
    return tuple(results)


def _not_run(check: Check, reason: str, detail: str) -> CheckResult:
    return CheckResult(check, Verdict.NOT_RUN, reason=reason, detail=detail)


def _run(db: Database, check: Check) -> CheckResult:
    answer(db, check)
    db.run(
        "insert into stratum select ?, feed, type, month, count(*) filter (violates), "
        "count(violates), count(*) - count(violates) "
        f"from ({_UNITS_JUDGED}) group by feed, type, month",
        [check.code],
    )
    _keep_findings(db, check)
    numerator, denominator, unjudged, patients = db.row(
        "select count(*) filter (violates), count(violates), count(*) - count(violates), "
        f"count(distinct patient) filter (violates) from ({_UNITS_JUDGED})"
    )
    db.run("drop table answer")
    verdict = _verdict(check, numerator, denominator)
    return CheckResult(check, verdict, numerator, denominator, unjudged, patients)


_UNITS_JUDGED = (
    "select unit, feed, type, bool_or(violates) as violates, min(month) as month, "
    "min(patient) as patient from answer group by unit, feed, type"
)
"""One row a unit: true if any of its rows violates, NULL if none of them can be told."""

_PLACES = {"resource": "p.rid = a.rid", "patient": "p.rid = a.patient_rid"}
"""How a unit is found among the records; a feed has no place."""


def answer(db: Database, check: Check) -> None:
    """Make `answer`: the rows of the check's query, each with its unit and where it stands."""
    keys = UNITS[check.unit]
    unit = " || chr(31) || ".join(f"coalesce(a.{key}::varchar, '')" for key in keys)
    feed = "a.feed" if "feed" in keys else "p.feed"
    kind = "a.type" if "type" in keys else "coalesce(p.type, '')"
    kept = "true" if check.options.get("entered_in_error") else "p.entered_in_error is not true"
    db.run(
        f"""
        create temp table answer as
        select coalesce(p.key, {unit}) as unit, {feed} as feed, {kind} as type, p.rid, p.month,
          p.patient, a.violates, a.evidence, a.expression, o.key as other, a.suggestion, a.fix_key
        from (
          select null::varchar as evidence, null::varchar as expression, null::bigint as other,
            null::varchar as suggestion, null::varchar as fix_key where false
          union all by name select * from (
          {check.query}
          )
        ) a
        left join place p on {_PLACES.get(check.unit, "false")}
        left join place o on o.rid = a.other
        where {kept}
        """
    )


def _keep_findings(db: Database, check: Check) -> None:
    """Add the violations to `finding`, one a unit, expression and other resource."""
    db.run(
        """
        insert into finding
        with violation as (
          select unit, feed, type, rid, expression, other, min(evidence) as evidence,
            min(suggestion) as suggestion, min(fix_key) as fix_key
          from answer where violates group by all
        )
        select sha256(concat_ws(chr(31), $code, v.feed, v.unit, coalesce(v.expression, ''),
            coalesce(v.other, ''))), $code, $severity, v.feed, v.type, p.id, p.patient_id,
          v.expression, v.other, v.evidence, v.suggestion, v.fix_key, p.file, p.line,
          v.rid, p.patient
        from violation v left join place p on p.rid = v.rid
        """,
        {"code": check.code, "severity": check.severity.value},
    )


def _verdict(check: Check, numerator: int, denominator: int) -> Verdict:
    if denominator == 0:
        return Verdict.NOT_APPLICABLE
    return Verdict.FAIL if numerator > check.threshold * denominator else Verdict.PASS


def strata(db: Database) -> tuple[Stratum, ...]:
    """Return the numbers of every check by feed, type and month."""
    rows = db.rows('select * from stratum order by "check", feed, type, month nulls first')
    return tuple(Stratum(*row) for row in rows)


def write_findings(db: Database, path: str, *, form: str = "parquet") -> None:
    """Write every finding, sorted as the contract says, as Parquet or NDJSON."""
    options = "format parquet, compression zstd" if form == "parquet" else "format json"
    db.run(
        'copy (select * exclude (rid, patient) from finding order by "check", feed, resource_type, '
        "resource_id nulls first, expression nulls first, other nulls first, fingerprint, "
        f"source_file, source_line) to '{path.replace(chr(39), chr(39) * 2)}' ({options})"
    )


def fails(result: CheckResult, level: str) -> bool:
    """Tell whether a failed check reaches the severity of `--fail-on`."""
    if level == "never" or result.verdict is not Verdict.FAIL:
        return False
    order = list(Severity)
    return order.index(result.check.severity) <= order.index(Severity(level))
