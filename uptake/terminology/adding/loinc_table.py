"""LOINC, as Regenstrief gives it out: a zip with Loinc.csv. In: that; out: its release."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uptake.engine.duckdb import quoted
from uptake.terminology.adding.job import Compiled, refused
from uptake.terminology.check_digits import LOINC
from uptake.terminology.loinc_kinds import KIND
from uptake.terminology.releases import Release

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from uptake.terminology.adding.archives import Member
    from uptake.terminology.adding.job import Job

WHAT = "LOINC (a zip with Loinc.csv)"

_HEADERS = {
    "table": '"LOINC_NUM","COMPONENT"',
    "replaced": '"LOINC","MAP_TO"',
    "answers": '"AnswerListId","AnswerListName"',
    "parts": '"PartNumber","PartTypeName"',
}
"""How its files begin; but the first, they may be missing."""
_SHAPES = {
    "table": "[0-9]{1,7}-[0-9]",
    "answers": "L[AL][0-9]{1,7}-[0-9]",
    "parts": "LP[0-9]{1,7}-[0-9]",
}


def find(members: Sequence[Member]) -> dict[str, Member] | None:
    """Return Loinc.csv and what belongs to it."""
    found: dict[str, Member] = {}
    for member in members:
        if member.base.endswith(".csv"):
            head = member.head().replace(" ", "")
            for part, header in _HEADERS.items():
                if head.startswith((header, header.replace('"', ""))):
                    found.setdefault(part, member)
    return found if "table" in found else None


def compile_release(job: Job) -> Compiled:
    """Fill the tables; the version is the newest that a row says it was changed in."""
    db = job.db
    db.run(f"create table loinc as select * from {_csv(job.parts['table'])}")
    held = {name for name, *_ in db.rows("describe loinc")}
    lacks = sorted({"LONG_COMMON_NAME", "STATUS", "CLASS", "VersionLastChanged"} - held)
    if lacks:
        raise refused("LOINC's table", job.source, f"without the columns {', '.join(lacks)}")
    replaced = "select null::varchar as LOINC, null::varchar as MAP_TO where false"
    if "replaced" in job.parts:
        replaced = f"select LOINC, MAP_TO from {_csv(job.parts['replaced'])}"
    db.run(
        f"""
        insert into concept by name
        select {quoted(LOINC)} as system, LOINC_NUM as code, LONG_COMMON_NAME as display,
          STATUS <> 'DEPRECATED' as active, {_kind(held)} as kind, r.code as replaced_by
        from loinc l left join (
          select LOINC, min(MAP_TO) as code from ({replaced}) group by LOINC having count(*) = 1
        ) r on r.LOINC = l.LOINC_NUM
        """
    )
    for column in ("SHORTNAME", "DisplayName", "CONSUMER_NAME"):
        if column in held:
            db.run(
                f"insert into designation select {quoted(LOINC)}, LOINC_NUM, {column} from loinc "
                f"where trim({column}) <> ''"
            )
    _add_lists(job)
    shape = "|".join(_SHAPES[part] for part in _SHAPES if part in job.parts)
    # Of a table alone nobody knows how old it is: a code that it lacks may be newer.
    whole = job.dated
    db.run("insert into system values (?, ?, true, ?, null, ?)", [LOINC, whole, shape, job.day])
    return Compiled(
        Release("LOINC", _version(job), (LOINC,), 0, job.source, complete=whole), ("loinc",)
    )


def _kind(held: set[str]) -> str:
    panel = "trim(coalesce(PanelType, '')) <> ''" if "PanelType" in held else "false"
    return f"case when {panel} then 'panel' else {KIND} end"


def _add_lists(job: Job) -> None:
    """Add answers, answer lists and parts: their codes are sent under LOINC's name, too."""
    for part, code, name, kind in (
        ("answers", "AnswerStringId", "DisplayText", "answer"),
        ("answers", "AnswerListId", "AnswerListName", "answer list"),
        ("parts", "PartNumber", "PartName", "part"),
    ):
        if part in job.parts:
            job.db.run(
                "insert into concept by name "
                f"select {quoted(LOINC)} as system, {code} as code, min({name}) as display, "
                f"true as active, {quoted(kind)} as kind from {_csv(job.parts[part])} "
                f"where trim({code}) <> '' group by {code}"
            )


def _version(job: Job) -> str:
    """Return the release's number: that of the row that was changed last."""
    newest = job.db.rows(
        "select VersionLastChanged from loinc "
        "where regexp_full_match(VersionLastChanged, '[0-9]+\\.[0-9]+') "
        "order by split_part(VersionLastChanged, '.', 1)::integer desc, "
        "split_part(VersionLastChanged, '.', 2)::integer desc limit 1"
    )  # fmt: skip
    if not newest:
        raise refused("LOINC's table", job.source, "no row says in which version it was changed")
    return str(newest[0][0])


def _csv(path: Path) -> str:
    return (
        f"read_csv({quoted(str(path))}, header = true, delim = ',', quote = '\"', escape = '\"', "
        "all_varchar = true, max_line_size = 4000000)"
    )
