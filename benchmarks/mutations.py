"""In: a FHIR resource. Out: copies of it, each with one fault of a known kind.

Made of what the resource has, so that the same faults can be put into any set of examples. The
kinds are those of `conformance_issue`; a fault may break more than one rule.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from typing import Any

from uptake import r4

Json = dict[str, Any]
Faulty = tuple[str, Json]
"""The kind of fault, and the resource with it."""

PLAIN = {"string": "x", "boolean": True, "integer": 1, "decimal": 1.5}


def mutations(resource: Json) -> Iterator[Faulty]:
    """Yield every fault that can be put into a resource, in a fixed order."""
    for make in MUTATIONS:
        yield from make(resource)


def changed(resource: Json, change: Callable[[Json], object]) -> Json:
    """A copy with a change."""
    other = copy.deepcopy(resource)
    change(other)
    return other


def no_required_element(resource: Json) -> Iterator[Faulty]:
    """Without one of the elements that R4 wants at its root."""
    for field in r4.node(resource["resourceType"]).fields:
        if field.min and field.json_name in resource:
            yield (
                "cardinality",
                changed(resource, lambda r, n=field.json_name: r.pop(n)),  # type: ignore[misc]
            )


def an_unknown_element(resource: Json) -> Iterator[Faulty]:
    """With an element that R4 does not have, at the root and inside."""
    yield "unknown-element", resource | {"favouriteColour": "blue"}
    for name, value in resource.items():
        if isinstance(value, list) and value and isinstance(value[0], dict):
            inner = value[0] | {"favouriteColour": "blue"}
            if name not in ("contained", "extension"):
                yield "unknown-element", resource | {name: [inner, *value[1:]]}
                return


def two_of_a_choice(resource: Json) -> Iterator[Faulty]:
    """With a second value of a choice that has one."""
    for field in r4.node(resource["resourceType"]).fields:
        if field.json_name != field.element and field.json_name in resource:
            for other in r4.node(resource["resourceType"]).of_element(field.element):
                if other.type in PLAIN and other.json_name not in resource:
                    yield "type", resource | {other.json_name: PLAIN[other.type]}
                    return


def a_wrong_code(resource: Json) -> Iterator[Faulty]:
    """With a code outside a list that R4 requires."""
    for field in r4.node(resource["resourceType"]).fields:
        sent = isinstance(resource.get(field.json_name), str)
        if field.type == "code" and sent and field.json_name != "language":
            yield "binding", resource | {field.json_name: "no-such-code"}


def a_wrong_format(resource: Json) -> Iterator[Faulty]:
    """With an id or a date that none is."""
    yield "format", resource | {"id": "not an id"}
    for field in r4.node(resource["resourceType"]).fields:
        if field.type in ("date", "dateTime", "instant") and field.json_name in resource:
            yield "format", resource | {field.json_name: "in March"}


def a_wrong_target(resource: Json) -> Iterator[Faulty]:
    """With a reference to a type that R4 does not allow there."""
    for field in r4.node(resource["resourceType"]).fields:
        target = {"reference": "Binary/1"}
        any_type = not field.targets or {"Binary", "Resource"} & set(field.targets)
        if field.type == "Reference" and field.json_name in resource and not any_type:
            value = [target] if field.many else target
            yield "reference", resource | {field.json_name: value}


def a_broken_invariant(resource: Json) -> Iterator[Faulty]:
    """With elements that may not stand together."""
    kind = resource["resourceType"]
    if kind == "Observation" and any(k.startswith("value") for k in resource):
        yield "invariant", resource | {"dataAbsentReason": {"text": "unknown"}}
    if kind == "Observation":
        yield "invariant", resource | {"referenceRange": [{"appliesTo": [{"text": "all"}]}]}
    if kind in ("Patient", "Practitioner", "Organization", "RelatedPerson"):
        yield "invariant", resource | {"telecom": [{"value": "1"}]}
    yield "invariant", resource | {"extension": [{"url": "http://x.org/empty"}]}


def a_profile_unkept(resource: Json) -> Iterator[Faulty]:
    """Without what US Core wants beyond R4: a category, a subject, an identifier."""
    for name in ("category", "subject", "identifier", "name", "gender", "requester", "type"):
        fields = r4.node(resource["resourceType"]).of_element(name)
        if name in resource and fields and not fields[0].min:
            yield "profile", changed(resource, lambda r, n=name: r.pop(n))  # type: ignore[misc]


def a_modifier(resource: Json) -> Iterator[Faulty]:
    """With an extension that may turn the meaning and that nobody explains."""
    fields = r4.node(resource["resourceType"]).of_element("modifierExtension")
    if fields:
        not_known = {"url": "http://x.org/not", "valueBoolean": True}
        yield "extension", resource | {"modifierExtension": [not_known]}


MUTATIONS: tuple[Callable[[Json], Iterator[Faulty]], ...] = (
    no_required_element,
    an_unknown_element,
    two_of_a_choice,
    a_wrong_code,
    a_wrong_format,
    a_wrong_target,
    a_broken_invariant,
    a_profile_unkept,
    a_modifier,
)
