"""The gate. In: chunks of bytes; out: records that every later stage can read, and the rest.

Let in: any well-formed R4 resource, whatever its values. Kept out, with its raw bytes, place, error
and JSON path: what parsers would read differently or not at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from uptake import r4
from uptake.feeds.chunks import BOM, Chunk
from uptake.resources.envelopes import SentBundle, describe, read_bundle, read_entry
from uptake.resources.repeats import may_repeat_keys, repeated_key
from uptake.resources.structs import decoder

DEEPEST_BUNDLE = 8


@dataclass(frozen=True, slots=True)
class Record:
    """A resource let in. `offset` is of the decompressed file; `text` is as sent."""

    line: int
    offset: int
    type: str
    id: str | None
    full_url: str | None
    bundle: int | None
    """The offset of the Bundle it came in: urn:uuid references resolve within it."""
    text: bytes
    method: str | None = None
    """The method of its Bundle entry's request; empty if it names none, None without a request."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record kept out; `path` is the JSON path of the error where there is one."""

    line: int
    offset: int
    raw: bytes
    error: str
    path: str


@dataclass(slots=True)
class Judged:
    """What the gate says of one chunk: every record is in exactly one of the first two lists."""

    records: list[Record] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    bundles: list[SentBundle] = field(default_factory=list)
    keys: dict[str, set[tuple[str, ...]]] = field(default_factory=dict)
    """Resource type to the outlines met, each a top-level key and the keys directly inside it:
    later stages read no others."""


class _Refused(Exception):  # noqa: N818 -- a verdict on one record, never seen outside
    def __init__(self, error: str, path: str = "") -> None:
        self.error = error
        self.path = path
        super().__init__(error)


_TWICE = "a key stands twice in one object; parsers disagree on which one counts"
_TOO_DEEP = "nested too deep to be a resource"
_read = msgspec.json.Decoder().decode


def judge(chunk: Chunk) -> Judged:
    """Return the verdict on every record of a chunk: each non-blank line or Bundle entry."""
    judged = Judged()
    if chunk.document:
        _judge_record(judged, chunk.data, chunk.line, chunk.offset)
        return judged
    line, offset = chunk.line, chunk.offset
    for raw in chunk.data.split(b"\n"):
        _judge_record(judged, raw, line, offset)
        line += 1
        offset += len(raw) + 1
    return judged


def _judge_record(judged: Judged, raw: bytes, line: int, offset: int) -> None:
    text = raw.strip()
    if text.startswith(BOM):
        text = text.removeprefix(BOM).lstrip()
    if not text:
        return
    try:
        record, document = _judge_resource(text, line, offset, None, None)
        if record.type == "Bundle":
            _unwrap(judged, text, line, offset + raw.index(text), depth=1)
            return
    except _Refused as refused:
        judged.rejected.append(Rejected(line, offset, raw, refused.error, refused.path))
    else:
        _accept(judged, record, document)


def _accept(judged: Judged, record: Record, document: dict[str, Any]) -> None:
    judged.records.append(record)
    keys = judged.keys.setdefault(record.type, set())
    for name, value in document.items():
        if isinstance(value, dict):
            keys.add((name, *value))
        elif isinstance(value, list):
            keys.update((name, *inner) for inner in value if isinstance(inner, dict))
            keys.add((name,))
        else:
            keys.add((name,))


def _judge_resource(
    text: bytes, line: int, offset: int, full_url: str | None, bundle: int | None
) -> tuple[Record, dict[str, Any]]:
    """Return the record and what it says; raises _Refused with the first fault found."""
    document = _parse(text)
    if not isinstance(document, dict):
        raise _Refused(f"{_json_kind(document)} where a resource belongs", "$")
    resource_type = _r4_type(document)
    if resource_type == "Bundle":  # no record itself; its entries are judged one by one
        return Record(line, offset, resource_type, None, full_url, bundle, text), document
    try:
        resource = decoder(resource_type).decode(text)
        if "contained" in document:
            _judge_contained(document["contained"])
        if may_repeat_keys(text, document):
            _refuse_repeats(text)
    except msgspec.ValidationError as error:
        raise _Refused(*_explain(str(error))) from None
    except RecursionError:
        raise _Refused(_TOO_DEEP) from None
    return Record(line, offset, resource_type, resource.id, full_url, bundle, text), document


