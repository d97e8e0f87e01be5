"""Entries of lists of allergies and problems. In: a resource and its codings; out: an `Entry`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from uptake.reconciliation.conflicts.concepts import Concept, read_concept
from uptake.reconciliation.conflicts.elements import (
    Resource,
    codes_in,
    displays_in,
    inside,
)
from uptake.reconciliation.conflicts.model import Coding, Origin, Role
from uptake.reconciliation.conflicts.rules import rules
from uptake.reconciliation.tables import rules as drug_rules
from uptake.resources.elements import days_of

_NONE = re.compile(r"no (?:known|history|current)\b", re.IGNORECASE)


class Standing(StrEnum):
    """What a source says of an allergy or a problem."""

    ACTIVE = "active"
    ENDED = "over"
    REFUTED = "refuted"
    NONE_KNOWN = "none known"
    """There is no such allergy."""
    UNTOLD = "no status"


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry of a list."""

    origin: Origin
    concept: Concept
    standing: Standing
    began: date | None = None
    """The first day it can have begun, as far as was said."""
    ended: date | None = None
    """The last day it can have ended."""
    categories: frozenset[str] = frozenset()
    """Of an allergy; of an assertion that there is none, what that denies."""
    criticality: str = ""
    severe: bool = False

    @property
    def says(self) -> str:
        """Return what the source says, in words."""
        if self.standing is Standing.NONE_KNOWN:
            return self.concept.text or self.standing
        told = [self.concept.text or self.origin.type, self.standing]
        if self.criticality in ("high", "low"):
            told.append(f"criticality {self.criticality}")
        elif self.severe:
            told.append("severe")
        return ", ".join(told)


def read_entry(
    resource: Resource, codings: Sequence[Coding], role: Role, feed: str, rid: int = 0
) -> Entry | None:
    """Return an entry of an AllergyIntolerance or Condition; None of what is on no list.

    Those are what was entered in error, the diagnoses of encounters, and `no known problems`.
    `codings` are those of its code, with canonical systems and what was mapped.
    """
    kind = str(resource.get("resourceType"))
    verified = _code(resource, "verificationStatus")
    diagnoses = {c for one in resource.get("category") or () if kind == "Condition"
                 for c in codes_in(one)}  # fmt: skip
    if verified == "entered-in-error" or "encounter-diagnosis" in diagnoses:
        return None
    text = str(inside(resource, "code").get("text") or "")
    concept = read_concept(kind, text, tuple(codings))
    if kind == "Condition" and _NONE.match(concept.text):
        return None
    day, _ = days_of(resource.get("recordedDate"))
    origin = Origin(role, feed, kind, str(resource.get("id") or ""), rid, day)
    began = _first(resource, "onsetDateTime", "onsetPeriod")
    ended = _last(resource, "abatementDateTime", "abatementPeriod")
    status = _code(resource, "clinicalStatus")
    if kind == "Condition":
        standing = _standing(status, verified)
        return Entry(origin, concept, standing, began, ended)
    standing = _standing(status or "active", verified)
    denied = _denied(concept)
    if denied and standing is not Standing.ACTIVE:
        return None  # that there is no allergy is no longer said
    standing = Standing.NONE_KNOWN if denied else standing
    kinds = frozenset(str(c) for c in resource.get("category") or ())
    if not kinds and any(stem.startswith("drug ") for stem in concept.stems):
        kinds = frozenset({"medication"})
    criticality = str(resource.get("criticality") or "")
    return Entry(
        origin, concept, standing, began, ended, denied or kinds, criticality, _severe(resource)
    )


def _standing(status: str, verified: str) -> Standing:
    """Return what two statuses say together.

    http://terminology.hl7.org/CodeSystem/condition-clinical: remission is a kind of inactive.
    """
    if verified == "refuted":
        return Standing.REFUTED
    if status in ("active", "recurrence", "relapse"):
        return Standing.ACTIVE
    return Standing.ENDED if status in ("inactive", "remission", "resolved") else Standing.UNTOLD


def _denied(concept: Concept) -> frozenset[str]:
    """Return the categories of allergies that an entry says there are none of."""
    found = {c for _, code in concept.codes for c in rules().none_known.get(code, ())}
    if not found and drug_rules().no_allergy.search(concept.text.lower()):
        kinds = {"drug": "medication", "medication": "medication", "food": "food",
                 "environment": "environment", "nkda": "medication"}  # fmt: skip
        text = concept.text.lower()
        found = {kind for word, kind in kinds.items() if word in text}
        found = found or {*rules().none_known["716186003"]}
    return frozenset(found)


def _severe(resource: Resource) -> bool:
    """Tell whether a reaction was severe, or of the kinds that are."""
    if resource.get("criticality") == "high":
        return True
    for reaction in resource.get("reaction") or ():
        if reaction.get("severity") == "severe":
            return True
        for one in reaction.get("manifestation") or ():
            if rules().severe_codes.intersection(codes_in(one)):
                return True
            said = " ".join([str(one.get("text") or ""), *displays_in(one)]).lower()
            if any(word in said for word in rules().severe_words):
                return True
    return False


def _first(resource: Resource, moment: str, period: str) -> date | None:
    return days_of(resource.get(moment) or inside(resource, period).get("start"))[0]


def _last(resource: Resource, moment: str, period: str) -> date | None:
    return days_of(resource.get(moment) or inside(resource, period).get("end"))[1]


def _code(resource: Resource, name: str) -> str:
    return next(iter(codes_in(inside(resource, name))), "")
