"""Outside medications against the chart. In: a load's tables and `person`; out: what differs.

`medication_difference` has a row a person and drug that the chart or an outside source has; both
sides are shown and neither is preferred. Two entries are one drug when they have the same code, or
when both have the name of an RxNorm product and share ingredient, release and route. What has only
a text is `unmapped`: it is never matched, and a drug it might name is never said to be absent.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import TYPE_CHECKING, Any

from uptake.reconciliation import comparison
from uptake.reconciliation.names import Component, eleven_digits, read_name
from uptake.reconciliation.sigs import read_sig
from uptake.terminology.systems import canonical

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

READS = frozenset(
    ["patient", "medication_request", "medication_statement", "medication_dispense", "medication"]
)
"""Tables the loader must make, beside `person` and what every load has."""
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
NDC = "http://hl7.org/fhir/sid/ndc"

_CONCEPT = '{"text":"VARCHAR","coding":[{"system":"VARCHAR","code":"VARCHAR","display":"VARCHAR"}]}'
_TIMING = (
    '{"code":{"coding":[{"code":"VARCHAR"}]},"repeat":{"frequency":"VARCHAR",'
    '"frequencyMax":"VARCHAR","period":"VARCHAR","periodMax":"VARCHAR","periodUnit":"VARCHAR",'
    '"when":["VARCHAR"],"dayOfWeek":["VARCHAR"]}}'
)
_DOSAGE = (
    f'[{{"text":"VARCHAR","asNeededBoolean":"VARCHAR","timing":{_TIMING},"doseAndRate":'
    '[{"doseQuantity":{"value":"VARCHAR","unit":"VARCHAR","code":"VARCHAR"}}]}]'
)
_SPEC = (
    '{"category":"JSON","doNotPerform":"VARCHAR",'
    f'"medicationCodeableConcept":{_CONCEPT},'
    '"medicationReference":{"reference":"VARCHAR","display":"VARCHAR"},'
    f'"contained":[{{"resourceType":"VARCHAR","id":"VARCHAR","code":{_CONCEPT}}}],'
    '"requester":{"display":"VARCHAR"},"informationSource":{"display":"VARCHAR"},'
    '"performer":"JSON",'
    f'"dosageInstruction":{_DOSAGE},"dosage":{_DOSAGE}}}'
)
"""Read of each request, statement and dispense; numbers as text, to keep them exact."""


@dataclass(frozen=True, slots=True)
class _List:
    """One kind of entry on a list of medications."""

    type: str
    chart: bool
    table: str
    day: str
    author: str
    """The path of the reference to who says so."""
    where: str


_HOME = "status in ('active', 'on-hold', 'unknown')"
_RECENT = "between $as_of - interval 12 month and $as_of"
_LISTS = (
    _List(
        "MedicationRequest", True, "medication_request", "authored_on_date",
        "MedicationRequest.requester", f"{_HOME} and intent not in ('proposal', 'option')",
    ),
    _List(
        "MedicationStatement", True, "medication_statement",
        "coalesce(date_asserted_date, effective_date, effective_start_date)",
        "MedicationStatement.informationSource", _HOME,
    ),
    _List(
        "MedicationRequest", False, "medication_request", "authored_on_date",
        "MedicationRequest.requester", "status = 'active' and intent not in ('proposal', 'option') "
        f"and (authored_on_date is null or authored_on_date {_RECENT})",
    ),
    _List(
        "MedicationDispense", False, "medication_dispense",
        "coalesce(when_handed_over_date, when_prepared_date)",
        "MedicationDispense.performer.actor", "status in ('completed', 'in-progress', 'unknown') "
        f"and coalesce(when_handed_over_date, when_prepared_date) {_RECENT}",
    ),
)  # fmt: skip
"""The chart is the home list: nothing ordered for a stay. Twelve months are the use case's."""


def build_differences(db: Database, as_of: datetime) -> None:
    """Make `medication_difference`; empty unless one feed is the EHR and one is an outside source.

    Needs `person` and the tables of READS.
    """
    db.run(comparison.TABLES)
    roles = {role for (role,) in db.rows("select distinct role from feed")}
    if {"ehr", "external"} <= roles:
        db.run(comparison.PERSONS)
        for one in _LISTS:
            db.run(_entries(one).replace("$as_of", f"date '{as_of.date()}'"))
        db.run(comparison.AUTHORS)
        _read_sigs(db)
        _read_drugs(db)
        db.run(comparison.PARTS)
        for statement in comparison.COMPARE:
            db.run(statement)
        db.run(comparison.DIFFERENCES, {"high": high_alert_pattern()})
    for table in comparison.DROPPED:
        db.run(f"drop table if exists {table}")


