"""SNOMED CT in Release Format 2. In: a zip with the Snapshot; out: its release.

Editions differ in their language; the preferred term is the one of American English, of British
English or, in other editions, the fully specified name without its tag.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uptake.engine.duckdb import quoted
from uptake.terminology.adding.job import Compiled, refused, tabbed
from uptake.terminology.check_digits import SNOMED
from uptake.terminology.lookup import words
from uptake.terminology.releases import Release

if TYPE_CHECKING:
    from collections.abc import Sequence

    from uptake.terminology.adding.archives import Member
    from uptake.terminology.adding.job import Job

WHAT = "SNOMED CT (a zip in Release Format 2, with its Snapshot)"

_ROW = "id\teffectiveTime\tactive\tmoduleId\t"
_HEADERS = {
    "concept": _ROW + "definitionStatusId",
    "description": _ROW + "conceptId\tlanguageCode",
    "relationship": _ROW + "sourceId\tdestinationId",
    "language": _ROW + "refsetId\treferencedComponentId\tacceptabilityId",
    "association": _ROW + "refsetId\treferencedComponentId\ttargetComponentId",
}
_NEEDED = ("concept", "description", "language")
_ROOT = "138875005"
_FULL_NAME = "900000000000003001"
_PREFERRED = "900000000000548007"
_LANGUAGES = ("900000000000509007", "900000000000508004")
"""American English, then British English."""
_IS_A = "116680003"
_REPLACED = ("900000000000526001", "900000000000527005")
"""REPLACED BY and SAME AS association reference sets."""


def find(members: Sequence[Member]) -> dict[str, Member] | None:
    """Return the files of the Snapshot; where there are only others, the concepts of those."""
    found: dict[str, Member] = {}
    other: dict[str, Member] = {}
    for member in members:
        if not member.base.endswith(".txt"):
            continue
        head = member.head().partition("\n")[0].rstrip("\r")
        part = next((p for p, header in _HEADERS.items() if head.startswith(header)), None)
        if part == "relationship" and "stated" in member.base:
            continue
        if part:
            (found if "snapshot" in member.name.lower() else other).setdefault(part, member)
    return found or ({"other": other["concept"]} if "concept" in other else None)


def compile_release(job: Job) -> Compiled:
    """Fill the tables; the version is the newest effective time."""
    missing = [part for part in _NEEDED if part not in job.parts]
    if missing:
        why = (
            f"its Snapshot lacks {', '.join(missing)}"
            if "other" not in job.parts
            else "without the Snapshot"
        )
        raise refused("SNOMED CT", job.source, f"{why}; take the complete release")
    _fill_concepts(job)
    _fill_names(job)
    if "relationship" in job.parts:
        job.db.run(
            f"insert into parent select distinct {quoted(SNOMED)}, sourceId, destinationId "
            f"from {tabbed(job.parts['relationship'])} where active = '1' and typeId = '{_IS_A}'"
        )
    released = str(job.db.row("select max(effectiveTime) from rf2_concept")[0])
    day = f"{released[:4]}-{released[4:6]}-{released[6:]}"
    _fill_system(job, day)
    return Compiled(Release("SNOMED CT", day, (SNOMED,), 0, job.source, complete=True))


def _fill_concepts(job: Job) -> None:
    """Fill `concept`; a concept that was made inactive was so from its effective time on."""
    db = job.db
    db.run(f"create temp table rf2_concept as select * from {tabbed(job.parts['concept'])}")
    db.run(
        "create temp table rf2_name as select conceptId, id, typeId, term from "
        f"{tabbed(job.parts['description'])} where active = '1'"
    )
    db.run(
        "create temp table rf2_preferred as select referencedComponentId as id, refsetId from "
        f"{tabbed(job.parts['language'])} where active = '1' and acceptabilityId = '{_PREFERRED}'"
    )
    kinds = " ".join(
        f"when {quoted(tag)} then {quoted(kind)}" for tag, kind in words()["tags"].items()
    )
    tag = r"regexp_extract(f.term, '\(([^()]+)\)$', 1)"
    db.run(
        f"""
        insert into concept by name
        select {quoted(SNOMED)} as system, c.id as code,
          coalesce(p.term, trim(regexp_replace(f.term, '\\s*\\([^()]+\\)$', ''))) as display,
          c.active = '1' as active, nullif(case {tag} {kinds} else {tag} end, '') as kind,
          r.target as replaced_by,
          case when c.active = '0' then c.since - 1 end as valid_to,
          case when c.active = '0' then c.since end as retired_by
        from (select *, strptime(effectiveTime, '%Y%m%d')::date as since from rf2_concept) c
        left join (select conceptId, min(term) as term from rf2_name
          where typeId = '{_FULL_NAME}' group by conceptId) f on f.conceptId = c.id
        left join (
          select n.conceptId, n.term from rf2_name n join rf2_preferred l using (id)
          where n.typeId <> '{_FULL_NAME}'
            and l.refsetId in ({", ".join(map(quoted, _LANGUAGES))})
          qualify row_number() over (partition by n.conceptId
            order by l.refsetId = '{_LANGUAGES[0]}' desc, n.term) = 1
        ) p on p.conceptId = c.id
        left join ({_replaced(job)}) r on r.code = c.id and c.active = '0'
        """
    )


def _replaced(job: Job) -> str:
    """Return the query of what one concept took the place of another: code and target."""
    if "association" not in job.parts:
        return "select null::varchar as code, null::varchar as target where false"
    listed = ", ".join(map(quoted, _REPLACED))
    return (
        "select referencedComponentId as code, min(targetComponentId) as target from "
        f"{tabbed(job.parts['association'])} where active = '1' and refsetId in ({listed}) "
        "group by all having count(distinct targetComponentId) = 1"
    )


def _fill_names(job: Job) -> None:
    job.db.run(
        f"insert into designation select distinct {quoted(SNOMED)}, n.conceptId, n.term "
        "from rf2_name n anti join concept c on c.code = n.conceptId and c.display = n.term"
    )


def _fill_system(job: Job, day: str) -> None:
    """Say which codes it would hold: those of the core, if that is in it, and of its extensions.

    The seven digits before the partition of an extension's code name its publisher (Release File
    Specification, 6.5).
    """
    core = job.db.row("select count(*) from concept where code = ?", [_ROOT])[0]
    namespaces = job.db.rows(
        "select distinct left(right(code, 10), 7) from concept "
        "where left(right(code, 3), 2) = '10' order by 1"
    )
    shapes = ["[0-9]+00[0-9]"] if core else []
    if namespaces:
        shapes.append(f"[0-9]+({'|'.join(name for (name,) in namespaces)})10[0-9]")
    job.db.run(
        "insert into system values (?, true, true, ?, null, ?::date)",
        [SNOMED, "|".join(shapes), day],
    )
