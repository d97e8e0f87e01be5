"""What a payer said of an order at the point of care. In: the order; out: its assertions, and back.

The extension coverage-information of the Da Vinci guide Coverage Requirements Discovery 2.2.1:
http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-coverage-information
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

from uptake.resources.elements import day_of, extensions, members, parts, reference_of, value_of

URL = "http://hl7.org/fhir/us/davinci-crd/StructureDefinition/ext-coverage-information"


@dataclass(frozen=True, slots=True)
class CoverageInformation:
    """One assertion of a payer; what it did not say is empty."""

    coverage: str
    """The reference of the Coverage it is about."""
    covered: str
    """`covered`, `not-covered`, `conditional` or `indeterminate`."""
    day: date | None
    assertion_id: str
    pa_needed: str = ""
    """`no-auth`, `auth-needed`, `satisfied`, `performpa` or `conditional`."""
    satisfied_pa_id: str = ""
    doc_needed: str = ""
    """`clinical`, `admin`, `both` or `conditional`; older guides also have `no-doc`."""
    doc_purpose: tuple[str, ...] = ()
    info_needed: tuple[str, ...] = ()
    questionnaires: tuple[str, ...] = ()
    """Canonicals."""
    billing_codes: tuple[tuple[str, str], ...] = ()
    """(system, code) that the claim has to have for the assertion to hold."""
    reasons: tuple[str, ...] = ()

    @property
    def faults(self) -> tuple[str, ...]:
        """Return which rules of the guide it breaks, in words: then it says less than it seems."""
        found = []
        if not (self.coverage and self.covered and self.day and self.assertion_id):
            found.append("coverage, covered, date or assertion id is missing")
        if self.covered == "not-covered" and self.pa_needed:
            found.append("not covered, and yet about authorization (crd-ci-q2)")
        if (self.pa_needed == "satisfied") != bool(self.satisfied_pa_id):
            found.append("satisfied and its number do not come together (crd-ci-q5)")
        if self.questionnaires and not self.doc_needed:
            found.append("a questionnaire, and no documents needed (crd-ci-q1)")
        return tuple(found)


def read_coverage_information(order: Mapping[str, Any]) -> tuple[CoverageInformation, ...]:
    """Return what payers said of an order, the newest first."""
    found = [_read(one) for one in extensions(order, URL)]
    return tuple(sorted(found, key=lambda c: (c.day or date.min, c.assertion_id), reverse=True))


def _read(extension: Mapping[str, Any]) -> CoverageInformation:
    held: dict[str, list[Any]] = {}
    for one in members(extension.get("extension")):
        held.setdefault(str(one.get("url", "")), []).append(value_of(one))

    def texts(name: str) -> tuple[str, ...]:
        return tuple(v for v in held.get(name, ()) if isinstance(v, str))

    def text(name: str) -> str:
        return next(iter(texts(name)), "")

    codes = [parts(value) for value in held.get("billingCode", ())]
    reasons = [parts(value) for value in held.get("reason", ())]
    return CoverageInformation(
        coverage=reference_of(next(iter(held.get("coverage", ())), None)),
        covered=text("covered"),
        day=day_of(text("date")),
        assertion_id=text("coverage-assertion-id"),
        pa_needed=text("pa-needed"),
        satisfied_pa_id=text("satisfied-pa-id"),
        doc_needed=text("doc-needed"),
        doc_purpose=texts("doc-purpose"),
        info_needed=texts("info-needed"),
        questionnaires=texts("questionnaire"),
        billing_codes=tuple((str(c.get("system", "")), str(c.get("code", ""))) for c in codes),
        reasons=tuple(str(r["text"]) for r in reasons if r.get("text")),
    )


def with_coverage_information(
    order: Mapping[str, Any], told: CoverageInformation
) -> dict[str, Any]:
    """Return the order with an assertion; an older one of the same coverage is replaced.

    The guide wants the whole resource back, with nothing else changed.
    """
    kept = [
        one
        for one in members(order.get("extension"))
        if one.get("url") != URL or _read(one).coverage != told.coverage
    ]
    return {**order, "extension": [*kept, {"url": URL, "extension": list(_written(told))}]}


def _written(told: CoverageInformation) -> Iterator[dict[str, Any]]:
    yield {"url": "coverage", "valueReference": {"reference": told.coverage}}
    for name, code in (
        ("covered", told.covered),
        ("pa-needed", told.pa_needed),
        ("doc-needed", told.doc_needed),
        *(("doc-purpose", code) for code in told.doc_purpose),
        *(("info-needed", code) for code in told.info_needed),
    ):
        if code:
            yield {"url": name, "valueCode": code}
    for system, code in told.billing_codes:
        yield {"url": "billingCode", "valueCoding": {"system": system, "code": code}}
    for reason in told.reasons:
        yield {"url": "reason", "valueCodeableConcept": {"text": reason}}
    for canonical in told.questionnaires:
        yield {"url": "questionnaire", "valueCanonical": canonical}
    if told.day:
        yield {"url": "date", "valueDate": told.day.isoformat()}
    yield {"url": "coverage-assertion-id", "valueString": told.assertion_id}
    if told.satisfied_pa_id:
        yield {"url": "satisfied-pa-id", "valueString": told.satisfied_pa_id}