def _entries(one: _List) -> str:
    """Return the statement that adds the entries of one kind to `list_entry`."""
    return f"""
        insert into list_entry
        with entry as (
          select s.rid, p.person, i.feed, i.id, {one.day} as day, f.medication_rid,
            json_transform(s.text, '{_SPEC}') as r
          from {one.table} f
          join record i on i.rid = f.rid
          join feed d on d.feed = i.feed and d.role = '{"ehr" if one.chart else "external"}'
          join person p on p.rid = f.patient_rid
          join known k on k.person = p.person
          join stored s on s.rid = f.rid and s.type = '{one.type}'
          where not f.entered_in_error and {one.where}
        ),
        drug as (
          select e.*, coalesce(r.medicationCodeableConcept, m.code,
              list_filter(r.contained, lambda c: c.resourceType = 'Medication'
                and '#' || c.id = r.medicationReference.reference)[1].code) as concept
          from entry e left join (
            select rid, json_transform(text, '{{"code":{_CONCEPT}}}').code as code
            from stored where type = 'Medication'
          ) m on m.rid = e.medication_rid
        )
        select rid, {one.chart}, person, feed, '{one.type}', id, day,
          coalesce(nullif(trim(concept.text), ''),
            list_filter(concept.coding, lambda c: c.display is not null)[1].display,
            nullif(trim(r.medicationReference.display), '')),
          concept.coding, to_json(coalesce(r.dosageInstruction, r.dosage))::varchar,
          coalesce(r.requester.display, r.informationSource.display,
            r.performer->>'$[0].actor.display'), '{one.author}'
        from drug
        where not coalesce(contains(r.category::varchar, '"inpatient"'), false)
          and coalesce(r.doNotPerform, '') <> 'true'
    """


def _read_drugs(db: Database) -> None:
    """Fill `drug_code`: what each distinct code stands for, a row a component."""
    db.run(comparison.CODINGS)
    met: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for system, code, display, count in db.rows(
        "select system, code, display, count(*) from list_coding group by all order by all"
    ):
        met.setdefault((system, code), []).append((count, display or ""))
    rows = [
        row
        for (system, code), names in met.items()
        for row in identities(system, code, sorted(names, key=lambda n: (-n[0], n[1])))
    ]
    columns = (
        "system", "code", "rank", "identity", "label", "key", "ingredient", "strength", "mass",
    )  # fmt: skip
    db.insert("drug_code", columns, rows)
    db.run(comparison.SYNONYMS)


def identities(system: str, code: str, names: list[tuple[int, str]]) -> Iterator[tuple[Any, ...]]:
    """Yield what a code stands for: the components its commonest readable name says, else itself.

    A code has one meaning in a load, whatever single resources call it. Only RxNorm's names have
    a grammar; every other code is equal to itself.
    """
    known = canonical(system) or system
    identity = f"{known}|{eleven_digits(code) if known == NDC else code}"
    read = [(name, read_name(name)) for _, name in names] if known == RXNORM else []
    label, parts = next(((n, p) for n, p in read if p), (names[0][1] or None, ()))
    rank = 0 if parts else 1 if known in (RXNORM, NDC) else 2
    for part in parts:
        yield (
            system, code, rank, identity, label, _key(part), part.ingredient, part.strength,
            float(part.amount) if part.unit == "mg" else None,
        )  # fmt: skip
    if not parts:
        yield system, code, rank, identity, label, identity, None, None, None


def _key(part: Component) -> str:
    """Return what two entries share when they are one drug."""
    return f"{part.ingredient}|{part.release}|{part.route}"


def _read_sigs(db: Database) -> None:
    """Fill `list_sig`: what each distinct dosage says."""
    sent = db.rows("select distinct dosage from list_entry where dosage is not null order by 1")
    rows = []
    for (dosage,) in sent:
        sig = read_sig(dosage)
        rows.append((dosage, sig.amount, sig.unit, sig.rate, sig.as_needed, sig.text))
    db.insert("list_sig", ("dosage", "amount", "unit", "rate", "as_needed", "text"), rows)


@functools.cache
def high_alert() -> tuple[str, ...]:
    """Return the ingredients whose mistakes harm most, in small letters."""
    path = resources.files("uptake") / "content" / "terminology" / "high_alert.toml"
    classes: dict[str, list[str]] = tomllib.loads(path.read_text("utf-8"))
    return tuple(sorted({name for names in classes.values() for name in names}))


def high_alert_pattern() -> str:
    """Return the pattern that finds a high-alert ingredient in a name in small letters."""
    return rf"\b({'|'.join(high_alert())})\b"
