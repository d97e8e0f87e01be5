"""Entries of lists of medications. In: what a source sent; out: entries that can be compared.

What a run reads from its tables and what a call brings as FHIR become the same `Sent` first, so
that both are judged by one engine.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Literal

from uptake.reconciliation.drugs import Coding, Drug, Lexicon
from uptake.reconciliation.sigs import Sig, read_sig

Role = Literal["chart", "outside"]


class Standing(StrEnum):
    """What a source says of whether a drug is taken."""

    ACTIVE = "active"
    ON_HOLD = "on hold"
    ENDED = "ended"
    DRAFT = "draft"
    """Not active yet: a draft, a proposal, an intention."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One entry as its source sent it."""

    role: Role
    feed: str
    type: str
    id: str
    day: date | None
    """When it was written, asserted or handed over."""
    by: str
    standing: Standing
    text: str
    codings: tuple[Coding, ...]
    dosage: str = ""
    """The list of FHIR Dosage, as JSON."""
    ended: date | None = None
    """The day it ended, where the source says so."""
    rid: int = 0
    """Its number in the tables of a run; 0 of what a call brings."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One entry that can be compared."""

    sent: Sent
    drug: Drug
    sig: Sig

    @property
    def day(self) -> date:
        """Return when it was written; the first day there is where that was not sent."""
        return self.sent.day or date.min

    @property
    def reference(self) -> str:
        """Return the reference to the resource within its feed."""
        return f"{self.sent.type}/{self.sent.id}"


def standing_of(role: Role, kind: str, status: str, intent: str = "") -> Standing | None:
    """Return what a status says, None where the entry is on no list of what is taken.

    A completed MedicationRequest was carried out, which says nothing of whether the drug is still
    taken; a completed MedicationStatement says that it is not. `plan` is how US Core marks what a
    patient reports. http://hl7.org/fhir/R4/valueset-medicationrequest-status.html
    """
    if kind == "MedicationDispense":
        filled = ("completed", "in-progress", "unknown")
        return Standing.ACTIVE if role == "outside" and status in filled else None
    if status in ("draft", "intended") or (status == "active" and intent in ("proposal", "option")):
        return Standing.DRAFT
    if status in ("stopped", "not-taken") or (
        kind == "MedicationStatement" and status == "completed"
    ):
        return Standing.ENDED
    if status == "on-hold":
        return Standing.ON_HOLD
    if status == "active" or (status == "unknown" and role == "chart"):
        return Standing.ACTIVE
    return None


def read_entries(
    sent: Iterable[Sent], released: Mapping[tuple[str, str], str], lexicon: Lexicon | None = None
) -> list[Entry]:
    """Return the entries that name a drug; what one calls a code, all mean by it.

    Without a `lexicon` the meanings are learnt from these entries and the `released` names alone.
    """
    rows = list(sent)
    known = lexicon or Lexicon(Counter(row.codings for row in rows), released)
    drugs = {key: known.drug(*key) for key in {(row.text, row.codings) for row in rows}}
    sigs = {dosage: read_sig(dosage or None) for dosage in {row.dosage for row in rows}}
    return [
        Entry(row, drug, sigs[row.dosage])
        for row in rows
        if (drug := drugs[(row.text, row.codings)]) is not None
    ]
