"""StructureDefinitions as trees of rules. In: snapshots as JSON; out: elements with what they ask.

An element has its own rules and its children; where a snapshot stops (at `Observation.code`, which
says nothing of a concept's codings) the definition of its type goes on.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

from uptake.errors import SourceError

BASE = "http://hl7.org/fhir/StructureDefinition/"
"""Where the definitions of R4's own types are."""
FHIR_TYPE = "http://hl7.org/fhir/StructureDefinition/structuredefinition-fhir-type"

Json: TypeAlias = "dict[str, Any]"


@dataclass(frozen=True, slots=True)
class Constraint:
    """An invariant: `severity` is `error` or `warning`; `expression` is FHIRPath."""

    key: str
    severity: str
    human: str
    expression: str
    best_practice: bool = False


@dataclass(frozen=True, slots=True)
class Binding:
    """To which value set an element is bound, and how strictly."""

    strength: str
    value_set: str


@dataclass(frozen=True, slots=True)
class Type:
    """One type an element may have; for references and extensions what is asked of the target."""

    code: str
    profiles: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Slicing:
    """How items of an array are told apart: pairs of a discriminator's type and path."""

    discriminators: tuple[tuple[str, str], ...]
    closed: bool


@dataclass(frozen=True, slots=True)
class Expected:
    """A value that is wanted exactly (`fixed`) or at least (`pattern`)."""

    kind: str
    value: Any


@dataclass(slots=True)
class Element:
    """One element of a definition with its rules. `high` is None for `*`."""

    id: str
    name: str
    low: int = 0
    high: int | None = None
    choice: bool = False
    types: tuple[Type, ...] = ()
    content: str = ""
    """The id of the element whose children this one has too, as `referenceRange` in a component."""
    expected: Expected | None = None
    binding: Binding | None = None
    constraints: tuple[Constraint, ...] = ()
    must_support: bool = False
    slicing: Slicing | None = None
    slices: dict[str, Element] = field(default_factory=dict)
    children: dict[str, Element] = field(default_factory=dict)

    def walk(self) -> Iterator[Element]:
        """Yield this element, those of its slices and those below it, each once."""
        yield self
        if not self.content:  # what is below stands at another element already
            for inner in (*self.slices.values(), *self.children.values()):
                yield from inner.walk()


@dataclass(frozen=True, slots=True)
class Definition:
    """A resource type, a datatype or a profile of one."""

    url: str
    version: str
    name: str
    title: str
    type: str
    kind: str
    base: str
    """The canonical URL of the definition it is derived from."""
    derived: bool
    """True for a profile, false for a type of its own."""
    abstract: bool
    package: str
    root: Element


def read_definition(raw: Json, package: str = "") -> Definition:
    """Return a StructureDefinition's tree; raises ValueError if it has no snapshot."""
    elements = raw.get("snapshot", {}).get("element", [])
    if not elements:
        raise ValueError("it has no snapshot")
    root = _element(elements[0])
    by_id = {elements[0]["id"]: root}
    for entry in elements[1:]:
        _place(entry, by_id)
    for element in by_id.values():
        if element.content in by_id:
            element.children = by_id[element.content].children
    return Definition(
        url=raw["url"],
        version=raw.get("version", ""),
        name=str(raw.get("name") or raw["url"]),
        title=raw.get("title") or raw.get("name", ""),
        type=raw["type"].removeprefix(BASE),
        kind=raw["kind"],
        base=raw.get("baseDefinition", ""),
        derived=raw.get("derivation") == "constraint",
        abstract=bool(raw.get("abstract")),
        package=package,
        root=root,
    )


def _place(entry: Json, by_id: dict[str, Element]) -> None:
    """Put an element where its id says: below its parent, or among the slices of its sibling."""
    element = _element(entry)
    above, _, last = entry["id"].rpartition(".")
    parent = by_id.get(above)
    if parent is None:
        return
    by_id[entry["id"]] = element
    name, is_slice, slice_name = last.partition(":")
    if is_slice:
        sliced = by_id.get(f"{above}.{name}")
        if sliced is not None:
            sliced.slices[slice_name] = element
    else:
        parent.children[element.name] = element


def _element(entry: Json) -> Element:
    name = entry["path"].rpartition(".")[2]
    high = entry["max"]
    return Element(
        id=entry["id"],
        name=name.removesuffix("[x]"),
        low=entry.get("min", 0),
        high=None if high == "*" else int(high),
        choice=name.endswith("[x]"),
        types=tuple(_types(entry.get("type", ()))),
        content=entry.get("contentReference", "").rpartition("#")[2],
        expected=_expected(entry),
        binding=_binding(entry.get("binding")),
        constraints=tuple(_constraints(entry.get("constraint", ()))),
        must_support=bool(entry.get("mustSupport")) or _is_uscdi(entry),
        slicing=_slicing(entry.get("slicing")),
    )


_USCDI = "http://hl7.org/fhir/us/core/StructureDefinition/uscdi-requirement"


def _is_uscdi(entry: Json) -> bool:
    """Tell whether US Core has an element as "additional USCDI": certified systems support it."""
    return any(e["url"] == _USCDI and e.get("valueBoolean") for e in entry.get("extension", ()))


def type_code(entry: Json) -> str:
    """Return the FHIR type; some snapshots name ids and urls by FHIRPath types instead."""
    for extension in entry.get("extension", ()):
        if extension["url"] == FHIR_TYPE:
            return str(extension.get("valueUrl") or extension.get("valueUri"))
    return str(entry["code"]).removeprefix("http://hl7.org/fhirpath/System.")


