"""Which profile of US Core a resource should follow. In: its code and category; out: one profile.

What a resource claims does not count. A profile names itself by what it wants of `code` and
`category`: body weight by its LOINC code, a laboratory result by its category, a blood pressure by
both. A code it wants says more than a category; of two that fit alike, the one derived from the
other. A profile that others are derived from (vital signs) takes codes beside those it lists. Where
a type has one profile, that is it; where several are left, none is chosen.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import TYPE_CHECKING, Protocol

from uptake.conformance.packages import US_CORE
from uptake.conformance.rules import rules_of

if TYPE_CHECKING:
    from uptake.conformance.bindings import ValueSets
    from uptake.conformance.definitions import Definition, Definitions, Element
    from uptake.conformance.issues import Issue

NAMING = ("code", "category")
_BY_CODE = 4
_KINDS = frozenset(["binding", "fixed", "pattern", "slice", "cardinality"])


@dataclass(frozen=True, slots=True)
class Candidate:
    """A profile that a resource of its type may have to follow."""

    definition: Definition
    depth: int
    general: bool
    """True if another is derived from it."""
    only_by_code: bool
    """True if other things have its category, too."""


@functools.cache
def _known() -> Mapping[str, list[str]]:
    path = resources.files("uptake") / "content" / "conformance.toml"
    told: Mapping[str, list[str]] = tomllib.loads(path.read_text("utf-8"))["us_core"]
    return told


def candidates(resource_type: str, definitions: Definitions) -> tuple[Candidate, ...]:
    """Return the profiles of US Core for a resource type."""
    known = _known()
    found = [
        d
        for d in definitions.profiles(resource_type)
        if d.url.startswith(US_CORE) and d.url not in known["only_if_claimed"]
    ]
    bases = {d.base for d in found}
    return tuple(
        Candidate(d, definitions.depth(d), d.url in bases, d.url in known["only_by_code"])
        for d in found
    )


def names_itself(definition: Definition, element: str, value_sets: ValueSets) -> bool:
    """Tell whether a profile wants certain codes at `code` or `category` that are known here."""
    child = definition.root.children.get(element)
    return child is not None and _is_naming(child, value_sets)


def _is_naming(element: Element, value_sets: ValueSets) -> bool:
    if element.expected or (element.binding and value_sets.get(element.binding.value_set)):
        return True
    wanted = [s for s in element.slices.values() if s.low > 0]
    return any(_is_naming(e, value_sets) for e in (*wanted, *element.children.values()))


class Evidence(Protocol):
    """What is known of a resource, or of a shape, by the definitions that may fit it."""

    def issues(self, definition: Definition, element: str) -> tuple[Issue, ...] | None:
        """Return the issues of an element; None where the resource has no code there."""

    def slices(self, definition: Definition, element: str) -> frozenset[str]:
        """Return the slices of an element that the resource has."""


def best_fit(
    known: tuple[Candidate, ...], value_sets: ValueSets, evidence: Evidence
) -> Definition | None:
    """Return the profile that fits best, None where none does or it cannot be told which."""
    if len(known) == 1:
        return known[0].definition
    ranked: dict[tuple[int, int], list[Definition]] = {}
    for candidate in known:
        score = _score(candidate, value_sets, evidence)
        if score:
            ranked.setdefault((score, candidate.depth), []).append(candidate.definition)
    if not ranked or (max(ranked)[0] < _BY_CODE and _is_open(known, value_sets, evidence)):
        return None
    best = ranked[max(ranked)]
    return best[0] if len(best) == 1 else None


def shared_rules(
    known: tuple[Candidate, ...], definitions: Definitions, value_sets: ValueSets
) -> frozenset[str]:
    """Return the keys of what every profile of a type wants at least once.

    A record that fits no single profile can still be told to lack these: whichever it is, US Core
    makes them mandatory.
    """
    wanted = [
        {r.key for r in rules_of(c.definition, definitions, value_sets) if r.kind == "cardinality"}
        for c in known
    ]
    return frozenset.intersection(*map(frozenset, wanted)) if wanted else frozenset()


def _score(candidate: Candidate, value_sets: ValueSets, evidence: Evidence) -> int:
    """Return 4 for the code a profile wants, 2 more for its category, or 1 for one it may have.

    0 if it wants another code, or another category and says nothing of the code.
    """
    code, category = (_holds(candidate, e, value_sets, evidence) for e in NAMING)
    if code is False or (not code and (category is False or candidate.only_by_code)):
        return 0
    optional = category is None and _has_optional(candidate.definition, value_sets, evidence)
    return _BY_CODE * bool(code) + 2 * bool(category) + optional


def _is_open(known: tuple[Candidate, ...], value_sets: ValueSets, evidence: Evidence) -> bool:
    """Tell whether a profile that only its code tells may be meant: its codes are not here."""
    return any(
        c.only_by_code
        and _holds(c, "code", value_sets, evidence) is None
        and _holds(c, "category", value_sets, evidence) is True
        for c in known
    )


def _holds(
    candidate: Candidate, element: str, value_sets: ValueSets, evidence: Evidence
) -> bool | None:
    """Tell whether the resource has the code or category a profile wants; None: it wants none."""
    if not names_itself(candidate.definition, element, value_sets):
        return None
    found = evidence.issues(candidate.definition, element)
    if found is None:
        return None if candidate.general else False
    issues = [i for i in found if i.kind in _KINDS]
    if issues and candidate.general and all(i.severity == "warning" for i in issues):
        return None
    return not issues


def _has_optional(definition: Definition, value_sets: ValueSets, evidence: Evidence) -> bool:
    """Tell whether the resource has a category that the profile names but does not insist on."""
    child = definition.root.children.get("category")
    if child is None:
        return False
    met = evidence.slices(definition, "category")
    return any(_is_naming(s, value_sets) for name, s in child.slices.items() if name in met)
