"""What an EHR sends along, or answers. In: prefetch values and templates; out: facts of a patient.

A key has five states: missing (nobody was asked), null (there are none), a resource, a searchset,
an OperationOutcome (an error; it is not asked for again). Anything else, a page of HTML too, is an
error. Facts of another patient are refused with the whole key: what else is wrong there, nobody
knows. https://cds-hooks.hl7.org/2.0/#prefetch-template
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from uptake.delivery.cases import Facts, Got, Need, Resource

if TYPE_CHECKING:
    from uptake.delivery.hooks import Context

LOG = logging.getLogger("uptake.delivery")
WHOSE = ("patient", "subject", "beneficiary", "for")
"""Elements that say whose a resource is; Task.for, Coverage.beneficiary."""
ERROR = Facts(got=Got.FAILED, whole=False)
_ID = re.compile(r"(?=.*[A-Za-z0-9])[A-Za-z0-9\-.]{1,64}")
"""A FHIR id that is no step in a path."""
_PATIENT = re.compile(r"(?:.*/)?Patient/([A-Za-z0-9\-.]{1,64})(?:/_history/[^/]+)?")
_TOKEN = re.compile(r"\{\{\s*([^{}]*?)\s*\}\}")
_TODAY = re.compile(r"today\(\)(?:\s*([-+])\s*(\d{1,5})\s*(day|week|month|year)s?)?")
_DAYS = {"day": 1, "week": 7, "month": 31, "year": 366}
"""At least as long as any: what is read too early a judge leaves aside, what is missing it cannot
know."""


def read_prefetch(
    sent: Mapping[str, Any] | None, needs: Iterable[Need], patient: str
) -> dict[str, Facts]:
    """Return the facts of the needs that were sent, by key; a key that is missing is left out."""
    sent = sent or {}
    return {
        need.key: read_facts(sent[need.key], patient, need.key)
        for need in needs
        if need.key in sent
    }


def read_facts(value: object, patient: str, key: str) -> Facts:
    """Return what a prefetch value, or the answer of a FHIR server, says of a patient."""
    if value is None:
        return Facts(got=Got.NONE)
    if not isinstance(value, dict) or not isinstance(value.get("resourceType"), str):
        LOG.warning("%s holds no resource: it cannot be told", key)
        return ERROR
    if value["resourceType"] == "OperationOutcome":
        LOG.warning("%s holds an OperationOutcome: it cannot be told", key)
        return ERROR
    found: tuple[Resource, ...] = (value,)
    whole = True
    if value["resourceType"] == "Bundle":
        read = _entries(value)
        if read is None:
            LOG.warning("%s holds a Bundle that cannot be read: it cannot be told", key)
            return ERROR
        found, whole = read, _is_whole(value)
    if not all(is_of(resource, patient) for resource in found):
        LOG.warning("%s holds a resource of another patient: all of it is refused", key)
        return ERROR
    return Facts(found, Got.GIVEN if found else Got.NONE, whole)


def _entries(bundle: Mapping[str, Any]) -> tuple[Resource, ...] | None:
    """Return the resources of a Bundle, Bundles in it too; None where there is an error in it."""
    found: list[Resource] = []
    entries = bundle.get("entry", [])
    if not isinstance(entries, list):
        return None
    for entry in entries:
        resource = entry.get("resource") if isinstance(entry, dict) else None
        if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
            return None
        if resource["resourceType"] == "OperationOutcome":
            if _is_error(resource):
                return None
        elif resource["resourceType"] == "Bundle":
            inner = _entries(resource)
            if inner is None:
                return None
            found += inner
        else:
            found.append(resource)
    return tuple(found)


def _is_whole(bundle: Mapping[str, Any]) -> bool:
    """Tell whether neither a Bundle nor one in it has further pages."""
    found = [entry["resource"] for entry in bundle.get("entry", ())]
    inside = [one for one in found if one["resourceType"] == "Bundle"]
    return next_page(bundle) is None and not missing(bundle) and all(map(_is_whole, inside))


def _is_error(outcome: Mapping[str, Any]) -> bool:
    """Tell whether an OperationOutcome beside results is more than a remark."""
    issues = outcome.get("issue")
    if not isinstance(issues, list):
        return True
    severities = {i.get("severity") if isinstance(i, dict) else None for i in issues}
    return not severities <= {"information", "warning"}


def next_page(bundle: Mapping[str, Any]) -> str | None:
    """Return the address of the next page of a searchset, None where none is named."""
    links = bundle.get("link")
    for link in links if isinstance(links, list) else ():
        if isinstance(link, dict) and link.get("relation") == "next":
            return str(link.get("url") or "")
    return None


def missing(bundle: Mapping[str, Any], before: int = 0) -> bool:
    """Tell whether the total of a searchset is more than it has, with `before` on earlier pages."""
    total = bundle.get("total")
    return isinstance(total, int) and total > before + matches(bundle)


def matches(bundle: Mapping[str, Any]) -> int:
    """Return how many resources of a searchset were searched for, not included beside."""
    entries = bundle.get("entry")
    return sum(map(_is_match, entries)) if isinstance(entries, list) else 0


def _is_match(entry: object) -> bool:
    search = entry.get("search") if isinstance(entry, dict) else None
    return not isinstance(search, dict) or search.get("mode", "match") == "match"


def is_of(resource: Resource, patient: str) -> bool:
    """Tell whether nothing in a resource says that it is another patient's."""
    if resource["resourceType"] == "Patient":
        return resource.get("id") == patient
    return all(whose == patient for whose in _whose(resource))