def _types(entries: Iterable[Json]) -> Iterator[Type]:
    for entry in entries:
        yield Type(
            type_code(entry),
            tuple(p.partition("|")[0] for p in entry.get("profile", ())),
            tuple(p.partition("|")[0] for p in entry.get("targetProfile", ())),
        )


def _expected(entry: Json) -> Expected | None:
    for key, value in entry.items():
        for kind in ("fixed", "pattern"):
            if key.startswith(kind) and key[len(kind) : len(kind) + 1].isupper():
                return Expected(kind, value)
    return None


def _binding(entry: Json | None) -> Binding | None:
    """Return a binding that must be kept; what is preferred or an example is no rule."""
    if not entry or "valueSet" not in entry or entry["strength"] not in ("required", "extensible"):
        return None
    return Binding(entry["strength"], entry["valueSet"].partition("|")[0])


_BEST_PRACTICE = "http://hl7.org/fhir/StructureDefinition/elementdefinition-bestpractice"


def _constraints(entries: Iterable[Json]) -> Iterator[Constraint]:
    for entry in entries:
        if "expression" in entry:
            best = any(
                e["url"] == _BEST_PRACTICE and e.get("valueBoolean")
                for e in entry.get("extension", ())
            )
            yield Constraint(
                entry["key"], entry["severity"], entry["human"], entry["expression"], best
            )


def _slicing(entry: Json | None) -> Slicing | None:
    if not entry:
        return None
    found = tuple((d["type"], d["path"]) for d in entry.get("discriminator", ()))
    return Slicing(found, entry.get("rules") == "closed")


def _same_types(element: Element, base: Element) -> bool:
    """Tell whether a profile allows just the types, profiles and targets that R4 allows.

    Snapshots differ in the type of ids (`id`, `string`); no profile means anything by it.
    """
    return element.name == "id" or {
        (t.code, t.profiles, frozenset(t.targets)) for t in element.types
    } == {(t.code, t.profiles, frozenset(t.targets)) for t in base.types}


class Definitions:
    """Definitions by their canonical URL; read when they are first asked for."""

    def __init__(self, raw: Mapping[str, tuple[Json, str]]) -> None:
        self._raw = raw
        self._read: dict[str, Definition] = {}

    def get(self, url: str) -> Definition | None:
        """Return a definition, None if it is not here, or of a type that R4 does not have.

        Raises SourceError for one that is no StructureDefinition with a snapshot.
        """
        url = url.partition("|")[0]
        if url not in self._read and url in self._raw:
            raw, package = self._raw[url]
            try:
                self._read[url] = found = read_definition(raw, package)
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise SourceError(f"{package}: {url} cannot be read: {error!r}") from error
            if found.derived:
                base = self.get(BASE + found.type)
                if base is None:
                    del self._read[url]
                    return None
                self._hold_to_own(found.root, base.root)
        return self._read.get(url)

    def _hold_to_own(self, element: Element, base: Element) -> None:
        """Take away what R4 asks already: a profile's rules are those that it adds."""
        inherited = {c.key for c in base.constraints} | {"ele-1", "ext-1"}
        for type_ in element.types:
            if (known := self.get(BASE + type_.code)) and known.root is not element:
                inherited |= {c.key for c in known.root.constraints}
        element.constraints = tuple(c for c in element.constraints if c.key not in inherited)
        element.low = 0 if element.low == base.low else element.low
        element.high = None if element.high == base.high else element.high
        element.binding = None if element.binding == base.binding else element.binding
        element.types = () if _same_types(element, base) else element.types
        for inner in element.slices.values():
            low, high = inner.low, inner.high
            self._hold_to_own(inner, base)
            inner.low, inner.high = low, high  # of the slice, not of the element
        for name, child in element.children.items():
            if not element.content:
                self._hold_to_own(child, self._child(base, name) or Element(child.id, name))

    def _child(self, base: Element, name: str) -> Element | None:
        """Return what R4 says of a child: at the element itself, or where its type is defined."""
        if name in base.children:
            return base.children[name]
        types = (self.get(BASE + t.code) for t in base.types)
        return next((t.root.children[name] for t in types if t and name in t.root.children), None)

    @functools.cached_property
    def _urls_by_type(self) -> Mapping[str, list[str]]:
        found: dict[str, list[str]] = {}
        for url, (raw, _) in self._raw.items():
            if raw.get("derivation") == "constraint" and raw["kind"] == "resource":
                found.setdefault(raw["type"], []).append(url)
        return {name: sorted(urls) for name, urls in found.items()}

    def base(self, type_name: str) -> Definition:
        """Return the definition of an R4 type; raises KeyError for a name R4 does not have."""
        return self.profile(BASE + type_name)

    def profile(self, url: str) -> Definition:
        """Return a definition that is known to be here; raises KeyError if it is not."""
        found = self.get(url)
        if found is None:
            raise KeyError(url)
        return found

    def profiles(self, type_name: str) -> list[Definition]:
        """Return the profiles of a resource type, by their URL."""
        urls = self._urls_by_type.get(type_name, ())
        return [d for url in urls if (d := self.get(url)) and not d.abstract]

    def depth(self, definition: Definition) -> int:
        """Return how many profiles a profile is derived from, one after the other."""
        base = self.get(definition.base)
        return 1 + self.depth(base) if base and base.derived else 0
