"""FHIR element paths as definitions write them. In: a path; out: what is wrong with it, if so."""

from __future__ import annotations

import difflib
import re

from uptake import r4

_OF_TYPE = re.compile(r"\.?([A-Za-z]+)\.ofType\(\s*([A-Za-z]+)\s*\)")


def json_path(path: str) -> str:
    """Return a path with its types in JSON names: `Observation.valueQuantity` for `.ofType(…)`.

    FHIR R4, 2.1.24.1: a choice's JSON name is the element's with the type behind it.
    """
    return _OF_TYPE.sub(lambda m: f".{m[1]}{m[2][0].upper()}{m[2][1:]}", path)


def flat_name(resource_type: str) -> str:
    """Return the name of a type's flat table: `MedicationRequest` gives `medication_request`."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", resource_type).lower()


def element_fault(path: str) -> str:
    """Return what is wrong with an element path and what to do, empty if R4 has it.

    `*.code` is any resource's code, `Coding.system` any Coding's system.
    """
    plain = json_path(path)
    first, _, rest = plain.partition(".")
    starts = sorted(r4.resource_types()) if first == "*" else [first]
    if rest and any(r4.fields_at(f"{start}.{rest}") for start in starts):
        return ""
    if not rest:
        return f"{path!r} names no element; write a path, as in Observation.code"
    if first != "*" and not _is_type(first):
        near = difflib.get_close_matches(first, r4.resource_types(), 1)
        hint = f"did you mean {near[0]}?" if near else "begin with a resource type, a datatype or *"
        return f"R4 has no type {first!r}, in {path!r}; {hint}"
    return f"R4 has no element {path!r}; {_nearest_step(first, rest)}"


def _is_type(name: str) -> bool:
    try:
        r4.node(name)
    except KeyError:
        return False
    return True


def _nearest_step(first: str, rest: str) -> str:
    """Return advice for the first step of a path that R4 lacks."""
    if first == "*":
        return "name an element that some resource type has"
    walked = first
    for step in rest.split("."):
        if not r4.fields_at(f"{walked}.{step}"):
            nodes = (
                [r4.node(f.type) for f in r4.fields_at(walked)]
                if "." in walked
                else [r4.node(first)]
            )
            names = {name for n in nodes for f in n.fields for name in (f.element, f.json_name)}
            near = difflib.get_close_matches(step, sorted(names), 1)
            return f"did you mean {walked}.{near[0]}?" if near else f"{walked} has no {step!r}"
        walked = f"{walked}.{step}"
    return "look it up in the specification"
