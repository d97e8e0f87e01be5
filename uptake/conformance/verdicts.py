"""Judge the shapes of a load. In: shapes and definitions; out: issues and coverage by shape.

Each element of a shape is judged once by each definition, whatever it stands in; only what looks at
the whole resource is judged shape by shape.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from uptake.conformance.coverage import populated, supported
from uptake.conformance.elements import names_at
from uptake.conformance.fit import best_fit, shared_rules
from uptake.conformance.judge import Judge
from uptake.conformance.shapes import TypeShapes, elements_of

if TYPE_CHECKING:
    from uptake.conformance.bindings import ValueSets
    from uptake.conformance.definitions import Definition, Definitions
    from uptake.conformance.issues import Issue


@dataclass(frozen=True, slots=True)
class Verdict:
    """What one definition says of a shape."""

    profile: str
    claimed: bool = False
    best_fit: bool = False
    judged: bool = True
    """False for a claimed profile whose definition is not here."""
    issues: tuple[Issue, ...] = ()
    populated: frozenset[str] = frozenset()
    """Of a best fit: the must-support elements that are there, by their ids."""


@dataclass(slots=True)
class _Shape:
    """A shape as it is judged: the resource that stands for it, and its elements."""

    resource: dict[str, Any]
    parts: dict[str, dict[str, Any]]
    keys: dict[str, tuple[int, ...]]
    """By element: the numbers of its fields; equal numbers are judged alike."""


class Verdicts:
    """Judges shapes; keeps the verdict on every element."""

    def __init__(self, definitions: Definitions, value_sets: ValueSets) -> None:
        self.definitions = definitions
        self.value_sets = value_sets
        self.judges: dict[str, Judge] = {}
        self._common: dict[str, frozenset[str]] = {}
        self._issues: dict[tuple[str, str, tuple[int, ...]], tuple[Issue, ...]] = {}
        self._populated: dict[tuple[str, str, tuple[int, ...]], frozenset[str]] = {}

    def on(self, shapes: TypeShapes, fields: tuple[int, ...]) -> Iterator[Verdict]:
        """Yield what R4, each claimed profile and the best fit say of a shape."""
        shape = self._shape(shapes, fields)
        base = self.definitions.base(shapes.type)
        yield Verdict(base.url, issues=tuple(self._judge(base, shapes, shape)))
        claimed: set[str] = set()
        for claim in sorted(_claims(shape.resource)):
            profile = self._claimed(claim, shapes.type)
            if profile is None:
                yield Verdict(claim, claimed=True, judged=False)
            elif profile.url != base.url:
                claimed.add(profile.url)
        best = best_fit(shapes.candidates, self.value_sets, _Evidence(self, shapes, shape))
        if best is None and (verdict := self._shared(shapes, shape)):
            yield verdict
        for url in sorted(claimed | ({best.url} if best else set())):
            definition = self.definitions.profile(url)
            is_best = best is not None and url == best.url
            issues = tuple(self._judge(definition, shapes, shape))
            found = self._present(definition, shapes, shape) if is_best else frozenset()
            yield Verdict(
                url, claimed=url in claimed, best_fit=is_best, issues=issues, populated=found
            )

    def _claimed(self, claim: str, resource_type: str) -> Definition | None:
        """Return the definition that a claim names, in its version; None if it is not here."""
        url, _, version = claim.partition("|")
        found = self.definitions.get(url)
        if found is None or found.type != resource_type:
            return None
        return None if version and found.version and version != found.version else found

    def _shared(self, shapes: TypeShapes, shape: _Shape) -> Verdict | None:
        """Return the verdict by what all profiles of US Core want, whichever it should follow."""
        if shapes.type not in self._common:
            keys = shared_rules(shapes.candidates, self.definitions, self.value_sets)
            self._common[shapes.type] = keys
        keys = self._common[shapes.type]
        if not keys:
            return None
        issues = self._judge(shapes.candidates[0].definition, shapes, shape)
        kept = tuple(i for i in issues if i.key in keys)
        return Verdict(any_profile(shapes.type), best_fit=True, issues=kept)

    def _shape(self, shapes: TypeShapes, fields: tuple[int, ...]) -> _Shape:
        names = {key: field.element for key, field in names_at(shapes.type).items()}
        numbers: dict[str, list[int]] = {}
        for number in fields:
            name = names.get(shapes.values[number][0].removeprefix("_"))
            if name is not None:
                numbers.setdefault(name, []).append(number)
        resource = shapes.resource(fields)
        keys = {name: tuple(found) for name, found in numbers.items()}
        return _Shape(resource, elements_of(resource, names), keys)

    @property
    def common(self) -> dict[str, frozenset[str]]:
        """By resource type: the keys of what all its US Core profiles want."""
        return self._common

    def judge(self, definition: Definition) -> Judge:
        """Return what judges by a definition."""
        found = self.judges.get(definition.url)
        if found is None:
            found = Judge(definition, self.definitions, self.value_sets)
            self.judges[definition.url] = found
        return found

    def _judge(self, definition: Definition, shapes: TypeShapes, shape: _Shape) -> Iterator[Issue]:
        yield from self.judge(definition).root(shape.resource)
        for element in shape.parts:
            yield from self.element(definition, element, shapes, shape) or ()

    def element(
        self, definition: Definition, element: str, shapes: TypeShapes, shape: _Shape
    ) -> tuple[Issue, ...] | None:
        """Return the issues of an element, None if the shape has no such element."""
        if element not in shape.parts:
            return None
        key = (definition.url, f"{shapes.type}.{element}", shape.keys[element])
        if key not in self._issues:
            judge = self.judge(definition)
            self._issues[key] = tuple(judge.element(element, shape.parts[element]))
        return self._issues[key]

    def _present(self, definition: Definition, shapes: TypeShapes, shape: _Shape) -> frozenset[str]:
        wanted = {e.name for e in definition.root.children.values() if supported(e)}
        found: set[str] = set()
        for element in wanted & shape.parts.keys():
            key = (definition.url, f"{shapes.type}.{element}", shape.keys[element])
            if key not in self._populated:
                judge = self.judge(definition)
                self._populated[key] = populated(judge, element, shape.parts[element])
            found |= self._populated[key]
        return frozenset(found)


@dataclass(frozen=True, slots=True)
class _Evidence:
    """What verdicts know of one shape; see `fit.Evidence`."""

    verdicts: Verdicts
    shapes: TypeShapes
    shape: _Shape

    def issues(self, definition: Definition, element: str) -> tuple[Issue, ...] | None:
        if not _has_codes(self.shape.parts.get(element, {}).get(element)):
            return None
        return self.verdicts.element(definition, element, self.shapes, self.shape)

    def slices(self, definition: Definition, element: str) -> frozenset[str]:
        part = self.shape.parts.get(element)
        judge = self.verdicts.judge(definition)
        return frozenset() if part is None else judge.slices_of(element, part)


def _has_codes(value: Any) -> bool:
    """Tell whether a concept, or one of several, has a code."""
    if isinstance(value, list):
        return any(map(_has_codes, value))
    return isinstance(value, dict) and any(
        isinstance(c, dict) and c.get("code") for c in value.get("coding") or ()
    )


def any_profile(resource_type: str) -> str:
    """Return what stands for a profile where a record fits none: what all of them want."""
    return f"any US Core profile of {resource_type}"


def _claims(resource: dict[str, Any]) -> set[str]:
    """Return the profiles that a resource says it follows, as it writes them."""
    meta = resource.get("meta")
    profiles = meta.get("profile") if isinstance(meta, dict) else None
    if not isinstance(profiles, list):
        return set()
    return {p for p in profiles if isinstance(p, str) and p.strip()}
