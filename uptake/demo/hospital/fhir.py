"""FHIR R4 building blocks. In: codes, values, times; out: JSON, with Chicago's offsets."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from functools import cache
from typing import TYPE_CHECKING, Any

from uptake.demo.hospital.codes import RXNORM, SNOMED, TERMINOLOGY, UCUM

if TYPE_CHECKING:
    from uptake.demo.hospital.drugs import Drug

Resource = dict[str, Any]
Records = dict[str, dict[str, list[Resource]]]
"""Feed to resource type to resources, in the order they are written."""

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
LATEST = AS_OF - timedelta(minutes=45)
"""Nothing in the sample happens later."""
LISTED = AS_OF.replace(month=3, day=17, hour=18)
"""When directories of staff and places were last refreshed."""


_SUMMER, _WINTER = timezone(timedelta(hours=-5)), timezone(timedelta(hours=-6))


def _nth_sunday(year: int, month: int, n: int) -> date:
    first = date(year, month, 1)
    return first + timedelta(days=(6 - first.weekday()) % 7 + 7 * (n - 1))


@cache
def _summer(year: int) -> tuple[datetime, datetime]:
    """Summer time of a year; its limits are far from New Year, so any zone's year will do."""
    starts = datetime.combine(_nth_sunday(year, 3, 2), datetime.min.time(), UTC)
    ends = datetime.combine(_nth_sunday(year, 11, 1), datetime.min.time(), UTC)
    return starts + timedelta(hours=8), ends + timedelta(hours=7)


def chicago(at: datetime) -> datetime:
    """Return the instant in the zone of Chicago, by the rule of 2007 (15 U.S.C. 260a).

    Written out because the time zone database is not on every machine.
    """
    starts, ends = _summer(at.year)
    return at.astimezone(_SUMMER if starts <= at < ends else _WINTER)


def civil(day: date, minute: int) -> datetime:
    """Return the instant that many minutes after a Chicago midnight, never one the clock skips."""
    guess = datetime.combine(day, datetime.min.time(), timezone(timedelta(hours=-6)))
    guess += timedelta(minutes=minute)
    return chicago(guess - ((chicago(guess).utcoffset() or timedelta()) - timedelta(hours=-6)))


def moment(at: datetime) -> str:
    """Return a FHIR dateTime with seconds and the offset of that day."""
    return chicago(at).isoformat(timespec="seconds")


@cache
def coding(system: str, code: str, display: str) -> Resource:
    """Return a Coding; the same one each time, so change a copy only."""
    return {"system": system, "code": code, "display": display}


def concept(*codings: Resource, text: str = "") -> Resource:
    """Return a CodeableConcept."""
    return {"coding": list(codings), **({"text": text} if text else {})}


@cache
def hl7(system: str, code: str, display: str) -> Resource:
    """Return a concept of one of HL7's own code systems, named by the last part of its URI.

    The same one each time, so change a copy only.
    """
    return concept(coding(TERMINOLOGY + system, code, display))


def quantity(value: float, unit: str, ucum: str) -> Resource:
    """Return a Quantity; whole numbers are written as such."""
    number = int(value) if value == int(value) else value
    return {"value": number, "unit": unit, "system": UCUM, "code": ucum}


def to(resource_type: str, identity: str) -> Resource:
    """Return a relative Reference."""
    return {"reference": f"{resource_type}/{identity}"}


def drug_concept(drug: Drug) -> Resource:
    """Return the drug as RxNorm names it."""
    return concept(coding(RXNORM, drug.rxcui, drug.name), text=drug.name)


def dosage(drug: Drug, route: tuple[str, str]) -> Resource:
    """Return a complete sig: text, timing, route and dose."""
    body: Resource = {
        "text": drug.sig,
        "timing": {"repeat": {"frequency": drug.times_a_day, "period": 1, "periodUnit": "d"}},
        "route": concept(coding(SNOMED, *route)),
        "doseAndRate": [{"doseQuantity": quantity(drug.dose, drug.unit, drug.ucum)}],
    }
    if drug.as_needed:
        body["asNeededBoolean"] = True
    return body


Earlier = dict[int, tuple[datetime, Resource]]
"""By identity of a resource: until when its sender had an older version, and that version."""


@dataclass(slots=True)
class Chart:
    """One person's resources in one feed: numbers them and stores them by type."""

    resources: dict[str, list[Resource]]
    source: str
    person: str
    """The number that every id of this person carries."""
    earlier: Earlier = field(default_factory=dict)
    _last: dict[str, int] = field(default_factory=dict)

    def add(self, resource_type: str, received: datetime, body: Resource) -> str:
        """Store a resource; return its id. `received` is when the sender's server had it."""
        identity = self._next(resource_type)
        self._store(resource_type, self._resource(resource_type, identity, received, body))
        return identity

    def add_versions(
        self,
        resource_type: str,
        received: datetime,
        body: Resource,
        changed: datetime,
        changes: Resource,
    ) -> str:
        """Store a resource as it has been since `changed`, and remember how it came first."""
        identity = self._next(resource_type)
        final = self._resource(resource_type, identity, changed, {**body, **changes})
        self._store(resource_type, final)
        first = self._resource(resource_type, identity, received, body)
        self.earlier[id(final)] = (changed, first)
        return identity

    def _next(self, resource_type: str) -> str:
        count = self._last[resource_type] = self._last.get(resource_type, 0) + 1
        sender = self.source.rpartition("/")[2]
        return f"{sender}-{resource_type.lower()}-{self.person}-{count}"

    def _resource(
        self, resource_type: str, identity: str, received: datetime, body: Resource
    ) -> Resource:
        meta = {"lastUpdated": moment(received), "source": self.source}
        return {"resourceType": resource_type, "id": identity, "meta": meta, **body}

    def _store(self, resource_type: str, resource: Resource) -> None:
        self.resources.setdefault(resource_type, []).append(resource)
