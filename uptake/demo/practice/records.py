"""The records of the practice chart. In: the NDJSON of the demo's EHR; out: what a search finds.

What a clinician accepts is written here too, in memory: after a restart the chart is as before.
"""

from __future__ import annotations

import gzip
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec

if TYPE_CHECKING:
    from pathlib import Path

Resource = dict[str, Any]
PATIENT = ("patient", "subject", "beneficiary")
DATES = (
    "effectiveDateTime", "effectiveInstant", "effectivePeriod", "performedDateTime",
    "performedPeriod", "occurrenceDateTime", "occurrencePeriod", "period", "authoredOn",
    "whenHandedOver", "recordedDate", "authored", "created", "date",
)  # fmt: skip
CODES = ("code", "vaccineCode", "medicationCodeableConcept")
TOKENS: Mapping[str, tuple[str, ...]] = {
    "status": ("status",),
    "intent": ("intent",),
    "category": ("category",),
    "code": CODES,
    "vaccine-code": CODES,
    "class": ("class",),
    "type": ("type",),
    "use": ("use",),
    "clinical-status": ("clinicalStatus",),
    "verification-status": ("verificationStatus",),
}
"""Search parameter of type token to the elements it looks into."""
REFERENCES = {"encounter": ("encounter", "context"), "request": ("request",)}
RESULTS = ("_count", "_sort", "_include")
PREFIXES = {
    "ge": lambda a, b: a >= b,
    "gt": lambda a, b: a > b,
    "le": lambda a, b: a <= b,
    "lt": lambda a, b: a < b,
    "eq": lambda a, b: a == b,
}


class SearchError(ValueError):
    """A search this server does not know; says which parameter."""


class _Owner(msgspec.Struct):
    reference: str = ""


class _Outline(msgspec.Struct, rename="camel"):
    """What a record is filed under."""

    resource_type: str
    id: str
    patient: _Owner | None = None
    subject: _Owner | None = None
    beneficiary: _Owner | None = None

    @property
    def owner(self) -> str:
        if self.resource_type == "Patient":
            return self.id
        found = self.patient or self.subject or self.beneficiary
        return (found.reference if found else "").removeprefix("Patient/")


@dataclass(slots=True)
class Chart:
    """Every record of the chart, as bytes until somebody asks for it."""

    _by_id: dict[str, bytes] = field(default_factory=dict)
    _of: dict[tuple[str, str], dict[str, None]] = field(default_factory=lambda: defaultdict(dict))
    """Type and patient to the references of the records, in the order they came."""

    def read(self, reference: str) -> Resource | None:
        """Return the resource of `Type/id`."""
        raw = self._by_id.get(reference)
        return msgspec.json.decode(raw, type=Resource) if raw else None

    def write(self, resource: Resource) -> Resource:
        """Keep a resource, a new one under an id of its own, and return it as it was kept."""
        kept = resource | {"id": resource.get("id") or str(uuid4())}
        version = int((kept.get("meta") or {}).get("versionId") or 0) + 1
        kept["meta"] = {**(kept.get("meta") or {}), "versionId": str(version)}
        self.take(msgspec.json.encode(kept))
        return kept

    def delete(self, reference: str) -> None:
        """Forget a resource."""
        raw = self._by_id.pop(reference, None)
        if raw:
            outline = msgspec.json.decode(raw, type=_Outline)
            self._of[outline.resource_type, outline.owner].pop(reference, None)

    def take(self, raw: bytes) -> None:
        """File a record; one that is no resource is left out, as a real chart would refuse it."""
        try:
            outline = msgspec.json.decode(raw, type=_Outline)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return
        reference = f"{outline.resource_type}/{outline.id}"
        self._by_id[reference] = raw
        self._of[outline.resource_type, outline.owner][reference] = None

    def of(self, kind: str, patient: str) -> list[Resource]:
        """Return a patient's resources of a type."""
        found = (self.read(reference) for reference in self._of.get((kind, patient), ()))
        return [resource for resource in found if resource]

    def every(self, kind: str) -> Iterator[Resource]:
        """Yield every resource of a type, in the order they came."""
        for reference in [r for r in self._by_id if r.startswith(f"{kind}/")]:
            if found := self.read(reference):
                yield found

    def search(self, kind: str, asked: Iterable[tuple[str, str]]) -> Resource:
        """Return the searchset of one patient's records; raises SearchError where it cannot.

        Parameters of one name are all to be met; values parted by commas are alternatives. Of more
        than `_count` matches the first are returned, and how many there are.
        """
        given = list(asked)
        found = self._found(kind, given)
        count = next((v for n, v in given if n == "_count"), "")
        shown = found[: int(count)] if count.isdecimal() else found
        entries = [{"resource": r, "search": {"mode": "match"}} for r in shown]
        for element in (v.partition(":")[2] for n, v in given if n == "_include"):
            entries += self._included(shown, element)
        bundle: Resource = {"resourceType": "Bundle", "type": "searchset", "total": len(found)}
        return bundle | ({"entry": entries} if entries else {})

    def _included(self, matches: Iterable[Resource], element: str) -> list[Resource]:
        named = {
            str((r.get(name) or {}).get("reference", ""))
            for r in matches
            for name in (element, f"{element}Reference")
        }
        found = [self.read(reference) for reference in sorted(named)]
        return [{"resource": r, "search": {"mode": "include"}} for r in found if r]

    def _found(self, kind: str, given: list[tuple[str, str]]) -> list[Resource]:
        owners = {v.removeprefix("Patient/") for n, v in given if n in PATIENT}
        if kind == "Patient":
            owners = {v for n, v in given if n == "_id"}
        if len(owners) != 1:
            raise SearchError("name one patient")
        found = self.of(kind, owners.pop())
        for name, value in given:
            if name not in (*PATIENT, *RESULTS):
                found = [r for r in found if _meets(r, name, value)]
        order = next((v for n, v in given if n == "_sort"), "")
        if order:
            found.sort(key=_instant_of, reverse=order.startswith("-"))
        return found