def _whose(resource: Resource) -> Iterator[str]:
    """Yield the ids of the patients a resource says it is of, empty for one that is none."""
    for name in WHOSE:
        reference = resource.get(name)
        literal = reference.get("reference") if isinstance(reference, dict) else None
        if isinstance(literal, str) and "Patient" in literal:
            found = _PATIENT.fullmatch(literal)
            yield found[1] if found else ""


def resolve(query: str, context: Context, now: datetime) -> str | None:
    """Return a template with its tokens filled in; None where the context does not fill them.

    Tokens are `{{context.patientId}}`, `userId`, `encounterId`, and `{{today() - 90 days}}`; today
    is the day of `now` by the clock it carries, the hospital's.
    """
    values = {
        "context.patientId": _identity(context.patient_id.removeprefix("Patient/")),
        "context.encounterId": _identity((context.encounter_id or "").removeprefix("Encounter/")),
        "context.userId": _reference(context.user_id or ""),
    }
    unfilled = False

    def fill(token: re.Match[str]) -> str:
        nonlocal unfilled
        found = values.get(token[1]) or _today(token[1], now)
        unfilled = unfilled or not found
        return found

    filled = _TOKEN.sub(fill, query)
    return None if unfilled else filled


def _identity(text: str) -> str:
    return quote(text, safe="") if _ID.fullmatch(text) else ""


def _reference(text: str) -> str:
    kind, _, identity = text.partition("/")
    return f"{kind}/{_identity(identity)}" if kind.isalpha() and _identity(identity) else ""


def _today(token: str, now: datetime) -> str:
    """Return the day a `today()` token names, empty for another token."""
    found = _TODAY.fullmatch(token)
    if not found:
        return ""
    sign, count, unit = found.groups()
    days = int(count or 0) * _DAYS[unit or "day"]
    return (now.date() + timedelta(days=-days if sign == "-" else days)).isoformat()


def offered(needs: Sequence[Need], today: bool) -> dict[str, str]:
    """Return the prefetch that discovery offers.

    Unless every EHR knows `today()`, a parameter with it is left out: an EHR that does not would
    send the token as it stands. A judge looks at dates by itself.
    """
    return {need.key: need.query if today else _timeless(need.query) for need in needs}


def _timeless(query: str) -> str:
    base, mark, parameters = query.partition("?")
    kept = [one for one in parameters.split("&") if "today()" not in one]
    return base + mark + "&".join(kept)
