"""How far a verdict on codes reaches. In: codes of a load, what was asked; out: a row a system."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from uptake.model import Coverage
from uptake.terminology import check_digits, systems
from uptake.terminology.lookup import words

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database
    from uptake.terminology.sources import Answer

TABLE = "terminology_coverage"
HL7 = "http://terminology.hl7.org"
SID = "/sid/"
_HL7S = (HL7, "http://hl7.org/fhir/")


def build_coverage(db: Database, asked: Sequence[Answer]) -> None:
    """Make `terminology_coverage`: of each standard system of the load, how many codes are known.

    HL7's own code systems, of which a load has dozens, are one row.
    """
    by_system: dict[str, list[Answer]] = {}
    for answer in asked:
        by_system.setdefault(answer.system, []).append(answer)
    counts: dict[str, Counter[str]] = {}
    for sent, codes, covered in db.rows(
        "select system, count(*), count(*) filter (status <> 'not covered') from code_status "
        "where system is not null and code is not null group by system order by system"
    ):
        rules = systems.code_rules(sent)
        if rules and systems.is_standard(rules):
            system = HL7 if rules.startswith(_HL7S) and SID not in rules else rules
            counts.setdefault(system, Counter()).update(codes=codes, covered=covered)
    served = {
        system for (system,) in db.rows("select distinct system from known_code where rank is null")
    }
    db.run(
        f"create table {TABLE} (system varchar, name varchar, codes bigint, covered bigint, "
        "complete boolean, source varchar)"
    )
    rows = []
    for system, n in sorted(counts.items()):
        answers = by_system.get(system, [])
        if system == HL7:
            answers = [a for a in asked if a.system.startswith(_HL7S) and a.complete][:1]
        complete = bool(answers) and answers[0].complete
        rows.append(
            (
                *(system, name_of(system), n["codes"], n["covered"], complete),
                _source(system, answers, served=system in served),
            )
        )
    db.insert(TABLE, ("system", "name", "codes", "covered", "complete", "source"), rows)


def name_of(system: str) -> str:
    """Return what a system is called; its URI where nobody says it otherwise."""
    names: dict[str, str] = words()["names"]
    return names.get(system, system)


def _source(system: str, answers: Sequence[Answer], *, served: bool) -> str:
    """Return what was asked: releases and, where they have gaps, what codes say of themselves."""
    asked = [f"{a.release.name} {a.release.version}".strip() for a in answers]
    if not (answers and answers[0].complete) and check_digits.has_rule(system):
        digit = system in (check_digits.LOINC, check_digits.SNOMED)
        asked.append("check digit" if digit else "shape of the code")
    return " + ".join([*asked, *(["terminology server"] if served else [])])


def read_notes(db: Database) -> tuple[str, ...]:
    """Return what a reader should know of how codes were told."""
    return tuple(note for (note,) in db.rows("select note from terminology_note order by note"))


def read_coverage(db: Database) -> tuple[Coverage, ...]:
    """Return the rows of `terminology_coverage`, the system with most codes first."""
    rows = db.rows(
        f"select system, name, codes, covered, complete, source from {TABLE} "
        "order by codes desc, system"
    )
    return tuple(Coverage(*row) for row in rows)
