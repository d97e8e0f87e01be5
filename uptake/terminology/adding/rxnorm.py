"""RxNorm in Rich Release Format. In: a zip of the National Library of Medicine; out: its release.

Of a concept the row of RxNorm's own normal form is taken; its ingredient is what its components
lead to, where that is one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uptake.engine.duckdb import quoted
from uptake.terminology.adding.job import Compiled, barred
from uptake.terminology.check_digits import RXNORM
from uptake.terminology.lookup import words
from uptake.terminology.releases import Release

if TYPE_CHECKING:
    from collections.abc import Sequence

    from uptake.terminology.adding.archives import Member
    from uptake.terminology.adding.job import Job

WHAT = "RxNorm (a zip with RXNCONSO.RRF)"

_NAMES = {
    "rxnconso.rrf": "names",
    "rxnrel.rrf": "relations",
    "rxnatomarchive.rrf": "archive",
    "rxnsab.rrf": "sources",
}
_CONSO = (
    "RXCUI", "LAT", "TS", "LUI", "STT", "SUI", "ISPREF", "RXAUI", "SAUI", "SCUI", "SDUI",
    "SAB", "TTY", "CODE", "STR", "SRL", "SUPPRESS", "CVF",
)  # fmt: skip
_REL = (
    "RXCUI1", "RXAUI1", "STYPE1", "REL", "RXCUI2", "RXAUI2", "STYPE2", "RELA", "RUI", "SRUI",
    "SAB", "SL", "DIR", "RG", "SUPPRESS", "CVF",
)  # fmt: skip
_ARCHIVE = ("RXAUI", "AUI", "STR", "ARCHIVED", "CREATED", "UPDATED", "CODE", "IS_BRAND", "LAT",
            "LAST_RELEASED", "SAUI", "VSAB", "RXCUI", "SAB", "TTY", "MERGED_TO_RXCUI")  # fmt: skip
_SAB = ("VCUI", "RCUI", "VSAB", "RSAB", "SON", "SF", "SVER")
"""Columns of RxNorm Technical Documentation, section 12."""

_LEADS = ("consists_of", "has_ingredient", "tradename_of", "contains", "form_of")
"""What leads from a drug to its ingredient."""


def find(members: Sequence[Member]) -> dict[str, Member] | None:
    """Return RXNCONSO and what belongs to it; of two subsets in one zip, the larger."""
    found: dict[str, Member] = {}
    for member in sorted(members, key=lambda m: -m.size):
        part = _NAMES.get(member.base)
        if part:
            found.setdefault(part, member)
    names = found.get("names")
    line = names.head().partition("\n")[0] if names else ""
    return found if line.rstrip("\r").count("|") == len(_CONSO) else None


def compile_release(job: Job) -> Compiled:
    """Fill the tables. Complete is a release that lists its retired codes, too."""
    _fill_concepts(job)
    if "relations" in job.parts:
        _fill_ingredients(job)
    complete = "archive" in job.parts
    if complete:
        job.db.run(
            f"""
            insert into concept by name
            select {quoted(RXNORM)} as system, RXCUI as code, min(STR) as display, false as active,
              case when count(distinct nullif(MERGED_TO_RXCUI, '')) = 1
                then min(nullif(MERGED_TO_RXCUI, '')) end as replaced_by
            from {barred(job.parts["archive"], _ARCHIVE)}
            where SAB = 'RXNORM' and RXCUI <> '' and RXCUI not in (select code from concept)
            group by RXCUI
            """
        )
    job.db.run(
        "insert into system values (?, ?, true, '[0-9]+', null, ?)", [RXNORM, complete, job.day]
    )
    release = Release("RxNorm", _version(job), (RXNORM,), 0, job.source, complete=complete)
    return Compiled(release)


def _fill_concepts(job: Job) -> None:
    db = job.db
    terms = words()["term_types"]
    listed = ", ".join(quoted(tty) for tty in terms)
    order = " ".join(f"when {quoted(tty)} then {rank}" for rank, tty in enumerate(terms))
    kinds = " ".join(f"when {quoted(tty)} then {quoted(kind)}" for tty, kind in terms.items())
    db.run(
        "create temp table atom as select RXCUI, TTY, STR, SUPPRESS from "
        f"{barred(job.parts['names'], _CONSO)} where SAB = 'RXNORM'"
    )
    db.run(
        f"""
        insert into concept by name
        select {quoted(RXNORM)} as system, RXCUI as code, STR as display, SUPPRESS = 'N' as active,
          case TTY {kinds} end as kind, TTY as tty
        from atom where TTY in ({listed})
        qualify row_number() over (partition by RXCUI
          order by SUPPRESS = 'N' desc, case TTY {order} end, STR) = 1
        """
    )
    db.run(
        f"insert into designation select distinct {quoted(RXNORM)}, a.RXCUI, a.STR from atom a "
        "join concept c on c.code = a.RXCUI and c.display <> a.STR where a.SUPPRESS = 'N'"
    )


def _fill_ingredients(job: Job) -> None:
    """Follow the relations to ingredients: "RXCUI2 RELA RXCUI1" is how a row is read."""
    leads = ", ".join(map(quoted, _LEADS))
    job.db.run(
        f"""
        create temp table leads as
        select distinct RXCUI2 as code, RXCUI1 as target, RELA
        from {barred(job.parts["relations"], _REL)}
        where SAB = 'RXNORM' and RELA in ({leads}) and RXCUI1 <> '' and RXCUI2 <> ''
        """
    )
    job.db.run(
        """
        update concept set ingredient = f.ingredient from (
          with recursive reached as (
            select code, target from leads
            union
            select r.code, l.target from reached r join leads l on l.code = r.target
          )
          select r.code, min(r.target) as ingredient from reached r
          join concept i on i.code = r.target and i.tty = 'IN' group by r.code
          having count(distinct r.target) = 1
        ) f where f.code = concept.code
        """
    )
    job.db.run("update concept set ingredient = code where tty = 'IN'")


def _version(job: Job) -> str:
    """Return the release as RXNSAB says it; its day where that file is missing."""
    if "sources" in job.parts:
        path = quoted(str(job.parts["sources"]))
        for (line,) in job.db.rows(
            f"select line from read_csv({path}, header = false, delim = chr(1), quote = '', "
            "auto_detect = false, columns = {'line': 'varchar'})"
        ):
            cells = dict(zip(_SAB, line.split("|"), strict=False))
            if cells.get("RSAB") == "RXNORM" and cells.get("SVER"):
                return str(cells["SVER"])
    return job.day.isoformat()
