"""The rules of a definition, and which of them are judged. In: a definition; out: a row a rule.

What is not judged is named with its reason: nothing is called valid because nobody looked.
"""

from __future__ import annotations

from collections.abc import Iterator

from uptake.conformance.bindings import CODED, ValueSets
from uptake.conformance.definitions import (
    BASE,
    Binding,
    Constraint,
    Definition,
    Definitions,
    Element,
)
from uptake.conformance.elements import Unsupported
from uptake.conformance.fhirpath import compile_expression
from uptake.conformance.issues import Rule
from uptake.conformance.judge import NATIVE, least, most, target_type
from uptake.conformance.matching import Slices


def rules_of(definition: Definition, definitions: Definitions, value_sets: ValueSets) -> list[Rule]:
    """Return every rule of a definition: of R4's own also those of the datatypes it uses."""
    if definition.derived:
        return list(_rules(definition, definitions, value_sets, set()))
    found: list[Rule] = []
    waiting, seen = [definition], {definition.url}
    while waiting:
        one = waiting.pop()
        found += _rules(one, definitions, value_sets, set())
        for element in one.root.walk():
            for type_ in element.types:
                inner = definitions.get(BASE + type_.code)
                if inner and inner.url not in seen and inner.kind != "resource":
                    seen.add(inner.url)
                    waiting.append(inner)
    return found


def _rules(
    definition: Definition, definitions: Definitions, value_sets: ValueSets, seen: set[str]
) -> Iterator[Rule]:
    seen.add(definition.url)
    yield from _structure(definition)
    for element in definition.root.walk():
        at_root = element is definition.root
        yield from _own(element, definition, definitions, value_sets)
        for constraint in element.constraints:
            yield _invariant(element, constraint, at_root=at_root)
        for type_ in element.types if definition.derived else ():
            for url in type_.profiles:
                inner = definitions.get(url)
                if inner is None:
                    yield Rule(element.id, "type", url, "the profile is not here")
                elif inner.derived and url not in seen:
                    yield from _rules(inner, definitions, value_sets, seen)


def _structure(definition: Definition) -> Iterator[Rule]:
    """Yield what is asked of every value of a type: its form, and that its elements are known."""
    if definition.derived:
        return
    if definition.kind == "primitive-type":
        reason = "XHTML is not checked" if definition.type == "xhtml" else ""
        yield Rule(definition.type, "format", definition.type, reason)
    else:
        yield Rule(definition.type, "unknown-element", definition.type)


def _own(
    element: Element, definition: Definition, definitions: Definitions, value_sets: ValueSets
) -> Iterator[Rule]:
    if element is not definition.root and ":" not in element.id.rpartition(".")[2]:
        if element.low:
            yield Rule(element.id, "cardinality", least(element))
        if element.high is not None and (definition.derived or element.high != 1):
            yield Rule(element.id, "cardinality", most(element))
    if element.expected:
        yield Rule(element.id, element.expected.kind, element.id)
    if element.binding:
        reason = _unlisted(element, element.binding, value_sets)
        yield Rule(element.id, "binding", element.id, reason)
    if definition.derived and element.types and element is not definition.root:
        yield Rule(element.id, "type", element.id)
    targets = [url for t in element.types for url in t.targets]
    if targets:
        unknown = [u for u in targets if target_type(u, definitions) is None]
        reason = f"the profile {unknown[0]} is not here" if unknown else ""
        yield Rule(element.id, "reference", element.id, reason)
        if any(not url.startswith(BASE) for url in targets):
            reason = "whether the resource there follows the profile is judged at that resource"
            yield Rule(element.id, "reference", f"{element.id} profile", reason)
    if element.slices:
        yield from _slices(element, value_sets)


def _unlisted(element: Element, binding: Binding, value_sets: ValueSets) -> str:
    """Return why a binding is not judged."""
    if value_sets.get(binding.value_set) is None:
        return f"the codes of {binding.value_set} cannot be listed here"
    if element.types and not any(t.code in CODED for t in element.types):
        return f"codes in {element.types[0].code} are not looked at"
    return ""


def _slices(element: Element, value_sets: ValueSets) -> Iterator[Rule]:
    try:
        Slices(element, value_sets)
        reason = ""
    except Unsupported as unsupported:
        reason = str(unsupported)
    for name, inner in element.slices.items():
        if inner.low or inner.high is not None:
            within = "slices of a slice are not told apart" if "/" in name else ""
            yield Rule(inner.id, "slice", inner.id, reason or within)
    if element.slicing and element.slicing.closed:
        yield Rule(element.id, "slice", element.id, reason)


def _invariant(element: Element, constraint: Constraint, *, at_root: bool) -> Rule:
    reason = ""
    if constraint.key not in NATIVE:
        try:
            expression = compile_expression(constraint.expression)
            if expression.whole and not at_root:
                reason = "it looks at the whole resource from an element inside"
        except Unsupported as unsupported:
            reason = str(unsupported)
    return Rule(element.id, "invariant", constraint.key, reason)
