"""Vital signs as charted. In: Observations of one patient; out: readings, and what is refused.

A reading has a value in the score's unit and an instant. What cannot be placed to the minute (no
time zone, a day only), is impossible, is in a unit of something else, or belongs to another patient
or stay is refused with its reason: a hole in a set is seen, a wrong number is not.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from math import inf
from typing import TYPE_CHECKING, Any

from uptake.deterioration.settings import settings
from uptake.deterioration.values import (
    SNOMED,
    UnreadError,
    answer_of,
    number_of,
    oxygen_of,
    sign_of,
)
from uptake.resources.elements import codings, id_of, instant, members, parts

if TYPE_CHECKING:
    from uptake.deterioration.news2 import Answer

Resource = Mapping[str, Any]
USED = ("preliminary", "final", "amended", "corrected")
"""Statuses that count; a later one corrects an earlier one of the same measurement."""
TOTAL = "1104051000000101"
"""SNOMED CT: the total of NEWS2 as somebody charted it."""
MOST = 20
"""The highest total: six parameters of 3 points, and 2 for oxygen."""
_DIGITS = 18
"""Of a version's number; what is longer is none that counts versions."""
_WITHDRAWN = ("entered-in-error", "cancelled")
_PEOPLE = ("Practitioner", "PractitionerRole", "CareTeam")
_VALIDATED = ("final", "amended", "corrected")


@dataclass(frozen=True, slots=True)
class Reading:
    """One value of one parameter."""

    parameter: str
    value: Decimal | bool | Answer
    shown: str
    """As it was charted, with its unit."""
    at: datetime
    source: str
    """`Observation/id`."""
    author: str
    validated: bool
    """False: it came from a device, and nobody has confirmed it."""
    rank: int = 0
    """Of two readings of one moment the one with the higher rank corrects the other."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A value that is not used, and why in words."""

    parameter: str
    source: str
    why: str


@dataclass(frozen=True, slots=True)
class Charted:
    """A total that was charted."""

    total: int
    at: datetime
    source: str
    author: str


@dataclass(frozen=True, slots=True)
class Read:
    """What Observations say."""

    readings: tuple[Reading, ...] = ()
    refused: tuple[Refused, ...] = ()
    charted: tuple[Charted, ...] = ()
    scale: int = 1
    """2 where the chart's newest word on it is that a clinician prescribed it."""


def read_observations(
    observations: Iterable[Resource],
    patient: str,
    now: datetime,
    encounter: str = "",
    scale_2: Collection[str] = (),
) -> Read:
    """Return the readings of a patient's Observations up to `now`, an instant with a zone.

    `patient` and `encounter` are ids; without an encounter every stay counts. `scale_2` has the
    codes by which the chart says that scale 2 of oxygen saturation was prescribed.
    """
    readings: list[Reading] = []
    refused: list[Refused] = []
    charted: list[Charted] = []
    sent = tuple(_newest(observations))
    for one in sent:
        held = list(_held(one))
        if not held or _is_past(one, now, encounter):
            continue
        source = f"Observation/{one.get('id', '')}"
        try:
            at = _placed(one, patient, now, encounter)
        except UnreadError as why:
            refused += [Refused(name, source, str(why)) for name, _, _ in held]
            continue
        for name, code, holder in held:
            try:
                if name == "total":
                    value, _ = _charted(holder)
                    charted.append(Charted(value, at, source, _author(one)))
                else:
                    readings.append(_reading(name, code, holder, one, at, source))
            except UnreadError as why:
                refused.append(Refused(name, source, str(why)))
    scale = _scale((one for one in sent if _has_code(one, scale_2)), patient, now)
    return Read(tuple(readings), tuple(refused), tuple(charted), scale)


def _has_code(one: Resource, asked: Collection[str]) -> bool:
    return any(code in asked for _, code in codings(one.get("code")))


def _scale(told: Iterable[Resource], patient: str, now: datetime) -> int:
    """Return by which scale oxygen saturation is scored: what was last told of it counts.

    A *no* that cannot be placed in time goes before all: nobody is put on scale 2 by guess.
    """
    said = []
    for one in told:
        at = instant(_sent_time(one))
        future = at is not None and at > now + settings().clock
        if id_of(one.get("subject"), "Patient") == patient and not future:
            denied = _denies(one)
            said.append((at.timestamp() if at else inf if denied else -inf, denied))
    return 2 if said and not max(said)[1] else 1


def _denies(one: Resource) -> bool:
    """Tell whether an Observation says *no*, or that it has no answer, to what its code asks."""
    answers = {code for _, code in codings(one.get("valueCodeableConcept"))}
    return (
        one.get("valueBoolean") is False
        or "dataAbsentReason" in one
        or bool(answers & settings().denied)
    )


