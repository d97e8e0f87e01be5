"""Run checks. In: definitions and tables; out: counts by stratum, and a row a violation.

A check gives one row a unit and a boolean; everything that is counted is counted here, once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeAlias

from uptake.definitions.checks import UNITS
from uptake.engine.duckdb import quoted
from uptake.errors import EngineError
from uptake.model import Check, CheckResult, Severity, Stratum, Verdict

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

TABLES = """
create table finding (fingerprint varchar, "check" varchar, severity varchar, feed varchar,
  resource_type varchar, resource_id varchar, patient_id varchar, expression varchar,
  other varchar, evidence varchar, suggestion varchar, fix_key varchar, source_file varchar,
  source_line bigint, repair varchar, rid bigint, patient varchar);
create table stratum_count ("check" varchar, stratum bigint, numerator bigint, denominator bigint,
  not_judged bigint);
create table unit_count ("check" varchar, feed varchar, type varchar, numerator bigint,
  denominator bigint, not_judged bigint);
create table place_of as
  select rid, feed, type, id, file, line, entered_in_error, month, patient_id,
    coalesce(type || '/' || id, 'hash:' || hash) as key,
    coalesce(patient_rid::varchar, feed || '/' || patient_id) as patient
  from resource
  union all
  select rid, feed, '', null, file, line, false, null, null, 'raw:' || raw_hash, null
  from sent_record where error is not null;
create table stratum_name as
  select row_number() over (order by feed, type, month nulls first) as stratum, feed, type, month
  from place_of group by feed, type, month;
create view all_count as
  select c."check", s.feed, s.type, s.month, c.numerator, c.denominator, c.not_judged
  from stratum_count c join stratum_name s using (stratum)
  union all
  select "check", feed, type, null, numerator, denominator, not_judged from unit_count;
create table place as
  select p.rid, s.stratum, p.entered_in_error from place_of p join stratum_name s
    on s.feed = p.feed and s.type = p.type and s.month is not distinct from p.month;
