"""FHIR R4 AuditEvents as fields of usage events. In: NDJSON or a Bundle; out: fields, or a fault.

Read as the Basic Audit Log Patterns write them: the person is the requestor that is a Practitioner,
the patient and the encounter are entities, `recorded` is the time.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from msgspec import Raw, Struct

from uptake.adoption.rows import BOM, LONGEST, TOO_LONG, Record, text_fault
from uptake.errors import SourceError

NOT_JSON = "the line is no JSON"
NOT_AUDIT = "this is no AuditEvent of FHIR R4"
FAILED = "what was audited failed: its outcome is not 0"
PATIENTS = "the event names several patients"
PEOPLE = "the event names several people"

_HUMAN = frozenset({"humanuser", "IRCP", "AUT", "INF"})
"""Codes of an agent's type that say it is a person: then `altId` is a user's id."""
_REFERENCE = re.compile(r"(?:.*/)?([A-Z][A-Za-z]+)/([A-Za-z0-9.\-]{1,64})(?:/_history/.*)?")


class _Coding(Struct):
    code: str = ""


class _Concept(Struct):
    coding: list[_Coding] = []


class _Identifier(Struct):
    value: str = ""


class _Reference(Struct):
    reference: str = ""
    type: str = ""
    identifier: _Identifier | None = None


class _Agent(Struct):
    type: _Concept | None = None
    who: _Reference | None = None
    altId: str = ""  # noqa: N815 -- the standard's name
    requestor: bool = False


class _Entity(Struct):
    what: _Reference | None = None


class _AuditEvent(Struct):
    resourceType: str  # noqa: N815 -- the standard's name
    recorded: str = ""
    type: _Coding | None = None
    subtype: list[_Coding] = []
    action: str = ""
    outcome: str = ""
    outcomeDesc: str = ""  # noqa: N815 -- the standard's name
    agent: list[_Agent] = []
    entity: list[_Entity] = []


class _Entry(Struct):
    resource: Raw = Raw(b"{}")


class _Bundle(Struct):
    resourceType: str  # noqa: N815 -- the standard's name
    entry: list[_Entry] = []


_decode = msgspec.json.Decoder(_AuditEvent).decode
_decode_bundle = msgspec.json.Decoder(_Bundle).decode


def read_audit_events(path: Path) -> Iterator[Record]:
    """Yield every AuditEvent of a file of NDJSON, of a Bundle, or of one resource."""
    whole = _whole(path)
    if whole is None:
        yield from _lines(path)
    else:
        for number, raw in enumerate(whole, 1):
            yield _audited(number, raw)


def _whole(path: Path) -> list[bytes] | None:
    """Return the resources of a file that is one JSON value; None when each line is one."""
    with path.open("rb") as stream:
        line = stream.readline(LONGEST)
        more = bool(stream.readline(LONGEST).strip())
    first = line.removeprefix(BOM).strip()
    try:
        if _decode_bundle(first).resourceType != "Bundle" or more:
            return None
    except msgspec.DecodeError:
        if more and line.endswith(b"\n") and first.startswith(b"{") and first.endswith(b"}"):
            return None  # a broken first line
    try:
        text = path.read_bytes().removeprefix(BOM)
        bundle = _decode_bundle(text)
    except msgspec.DecodeError:
        return None
    except OSError as error:
        raise SourceError(f"{path}: cannot be read: {error.strerror or error}") from error
    return [bytes(e.resource) for e in bundle.entry] if bundle.resourceType == "Bundle" else [text]


def _lines(path: Path) -> Iterator[Record]:
    with path.open("rb") as stream:
        number = 0
        while line := stream.readline(LONGEST):
            number += 1
            if len(line) >= LONGEST and not line.endswith(b"\n"):
                while (rest := stream.readline(LONGEST)) and not rest.endswith(b"\n"):
                    pass
                yield Record(number, line, {}, fault=TOO_LONG)
            elif line.strip():
                yield _audited(number, line.removeprefix(BOM) if number == 1 else line)


def _audited(number: int, raw: bytes) -> Record:
    if fault := text_fault(raw):
        return Record(number, raw, {}, fault=fault)
    try:
        event = _decode(raw)
    except msgspec.ValidationError:
        return Record(number, raw, {}, fault=NOT_AUDIT)
    except msgspec.DecodeError:
        return Record(number, raw, {}, fault=NOT_JSON)
    if event.resourceType != "AuditEvent":
        return Record(number, raw, {}, fault=NOT_AUDIT)
    people, patients = _people(event), _entities(event, "Patient")
    fields = {
        "at": event.recorded,
        "practitioner": next(iter(people), ""),
        "patient": next(iter(patients), ""),
        "encounter": next(iter(_entities(event, "Encounter")), ""),
        "reason": event.outcomeDesc,
    }
    fault = ""
    if event.outcome not in ("", "0"):
        fault = FAILED
    elif len(people) > 1:
        fault = PEOPLE
    elif len(patients) > 1:
        fault = PATIENTS
    if any("\x00" in value for value in fields.values()):
        fault = NOT_AUDIT
    subtypes = tuple(c.code for c in event.subtype if c.code)
    kind = (event.type.code,) if event.type and event.type.code else ()
    return Record(number, raw, fields, (subtypes, (event.action,), kind), fault)


def _people(event: _AuditEvent) -> dict[str, None]:
    """Return the ids of the practitioners who asked for it."""
    agents = [a for a in event.agent if a.requestor] or event.agent
    return _distinct(_practitioner(agent) for agent in agents)


def _practitioner(agent: _Agent) -> str:
    if agent.who and (found := _referred(agent.who, "Practitioner")):
        return found
    codes = {c.code for c in agent.type.coding} if agent.type else set()
    named = agent.who is not None and agent.who.type == "Practitioner"
    if named or (codes & _HUMAN and not (agent.who and agent.who.reference)):
        return agent.altId
    return ""


def _entities(event: _AuditEvent, kind: str) -> dict[str, None]:
    return _distinct(_referred(e.what, kind) for e in event.entity if e.what)


def _referred(reference: _Reference, kind: str) -> str:
    """Return the id, or else the identifier, of a reference to a resource of that kind."""
    match = _REFERENCE.fullmatch(reference.reference)
    if match:
        return match[2] if match[1] == kind else ""
    if reference.type == kind and reference.identifier:
        return reference.identifier.value.strip()
    return ""


def _distinct(values: Iterable[str]) -> dict[str, None]:
    return dict.fromkeys(value for value in values if value)
