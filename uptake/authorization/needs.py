"""What an order needs. In: the order, coverages, documents, rules; out: needed, found, missing.

The payer's own word on the order comes first, then the project's rules for the payer. Where neither
says anything, or the payer says *conditional*, whether an authorization is needed cannot be told.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from uptake.authorization.coverage_information import (
    CoverageInformation,
    read_coverage_information,
)
from uptake.authorization.rules import Payer, Wanted, payer_of
from uptake.authorization.settings import settings
from uptake.resources.elements import (
    codings,
    day_of,
    days_of,
    members,
    name_of,
    parts,
    reference_of,
)

Resource = Mapping[str, Any]
CODES = {
    "MedicationRequest": "medicationCodeableConcept",
    "DeviceRequest": "codeCodeableConcept",
}
"""Where an order has its code; of other types in `code`."""
DRUGS = "MedicationRequest"


@dataclass(frozen=True, slots=True)
class Found:
    """A document that is wanted, and the newest that is one."""

    wanted: Wanted
    source: str = ""
    """`Type/id`; empty: none is found."""
    day: date | None = None


@dataclass(frozen=True, slots=True)
class Need:
    """What is known of an order's need."""

    needed: bool | None
    """None: it cannot be told."""
    said_by: str = ""
    """`payer`, `rule`, or empty where nobody says anything."""
    payer: Payer | None = None
    coverage: str = ""
    told: CoverageInformation | None = None
    """The payer's newest word."""
    documents: tuple[Found, ...] = ()
    unnamed: str = ""
    """Documents the payer wants and does not name: `clinical`, `admin` or `both`."""

    @property
    def found(self) -> tuple[Found, ...]:
        """Return the documents that are there."""
        return tuple(one for one in self.documents if one.source)

    @property
    def missing(self) -> tuple[Wanted, ...]:
        """Return the documents that are not."""
        return tuple(one.wanted for one in self.documents if not one.source)

    @property
    def satisfied(self) -> str:
        """Return the number of an authorization that the payer says is there, without a fault."""
        return self.told.satisfied_pa_id if self.told and not self.told.faults else ""


def codes_of(order: Resource) -> list[tuple[str, str]]:
    """Return the (system, code) pairs of what is ordered."""
    return codings(order.get(CODES.get(str(order.get("resourceType")), "code")))


def coverages_of(order: Resource, coverages: Iterable[Resource], on: date) -> list[Resource]:
    """Return the coverages that count: those the order names, else all; in force on the day."""
    named = {reference_of(one) for one in members(order.get("insurance"))}
    known = [c for c in coverages if c.get("status", "active") == "active" and in_force(c, on)]
    return [c for c in known if name_of(c) in named] if named else known


def in_force(coverage: Resource, on: date) -> bool:
    """Tell whether a coverage's period has the day; what is open, or no date, is not held.

    Of a month or a year the whole is meant. https://hl7.org/fhir/R4/datatypes.html#Period
    """
    period = parts(coverage.get("period"))
    start, end = days_of(period.get("start"))[0], days_of(period.get("end"))[1]
    return (start is None or start <= on) and (end is None or on <= end)


def need_of(
    order: Resource,
    coverages: Iterable[Resource],
    documents: Sequence[Resource],
    payers: Sequence[Payer],
    on: date,
) -> Need:
    """Return what an order needs on a day, of the coverages of its patient.

    `documents` are DocumentReferences and QuestionnaireResponses of the patient.
    """
    held = coverages_of(order, coverages, on)
    names = {name_of(coverage) for coverage in held}
    told = [one for one in read_coverage_information(order) if one.coverage in names or not names]
    paying = [(payer_of(one, payers), name_of(one)) for one in held]
    payer, coverage = next(((p, n) for p, n in paying if p), (None, next(iter(sorted(names)), "")))
    if told:
        return _by_payer(told[0], payer, documents, on, order)
    rule = payer.rule_for(codes_of(order)) if payer else None
    if rule is None:
        return Need(None, payer=payer, coverage=coverage)
    wanted = _find(rule.documents, documents, on, name_of(order)) if rule.needed else ()
    return Need(rule.needed, "rule", payer, coverage, documents=wanted)


def _by_payer(
    told: CoverageInformation,
    payer: Payer | None,
    documents: Sequence[Resource],
    on: date,
    order: Resource,
) -> Need:
    meant = settings().pa_needed.get(told.pa_needed, "unknown")
    needed = {"yes": True, "no": False, "satisfied": False}.get(meant)
    if told.covered == "not-covered":
        needed = False
    elif told.faults:
        needed = None
    wanted = tuple(Wanted(_title(c), questionnaire=c) for c in told.questionnaires)
    unnamed = told.doc_needed if told.doc_needed != "no-doc" and not wanted else ""
    found = _find(wanted, documents, on, name_of(order))
    return Need(needed, "payer", payer, told.coverage, told, found, unnamed)


def _title(canonical: str) -> str:
    """Return a name for a questionnaire: the last part of its address."""
    return f"questionnaire {canonical.split('|')[0].rstrip('/').rsplit('/', 1)[-1]}"


def _find(
    wanted: Iterable[Wanted], documents: Sequence[Resource], on: date, order: str
) -> tuple[Found, ...]:
    """Return each document that is wanted with the newest that is one."""
    found = []
    for one in wanted:
        fits = [(day, name_of(d)) for d in documents if (day := _day(one, d, on, order))]
        day, source = max(fits, default=(None, ""))
        found.append(Found(one, source, day))
    return tuple(found)


def _day(wanted: Wanted, document: Resource, on: date, order: str) -> date | None:
    """Return the day of a document that is the wanted one, None where it is another."""
    if wanted.questionnaire:
        day = _answered(wanted.questionnaire, document, order)
    else:
        kinds = {code for _, code in codings(document.get("type"))}
        current = document.get("status") == "current"
        day = day_of(document.get("date")) if current and kinds & set(wanted.loinc) else None
    if day is None or day > on or (wanted.days and on - day > timedelta(days=wanted.days)):
        return None
    return day


def _answered(canonical: str, response: Resource, order: str) -> date | None:
    """Return when a questionnaire was answered whole; of one for another order it was not."""
    asked = str(response.get("questionnaire") or "")
    same = asked == canonical or ("|" not in canonical and asked.split("|")[0] == canonical)
    if not same or response.get("status") not in ("completed", "amended"):
        return None
    about = {reference_of(one) for one in members(response.get("basedOn"))}
    if about and order not in about:
        return None
    return day_of(response.get("authored"))