def _judge_contained(contained: list[dict[str, Any] | None] | None) -> None:
    """Judge the resources inside a resource by their own types; raises what decoding raises."""
    for number, inner in enumerate(contained or ()):
        resource_type = inner.get("resourceType") if inner else None
        if resource_type in r4.resource_types():
            try:
                msgspec.convert(inner, decoder(resource_type).type)
            except msgspec.ValidationError as error:
                place = f"$.contained[{number}]"
                raise msgspec.ValidationError(str(error).replace("`$", f"`{place}", 1)) from None


def _parse(text: bytes) -> Any:
    try:
        return _read(text)
    except msgspec.ValidationError as error:
        raise _Refused(*_explain(str(error))) from None
    except msgspec.DecodeError as error:
        raise _Refused(_syntax_error(str(error), text)) from None
    except UnicodeDecodeError as error:
        raise _Refused(f"invalid UTF-8{_bad_byte(text)}; FHIR JSON is UTF-8") from error
    except RecursionError:
        raise _Refused(_TOO_DEEP) from None


def _bad_byte(text: bytes) -> str:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError as error:
        return f" (byte {error.start})"
    return ""


def _syntax_error(message: str, text: bytes) -> str:
    fault = message.removeprefix("JSON is malformed: ")
    if "trailing characters" in message:
        return f"more than one JSON value where one resource belongs: {fault}"
    if text[-1:] not in (b"}", b"]"):
        return f"invalid JSON, cut off before its end: {fault}"
    return f"invalid JSON: {fault}"


_JSON_WORDS = {
    "str": "a string",
    "int": "an integer",
    "float": "a number",
    "bool": "a boolean",
    "object": "an object",
    "array": "an array",
    "null": "null",
}


def _explain(message: str) -> tuple[str, str]:
    """Turn msgspec's words into a sentence and the JSON path of the fault."""
    text, _, path = message.partition(" - at ")
    path = path.strip("`")
    found = re.fullmatch(r"Expected `(\w+)[^`]*`, got `(\w+)`", text)
    if found:
        wanted, got = (_JSON_WORDS.get(word, word) for word in found.groups())
        return f"{got} where {wanted} belongs", path or "$"
    if text == "Number out of range":
        return "a number beyond what a double holds", path
    if text == "Integer value out of range" or text.startswith(
        ("Expected `int` <", "Expected `int` >")
    ):
        return "an integer beyond 64 bits", path
    return text, path or "$"


def _json_kind(value: object) -> str:
    if isinstance(value, list):
        return "an array"
    kind = type(value).__name__
    return _JSON_WORDS.get("null" if value is None else kind, kind)


_STU3_TYPES = (
    "BodySite DataElement DeviceComponent EligibilityRequest EligibilityResponse ExpansionProfile "
    "ImagingManifest ProcedureRequest ProcessRequest ProcessResponse ReferralRequest Sequence "
    "ServiceDefinition DiagnosticOrder MedicationOrder Order OrderResponse"
)
STU3_TYPES = frozenset(_STU3_TYPES.split())
"""Resource types of DSTU2 and STU3 that R4 renamed or dropped (R4 specification, section 2.1.4)."""

STU3_FIELDS = {
    "Condition": frozenset({"context", "assertedDate"}),
    "DiagnosticReport": frozenset({"context", "codedDiagnosis", "image"}),
    "DocumentReference": frozenset({"class", "indexed"}),
    "Encounter": frozenset({"incomingReferral", "reason"}),
    "Immunization": frozenset({"notGiven", "explanation", "vaccinationProtocol", "date"}),
    "MedicationRequest": frozenset({"context", "definition"}),
    "MedicationStatement": frozenset({"taken", "notTaken"}),
    "Observation": frozenset({"context", "comment", "related"}),
    "Patient": frozenset({"animal"}),
    "Procedure": frozenset({"context", "notDone", "notDoneReason"}),
}
"""Top-level fields of STU3 that R4 does not have, on the types that feeds carry."""


