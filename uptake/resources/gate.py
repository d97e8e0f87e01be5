"""The gate. In: chunks of bytes; out: records that every later stage can read, and the rest.

Let in: any well-formed R4 resource, whatever its values. Kept out, with its raw bytes, place, error
and JSON path: what parsers would read differently or not at all.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import msgspec

from uptake import r4
from uptake.feeds.chunks import BOM, Chunk
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
    """What the gate says of one chunk: every record is in exactly one of the two lists."""

    records: list[Record] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    keys: dict[str, set[tuple[str, ...]]] = field(default_factory=dict)
    """Resource type to the outlines met, each a top-level key and the keys directly inside it:
    later stages read no others."""


class _Refused(Exception):  # noqa: N818 -- a verdict on one record, never seen outside
    def __init__(self, error: str, path: str = "") -> None:
        self.error = error
        self.path = path
        super().__init__(error)


class _Entry(msgspec.Struct, gc=False):
    fullUrl: str | None = None  # noqa: N815 -- FHIR's name
    resource: msgspec.Raw = msgspec.Raw()


class _Bundle(msgspec.Struct, gc=False):
    entry: list[_Entry | None] | None = None


_TWICE = "a key stands twice in one object; parsers disagree on which one counts"
_read = msgspec.json.Decoder().decode
_write = msgspec.json.Encoder().encode
_read_bundle = msgspec.json.Decoder(_Bundle).decode
_read_pairs = re.compile(rb"\\u00(?:22|5[cC])")


def judge(chunk: Chunk) -> Judged:
    """Return the verdict on every record of a chunk: each non-blank line or Bundle entry."""
    judged = Judged()
    if chunk.document:
        _judge_record(judged, chunk.data, chunk.line, chunk.offset)
        return judged
    line, offset = chunk.line, chunk.offset
    for raw in chunk.data.split(b"\n"):
        if raw.strip():
            _judge_record(judged, raw, line, offset)
        line += 1
        offset += len(raw) + 1
    return judged


def _judge_record(judged: Judged, raw: bytes, line: int, offset: int) -> None:
    text = raw.removeprefix(BOM) if raw.startswith(BOM) else raw
    try:
        record, document = _judge_resource(text, line, offset, None, None)
        if record.type == "Bundle":
            _unwrap(judged, text, line, offset, depth=1)
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
    resource_type = document.get("resourceType")
    _check_release(resource_type, document)
    try:
        resource = decoder(resource_type).decode(text)
    except msgspec.ValidationError as error:
        raise _Refused(*_explain(str(error))) from None
    if resource_type != "Bundle" and _has_duplicate_keys(text, document):
        raise _Refused(_TWICE)
    return (
        Record(line, offset, resource_type, resource.id, full_url, bundle, text),
        document,
    )


def _parse(text: bytes) -> Any:
    try:
        return _read(text)
    except msgspec.ValidationError as error:
        raise _Refused(*_explain(str(error))) from None
    except msgspec.DecodeError as error:
        raise _Refused(_syntax_error(str(error), text)) from None
    except UnicodeDecodeError as error:
        raise _Refused(f"invalid UTF-8: {error.reason}; FHIR JSON is UTF-8") from None
    except RecursionError:
        raise _Refused("nested too deep to be a resource") from None


def _syntax_error(message: str, text: bytes) -> str:
    if "trailing characters" in message:
        return f"more than one JSON value on a line: {message}"
    if text.rstrip()[-1:] not in (b"}", b"]"):
        return f"invalid JSON, cut off before its end: {message}"
    return f"invalid JSON: {message.removeprefix('JSON is malformed: ')}"


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
        return f"{got} where {wanted} belongs", path
    if text == "Number out of range":
        return "a number beyond what a double holds", path
    return text, path


def _json_kind(value: object) -> str:
    if isinstance(value, list):
        return "an array"
    kind = type(value).__name__
    return _JSON_WORDS.get("null" if value is None else kind, kind)


STU3_TYPES = frozenset(
    "BodySite DataElement DeviceComponent EligibilityRequest EligibilityResponse ExpansionProfile "
    "ImagingManifest ProcedureRequest ProcessRequest ProcessResponse ReferralRequest Sequence "
    "ServiceDefinition DiagnosticOrder MedicationOrder Order OrderResponse".split()
)
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


def _check_release(resource_type: object, document: dict[str, Any]) -> None:
    """Refuse what is no R4 resource, naming the release where a type or a field betrays it."""
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


def _other_release(release: str, mark: str) -> str:
    return f"FHIR {release} ({mark} is not in R4); Uptake reads R4: export as R4"


def _has_duplicate_keys(text: bytes, document: Any) -> bool:
    """Tell whether any object of the text repeats a key.

    Writing the parsed document again drops a repeated key and its two quotes, so equal numbers of
    unescaped quotes prove that none was dropped; this costs an eighth of a slower exact parse.
    Escapes that spell a quote or a backslash change the count: those few texts take that parse.
    """
    written = _write(document)
    if written == text:
        return False
    if not _read_pairs.search(text) and _quotes(written) == _quotes(text):
        return False
    return _repeats_a_key(text)


def _quotes(text: bytes) -> int:
    return text.count(b'"') - text.count(b'\\"')


def _repeats_a_key(text: bytes) -> bool:
    import json  # noqa: PLC0415 -- rarely needed

    repeated = False

    def note(pairs: list[tuple[str, object]]) -> None:
        nonlocal repeated
        repeated = repeated or len({key for key, _ in pairs}) < len(pairs)

    json.loads(text, object_pairs_hook=note)
    return repeated


def _unwrap(judged: Judged, text: bytes, line: int, offset: int, depth: int) -> None:
    """Judge every entry of a Bundle as a record of its own; a Bundle inside is unwrapped too."""
    entries = _read_bundle(text).entry or []
    raws = [bytes(entry.resource) if entry else b"" for entry in entries]
    starts = _places(text, raws)
    if _repeats_a_key(_envelope(text, raws, starts)):
        raise _Refused(_TWICE)
    for number, (entry, raw, at) in enumerate(zip(entries, raws, starts, strict=True)):
        place = (line + text.count(b"\n", 0, at), offset + at)
        try:
            if not raw or raw == b"null":
                raise _Refused("a Bundle entry without a resource", f"$.entry[{number}].resource")
            full_url = entry.fullUrl if entry else None
            record, document = _judge_resource(raw, *place, full_url, offset)
            if record.type != "Bundle":
                _accept(judged, record, document)
            elif depth < DEEPEST_BUNDLE:
                _unwrap(judged, raw, *place, depth=depth + 1)
            else:
                raise _Refused("Bundles nested too deep", f"$.entry[{number}]")
        except _Refused as refused:
            judged.rejected.append(Rejected(*place, raw, refused.error, refused.path))


def _places(text: bytes, raws: list[bytes]) -> list[int]:
    """Return where each entry's resource starts; the entries stand in the order of the text."""
    starts = []
    position = 0
    for raw in raws:
        at = text.find(raw, position) if raw else position
        starts.append(at)
        position = at + len(raw)
    return starts


def _envelope(text: bytes, raws: list[bytes], starts: list[int]) -> bytes:
    """Return the Bundle with `null` for each resource: its own keys, not those of its entries."""
    parts = []
    position = 0
    for raw, at in zip(raws, starts, strict=True):
        parts += [text[position:at], b"null" if raw else b""]
        position = at + len(raw)
    return b"".join((*parts, text[position:]))
