"""Judge a resource by a definition. In: JSON and a definition; out: the rules it does not keep.

A resource is judged in parts: its root (what is absent, what no element is, invariants of the
whole) and each of its elements with all that is inside. An element is judged once, however many
resources have it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

from uptake import r4
from uptake.conformance.bindings import CODED, ValueSets
from uptake.conformance.definitions import (
    BASE,
    Binding,
    Constraint,
    Definition,
    Definitions,
    Element,
)
from uptake.conformance.elements import (
    Environment,
    Item,
    Unsupported,
    fields_of,
    is_present,
    names_at,
    truth,
)
from uptake.conformance.fhirpath import compile_expression
from uptake.conformance.formats import is_valid
from uptake.conformance.issues import Issue, shown
from uptake.conformance.matching import Slices, fits
from uptake.conformance.values import Value, anchors, elements_at, empty, values_of

NATIVE = frozenset(["ele-1", "ref-1"])
"""Invariants that are judged without their FHIRPath: no element is empty, `#` names something."""
_TARGET = re.compile(
    r"(?:\S*/)?([A-Z][A-Za-z]+)/[A-Za-z0-9\-.]{1,64}(?:/_history/\S+)?|([A-Z][A-Za-z]+)[?]\S*"
)
_RESOURCES = ("Resource", "DomainResource")


class Judge:
    """Judges by one definition: all of R4's own of a type, or what a profile adds to it."""

    def __init__(
        self,
        definition: Definition,
        definitions: Definitions,
        value_sets: ValueSets,
        not_judged: dict[str, str] | None = None,
    ) -> None:
        self.definition = definition
        self.definitions = definitions
        self.value_sets = value_sets
        self.base = not definition.derived
        self.not_judged = {} if not_judged is None else not_judged
        """Invariants that some value could not be judged by, by their keys: the reason."""
        self._slices: dict[str, Slices | None] = {}

    def root(self, resource: dict[str, Any]) -> Iterator[Issue]:
        """Yield the issues of the whole: absent elements, unknown ones, invariants of it."""
        name = self.definition.type
        yield from self._root(
            resource, name, Environment(item := Item(resource, name), item, [item])
        )

    def _root(self, resource: dict[str, Any], at: str, env: Environment) -> Iterator[Issue]:
        root = self.definition.root
        present = elements_at(resource, self.definition.type)
        for child in root.children.values():
            if child.name not in present:
                yield from self._count(child, [], f"{at}.{child.name}")
        if self.base:
            yield from self._unknown(resource, self.definition.type, at)
            yield from anchors(resource, at)
        yield from self._constraints(root.constraints, env.resource, at, env, whole=True)

    def element(self, name: str, part: dict[str, Any]) -> Iterator[Issue]:
        """Yield the issues inside one element of the root; `part` holds its JSON fields."""
        child = self.definition.root.children.get(name)
        if child is not None:
            item = Item(part, self.definition.type)
            env = Environment(item, item)
            yield from self._element(child, part, self.definition.type, self.definition.type, env)

    def _element(
        self, child: Element, owner: dict[str, Any], node: str, at: str, env: Environment
    ) -> Iterator[Issue]:
        """Judge all values of one element of an object; `node` is the object's place in R4."""
        if self.base:
            fields = fields_of(node, child.name)
            for field in fields:
                yield from empty(owner, field, at, child)
            chosen = [f.json_name for f in fields if is_present(owner.get(f.json_name))]
            if len(chosen) > 1:
                named = ", ".join(sorted(chosen))
                yield Issue("type", child.id, "error", f"{at}.{child.name}", named)
        values = values_of(child, owner, node, at)
        yield from self._count(child, values, f"{at}.{child.name}")
        for value in values:
            yield from self._value(child, value, env)

    def _count(self, child: Element, values: list[Value], at: str) -> Iterator[Issue]:
        """Judge how often an element stands, all in all and in each slice."""
        found = str(len(values)) if values else None
        if len(values) < child.low:
            yield Issue("cardinality", least(child), "error", at, found)
        if child.high is not None and len(values) > child.high:
            yield Issue("cardinality", most(child), "error", at, found)
        if not child.slices or (not values and child.low):
            return
        slices = self.slices(child)
        if slices is None:
            return
        named = [slices.slice_of(v.item) for v in values]
        for name, inner in child.slices.items():
            if name in slices.tests and not inner.low <= named.count(name) <= _most(inner):
                wanted = shown(inner.expected.value) if inner.expected else None
                found = _several(v.value for v in values)
                yield Issue("slice", inner.id, "error", at, found, wanted)
        if slices.closed:
            for value, name in zip(values, named, strict=True):
                if not name:
                    yield Issue("slice", child.id, "error", value.at, shown(value.value))

    def slices_of(self, name: str, part: dict[str, Any]) -> frozenset[str]:
        """Return the slices of an element of the root that `part`, its JSON fields, has."""
        child = self.definition.root.children[name]
        slices = self.slices(child) if child.slices else None
        if slices is None:
            return frozenset()
        kind = self.definition.type
        values = values_of(child, part, kind, kind)
        return frozenset(slices.slice_of(v.item) for v in values) - {""}

    def slices(self, element: Element) -> Slices | None:
        """Return what tells the slices of an element apart; None if that is not known here."""
        if element.id not in self._slices:
            try:
                self._slices[element.id] = Slices(element, self.value_sets)
            except Unsupported:
                self._slices[element.id] = None
        return self._slices[element.id]

    def _value(self, element: Element, value: Value, env: Environment) -> Iterator[Issue]:
        yield from self._own(element, value)
        if self.base and value.type == "Extension":
            yield from self._extension(element, value)
        yield from self._constraints(element.constraints, value.item, value.at, env)
        if element.slices and (slices := self.slices(element)):
            inner = element.slices.get(slices.slice_of(value.item))
            if inner is not None:
                yield from self._value(inner, value, env)
        yield from self._inside(element, value, env)

    def _own(self, element: Element, value: Value) -> Iterator[Issue]:
        """Judge a value by what its element says of it: value, type, codes, target."""
        if element.expected and not fits(value.value, element.expected):
            kind = element.expected.kind
            wanted = shown(element.expected.value)
            yield Issue(kind, element.id, "error", value.at, shown(value.value), wanted)
        if not self.base and not _is_allowed(value.type, element):
            yield Issue("type", element.id, "error", value.at, value.type)
        if element.binding and value.type in CODED:
            yield from self._binding(element, element.binding, value)
        if value.type == "Reference":
            yield from self._target(element, value)

    def _extension(self, element: Element, value: Value) -> Iterator[Issue]:
        """Yield an extension that no definition here explains; a modifier may turn the meaning."""
        url = value.value.get("url") if isinstance(value.value, dict) else None
        if not isinstance(url, str) or "/" not in url or self.definitions.get(url):
            return  # inside an extension the url is a plain name that its definition explains
        if element.name == "modifierExtension":
            yield Issue("extension", "modifier", "error", value.at, shown(url))
        elif not url.startswith("http://hl7.org/"):
            yield Issue("extension", "vendor", "information", value.at, shown(url))

    def _binding(self, element: Element, binding: Binding, value: Value) -> Iterator[Issue]:
        if not is_present(value.value) or self.value_sets.holds(binding, value.value) is not False:
            return
        if isinstance(value.value, dict) and _says_why_absent(value.value):
            return
        required = binding.strength == "required"
        if not required and not _has_codes(value.value):
            return
        yield Issue(
            "binding",
            element.id,
            "error" if required else "warning",
            value.at,
            shown(value.value),
            self.value_sets.suggest(binding, value.value),
        )

    def _target(self, element: Element, value: Value) -> Iterator[Issue]:
        """Judge the type that a reference names, where it names one."""
        urls = [url for type_ in element.types for url in type_.targets]
        wanted = {target_type(url, self.definitions) for url in urls}
        text = value.value.get("reference") if isinstance(value.value, dict) else None
        match = _TARGET.fullmatch(text) if isinstance(text, str) else None
        named = (match[1] or match[2]) if match else None
        if named is None or not wanted or None in wanted or wanted & {"Resource", named}:
            return
        if named in r4.resource_types():
            yield Issue("reference", element.id, "error", value.at, named)

    def _inside(self, element: Element, value: Value, env: Environment) -> Iterator[Issue]:
        """Judge what is inside a value: by the element's own children, or by its type."""
        if not self.base:
            yield from self._object(element, value, env)
            profiles = {u for t in element.types if t.code == value.type for u in t.profiles}
            for url in sorted(profiles):
                if inner := self.definitions.get(url):
                    yield from self._by_profile(inner, value, env)
        elif value.type in _RESOURCES:
            yield from self._contained(value, env)
        elif "." in value.type or element.children:
            yield from self._object(element, value, env)
        elif r4.node(value.type).kind == "primitive-type":
            if is_present(value.value) and not is_valid(value.value, value.type):
                key = f"{element.id} {value.type}"
                yield Issue("format", key, "error", value.at, shown(value.value))
            if isinstance(value.beside, dict):
                beside = Value(value.at, "Element", value.beside, None)
                yield from self._object(self.definitions.base("Element").root, beside, env)
        else:
            root = self.definitions.base(value.type).root
            yield from self._constraints(root.constraints, value.item, value.at, env)
            yield from self._object(root, value, env)

    def _object(self, element: Element, value: Value, env: Environment) -> Iterator[Issue]:
        if not isinstance(value.value, dict):
            return
        if self.base:
            yield from self._unknown(value.value, value.type, value.at)
        present = elements_at(value.value, value.type)
        for child in element.children.values():
            if child.name in present or child.low or child.slices:
                yield from self._element(child, value.value, value.type, value.at, env)

    def _by_profile(self, profile: Definition, value: Value, env: Environment) -> Iterator[Issue]:
        """Judge a value by a profile of its type, as an extension by its definition."""
        if profile.derived:
            inner = Judge(profile, self.definitions, self.value_sets, self.not_judged)
            yield from inner._constraints(profile.root.constraints, value.item, value.at, env)
            yield from inner._object(profile.root, value, env)

    def _contained(self, value: Value, env: Environment) -> Iterator[Issue]:
        name = value.value.get("resourceType") if isinstance(value.value, dict) else None
        if name not in r4.resource_types():
            yield Issue("type", "Resource", "error", value.at, shown(name))
            return
        base = self.definitions.base(name)
        inner = Judge(base, self.definitions, self.value_sets, self.not_judged)
        item = Item(value.value, name)
        around = Environment(item, env.root, [item])
        yield from inner._root(value.value, value.at, around)
        for child in inner.definition.root.children.values():
            if child.name in elements_at(value.value, name):
                yield from inner._element(child, value.value, name, value.at, around)

    def _unknown(self, value: dict[str, Any], node: str, at: str) -> Iterator[Issue]:
        """Yield the JSON fields that are no element."""
        known = names_at(node)
        for key in value:
            field = known.get(key.removeprefix("_"))
            primitive = field is not None and r4.node(field.type).kind == "primitive-type"
            unknown = field is None or (key.startswith("_") and not primitive)
            if unknown and key != "resourceType":
                yield Issue("unknown-element", node, "error", at, key)

    def _constraints(
        self,
        constraints: Iterable[Constraint],
        item: Item,
        at: str,
        env: Environment,
        *,
        whole: bool = False,
    ) -> Iterator[Issue]:
        """Judge invariants; those that look at the whole resource only where it is at hand."""
        for constraint in constraints:
            if constraint.key in NATIVE:
                continue
            try:
                expression = compile_expression(constraint.expression)
                if expression.whole and not whole:
                    continue
            except Unsupported:
                continue  # `rules_of` says so
            try:
                kept = truth(expression.run(env, [item]))
            except Unsupported as unsupported:
                self.not_judged.setdefault(constraint.key, str(unsupported))
                continue
            if kept is False:
                severity = "information" if constraint.best_practice else constraint.severity
                yield Issue("invariant", constraint.key, severity, at, constraint.human[:160])