"""
"""`place_of` says of every record where it stands; those kept out have no type and no id. `place`
is the same in numbers: every check joins all its rows to it, only violations to the words."""


def run_checks(
    db: Database, checks: Iterable[Check], progress: Callable[[str], None]
) -> tuple[CheckResult, ...]:
    """Run each check and return its numbers; violations go to the table `finding`.

    A check that fails to run says so in its result; the others go on.
    """
    db.run(TABLES)

    def run(own: Database, check: Check) -> CheckResult:
        progress(check.code)
        unavailable = check.options.get("unavailable")
        if unavailable:
            return _not_run(check, "unavailable", str(unavailable))
        try:
            return _run(own, check)
        except EngineError as error:
            own.run("drop table if exists answer")
            return _not_run(check, "error", str(error))

    return tuple(db.each(run, checks))


def _not_run(check: Check, reason: str, detail: str) -> CheckResult:
    return CheckResult(check, Verdict.NOT_RUN, reason=reason, detail=detail)


def _run(db: Database, check: Check) -> CheckResult:
    answer(db, check)
    of_records = "rid" in UNITS[check.unit] or "patient_rid" in UNITS[check.unit]
    counts = (_count_records if of_records else _count_units_of_feeds)(db, check)
    numerator, denominator, unjudged = (sum(count[n] for count in counts) for n in range(3))
    patients = 0
    if numerator:
        _keep_findings(db, check)
        (patients,) = db.row(
            'select count(distinct patient) from finding where "check" = ?', [check.code]
        )
    db.run("drop table answer")
    verdict, detail = _verdict(db, check, numerator, denominator)
    return CheckResult(check, verdict, numerator, denominator, unjudged, patients, detail=detail)


_Counts: TypeAlias = list[tuple[int, int, int]]
"""Violating, judged and not judged units, a row a place."""


def _count_records(db: Database, check: Check) -> _Counts:
    return db.rows(
        "insert into stratum_count select $code, p.stratum, count(*) filter (u.violates), "
        "count(u.violates), count(*) - count(u.violates) "
        "from (select key, bool_or(violates) as violates from answer group by key) u "
        f"join place p on p.rid = u.key where {_kept(check)} group by p.stratum "
        "returning numerator, denominator, not_judged",
        {"code": check.code},
    )


def _kept(check: Check) -> str:
    return "true" if check.options.get("entered_in_error") else "p.entered_in_error is not true"


def answer(db: Database, check: Check) -> None:
    """Make `answer`: the rows of a check's query; `key` is the rid of the unit, if it has one.

    The words of a row are kept for violations only.
    """
    key = {"resource": "rid", "patient": "patient_rid"}.get(check.unit, "null::bigint")
    unit = " || chr(31) || ".join(f"coalesce({k}::varchar, '')" for k in UNITS[check.unit])
    feed = "feed" if "feed" in UNITS[check.unit] else "null::varchar"
    kind = "type" if "type" in UNITS[check.unit] else "null::varchar"
    words = ", ".join(
        f"case when violates then {name} end as {name}"
        for name in ("evidence", "expression", "other", "suggestion", "fix_key", "repair")
    )
    db.run(
        f"""
        create temp table answer as
        select {key} as key, {feed} as feed, {kind} as type, violates, {words},
          case when {key} is null then {unit} end as unit
        from (
          select null::varchar as evidence, null::varchar as expression, null::bigint as other,
            null::varchar as suggestion, null::varchar as fix_key, null::varchar as repair
          where false
          union all by name select * from (
          {check.query}
          )
        )
        """
    )


def _count_units_of_feeds(db: Database, check: Check) -> _Counts:
    """Count units that are no records: a feed, a type of a feed, a code of a feed."""
    return db.rows(
        "insert into unit_count select $code, feed, coalesce(type, ''), "
        "count(*) filter (violates), count(violates), count(*) - count(violates) "
        "from (select feed, type, unit, bool_or(violates) as violates from answer "
        "group by feed, type, unit) group by feed, type "
        "returning numerator, denominator, not_judged",
        {"code": check.code},
    )


def _keep_findings(db: Database, check: Check) -> None:
    """Add the violations to `finding`, one a unit, expression and other record."""
    db.run(
        f"""
        insert into finding
        with violation as (
          select key, feed, type, unit, expression, other, min(evidence) as evidence,
            min(suggestion) as suggestion, min(fix_key) as fix_key, min(repair) as repair
          from answer where violates group by all
        )
        select sha256(concat_ws(chr(31), $code, coalesce(p.feed, v.feed), coalesce(p.key, v.unit),
            coalesce(v.expression, ''), coalesce(o.key, ''))), $code, $severity,
          coalesce(p.feed, v.feed), coalesce(p.type, v.type, ''), p.id, p.patient_id,
          v.expression, o.key, v.evidence, v.suggestion, v.fix_key, p.file, p.line, v.repair,
          v.key, p.patient
        from violation v
        left join place_of p on p.rid = v.key
        left join place_of o on o.rid = v.other
        where {_kept(check)}
        """,
        {"code": check.code, "severity": check.severity.value},
    )


def _verdict(db: Database, check: Check, numerator: int, denominator: int) -> tuple[Verdict, str]:
    """Return the verdict, and in which feeds a check fails that passes over all: one large clean
    feed does not excuse a small one.
    """
    if denominator == 0:
        return Verdict.NOT_APPLICABLE, ""
    if check.fails(numerator, denominator):
        return Verdict.FAIL, ""
    if not numerator:
        return Verdict.PASS, ""
    feeds = db.rows(
        'select feed from all_count where "check" = ? group by feed '
        "having sum(numerator) > ? * sum(denominator) order by feed",
        [check.code, check.threshold],
    )
    names = ", ".join(feed for (feed,) in feeds)
    return (Verdict.FAIL, f"over its threshold in {names}") if names else (Verdict.PASS, "")


def strata(db: Database) -> tuple[Stratum, ...]:
    """Return the numbers of every check by feed, type and month."""
    rows = db.rows('select * from all_count order by "check", feed, type, month nulls first')
    return tuple(Stratum(*row) for row in rows)


def write_strata(db: Database, path: str) -> None:
    """Write the numbers of every check by feed, type and month: what trends are drawn from."""
    db.run(
        'copy (select "check", feed, type, month, sum(numerator)::bigint as numerator, '
        "sum(denominator)::bigint as denominator, sum(not_judged)::bigint as not_judged "
        f"from all_count group by all order by all) to {quoted(path)} "
        "(format parquet, compression zstd)"
    )


def write_findings(db: Database, path: str, *, form: str = "parquet") -> None:
    """Write every finding, sorted as the contract says, as Parquet or NDJSON."""
    options = "format parquet, compression zstd" if form == "parquet" else "format json"
    db.run(
        'copy (select * exclude (rid, patient) from finding order by "check", feed, resource_type, '
        "resource_id nulls first, expression nulls first, other nulls first, fingerprint, "
        f"source_file, source_line) to {quoted(path)} ({options})"
    )


def fails(result: CheckResult, level: str) -> bool:
    """Tell whether a failed check reaches the severity of `--fail-on`."""
    if level == "never" or result.verdict is not Verdict.FAIL:
        return False
    return result.check.severity.rank <= Severity(level).rank
