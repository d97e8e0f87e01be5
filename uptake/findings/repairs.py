"""Repairs. In: a finding's merge patch and the record as sent; out: a JSON Patch, and what it does.

A check says its repair as a JSON merge patch (RFC 7396) of the element it names. Against the record
as sent that becomes a JSON Patch (RFC 6902) that first tests what was judged, so that it fails on a
record that has changed since. Uptake shows and hands out repairs; it never applies one.
"""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Any, TypeAlias

import msgspec

from uptake import r4

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Json: TypeAlias = Any
"""What JSON text says; numbers with a fraction are Decimals, so that 1.50 stays 1.50."""
Operation: TypeAlias = "dict[str, Json]"

CONTEXT = 4
"""Lines shown around what a repair changes."""

_STEP = re.compile(r"(?P<name>\w+)(?:\[(?P<index>\d+)\])?")
_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True, slots=True)
class Repair:
    """A repair of one record: the JSON Patch, and its element before and after."""

    operations: tuple[Operation, ...]
    place: str
    """The JSON Pointer of the element that changes; empty: the record itself."""
    before: Json
    after: Json

    @property
    def json_patch(self) -> bytes:
        """The JSON Patch as a document."""
        return _ENCODER.encode(self.operations)

    def lines(self) -> list[str]:
        """Return what changes, to be read: a line that goes begins with `-`, one that comes with
        `+`, those around with a blank; `…` stands for the rest. Commas at the ends are left out.
        """
        before, after = (
            [
                line.rstrip(",")
                for line in msgspec.json.format(_ENCODER.encode(value), indent=2)
                .decode()
                .splitlines()
            ]
            for value in (self.before, self.after)
        )
        changed = list(difflib.unified_diff(before, after, n=CONTEXT, lineterm=""))[2:]
        told = ["…" if line.startswith("@@") else line for line in changed]
        return told[1:] if changed[0].startswith("@@ -1,") else told


class NoRepairError(ValueError):
    """The repair of a finding cannot be made of this record; says why, without a value."""


def repair_of(raw: str, expression: str | None, merge_patch: str) -> Repair:
    """Return the repair of a record.

    The merge patch is relative to the element that `expression` names, to the record where that is
    None. If it names a choice of types (`valueQuantity` for `Observation.value`), it is relative to
    what holds the choice. Raises NoRepairError when the element is not there, or nothing changes.
    """
    record, patch = decode(raw), decode(merge_patch)
    if not isinstance(record, dict) or not isinstance(patch, dict):
        raise NoRepairError("a repair and its record are JSON objects")
    path = expression or ""
    parent, _, last = path.rpartition(".")
    if any((last, name) in r4.choices() for name in patch):
        path = parent
    place, before = find(record, path)
    after = merged(before, patch)
    if after == before:
        raise NoRepairError("the record says already what the repair would write")
    whole = bool(expression) and path == expression
    tests = _test(place, before) if whole else _tests_of_members(place, before, patch)
    return Repair((*tests, *_operations(place, before, patch)), place, before, after)


def decode(text: str | bytes) -> Json:
    """Return what JSON text says; raises NoRepairError where it is none."""
    try:
        return _DECODER.decode(text)
    except msgspec.DecodeError as error:
        raise NoRepairError("the repair or the record is not JSON") from error


def find(record: Json, expression: str) -> tuple[str, Json]:
    """Return the JSON Pointer and the value of an element; raises NoRepairError if it is gone.

    The expression is a FHIRPath with indexes: `Observation.component[1].value`. A choice is found
    under the name that the record has for it: `/component/1/valueQuantity`.
    """
    place, value = "", record
    for step in expression.split(".")[1:]:
        match = _STEP.fullmatch(step)
        name = match and _member(value, match["name"])
        if not match or not name:
            raise NoRepairError(f"{expression} is not in the record")
        place, value = f"{place}/{name}", value[name]
        if match["index"] is not None:
            at = int(match["index"])
            if not isinstance(value, list) or at >= len(value):
                raise NoRepairError(f"{expression} is not in the record")
            place, value = f"{place}/{at}", value[at]
    return place, value


def merged(target: Json, patch: Json) -> Json:
    """Return the target with a merge patch applied, as RFC 7396 defines it; neither is changed."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = merged(result.get(name), value)
    return result


def _member(value: Json, name: str) -> str:
    """Return the name that a record has for an element: its own, or that of a choice of types."""
    if not isinstance(value, dict):
        return ""
    if name in value:
        return name
    return next((key for key in value if (name, key) in r4.choices()), "")


def _operations(place: str, target: Json, patch: Mapping[str, Json]) -> Iterator[Operation]:
    """Yield the operations that do what a merge patch says, in its order."""
    if not isinstance(target, dict):
        yield {"op": "replace", "path": place, "value": merged(None, patch)}
        return
    for name, value in patch.items():
        path = f"{place}/{_escaped(name)}"
        if value is None:
            if name in target:
                yield {"op": "remove", "path": path}
        elif name not in target:
            yield {"op": "add", "path": path, "value": merged(None, value)}
        elif isinstance(value, dict) and isinstance(target[name], dict):
            yield from _operations(path, target[name], value)
        elif target[name] != value:
            yield {"op": "replace", "path": path, "value": merged(None, value)}


def _test(place: str, value: Json) -> Iterator[Operation]:
    yield {"op": "test", "path": place, "value": value}


def _tests_of_members(place: str, target: Json, patch: Mapping[str, Json]) -> Iterator[Operation]:
    """Yield a test of each member that the patch touches and the record has, and of its type.

    Of a whole record only these are tested: a new version number does not make a repair wrong.
    """
    if not place:
        yield from _test("/resourceType", target["resourceType"])
    for name in patch:
        if name in target:
            yield from _test(f"{place}/{_escaped(name)}", target[name])


def _escaped(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1")
