"""Outside medications against the chart. In: the chart's list now, the run's outside; out: a card.

Where a call brings the chart's list, that is compared with what the run knows of the outside; else
what the run found is said, with the day it was made as of. Nothing is changed but by a click.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from uptake.delivery.cases import (
    Act,
    Case,
    Context,
    Item,
    Judged,
    Need,
    Service,
    Suggestion,
    another,
    withhold,
)
from uptake.reconciliation.engine import reconcile
from uptake.reconciliation.entries import read_entries
from uptake.reconciliation.reading import read_allergies, read_chart, read_outside
from uptake.reconciliation.shown import Difference, Told, of_discrepancy, of_row
from uptake.reconciliation.tables import high_alert, picked_names, rules

USE_CASE = "medication-reconciliation"
REQUESTS = Need(
    "medicationRequests",
    "MedicationRequest?patient={{context.patientId}}"
    "&status=active,on-hold,unknown,stopped,draft&_include=MedicationRequest:medication",
)
STATEMENTS = Need("medicationStatements", "MedicationStatement?patient={{context.patientId}}")
ALLERGIES = Need("allergies", "AllergyIntolerance?patient={{context.patientId}}")
UNREAD = "unmapped"
"""The kind of what could not be compared: whether the other side has it is not known."""
NEEDS = (REQUESTS, STATEMENTS, ALLERGIES)

SUMMARY_BELOW = 140
"""Characters; CDS Hooks asks that a summary has fewer."""
REASONS = {
    "already-known": "Already known",
    "no-longer-taken": "The patient no longer takes it",
    "outside-record-wrong": "The outside record is wrong",
    "not-now": "Not relevant now",
}
SAID = {"MedicationDispense": "dispensed", "MedicationStatement": "reported",
        "AllergyIntolerance": "allergy recorded"}  # fmt: skip
CATEGORY = "http://terminology.hl7.org/CodeSystem/medication-statement-category"
_DOSED = ("dose", "frequency", "strength", "form")


@dataclass(frozen=True, slots=True)
class Compared:
    """How the two lists of a patient compare, and how far that may be believed."""

    differences: tuple[Difference, ...]
    notes: tuple[str, ...]
    now: bool
    """Whether the chart's side is what the EHR has now."""


def judge(case: Case) -> Judged | None:
    """Return what outside sources have and the chart has not, None where nothing differs."""
    if case.known.doubt:
        return withhold(case, "Outside medications are withheld")
    compared = compare(case)
    news = [one for one in compared.differences if one.is_news]
    if not news:
        return None
    notes = [
        *compared.notes, *_unread(compared.differences), *another(case),
        "Interactions are not checked.",
    ]  # fmt: skip
    items = tuple(_item(one, case) for one in news)
    return Judged(_summary(news), items, tuple(notes), overrides=REASONS)


def compare(case: Case) -> Compared:
    """Return both lists compared: what the panel shows, what does not differ too.

    The chart's side is that of the call where its prescriptions came whole; else the run's.
    """
    if not case.of(REQUESTS.key).told:
        found = tuple(map(of_row, case.known.rows("medication_difference")))
        return Compared(tuple(sorted(found, key=_worst_first)), _made(case), now=False)
    today = case.now.date()
    entries = case.known.rows("medication_entry")
    outside = read_outside(entries, case.known.rows("allergy_entry"), today)
    if not outside.sent:
        return Compared((), (), now=True)
    given = [*case.of(REQUESTS.key).resources, *case.of(STATEMENTS.key).resources]
    feed = entries[0]["patient_feed"]
    names = {**picked_names(), **outside.names}
    both = read_entries([*read_chart(given, feed, today), *outside.sent], names)
    chart = [e for e in both if e.sent.role == "chart"]
    known = [*read_allergies(case.of(ALLERGIES.key).resources, feed), *outside.allergies]
    told = reconcile(
        chart, [e for e in both if e.sent.role == "outside"], as_of=today, allergies=known
    )
    found = tuple(map(of_discrepancy, told))
    if not case.of(STATEMENTS.key).told:
        found = _without_reported(found, case)
    return Compared(found, _lacking(case), now=True)


