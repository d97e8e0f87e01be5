"""ICD-10-CM of a fiscal year. In: the order file of CMS, in its zip or plain; out: its release.

A release keeps what the editions before it knew: from when to when each code was billable.
"""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import TYPE_CHECKING

from uptake.engine.duckdb import quoted
from uptake.terminology.adding.job import Compiled, refused
from uptake.terminology.releases import COLUMNS, Release, added, shipped, version_key

if TYPE_CHECKING:
    from collections.abc import Sequence

    from uptake.terminology.adding.archives import Member
    from uptake.terminology.adding.job import Job

WHAT = "ICD-10-CM (the order file of CMS)"
NAME = "ICD-10-CM"
ICD_10_CM = "http://hl7.org/fhir/sid/icd-10-cm"

_LINE = re.compile(r"[0-9]{5} [A-Z][0-9][0-9A-Z]{1,5} +[01] \S")
_YEAR = re.compile(r"(20[0-9]{2})")
_APRIL = re.compile(r"apr", re.IGNORECASE)


def fiscal_start(day: date) -> date:
    """Return the first day of the fiscal year of the United States that a day is in."""
    return date(day.year if day.month >= 10 else day.year - 1, 10, 1)


def fiscal_end(day: date) -> date:
    """Return the last day of that year."""
    return date(fiscal_start(day).year + 1, 9, 30)


def find(members: Sequence[Member]) -> dict[str, Member] | None:
    """Return the order file; the addenda of the same zip look alike, but are shorter."""
    found = [m for m in members if m.base.endswith(".txt") and _LINE.match(m.head())]
    return {"order": max(found, key=lambda m: m.size)} if found else None


def compile_release(job: Job) -> Compiled:
    """Fill the tables; the edition is told by the year in the file's name, and `apr` in it."""
    begins = _begins(job)
    db = job.db
    code = "trim(substr(line, 7, 8))"
    dotted = f"rtrim(left({code}, 3) || '.' || substr({code}, 4), '.')"
    db.run(
        f"create temp table edition as select {dotted} as code, "
        "substr(line, 15, 1) = '1' as billable, "
        "trim(substr(line, 78)) as display, trim(substr(line, 17, 60)) as short from "
        f"read_csv({quoted(str(job.parts['order']))}, header = false, delim = chr(1), quote = '', "
        "auto_detect = false, encoding = 'latin-1', columns = {'line': 'varchar'}) "
        "where trim(line) <> ''"
    )
    older = _older(job, begins)
    before = fiscal_end(version_day(older)) if older else begins
    _fill_concepts(job, older, begins, before)
    db.run(
        f"insert into designation select {quoted(ICD_10_CM)}, code, short from edition "
        "where short <> '' and short <> display"
    )
    first = fiscal_start(begins)
    if older:
        path = quoted(older.file.format("system"))
        first = db.row(f"select coalesce(min(covered_from), ?) from read_parquet({path})", [first])[
            0
        ]
    db.run(
        "insert into system values (?, true, false, null, ?, ?)",
        [ICD_10_CM, first, fiscal_end(begins)],
    )
    return Compiled(Release(NAME, begins.isoformat(), (ICD_10_CM,), 0, job.source, complete=True))


def version_day(release: Release) -> date:
    """Return the day an edition is valid from: that is its version."""
    return date.fromisoformat(release.version)


def _begins(job: Job) -> date:
    for name in (job.names["order"], job.source):
        if year := _YEAR.search(name):
            april = bool(_APRIL.search(job.names["order"] + job.source))
            return date(int(year[1]), 4, 1) if april else date(int(year[1]) - 1, 10, 1)
    raise refused(
        NAME, job.source, "of which year is not said; rename it as CMS does: icd10cm_order_2027.txt"
    )


def _older(job: Job, begins: date) -> Release | None:
    """Return the newest edition at hand that began before, whether a newer one answers or not."""
    at_hand = (*added(job.folder), *shipped())
    found = [r for r in at_hand if r.name == NAME and version_day(r) < begins]
    return max(found, key=lambda r: version_key(r.version)) if found else None


def _fill_concepts(job: Job, older: Release | None, begins: date, before: date) -> None:
    """Fill `concept`: a code that the older edition had and this one lacks ended in between.

    Codes end with a fiscal year; new ones also begin on 1 April (42 U.S.C. 1395ww(d)(5)(K)(vii)).
    """
    known = ", ".join(f"null::{kind} as {name}" for name, kind in COLUMNS.items())
    old = f"select {known} where false"
    if older:
        old = f"select * from read_parquet({quoted(older.file.format('concept'))})"
    follows = before + timedelta(days=1) >= fiscal_start(begins)
    first = fiscal_start(begins) if follows or begins.month == 10 else begins
    job.db.run(
        f"""
        insert into concept by name
        select {quoted(ICD_10_CM)} as system, coalesce(e.code, o.code) as code,
          coalesce(e.display, o.display) as display,
          e.code is not null and (e.billable or not coalesce(o.billable, false)
            and o.retired_by is null) as active,
          'diagnosis' as kind, coalesce(e.billable, false) as billable,
          case when e.billable and o.billable is not true and {older is not None} then ?::date
            else o.valid_from end as valid_from,
          case when o.billable and e.billable is not true then ?::date
            when e.billable then null else o.valid_to end as valid_to,
          case when o.billable and e.billable is not true then ?::date
            when e.billable then null else o.retired_by end as retired_by
        from edition e full join ({old}) o on o.code = e.code
        """,
        [begins, before, first],
    )
