"""Lists as a call has them. In: FHIR resources of the chart, rows of a run; out: `Sent`, allergies.

The rules of what is on a list are those of the run (comparison.py): the same lists give the same
entries, whichever way they came.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import msgspec

from uptake.reconciliation.allergies import Allergy, read_allergy
from uptake.reconciliation.engine import months_before
from uptake.reconciliation.entries import Role, Sent, Standing, standing_of
from uptake.reconciliation.tables import rules
from uptake.resources.elements import members

if TYPE_CHECKING:
    from uptake.reconciliation.drugs import Coding

Resource = Mapping[str, Any]
LISTED = ("MedicationRequest", "MedicationStatement")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")


@dataclass(frozen=True, slots=True)
class Outside:
    """What a run knows of the outside's side of one patient."""

    sent: tuple[Sent, ...]
    allergies: tuple[Allergy, ...]
    names: Mapping[tuple[str, str], str]
    """What the codes stand for, the chart's too."""


def read_chart(resources: Iterable[Resource], feed: str, as_of: date) -> list[Sent]:
    """Return the home list of a chart: its requests and statements, nothing ordered for a stay.

    `feed` is what the chart is called in a run. Medications that are referred to are looked up
    among the resources.
    """
    given = list(resources)
    medications = {
        f"Medication/{r['id']}": _inside(r, "code")
        for r in given
        if r.get("resourceType") == "Medication" and r.get("id")
    }
    sent = (_sent(r, feed, medications) for r in given if r.get("resourceType") in LISTED)
    return [one for one in sent if one and is_listed(one, as_of)]


def sent_of(resource: Resource, role: Role, feed: str) -> Sent | None:
    """Return one request or statement as it was sent, whatever its status; None without a drug."""
    return _sent(resource, feed, {}, role, Standing.ACTIVE)


def is_listed(sent: Sent, as_of: date) -> bool:
    """Tell whether an entry is on a list that day: what is over must have been so lately."""
    oldest = months_before(as_of, rules().months)
    dispensed = sent.type == "MedicationDispense"
    if sent.role == "outside" and sent.day and sent.day > as_of:
        return False
    if dispensed or sent.standing in (Standing.ENDED, Standing.DRAFT):
        return sent.day is not None and sent.day >= oldest
    return True


def read_outside(
    entries: Iterable[Mapping[str, Any]], allergies: Iterable[Mapping[str, Any]], as_of: date
) -> Outside:
    """Return what rows of `medication_entry` and `allergy_entry` say."""
    sent, names = [], {}
    for row in entries:
        if row["read_as"]:
            names[(row["system"], row["code"])] = row["read_as"]
        standing = standing_of(row["role"], row["type"], row["status"] or "", row["intent"] or "")
        if row["role"] == "outside" and standing:
            one = Sent(
                "outside", row["feed"], row["type"], row["id"] or "", row["day"],
                row["said_by"] or "", standing, row["text"] or "", _read_codings(row["codings"]),
                row["dosage"] or "", row["ended"],
            )  # fmt: skip
            if is_listed(one, as_of):
                sent.append(one)
    read = (
        read_allergy(
            "outside", row["feed"], row["id"] or "", row["day"], row["said_by"] or "",
            row["text"] or "", _read_codings(row["codings"]),
            msgspec.json.decode(row["substances"]) if row["substances"] else (),
        )
        for row in allergies
    )  # fmt: skip
    return Outside(tuple(sent), tuple(read), names)


def read_allergies(resources: Iterable[Resource], feed: str) -> list[Allergy]:
    """Return the active allergies of a chart; refuted and mistaken ones are none."""
    found = []
    for one in resources:
        if one.get("resourceType") != "AllergyIntolerance":
            continue
        if _code(one, "verificationStatus") in ("refuted", "entered-in-error"):
            continue
        if _code(one, "clinicalStatus") not in ("", "active"):
            continue
        text, codings = _concept(_inside(one, "code"))
        substances = [_concept(_inside(r, "substance")) for r in members(one.get("reaction"))]
        names = [text for text, _ in substances] + [d for _, cs in substances for *_, d in cs]
        by = str(_inside(one, "recorder").get("display") or "")
        day = _day(one.get("recordedDate"))
        found.append(
            read_allergy("chart", feed, str(one.get("id") or ""), day, by, text, codings, names)
        )
    return found


def _sent(
    one: Resource,
    feed: str,
    medications: Mapping[str, Resource],
    role: Role = "chart",
    standing: Standing | None = None,
) -> Sent | None:
    kind, status = str(one["resourceType"]), str(one.get("status") or "")
    standing = standing or standing_of(role, kind, status, str(one.get("intent") or ""))
    if standing is None or one.get("doNotPerform") is True or _is_inpatient(one):
        return None
    reference = _inside(one, "medicationReference")
    concept = _inside(one, "medicationCodeableConcept") or _referred(one, reference, medications)
    text, codings = _concept(concept)
    text = text or str(reference.get("display") or "").strip()
    if not text and not codings:
        return None
    statement = kind == "MedicationStatement"
    period = _inside(one, "effectivePeriod")
    days = (
        (one.get("dateAsserted"), one.get("effectiveDateTime"), period.get("start"))
        if statement
        else (one.get("authoredOn"),)
    )
    author = _inside(one, "informationSource" if statement else "requester")
    dosage = one.get("dosage" if statement else "dosageInstruction")
    return Sent(
        role, feed, kind, str(one.get("id") or ""),
        next((day for at in days if (day := _day(at))), None), str(author.get("display") or ""),
        standing, text, codings, json.dumps(dosage) if dosage else "", _day(period.get("end")),
    )  # fmt: skip


def _referred(one: Resource, reference: Resource, medications: Mapping[str, Resource]) -> Resource:
    """Return the concept of a Medication that is contained, or among the resources."""
    wanted = str(reference.get("reference") or "")
    for inside in members(one.get("contained")):
        if f"#{inside.get('id')}" == wanted:
            return _inside(inside, "code")
    return medications.get("/".join(wanted.split("/")[-2:]), {})


def _concept(concept: Resource) -> tuple[str, tuple[Coding, ...]]:
    """Return the name of a concept and its codings; a display stands in for the text."""
    codings = members(concept.get("coding"))
    display = next((c["display"] for c in codings if c.get("display") is not None), "")
    coded = tuple(
        (system, code, str(c.get("display") or ""))
        for c in codings
        if (system := str(c.get("system") or "")).strip()
        and (code := str(c.get("code") or "")).strip()
    )
    return str(concept.get("text") or "").strip() or str(display), coded


def _is_inpatient(one: Resource) -> bool:
    category = one.get("category") or []
    return '"inpatient"' in json.dumps(category)


def _code(one: Resource, name: str) -> str:
    codings = members(_inside(one, name).get("coding"))
    return str(codings[0].get("code") or "") if codings else ""


def _read_codings(text: str | None) -> tuple[Coding, ...]:
    read = msgspec.json.decode(text, type=list[dict[str, str | None]]) if text else []
    return tuple((c["system"] or "", c["code"] or "", c.get("display") or "") for c in read)


def _day(at: object) -> date | None:
    """Return the day of a date or date-time, as it was sent; None of a month or a year."""
    found = _DAY.match(str(at or ""))
    try:
        return date.fromisoformat(found[0]) if found else None
    except ValueError:
        return None


def _inside(parent: Resource, name: str) -> Resource:
    """Return a member that is an object, empty where it is none."""
    found = parent.get(name)
    return found if isinstance(found, Mapping) else {}
