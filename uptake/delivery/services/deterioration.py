"""The score of a patient whose chart is opened. In: a day's vital signs; out: one card, or silence.

A card is shown from a total of 5, or three points of one parameter, on; also where a monitor, or
the total that was charted, says so and the confirmed vital signs do not. What is missing is named.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

from uptake.definitions.reference import shipped_reference_tables
from uptake.delivery.cases import (
    Act,
    Case,
    Context,
    Item,
    Judged,
    Need,
    Service,
    Severity,
    Suggestion,
)
from uptake.deterioration.eligibility import is_left_out, is_old_enough, is_pregnant
from uptake.deterioration.news2 import Band, Score
from uptake.deterioration.readings import TOTAL, Read, Reading, read_observations
from uptake.deterioration.sets import VitalSet, newest_sets
from uptake.deterioration.settings import Hospital, Response, hospital, settings
from uptake.deterioration.values import LOINC, ON_AIR, ON_OXYGEN, PRESSURE, SNOMED

if TYPE_CHECKING:
    from pathlib import Path

REASONS = {
    "already-acting": "The team knows and is acting",
    "usual-for-patient": "Usual for this patient",
    "data-wrong": "The data are wrong",
    "not-now": "Not relevant now",
}
_PRIORITIES = {"critical": "stat", "warning": "urgent"}
_REQUESTERS = ("Practitioner/", "PractitionerRole/")
CHART = "the chart"


def judge(case: Case, own: Hospital) -> Judged | None:
    """Return the newest score where it calls for somebody, None where it does not."""
    old_enough = is_old_enough(_one(case, "patient"), case.now.date())
    left_out = is_left_out(_one(case, "encounter"), own)
    pregnant = is_pregnant(case.of("pregnancy").resources, case.now)
    if old_enough is False or left_out or pregnant:
        return None
    read = read_observations(
        case.of("signs").resources, case.patient, case.now, case.encounter, own.scale_2
    )
    taken = newest_sets(read, case.now)
    if not taken:
        return _unplaced(read)
    sets = _telling(taken)
    newest = sets[0]
    told = _response(newest)
    if told is None:
        return None
    why = ""
    if old_enough is None:
        why = "the age is not known"
    elif case.now - newest.anchor > settings().stale:
        why = "the newest vital signs are too old"
    items = (_item(case, newest, sets, told, why), *_conflicts(newest, why))
    notes = _notes(case, read, newest)
    if newest is not taken[0]:
        notes.append("Newer vital signs are too few for a score.")
    return Judged(_summary(newest), items, tuple(notes), overrides=REASONS)


def _telling(sets: tuple[VitalSet, ...]) -> tuple[VitalSet, ...]:
    """Return the sets from the newest on that tells something.

    One that is not complete and calls for nobody does not say that the patient is better.
    """
    found = (n for n, one in enumerate(sets) if one.score.complete or _response(one))
    return sets[next(found, 0) :]


def _one(case: Case, key: str) -> Mapping[str, Any]:
    return next(iter(case.of(key).resources), {})


def _unplaced(read: Read) -> Judged | None:
    """Return an item that is only counted: there are vital signs, and none can be used."""
    if not read.refused:
        return None
    about = tuple(sorted({one.source for one in read.refused}))
    why = "no vital sign can be used"
    return Judged(
        "NEWS2 cannot be told", (Item("news2", "NEWS2 cannot be told", (), "info", about, (), why),)
    )


def _response(newest: VitalSet) -> Response | None:
    """Return what is called for, None where nothing is.

    Where only a monitor or the charted total calls for somebody, that is to be looked at.
    """
    response = newest.score.response
    if response is not None and response.severity:
        return response
    other = newest.unconfirmed.response
    charted = newest.charted.total if newest.charted else 0
    if (other is not None and other.severity) or charted >= settings().bands[Band.MEDIUM].total:
        return settings().bands[Band.LOW_MEDIUM]
    return None


def _severity(response: Response) -> Severity:
    return "critical" if response.severity == "critical" else "warning"


def _summary(newest: VitalSet) -> str:
    """Return the gist, in words of ours alone."""
    score = newest.score
    higher = "" if score.complete or score.band is Band.HIGH else " or higher"
    risk = f"{score.band} risk{higher}" if score.band else "risk cannot be told"
    summary = f"NEWS2 is {score.words} ({risk})"
    if score.response is None or not score.response.severity:
        return f"{summary}; a monitor or the charted total says more"
    if score.missing:
        return f"{summary}; missing: {', '.join(score.missing)}"
    if score.single:
        return f"{summary}; three points for {', '.join(score.single)}"
    return summary


def _item(
    case: Case, newest: VitalSet, sets: tuple[VitalSet, ...], told: Response, why: str
) -> Item:
    """Return what is asked for, how the score changed, and its parts; the summary has the score."""
    trend = ", then ".join(one.score.words for one in reversed(sets))
    changed = f"NEWS2 {trend}" if len(sets) > 1 else "the newest vital sign"
    whole = Context(changed, source=CHART, at=newest.anchor)
    text = f"{told.response}.{_overdue(case, newest, told)}"
    about = tuple(reading.source for reading in newest.readings.values())
    given = (_review(case, newest, told),)
    return Item("news2", text, (whole, *_parts(newest)), _severity(told), about, given, why)


def _overdue(case: Case, newest: VitalSet, told: Response) -> str:
    """Return that the next set is due, in words; empty while it is not."""
    late = case.now - newest.anchor - timedelta(minutes=told.recheck_minutes)
    minutes = int(late.total_seconds() // 60)
    return f" A new set was due {minutes} minutes ago." if minutes > 0 else ""


def _parts(newest: VitalSet) -> list[Context]:
    """Return the parts: what has points apart from what has none, of each author; carried alone."""
    groups: dict[tuple[bool, bool, str], list[tuple[str, Reading]]] = {}
    for part in newest.score.parts:
        reading = newest.readings.get(part.parameter)
        if reading is None:
            continue
        worth = {None: " (points cannot be told)", 0: ""}.get(part.points, f" ({part.points})")
        key = (not worth, part.parameter in newest.carried, reading.author)
        groups.setdefault(key, []).append((f"{part.parameter} {reading.shown}{worth}", reading))
    return [
        Context(
            ("no points: " if plain else "points: ")
            + ", ".join(text for text, _ in held)
            + (", carried" if carried else ""),
            source=CHART,
            author=author,
            at=min(reading.at for _, reading in held),
        )
        for (plain, carried, author), held in sorted(groups.items(), key=lambda g: g[0])
    ]


def _conflicts(newest: VitalSet, why: str) -> list[Item]:
    """Return what contradicts the score: a monitor that nobody confirmed, a charted total."""
    found = []
    for one in newest.conflicts:
        text = (
            f"A monitor says otherwise of {one.used.parameter}, and nobody has confirmed it; "
            f"with it NEWS2 is {newest.unconfirmed.words}"
        )
        both = tuple(
            Context(f"{r.parameter} {r.shown}", source=CHART, author=r.author, at=r.at)
            for r in (one.used, one.other)
        )
        found.append(Item("monitor", text, both, "warning", (one.other.source,), (), why))
    charted = newest.charted
    if charted is not None and _differs(charted.total, newest.score):
        said = Context(
            f"charted NEWS2 {charted.total}",
            source=CHART,
            author=charted.author,
            at=charted.at,
        )
        text = f"The charted total is not the one of these vital signs ({newest.score.words})"
        found.append(Item("charted", text, (said,), "warning", (charted.source,), (), why))
    return found


def _differs(charted: int, score: Score) -> bool:
    """Tell whether both cannot be right; a score with holes is only a least one."""
    return charted != score.total if score.complete else charted < score.total


def _notes(case: Case, read: Read, newest: VitalSet) -> list[str]:
    """Return what could not be read, and by which scale oxygen saturation is scored."""
    notes = []
    if read.refused:
        reasons = Counter(f"{one.parameter}: {one.why}" for one in read.refused)
        told = "; ".join(f"{n} × {why}" for why, n in sorted(reasons.items()))
        notes.append(f"Not used: {told}.")
    if newest.score.scale != 1:
        notes.append("Oxygen saturation is scored on scale 2, as prescribed.")
    if not case.of("signs").whole:
        notes.append("There are older vital signs that were not sent.")
    if not case.of("pregnancy").told:
        notes.append("Whether the patient is pregnant could not be asked; NEWS2 is not for it.")
    return notes


def _review(case: Case, newest: VitalSet, told: Response) -> Suggestion:
    """Return the request to look at the patient again.

    A Task, not a ServiceRequest: it asks somebody of the team to do work that needs no order of a
    service, has an end (`restriction.period`) and a status that is followed.
    """
    minutes = told.recheck_minutes
    task: dict[str, Any] = {
        "resourceType": "Task",
        "status": "requested",
        "intent": "order",
        "priority": _PRIORITIES[told.severity],
        "code": {"text": "Review of a deteriorating patient"},
        "description": f"NEWS2 {newest.score.words}: review, and a new set of vital signs",
        "for": {"reference": f"Patient/{case.patient}"},
        "authoredOn": case.now.isoformat(timespec="seconds"),
        "restriction": {
            "period": {"end": (case.now + timedelta(minutes=minutes)).isoformat(timespec="seconds")}
        },
    }
    if case.encounter:
        task["encounter"] = {"reference": f"Encounter/{case.encounter}"}
    if case.user.startswith(_REQUESTERS):
        task["requester"] = {"reference": case.user}
    act = Act("create", f"Create a task: review within {minutes} minutes", task)
    return Suggestion(f"Ask for a review within {minutes} minutes", (act,), recommended=True)


def _codes(own: Hospital) -> str:
    """Return the codes that are asked for, as a search writes them."""
    tables = shipped_reference_tables()
    signs = {f"{LOINC}|{row[1]}" for row in tables["news2_sign"].rows}
    signs |= {f"{LOINC}|{PRESSURE}"}
    for question in {str(row[0]) for row in tables["news2_answer"].rows}:
        signs.add(f"{LOINC if '-' in question else SNOMED}|{question}")
    signs |= {f"{SNOMED}|{code}" for code in (ON_OXYGEN, ON_AIR, TOTAL)}
    signs |= own.scale_2  # of whichever system
    return ",".join(sorted(signs))


def of_project(folder: Path | None) -> tuple[Service, ...]:
    """Return the service with what is a hospital's own matter; raises DefinitionError."""
    own = hospital(folder)
    pregnancy = f"{LOINC}|{settings().pregnancy_status}"
    about = "Observation?patient={{context.patientId}}"
    service = Service(
        "deterioration-patient-view",
        "patient-view",
        "Early warning score, when a chart is opened",
        "Works NEWS2 out from the vital signs of the last hours and says from a total of 5, or "
        "three points of one parameter, on who has to be called, with the parts of the score, how "
        "it changed and what is missing. A lower score, no card.",
        "deterioration-alerts",
        (
            Need("patient", "Patient/{{context.patientId}}", required=True),
            Need("encounter", "Encounter/{{context.encounterId}}"),
            Need("signs", f"{about}&code={_codes(own)}&_sort=-date&_count=200", required=True),
            Need("pregnancy", f"{about}&code={pregnancy}&_sort=-date&_count=1"),
        ),
        partial(judge, own=own),
        "Vital signs need LOINC codes, UCUM units and times with a zone. Scale 2 of oxygen "
        "saturation is used only where the chart says that it was prescribed.",
    )
    return (service,)


SERVICES = of_project(None)