def least(element: Element) -> str:
    """Return the key of the rule how often an element must stand."""
    return f"{element.id} min {element.low}"


def most(element: Element) -> str:
    """Return the key of the rule how often an element may stand."""
    return f"{element.id} max {element.high}"


def target_type(url: str, definitions: Definitions) -> str | None:
    """Return the resource type that a target profile is of; None if it is not here."""
    name = url.removeprefix(BASE)
    if name in r4.resource_types() or name == "Resource":
        return name
    found = definitions.get(url)
    return found.type if found else None


def _is_allowed(type_name: str, element: Element) -> bool:
    """Tell whether a profile allows a type where it says which; extensions have one type."""
    allowed = {t.code for t in element.types}
    return not allowed or type_name in allowed or "." in type_name or type_name == "Extension"


def _most(element: Element) -> int:
    return 1 << 30 if element.high is None else element.high


def _several(values: Iterable[Any]) -> str | None:
    return ", ".join(filter(None, map(shown, values)))[:160] or None


def _says_why_absent(value: dict[str, Any]) -> bool:
    """Tell whether a concept has nothing but an extension, as a data-absent-reason."""
    return not value.get("coding") and not value.get("text") and bool(value.get("extension"))


def _has_codes(value: Any) -> bool:
    return isinstance(value, str) or bool(value.get("coding")) or "code" in value
