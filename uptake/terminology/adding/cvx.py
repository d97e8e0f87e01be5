"""CVX, the vaccine codes. In: the text with bars that CDC gives out; out: its release."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from uptake.engine.duckdb import quoted
from uptake.terminology.adding.job import Compiled
from uptake.terminology.releases import Release

if TYPE_CHECKING:
    from collections.abc import Sequence

    from uptake.terminology.adding.archives import Member
    from uptake.terminology.adding.job import Job

WHAT = "CVX (CDC's text with bars)"
CVX = "http://hl7.org/fhir/sid/cvx"

_STATUSES = ("Active", "Inactive", "Never Active", "Non-US", "Pending")
_ROW = re.compile(rf"\s*[0-9]{{2,3}}\s*\|[^|]*\|[^|]*\|[^|]*\|\s*({'|'.join(_STATUSES)})\s*\|")
_COLUMNS = ("code", "short", "full_name", "notes", "status", "id", "nonvaccine", "updated")


def find(members: Sequence[Member]) -> dict[str, Member] | None:
    """Return the file whose first lines are vaccines."""
    for member in members:
        if any(_ROW.match(line) for line in member.head().splitlines()[:3]):
            return {"table": member}
    return None


def compile_release(job: Job) -> Compiled:
    """Fill the tables; the version is the day of the last update.

    A vaccine that is no longer given was given once: from when on it is inactive is not said.
    """
    columns = ", ".join(f"{quoted(name)}: 'varchar'" for name in _COLUMNS)
    job.db.run(
        "create temp table vaccine as select "
        + ", ".join(f"trim({name}) as {name}" for name in _COLUMNS)
        + f" from read_csv({quoted(str(job.parts['table']))}, header = false, delim = '|', "
        f"quote = '', escape = '', auto_detect = false, null_padding = true, "
        f"columns = {{{columns}}}) "
        "where regexp_full_match(trim(code), '[0-9]{2,3}')"
    )
    job.db.run(
        f"""
        insert into concept by name
        select {quoted(CVX)} as system, code, coalesce(nullif(full_name, ''), short) as display,
          status not in ('Inactive', 'Never Active') as active, 'vaccine' as kind
        from vaccine qualify row_number() over (partition by code order by updated desc, short) = 1
        """
    )
    job.db.run(
        f"insert into designation select distinct {quoted(CVX)}, code, short from vaccine "
        "where short <> '' and short <> full_name"
    )
    updated = job.db.row(
        "select max(try_strptime(updated, ['%Y/%m/%d', '%m/%d/%Y'])::date) from vaccine"
    )
    # The file's own day may be that of a copy; the newest change in it is certain.
    day = updated[0] or job.day
    job.db.run("insert into system values (?, true, true, '[0-9]{2,3}', null, ?)", [CVX, day])
    return Compiled(Release("CVX", day.isoformat(), (CVX,), 0, job.source, complete=True))
