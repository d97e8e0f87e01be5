"""Whom NEWS2 is for. In: the patient, the stay, words on pregnancy; out: whether it is for them.

It is not for children under 16 and not in pregnancy (Royal College of Physicians, 2017); which
stays are left out besides (intensive care, end of life) is the hospital's own matter.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from uptake.deterioration.readings import USED
from uptake.deterioration.settings import settings
from uptake.resources.elements import codings, instant, members, parts

if TYPE_CHECKING:
    from uptake.deterioration.settings import Hospital

Resource = Mapping[str, Any]
_DIGITS = 4
"""Of a year; what is longer is no date."""


def is_old_enough(patient: Resource, today: date) -> bool | None:
    """Tell whether the patient is of the age the score is for; None where that cannot be told."""
    numbers = str(patient.get("birthDate") or "").split("-")
    if len(numbers) > 3 or not all(n.isdecimal() and len(n) <= _DIGITS for n in numbers):
        return None
    year, month, day = (*map(int, numbers), 0, 0)[:3]
    turns = (year + settings().youngest, month, day)
    now = (today.year, today.month, today.day)
    known = len(numbers)
    if turns[:known] == now[:known]:
        return True if known == len(now) else None
    return turns[:known] < now[:known]


def is_pregnant(statuses: Iterable[Resource], now: datetime) -> bool:
    """Tell whether the newest word on pregnancy says so; an old one says nothing."""
    told = [
        (instant(one.get("effectiveDateTime")) or now, one)
        for one in statuses
        if one.get("status") in USED
        and any(code == settings().pregnancy_status for _, code in codings(one.get("code")))
    ]
    if not told:
        return False
    at, newest = max(told, key=lambda pair: (pair[0], str(pair[1].get("id", ""))))
    answers = {code for _, code in codings(newest.get("valueCodeableConcept"))}
    return bool(answers & settings().pregnant) and now - at <= settings().pregnancy


def is_left_out(stay: Resource, own: Hospital) -> bool:
    """Tell whether the stay is of another class, or has a code that is excluded."""
    code = parts(stay.get("class")).get("code")
    if code and str(code) not in own.classes:
        return True
    return bool(own.excluded.intersection(_codes(stay)))


def _codes(stay: Resource) -> Iterator[str]:
    yield str(parts(stay.get("class")).get("code") or "")
    for concept in (*members(stay.get("type")), parts(stay.get("serviceType"))):
        yield from (code for _, code in codings(concept))
    for place in members(stay.get("location")):
        yield str(parts(place.get("location")).get("reference") or "")