def read_chart(folder: Path) -> Chart:
    """Return the chart in a feed's folder."""
    chart = Chart()
    for path in sorted(folder.glob("*.ndjson.gz")):
        for line in gzip.decompress(path.read_bytes()).split(b"\n"):
            if line.strip():
                chart.take(line)
    return chart


def _meets(resource: Resource, name: str, value: str) -> bool:
    if name == "_id":
        return resource["id"] in value.split(",")
    if name == "date":
        return _in_time(_moment_of(resource), value)
    if name in REFERENCES:
        wanted = set(value.split(","))
        found = {str((resource.get(e) or {}).get("reference", "")) for e in REFERENCES[name]}
        return bool(wanted & (found | {f.rpartition("/")[2] for f in found}))
    if name in TOKENS:
        codes = {code for element in TOKENS[name] for code in _codes(resource.get(element))}
        return any(_wanted(token, codes) for token in value.split(","))
    raise SearchError(f"the parameter {name} is not searched by")


def _codes(element: Any) -> Iterator[tuple[str, str]]:
    """Yield system and code of what may be a code, a Coding, a concept or a list of them."""
    if isinstance(element, list):
        for one in element:
            yield from _codes(one)
    elif isinstance(element, str):
        yield "", element
    elif isinstance(element, dict):
        yield from _codes(element.get("coding"))
        if "code" in element:
            yield str(element.get("system", "")), str(element["code"])


def _wanted(token: str, codes: set[tuple[str, str]]) -> bool:
    system, bar, code = token.rpartition("|")
    return any(code == c and (not bar or system == s) for s, c in codes)


def _moment_of(resource: Resource) -> str:
    for element in DATES:
        value = resource.get(element)
        if isinstance(value, dict):
            value = value.get("end") or value.get("start")
        if isinstance(value, str):
            return value
    return ""


def _instant_of(resource: Resource) -> float:
    try:
        return datetime.fromisoformat(_moment_of(resource)).timestamp()
    except ValueError:
        return 0.0


def _in_time(moment: str, value: str) -> bool:
    """Tell whether a moment meets `ge2026-11-01`; days are compared where either is a day."""
    prefix, bound = (value[:2], value[2:]) if value[:2] in PREFIXES else ("eq", value)
    if not moment:
        return False
    try:
        a, b = datetime.fromisoformat(moment), datetime.fromisoformat(bound)
    except ValueError:
        return False
    if a.tzinfo is None or b.tzinfo is None:
        return bool(PREFIXES[prefix](moment[:10], bound[:10]))
    return bool(PREFIXES[prefix](a, b))
