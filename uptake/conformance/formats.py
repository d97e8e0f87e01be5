"""The primitive types of R4. In: a value and its type; out: is it one, and a plain one like it.

The patterns are those of https://hl7.org/fhir/R4/datatypes.html#primitive.
"""

from __future__ import annotations

import re
from datetime import date
from typing import Any

_DAY = r"\d{4}(?:-(?:0[1-9]|1[0-2])(?:-(?:0[1-9]|[12]\d|3[01]))?)?"
_FULL_DAY = r"\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])"
_CLOCK = r"(?:[01]\d|2[0-3]):[0-5]\d:(?:[0-5]\d|60)(?:\.\d+)?"
_ZONE = r"(?:Z|[+-](?:0\d|1[0-3]):[0-5]\d|[+-]14:00)"
_WORDS = re.compile(r"(?=.*\S)[ \r\n\t\S]+", re.DOTALL | re.ASCII)
_PATTERNS = {
    "string": _WORDS,
    "markdown": _WORDS,
    "uri": re.compile(r"\S+"),
    "url": re.compile(r"\S+"),
    "canonical": re.compile(r"\S+"),
    "code": re.compile(r"[^\s]+(?: [^\s]+)*"),
    "id": re.compile(r"[A-Za-z0-9\-.]{1,64}"),
    "oid": re.compile(r"urn:oid:[0-2](?:\.(?:0|[1-9]\d*))+"),
    "uuid": re.compile(r"urn:uuid:[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"),
    "date": re.compile(_DAY),
    "dateTime": re.compile(rf"{_DAY}|{_FULL_DAY}T{_CLOCK}{_ZONE}"),
    "instant": re.compile(rf"{_FULL_DAY}T{_CLOCK}{_ZONE}"),
    "time": re.compile(_CLOCK),
    "base64Binary": re.compile(r"(?:\s*[0-9A-Za-z+/=]){4,}\s*"),
}
_LARGEST = 2**31 - 1
_PLAIN: dict[str, Any] = {
    "string": "x", "markdown": "x", "code": "x", "id": "x",
    "uri": "urn:x", "url": "urn:x", "canonical": "urn:x", "oid": "urn:oid:1.2",
    "uuid": "urn:uuid:00000000-0000-0000-0000-000000000000",
    "instant": "2000-01-01T00:00:00Z", "time": "00:00:00", "base64Binary": "AAAA",
    "decimal": 1, "integer": 1, "positiveInt": 1, "unsignedInt": 1,
}  # fmt: skip


def is_valid(value: Any, type_name: str) -> bool:
    """Tell whether a value is one of its type; a type without a rule takes everything."""
    if isinstance(value, str):
        pattern = _PATTERNS.get(type_name)
        if pattern is None:
            return True
        return pattern.fullmatch(value) is not None and _is_day(value, type_name)
    if isinstance(value, int) and not isinstance(value, bool):
        if type_name == "positiveInt":
            return 1 <= value <= _LARGEST
        if type_name == "unsignedInt":
            return 0 <= value <= _LARGEST
        if type_name == "integer":
            return -_LARGEST - 1 <= value <= _LARGEST
    return True


def _is_day(text: str, type_name: str) -> bool:
    """Tell whether a date with a day is in the calendar; others are."""
    if type_name not in ("date", "dateTime", "instant") or len(text) < 10:
        return True
    try:
        date.fromisoformat(text[:10])
    except ValueError:
        return False
    return True


def plain(value: Any, type_name: str) -> Any:
    """Return a value that every rule judges as it judges this one; of a fault the value itself."""
    if not is_valid(value, type_name):
        return value
    if type_name in ("date", "dateTime"):
        return "2000-01-01T00:00:00Z" if len(value) > 10 else "2000-01-01"[: len(value)]
    if type_name in ("uri", "url", "canonical", "string") and value.startswith("#"):
        return value  # it names a contained resource
    if type_name == "xhtml":
        return "<div>x</div>" if value.lstrip().startswith("<div") else value
    return _PLAIN.get(type_name, value)
