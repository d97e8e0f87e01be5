"""Gaps as payers exchange them. In: one patient's rows of `care_gap`; out: a DEQM document Bundle.

A Composition, and for each rule a MeasureReport, a DetectedIssue with the gap's status and, for an
open gap, a GuidanceResponse with the reason: data that are missing are told apart from care that
was not given. Names are those of Da Vinci DEQM 5.0.0, https://hl7.org/fhir/us/davinci-deqm/.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from uptake.care_gaps.rules import GapRule, settings

DEQM = "http://hl7.org/fhir/us/davinci-deqm"
GAP_STATUS = f"{DEQM}/StructureDefinition/extension-gapStatus"
_HL7 = "http://terminology.hl7.org/CodeSystem"
_CAREGAP = {"system": f"{_HL7}/v3-ActCode", "code": "CAREGAP", "display": "Care Gaps"}
_REPORT = {"system": "http://loinc.org", "code": "96315-7", "display": "Gaps in care report"}
_YEAR = timedelta(days=365)

REASONS: Mapping[str, tuple[str, str]] = {
    "none on record": ("NotFound", "success"),
    "not all of it": ("NotFound", "success"),
    "too old": ("DateOutOfRange", "success"),
    "out of goal": ("ValueOutOfRange", "success"),
    "elsewhere": ("Missing", "data-required"),
    "hidden evidence": ("InvalidAttribute", "data-required"),
    "hidden exclusion": ("InvalidAttribute", "data-required"),
    "unknown population": ("InvalidAttribute", "data-required"),
    "outside exclusion": ("Missing", "data-required"),
    "no evidence known": ("NotFound", "data-required"),
    "no exclusion known": ("NotFound", "data-required"),
}
"""Why a gap is open: the code of DEQM's care-gap-reason, and whether data or care is lacking: a
GuidanceResponse that is `data-required` says that the gap may not be one."""

Resource = dict[str, Any]
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Document:
    """What a Bundle is made for, whatever the patient."""

    base_url: str
    """What the addresses of its entries begin with."""
    at: datetime
    reporter: str
    """The name of the organization that reports."""


def gaps_bundle(
    rows: Iterable[Row],
    rules: Mapping[str, GapRule],
    patient: Mapping[str, Any],
    evidence: Mapping[tuple[str, str, str], Mapping[str, Any]],
    document: Document,
) -> Resource | None:
    """Return the Bundle of one patient, None where whose record it is cannot be told.

    `rows` are the patient's of `care_gap`; a rule without one is not applicable. `evidence` holds
    the records that rows name, by feed, type and id; one that is not there is left out.
    """
    known = {str(row["rule"]): row for row in rows}
    if any(row["status"] == "withheld" for row in known.values()):
        return None
    writer = _Writer(document, patient)
    sections = [writer.section(rule, known.get(rule.code), evidence) for rule in rules.values()]
    return writer.bundle(sections)


def gap_status(row: Row | None, at: date) -> str:
    """Return the DEQM status of a gap; one that opens soon is prospective."""
    if row is None:
        return "not-applicable"
    if row["status"] not in ("closed", "excluded"):
        return "open-gap"
    due = row["next_due"]
    soon = at + timedelta(days=settings()["prospective"]["days"])
    return "prospective-gap" if due is not None and due <= soon else "closed-gap"


class _Writer:
    """Writes the entries of one Bundle; ids follow from what they are of, so a repeat is equal."""

    def __init__(self, document: Document, patient: Mapping[str, Any]) -> None:
        self.document = document
        self.base = document.base_url.rstrip("/")
        self.at = document.at.isoformat(timespec="seconds")
        self.patient = f"{self.base}/Patient/{patient['id']}"
        self.entries: dict[str, Mapping[str, Any]] = {self.patient: patient}
        self.reporter = self.add(
            {"resourceType": "Organization", "active": True, "name": document.reporter}, "reporter"
        )

    def add(self, resource: Resource, *key: str) -> str:
        """Add an entry; return its address."""
        name = "/".join((self.patient, self.at, resource["resourceType"], *key))
        resource["id"] = str(uuid5(NAMESPACE_URL, name))
        address = f"{self.base}/{resource['resourceType']}/{resource['id']}"
        self.entries[address] = resource
        return address

    def section(
        self,
        rule: GapRule,
        row: Row | None,
        evidence: Mapping[tuple[str, str, str], Mapping[str, Any]],
    ) -> Resource:
        """Add what is said of one rule; return its section of the Composition."""
        told = self._evidence(row, evidence)
        report = self.add(self._report(rule, row, told), rule.code)
        details = [report]
        if row is not None and row["reason"] in REASONS:
            details.append(self.add(self._guidance(rule, row), rule.code))
        status = gap_status(row, self.document.at.date())
        issue = self.add(self._issue(row, status, details), rule.code)
        return {
            "title": rule.title,
            "focus": {"reference": report},
            "entry": [{"reference": issue}],
        }

    def bundle(self, sections: Sequence[Resource]) -> Resource:
        """Return the document, its Composition first."""
        composition: Resource = {
            "resourceType": "Composition",
            "meta": {"profile": [f"{DEQM}/StructureDefinition/gaps-composition-deqm"]},
            "status": "final",
            "type": {"coding": [_REPORT]},
            "subject": {"reference": self.patient},
            "date": self.at,
            "author": [{"reference": self.reporter}],
            "custodian": {"reference": self.reporter},
            "title": "Gaps in care report",
            "section": list(sections),
        }
        first = self.add(composition)
        addresses = [first, *(a for a in self.entries if a != first)]
        return {
            "resourceType": "Bundle",
            "meta": {"profile": [f"{DEQM}/StructureDefinition/gaps-bundle-deqm"]},
            "identifier": {"system": "urn:ietf:rfc:3986", "value": f"urn:uuid:{composition['id']}"},
            "type": "document",
            "timestamp": self.at,
            "entry": [{"fullUrl": a, "resource": self.entries[a]} for a in addresses],
        }

    def _evidence(
        self, row: Row | None, evidence: Mapping[tuple[str, str, str], Mapping[str, Any]]
    ) -> str:
        """Add the record a row rests on; return its address, empty where there is none."""
        if row is None:
            return ""
        key = (row["evidence_feed"], row["evidence_type"], row["evidence_id"])
        if key not in evidence:
            return ""
        address = f"{self.base}/{row['evidence_type']}/{row['evidence_id']}"
        if self.entries.get(address, evidence[key]) is not evidence[key]:
            # an outside source has a record of the same name
            address = f"{self.base}/{row['evidence_feed']}/{row['evidence_type']}/{key[2]}"
        self.entries[address] = evidence[key]
        return address

    def _report(self, rule: GapRule, row: Row | None, told: str) -> Resource:
        status = "" if row is None else row["status"]
        counts = {"initial-population": row is not None, "denominator": row is not None}
        if status != "cannot-tell":
            counts |= {
                "denominator-exclusion": status == "excluded",
                "numerator": status == "closed",
            }
        group: Resource = {
            "population": [
                {
                    "code": {"coding": [{"system": f"{_HL7}/measure-population", "code": code}]},
                    "count": int(member),
                }
                for code, member in counts.items()
            ]
        }
        if status in ("due", "elsewhere", "closed"):
            group["measureScore"] = {"value": float(status == "closed")}
        report: Resource = {
            "resourceType": "MeasureReport",
            "meta": {"profile": [f"{DEQM}/StructureDefinition/indv-measurereport-deqm"]},
            "status": "pending" if status == "cannot-tell" else "complete",
            "type": "individual",
            "measure": self._measure(rule),
            "subject": {"reference": self.patient},
            "date": self.at,
            "reporter": {"reference": self.reporter},
            "period": {
                "start": (self.document.at - _YEAR).date().isoformat(),
                "end": self.document.at.date().isoformat(),
            },
            "improvementNotation": {
                "coding": [{"system": f"{_HL7}/measure-improvement-notation", "code": "increase"}]
            },
            "group": [group],
        }
        if told:
            report["evaluatedResource"] = [{"reference": told}]
        return report

    def _guidance(self, rule: GapRule, row: Row) -> Resource:
        """Return why a gap is open, in a code and in words."""
        code, status = REASONS[row["reason"]]
        coding = {"system": f"{DEQM}/CodeSystem/care-gap-reason", "code": code}
        found: Resource = {
            "resourceType": "GuidanceResponse",
            "moduleUri": self._measure(rule),
            "status": status,
            "subject": {"reference": self.patient},
            "occurrenceDateTime": self.at,
            "reasonCode": [{"coding": [coding], "text": row["why"]}],
        }
        if status == "data-required":
            types = sorted({kind for item in rule.part("evidence") for kind in item.type})
            found["dataRequirement"] = [{"type": kind} for kind in types]
        return found

    def _issue(self, row: Row | None, status: str, details: Sequence[str]) -> Resource:
        coding = {"system": f"{DEQM}/CodeSystem/gaps-status", "code": status}
        untold = row is not None and row["status"] == "cannot-tell"
        return {
            "resourceType": "DetectedIssue",
            "meta": {"profile": [f"{DEQM}/StructureDefinition/gaps-detectedissue-deqm"]},
            "modifierExtension": [
                {"url": GAP_STATUS, "valueCodeableConcept": {"coding": [coding]}}
            ],
            "status": "preliminary" if untold else "final",
            "code": {"coding": [_CAREGAP]},
            "patient": {"reference": self.patient},
            "identifiedDateTime": self.at,
            "evidence": [{"detail": [{"reference": one}]} for one in details],
        }

    def _measure(self, rule: GapRule) -> str:
        return f"{self.base}/Measure/{rule.code}"