def _newest(observations: Iterable[Resource]) -> Iterator[Resource]:
    """Yield each measurement once, as last sent; what was withdrawn is not yielded.

    A measurement is known by its id and its identifiers: a correction may be a new resource.
    """
    sent = sorted((o for o in observations if isinstance(o, Mapping)), key=_version, reverse=True)
    seen: set[tuple[str, str]] = set()
    for one in sent:
        names = {
            (str(i.get("system", "")), str(i["value"]))
            for i in members(one.get("identifier"))
            if i.get("value")
        } | {("", str(name)) for name in [one.get("id")] if name}
        if names & seen:
            seen |= names
            continue
        seen |= names
        if one.get("status") in USED:
            yield one


def _version(one: Resource) -> tuple[object, ...]:
    """Return what is greater the later a version is; without times the status tells."""
    meta = parts(one.get("meta"))
    sent = instant(meta.get("lastUpdated")) or instant(one.get("issued"))
    number = str(meta.get("versionId", ""))
    return (
        sent.timestamp() if sent else 0.0,
        int(number) if number.isdecimal() and len(number) <= _DIGITS else 0,
        _rank(one),
        str(one.get("id", "")),
    )


def _rank(one: Resource) -> int:
    status = one.get("status")
    if status in _WITHDRAWN:
        return len(USED)
    return USED.index(status) if status in USED else -1


def _held(one: Resource) -> Iterator[tuple[str, str, Resource]]:
    """Yield (parameter, code, what holds the value) of an Observation and its components."""
    for holder in (one, *members(one.get("component"))):
        found = sign_of(holder)
        if found is not None:
            yield (*found, holder)
        elif (SNOMED, TOTAL) in codings(holder.get("code")):
            yield "total", TOTAL, holder


def _reading(
    name: str, code: str, holder: Resource, one: Resource, at: datetime, source: str
) -> Reading:
    value: Decimal | bool | Answer
    if name == "oxygen":
        value, shown = oxygen_of(holder, code)
    elif name in ("consciousness", "glasgow"):
        value, shown = answer_of(holder, code)
        name = "consciousness"
    else:
        value, shown = number_of(holder, code)
    return Reading(name, value, shown, at, source, _author(one), _validated(one), _rank(one))


def _charted(holder: Resource) -> tuple[int, str]:
    quantity = parts(holder.get("valueQuantity"))
    value = holder.get("valueInteger", quantity.get("value"))
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        raise UnreadError("it is no number")
    if value != int(value) or not 0 <= value <= MOST:
        raise UnreadError("no total of NEWS2 is such a number")
    return int(value), str(value)


def _is_past(one: Resource, now: datetime, encounter: str) -> bool:
    """Tell whether it is of another stay and older than any set that is looked at: no news here."""
    stay = id_of(one.get("encounter"), "Encounter")
    if not encounter or not stay or stay == encounter:
        return False
    at = instant(_sent_time(one))
    return at is not None and at < now - settings().trend


def _sent_time(one: Resource) -> object:
    """Return when it was measured, as it was sent."""
    started = parts(one.get("effectivePeriod")).get("start")
    return one.get("effectiveDateTime") or one.get("effectiveInstant") or started


def _placed(one: Resource, patient: str, now: datetime, encounter: str) -> datetime:
    """Return when it was measured; UnreadError where that, or whose it is, cannot be told."""
    subject = id_of(one.get("subject"), "Patient")
    if subject != patient:
        raise UnreadError("it is of another patient" if subject else "it names no patient")
    stay = id_of(one.get("encounter"), "Encounter")
    if encounter and stay and stay != encounter:
        raise UnreadError("it is of another stay")
    sent = _sent_time(one)
    if not sent:
        raise UnreadError("it has no time")
    at = instant(sent)
    if at is None:
        raise UnreadError("its time has no zone, so its age cannot be told")
    end = instant(parts(one.get("effectivePeriod")).get("end"))
    if end and end - at > settings().window:
        raise UnreadError("it sums up more than an hour")
    if at > now + settings().clock:
        raise UnreadError("its time is in the future")
    return at


def _author(one: Resource) -> str:
    """Return who measured: a name, else what it was, never an id; empty where nobody says."""
    device = one.get("device")
    performers = members(one.get("performer"))
    named = [str(p.get("display") or "") for p in performers]
    if any(_kind(p) in _PEOPLE for p in performers):
        named.append("a clinician")
    if isinstance(device, Mapping):
        named.append(str(device.get("display") or "a device"))
    return next((name for name in named if name), "")


def _kind(reference: Resource) -> str:
    """Return the type of resource a reference is to."""
    return str(reference.get("type") or str(reference.get("reference", "")).split("/")[0])


def _validated(one: Resource) -> bool:
    people = any(_kind(p) in _PEOPLE for p in members(one.get("performer")))
    return one.get("status") in _VALIDATED and (people or not one.get("device"))
