"""Which codes a value set holds. In: ValueSet and CodeSystem resources; out: its codes, or None.

None says that the codes cannot be listed from what is at hand: a system without its codes (SNOMED
CT, UCUM), a filter that is not known here, a value set that is missing. A list is given whole or
not at all, because what is not in it is called wrong.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Codes: TypeAlias = frozenset[tuple[str, str]]
"""Pairs of system and code."""

_Resource: TypeAlias = Mapping[str, Any]
_Test: TypeAlias = "Callable[[_Concept], bool]"

_TOO_COSTLY = "http://hl7.org/fhir/StructureDefinition/valueset-toocostly"


@dataclass(slots=True)
class _Concept:
    code: str
    properties: Mapping[str, str]
    above: set[str] = field(default_factory=set)
    """The codes it is a kind of, itself left out."""


class Definitions:
    """The value sets and code systems of some packages; `elsewhere` knows other value sets."""

    def __init__(
        self,
        resources: Iterable[_Resource],
        elsewhere: Callable[[str], Codes | None] = lambda _: None,
    ) -> None:
        self._elsewhere = elsewhere
        self.value_sets: dict[str, _Resource] = {}
        self.code_systems: dict[str, _Resource] = {}
        for resource in resources:
            kind = resource.get("resourceType")
            if kind == "ValueSet":
                self.value_sets.setdefault(resource["url"], resource)
            elif kind == "CodeSystem":
                self.code_systems.setdefault(resource["url"], resource)
        self._concepts: dict[str, dict[str, _Concept] | None] = {}
        self._expanding: set[str] = set()

    def expand(self, url: str) -> Codes | None:
        """Return the codes of a value set; a version after `|` is left out of account."""
        url = url.partition("|")[0]
        value_set = self.value_sets.get(url)
        if value_set is None:
            return self._elsewhere(url)
        if url in self._expanding:  # a value set that includes itself
            return None
        self._expanding.add(url)
        try:
            return self._composed(value_set)
        finally:
            self._expanding.remove(url)

    def _composed(self, value_set: _Resource) -> Codes | None:
        compose = value_set.get("compose")
        if not compose:
            return _listed(value_set.get("expansion"))
        included = [self._part(part) for part in compose.get("include", [])]
        excluded = [self._part(part) for part in compose.get("exclude", [])]
        if not included or None in included or None in excluded:
            return None
        codes: Codes = frozenset().union(*(p for p in included if p is not None))
        return codes.difference(*(p for p in excluded if p is not None))

    def _part(self, part: _Resource) -> Codes | None:
        """Return the codes of an `include` or `exclude`: those that are in all it names."""
        parts = [self.expand(url) for url in part.get("valueSet", [])]
        if "system" in part:
            parts.append(self._of_system(part))
        if not parts or None in parts:
            return None
        return frozenset.intersection(*(p for p in parts if p is not None))

    def _of_system(self, part: _Resource) -> Codes | None:
        system = part["system"]
        if "concept" in part:
            return frozenset((system, c["code"]) for c in part["concept"])
        concepts = self.concepts(system)
        tests = [_test(f) for f in part.get("filter", [])]
        if concepts is None or None in tests:
            return None
        return frozenset(
            (system, c.code)
            for c in concepts.values()
            if all(test(c) for test in tests if test is not None)
        )

    def concepts(self, system: str) -> dict[str, _Concept] | None:
        """Return the concepts of a code system that is complete; None for any other."""
        if system not in self._concepts:
            found = self.code_systems.get(system)
            whole = found is not None and found.get("content") == "complete"
            self._concepts[system] = _read(found) if found and whole else None
        return self._concepts[system]


def concepts_of(system: _Resource) -> Iterator[tuple[_Resource, str | None]]:
    """Yield every concept of a CodeSystem with the code of the one it is nested in."""
    waiting: list[tuple[_Resource, str | None]] = [(c, None) for c in system.get("concept", [])]
    while waiting:
        concept, parent = waiting.pop()
        yield concept, parent
        waiting += [(c, concept["code"]) for c in concept.get("concept", [])]


def properties_of(concept: _Resource) -> dict[str, str]:
    """Return the properties of a concept as texts; the first of those that repeat."""
    found: dict[str, str] = {}
    for entry in concept.get("property", []):
        value = next((v for k, v in entry.items() if k.startswith("value")), None)
        if isinstance(value, dict):
            value = value.get("code")
        text = str(value).lower() if isinstance(value, bool) else str(value)
        found.setdefault(entry["code"], text)
    return found


def _read(system: _Resource) -> dict[str, _Concept]:
    found: dict[str, _Concept] = {}
    parents: dict[str, set[str]] = {}
    for concept, parent in concepts_of(system):
        code = concept["code"]
        found.setdefault(code, _Concept(code, properties_of(concept)))
        above = parents.setdefault(code, set())
        if parent is not None:
            above.add(parent)
        above |= {
            p["valueCode"]
            for p in concept.get("property", [])
            if p["code"] in ("subsumedBy", "parent") and "valueCode" in p
        }
    for code, concept_read in found.items():
        waiting = list(parents[code])
        while waiting:
            parent = waiting.pop()
            if parent not in concept_read.above:
                concept_read.above.add(parent)
                waiting += parents.get(parent, ())
    return found


def _test(entry: _Resource) -> _Test | None:
    """Return what a filter asks of a concept (R4, ValueSet, filter operators); None: not known."""
    name, value = entry["property"], entry.get("value", "")
    hierarchy: dict[str, _Test] = {
        "is-a": lambda c: c.code == value or value in c.above,
        "descendent-of": lambda c: value in c.above,
        "is-not-a": lambda c: c.code != value and value not in c.above,
    }
    if name in ("concept", "code") and entry["op"] in hierarchy:
        return hierarchy[entry["op"]]
    if name in ("parent", "child", "concept"):
        return None

    def of(concept: _Concept) -> str | None:
        return concept.code if name == "code" else concept.properties.get(name)

    tests: dict[str, _Test] = {
        "=": lambda c: of(c) == value,
        "in": lambda c: of(c) in value.split(","),
        "not-in": lambda c: of(c) not in value.split(","),
        "exists": lambda c: (of(c) is not None) == (value == "true"),
        "regex": lambda c: re.fullmatch(value, of(c) or "") is not None,
    }
    return tests.get(entry["op"])


def _listed(expansion: _Resource | None) -> Codes | None:
    """Return the codes of an expansion that a package carries, if it is whole."""
    if not expansion or expansion.get("offset"):
        return None
    if any(e.get("url") == _TOO_COSTLY for e in expansion.get("extension", [])):
        return None
    found: set[tuple[str, str]] = set()
    waiting = list(expansion.get("contains", []))
    while waiting:
        entry = waiting.pop()
        if "code" in entry and not entry.get("abstract"):
            found.add((entry.get("system", ""), entry["code"]))
        waiting += entry.get("contains", [])
    return frozenset(found) if len(found) >= expansion.get("total", 1) else None