def _without_reported(found: tuple[Difference, ...], case: Case) -> tuple[Difference, ...]:
    """Return the differences but for drugs that the run saw among the chart's reported ones.

    Where these cannot be read now, a drug on them is not told to be missing.
    """
    reported = {
        (row["outside_feed"], row["outside_type"], row["outside_id"])
        for row in case.known.rows("medication_difference")
        if row["chart_type"] == "MedicationStatement"
    }
    return tuple(
        one
        for one in found
        if one.kind != "omission"
        or one.outside is None
        or (one.outside.feed, one.outside.type, one.outside.id) not in reported
    )


def rest_of(case: Case) -> tuple[Item, ...]:
    """Return what the panel shows below: what is the same in both, or news to nobody."""
    return tuple(_item(one, case) for one in compare(case).differences if not one.is_news)


def _made(case: Case) -> tuple[str, ...]:
    as_of = case.known.as_of
    return (f"Compared as of {as_of}; what was written later is not in it.",) if as_of else ()


def _lacking(case: Case) -> tuple[str, ...]:
    """Return what could not be read of the chart, in sentences."""
    as_of = case.known.as_of
    notes = [f"The outside's list is as of {as_of}."] if as_of else []
    if not case.of(STATEMENTS.key).told:
        notes.append("The chart's reported medications could not be read; look there too.")
    if not case.of(ALLERGIES.key).told:
        notes.append("The chart's allergies could not be read: no drug was compared with them.")
    return tuple(notes)


def _unread(found: Sequence[Difference]) -> list[str]:
    unread = sum(one.kind == UNREAD and one.chart is not None for one in found)
    if not unread:
        return []
    entries, has = ("1 entry", "has") if unread == 1 else (f"{unread} entries", "have")
    return [f"{entries} of the chart's list {has} no code to compare; look there too."]


def _worst_first(one: Difference) -> tuple[object, ...]:
    day = one.outside.day if one.outside else None
    ids = (side.id for side in (one.outside, one.chart, one.other) if side)
    kinds = list(rules().kinds)
    worst = ("high", "medium", "low").index(one.severity)
    return worst, kinds.index(one.kind), -day.toordinal() if day else 0, one.ingredient, *ids


def _summary(news: Sequence[Difference]) -> str:
    """Return the gist; only words of ours are in it, since clients may show it as they like."""
    counts = Counter(one.kind for one in news)
    told = [
        f"{counts[name]} {kind.counted}" for name, kind in rules().kinds.items() if counts[name]
    ]
    summary = f"Outside medications and the chart: {told[0]}"
    for words in told[1:]:
        if len(summary) + len(words) + len(", , and more") >= SUMMARY_BELOW:
            summary += ", and more"
            break
        summary += f", {words}"
    texts = " ".join(
        " ".join([one.ingredient, *(side.text for side in one.told)]).lower()
        for one in news
        if one.severity == "high"
    )
    names = [name for name in high_alert() if re.search(rf"\b{name}\b", texts)]
    while names:
        longer = f"{summary} ({', '.join(names)})"
        if len(longer) < SUMMARY_BELOW:
            return longer
        names.pop()
    return summary


def _item(one: Difference, case: Case) -> Item:
    """Return one difference: what differs, and of each side who said so, when, which source."""
    return Item(
        one.kind,
        _text(one),
        tuple(said_of(side, _shown(one, side)) for side in one.told),
        "warning" if one.severity == "high" else "info",
        tuple(side.reference for side in one.told if side.id),
        _suggestions(one, case),
    )


def _text(one: Difference) -> str:
    first = one.outside or one.chart
    name = first.text if first else "a drug without a name"
    if one.kind == "stopped":
        return f"{name}, {_stopped(one)}"
    return rules().kinds[one.kind].text.format(name=name)


def _stopped(one: Difference) -> str:
    """Return which side stopped it, where that is known."""
    for side, words in ((one.outside, "an outside source"), (one.chart, "the chart")):
        if side and side.standing == "ended":
            return f"stopped in {words}, active in the other"
        if side and side.standing == "on hold":
            return f"on hold in {words}, active in the other"
    return "stopped in one list, active in the other"


