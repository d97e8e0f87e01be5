"""Resources without what no rule looks at. In: a field; out: one like all that are judged alike.

A load has many resources and few shapes. A reduction puts `x` for texts, `2000-01-01` for dates, 1
for numbers, and keeps what a rule of the type may look at: codes that are bound, values that are
fixed, everything with a fault. Judging it is judging every resource that reduces to it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeAlias

from uptake import r4
from uptake.conformance.elements import Unsupported, names_at
from uptake.conformance.fhirpath import compile_expression
from uptake.conformance.formats import is_valid, plain
from uptake.conformance.moments import compared

if TYPE_CHECKING:
    from uptake.conformance.definitions import Definition, Definitions, Element

ANCHORED = frozenset(["dom-3", "ref-1"])
"""Invariants that look at texts with a # in front and at contained resources: kept always."""
_CODED = frozenset(["Coding", "Quantity", "Age", "Count", "Distance", "Duration", "Money"])
_REFERENCE = re.compile(
    r"(?P<server>https?://\S*/)?(?P<type>[A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(?:/_history/\S+)?"
)
_URN = re.compile(r"urn:(?:uuid|oid):\S+")
_EARLY, _LATE = "2000-01-01", "2001-01-01"

Reduction: TypeAlias = "Callable[[Any], Any]"
"""Reduces one value: not the array it may stand in."""


class Reducer:
    """Reduces the fields of one resource type; how, is worked out once for each place."""

    def __init__(
        self, resource_type: str, definitions: Definitions, profiles: Iterable[Definition]
    ) -> None:
        self.resource_type = resource_type
        self.definitions = definitions
        self.paths = {f"{resource_type}.meta.profile"}
        """Elements whose codes and values a rule looks at."""
        self.names: set[str] = set()
        """Names of elements that an invariant looks into."""
        self._fields: dict[str, Reduction] = {}
        self._reads: dict[str, frozenset[str]] = {}
        for definition in (definitions.base(resource_type), *profiles):
            self._keep(definition, resource_type)

    def _keep(self, definition: Definition, at: str) -> None:
        """Note what the rules of a definition look at."""
        for element in definition.root.walk():
            path = _plain_path(element.id, at)
            if element.binding or element.expected:
                self.paths.add(path)
            self.names.update(_read_by(element))
            for type_ in element.types:
                for url in type_.profiles:
                    inner = self.definitions.get(url)
                    if inner is not None and inner.derived and inner.url != definition.url:
                        self._keep(inner, path)

    def field(self, json_name: str, value: Any) -> Any:
        """Return a top-level field, reduced."""
        work = self._fields.get(json_name)
        if work is None:
            names = frozenset(self.names)
            work = self._member(self.resource_type, self.resource_type, json_name, names)
            self._fields[json_name] = work
        return work(value)

    def _member(self, owner: str, path: str, json_name: str, names: frozenset[str]) -> Reduction:
        """Return how a property of an object is reduced; `owner` is the object's R4 type."""
        known = names_at(owner)
        field = known.get(json_name)
        if field is None:
            beside = json_name.startswith("_") and json_name[1:] in known
            return _as_it_is if beside else lambda value: None if value is None else True
        inner = f"{path}.{field.element}"
        kept = inner in self.paths or self._is_bound_by_type(owner, field.element)
        if path in self.paths and field.element in ("system", "code", "coding"):
            kept = True
            self.paths.add(inner)
        if field.element in names or _stays(owner, field):
            return _as_it_is
        if owner == "Reference" and field.element == "reference":
            return _plain_reference
        return _for_each(self._value(field.type, inner, names, kept=kept))

    def _value(self, type_name: str, path: str, names: frozenset[str], *, kept: bool) -> Reduction:
        kind = r4.node(type_name).kind
        if kind == "primitive-type":
            return _as_it_is if kept else lambda value: _plain_value(value, type_name)
        if kind in ("resource", "abstract") and type_name not in ("Element", "BackboneElement"):
            return _as_it_is  # a contained resource; few have one
        if kept:
            self.paths.add(path)
        below = names | self._read_by_type(type_name)
        members: dict[str, Reduction] = {}

        def reduce(value: Any) -> Any:
            if not isinstance(value, dict):
                return value
            if type_name == "Period":
                value = _plain_period(value)
            found = {}
            for key, inner in value.items():
                work = members.get(key)
                if work is None:
                    work = members[key] = self._member(type_name, path, key, below)
                found[key] = work(inner)
            return found

        return reduce

    def _is_bound_by_type(self, owner: str, element: str) -> bool:
        """Tell whether the definition of a datatype binds its element."""
        if "." in owner or r4.node(owner).kind not in ("complex-type", "abstract"):
            return False
        child = self.definitions.base(owner).root.children.get(element)
        return child is not None and child.binding is not None

    def _read_by_type(self, type_name: str) -> frozenset[str]:
        """Return the names that the invariants of a datatype look into; not of a Period."""
        if type_name not in self._reads:
            own = "." not in type_name and type_name != "Period"
            walked = self.definitions.base(type_name).root.walk() if own else ()
            self._reads[type_name] = frozenset(name for e in walked for name in _read_by(e))
        return self._reads[type_name]


def _read_by(element: Element) -> Iterator[str]:
    for constraint in element.constraints:
        if constraint.key in ANCHORED:
            continue
        try:
            yield from compile_expression(constraint.expression).reads
        except Unsupported:
            continue  # listed among the rules that are not judged


def _plain_path(element_id: str, at: str) -> str:
    """Return an element's path below `at`, without slices."""
    steps = [step.partition(":")[0].removesuffix("[x]") for step in element_id.split(".")[1:]]
    return ".".join((at, *steps))


def _stays(owner: str, field: r4.Field) -> bool:
    """Tell whether a value is one of few wherever it stands: codes, truths, names of extensions."""
    if owner == "Extension" and field.element == "url":
        return True
    return field.type == "boolean" or (field.type == "code" and owner not in _CODED)


def _as_it_is(value: Any) -> Any:
    return value


def _for_each(work: Reduction) -> Reduction:
    return lambda value: [work(v) for v in value] if isinstance(value, list) else work(value)


def _plain_value(value: Any, type_name: str) -> Any:
    return value if value is None or value == "" else plain(value, type_name)


def _plain_period(value: dict[str, Any]) -> dict[str, Any]:
    """Return a period with plain dates in the same order (invariant per-1), or as it is."""
    start, end = value.get("start"), value.get("end")
    if not (isinstance(start, str) and isinstance(end, str)):
        return value
    if not (is_valid(start, "dateTime") and is_valid(end, "dateTime")):
        return value
    order = compared(start, end)
    if order is None:  # a year and a day in it
        return value | {"start": _EARLY[:4], "end": _EARLY}
    return value if order > 0 else value | {"start": _EARLY, "end": _LATE}


def _plain_reference(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    match = _REFERENCE.fullmatch(value)
    if match:
        return f"{'http://x/' if match['server'] else ''}{match['type']}/x"
    return "urn:uuid:x" if _URN.fullmatch(value) else value