def _r4_type(document: dict[str, Any]) -> str:
    """Return the resource type; raises _Refused naming the release that a type or field betrays."""
    resource_type = document.get("resourceType")
    if not isinstance(resource_type, str):
        raise _Refused("no resourceType; is this FHIR?", "$.resourceType")
    r5 = r4.r5_only()
    if resource_type not in r4.resource_types():
        if resource_type in STU3_TYPES:
            raise _Refused(_other_release("STU3", resource_type), "$.resourceType")
        if resource_type in r5.resource_types:
            raise _Refused(_other_release("R5", resource_type), "$.resourceType")
        raise _Refused(f"unknown resourceType {resource_type[:40]!r}", "$.resourceType")
    old = STU3_FIELDS.get(resource_type)
    new = r5.fields.get(resource_type)
    if (old and not old.isdisjoint(document)) or (new and not new.isdisjoint(document)):
        stu3 = sorted((old or frozenset()) & document.keys())
        name = stu3[0] if stu3 else min((new or frozenset()) & document.keys())
        raise _Refused(
            _other_release("STU3" if stu3 else "R5", f"{resource_type}.{name}"), f"$.{name}"
        )
    return resource_type


def _other_release(release: str, mark: str) -> str:
    return f"FHIR {release} ({mark} is not in R4); Uptake reads R4: export as R4"


def _unwrap(judged: Judged, text: bytes, line: int, offset: int, depth: int) -> None:
    """Judge every entry of a Bundle as a record of its own; a Bundle inside is unwrapped too.

    Keys that repeat in the Bundle's own fields spoil all of it, those of an entry that entry.
    """
    if depth > DEEPEST_BUNDLE:
        raise _Refused("Bundles nested too deep", "$")
    try:
        bundle = read_bundle(text)
    except msgspec.ValidationError as error:
        raise _Refused(*_explain(str(error))) from None
    entries = [bytes(entry) for entry in bundle.entry or ()]
    starts = _places(text, entries)
    _refuse_repeats(_without(text, entries, starts))
    judged.bundles.append(describe(bundle, line, offset))
    position = 0
    for entry, at in zip(entries, starts, strict=True):
        line += text.count(b"\n", position, at)
        position = at
        try:
            _judge_entry(judged, entry, line, offset + at, offset, depth)
        except _Refused as refused:
            judged.rejected.append(Rejected(line, offset + at, entry, refused.error, refused.path))


def _judge_entry(
    judged: Judged, entry: bytes, line: int, offset: int, bundle: int, depth: int
) -> None:
    """Judge one entry of a Bundle; raises _Refused where there is no resource to speak of."""
    if entry == b"null":
        raise _Refused("a Bundle entry without a resource", "$")
    try:
        read = read_entry(entry)
    except msgspec.ValidationError as error:
        raise _Refused(*_explain(str(error))) from None
    raw = bytes(read.resource)
    at = entry.find(raw)
    _refuse_repeats(_without(entry, [raw], [at]))
    if not raw or raw == b"null":
        raise _Refused("a Bundle entry without a resource", "$.resource")
    line += entry.count(b"\n", 0, at)
    offset += at
    try:
        record, document = _judge_resource(raw, line, offset, read.fullUrl, bundle)
        if record.type == "Bundle":
            _unwrap(judged, raw, line, offset, depth=depth + 1)
        else:
            _accept(judged, replace(record, method=read.method), document)
    except _Refused as refused:
        judged.rejected.append(Rejected(line, offset, raw, refused.error, refused.path))


def _places(text: bytes, entries: list[bytes]) -> list[int]:
    """Return where each entry starts; nothing but commas and blanks stand between them."""
    starts = []
    position = max(text.find(b'"entry"'), 0)
    for entry in entries:
        at = text.find(entry, position)
        starts.append(at)
        position = at + len(entry)
    return starts


def _without(text: bytes, values: list[bytes], starts: list[int]) -> bytes:
    """Return the JSON with `null` for each of the values: its own keys, not theirs."""
    parts = []
    position = 0
    for value, at in zip(values, starts, strict=True):
        parts += [text[position:at], b"null" if value else b""]
        position = at + len(value)
    return b"".join((*parts, text[position:]))


def _refuse_repeats(text: bytes) -> None:
    if repeated := repeated_key(text):
        raise _Refused(_TWICE, repeated)