def _shown(one: Difference, side: Told) -> str:
    """Return what is shown of a side before who said it: the sig where that differs."""
    if side is one.other:
        return side.text
    text = f"the chart has {side.text}" if side is one.chart and one.outside else ""
    sig = f"“{side.sig}”" if side.sig and one.kind in _DOSED else ""
    return ", ".join(part for part in (text, sig, side.standing if one.kind == "stopped" else "")
                     if part)  # fmt: skip


def said_of(side: Told, shown: str) -> Context:
    """Return who said so, when, and which source."""
    what = SAID.get(side.type, "prescribed")
    return Context(
        value=f"{shown}, {what}" if shown else what, source=side.feed, author=side.by, at=side.day
    )


def _suggestions(one: Difference, case: Case) -> tuple[Suggestion, ...]:
    """Return what can be accepted: an entry as it was told, or the end of one; never a new dose."""
    if one.kind == "omission" and one.outside:
        made = _reported(one.outside, case)
        return (Suggestion("Add to the list", (made,)),) if made else ()
    if one.kind == "stopped" and one.chart and one.outside and one.outside.standing == "ended":
        ended = _ended(one.chart, one.outside, case)
        return (Suggestion("Stop it in the chart, too", (ended,)),) if ended else ()
    return ()


def _reported(told: Told, case: Case) -> Act | None:
    """Return the act that puts an outside entry on the list: what was told, word for word."""
    named = (told.feed, told.type, told.id)
    rows = case.known.rows("medication_entry")
    row = next((r for r in rows if (r["feed"], r["type"], r["id"]) == named), None)
    if row is None:
        return None
    codings = msgspec.json.decode(row["codings"]) if row["codings"] else []
    day = f" of {told.day.isoformat()}" if told.day else ""
    source = case.called(told.feed)
    statement: dict[str, Any] = {
        "resourceType": "MedicationStatement",
        "status": "active",
        "category": {"coding": [{"system": CATEGORY, "code": "community"}]},
        "medicationCodeableConcept": {
            "text": told.text,
            "coding": [{k: v for k, v in c.items() if v} for c in codings],
        },
        "subject": {"reference": f"Patient/{case.patient}"},
        "dateAsserted": case.now.isoformat(timespec="seconds"),
        "informationSource": {"type": "Organization", "display": told.by or source},
        "derivedFrom": [{"type": told.type, "display": f"{told.type}{day}, {source}"}],
    }
    if not codings:
        del statement["medicationCodeableConcept"]["coding"]
    if told.sig:
        statement["dosage"] = [{"text": told.sig}]
    what = f"Add {told.text} to the chart's list as {source} has it; check it with the patient"
    return Act("create", what, statement)


def _ended(mine: Told, theirs: Told, case: Case) -> Act | None:
    """Return the act that stops the chart's entry; only of a resource that the call brought."""
    need = REQUESTS if mine.type == "MedicationRequest" else STATEMENTS
    resource = next(
        (r for r in case.of(need.key).resources
         if (r.get("resourceType"), r.get("id")) == (mine.type, mine.id)), None,
    )  # fmt: skip
    if resource is None:
        return None
    day = f" on {theirs.day.isoformat()}" if theirs.day else ""
    where = f"in {case.called(theirs.feed)}{day}"
    text = {"text": f"Stopped {where}"}
    reason: object = text if mine.type == "MedicationRequest" else [text]
    stopped: Mapping[str, Any] = {**resource, "status": "stopped", "statusReason": reason}
    return Act("update", f"Stop {mine.text} in the chart: stopped {where}", stopped)


_WHAT = (
    "Says which medications of outside sources (pharmacies, other hospitals) are not in the "
    "chart's home list, or differ from it in dose, frequency, strength, route or form, stand there "
    "twice, were stopped, or meet an allergy; with date and source. Interactions are not checked. "
    "No difference, no card."
)
SERVICES = tuple(
    Service(
        f"outside-medications-{hook}",
        hook,
        f"Outside medications, when {when}",
        _WHAT,
        USE_CASE,
        NEEDS,
        judge,
    )
    for hook, when in (
        ("patient-view", "a chart is opened"),
        ("encounter-start", "a stay begins"),
        ("encounter-discharge", "a patient goes home"),
    )
)
"""Most EHRs have no encounter hooks: patient-view takes their place."""
