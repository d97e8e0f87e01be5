"""Whether two concepts are one thing. In: codings and a text; out: a `Concept`, and an index.

One code in common, or the same name of two that both have codes, makes them the same. A word in
common makes them alike: then nothing is said, since `gout` may or may not be `gouty arthritis`.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from uptake.reconciliation.allergies import read_allergy
from uptake.reconciliation.conflicts.rules import rules
from uptake.reconciliation.tables import ingredients

if TYPE_CHECKING:
    from uptake.reconciliation.conflicts.model import Coding

_TAG = re.compile(r"\((?:disorder|finding|situation|substance|product|morphologic abnormality)\)")
_WORD = re.compile(r"[^\W_]+")
_LETTERS = 4
"""As many letters make two words alike: gout and gouty, hypertension and hypertensive."""
_SHORTEST = 3
"""A word of fewer letters makes nothing alike."""
_GENERIC = frozenset((
    "acute", "adverse", "allergic", "allergy", "and", "arising", "benign", "chronic",
    "condition", "disease", "disorder", "due", "elevated", "essential", "finding", "following",
    "for", "from", "history", "intolerance", "left", "malignant", "mild", "multiple", "nos",
    "not", "of", "other", "primary", "product", "reaction", "recurrent", "related", "right",
    "secondary", "severe", "situation", "specified", "stage", "status", "substance", "syndrome",
    "the", "type", "unspecified", "with", "without",
))  # fmt: skip
"""Words of half of all names: two that share only these are not alike."""


@dataclass(frozen=True, slots=True)
class Concept:
    """What an allergy is to, or what a problem is."""

    text: str
    codes: frozenset[tuple[str, str]]
    name: tuple[str, ...]
    """The words of its name that tell it from others, in alphabetical order."""
    stems: frozenset[str]
    """The beginnings of its words, and the drugs and groups of drugs that it names."""

    @property
    def systems(self) -> frozenset[str]:
        """Return the systems it is coded in."""
        return frozenset(system for system, _ in self.codes)


@functools.lru_cache(maxsize=20_000)
def read_concept(kind: str, text: str, codings: tuple[Coding, ...]) -> Concept:
    """Return the concept of an `AllergyIntolerance` or a `Condition`."""
    display = next((display for _, _, display in codings if display), "")
    shown = (text or display).strip()
    codes = frozenset((system, code) for system, code, _ in codings if system and code)
    is_allergy = kind == "AllergyIntolerance"
    words = _WORD.findall(_TAG.sub(" ", (display or text).lower()))
    empty = rules().empty_words["allergy" if is_allergy else "problem"]
    said = [w for w in _WORD.findall(f"{text} {display}".lower()) if w.isalpha()]
    stems = {w[:_LETTERS] for w in said if len(w) >= _SHORTEST and w not in _GENERIC}
    if is_allergy:
        stems |= _drugs(shown, codings)
    return Concept(shown, codes, tuple(sorted({*words} - empty)), frozenset(stems))


def _drugs(text: str, codings: Sequence[Coding]) -> set[str]:
    """Return the drugs that an allergy names and their groups: amoxicillin is a penicillin."""
    read = read_allergy("chart", "", "", None, "", text, codings)
    own = (ingredients()[n].allergen for n in read.ingredients if n in ingredients())
    return {f"drug {one}" for one in (*read.ingredients, *read.groups, *own) if one}


class HasConcept(Protocol):
    """Something that is of a concept."""

    @property
    def concept(self) -> Concept:
        """Return what it is of."""


T = TypeVar("T", bound=HasConcept)


@dataclass(slots=True)
class Index(Generic[T]):
    """The entries of one list, found by their concepts: a list may have thousands."""

    entries: Sequence[T]
    _by_code: dict[tuple[str, str], list[int]] = field(init=False, default_factory=dict)
    _by_name: dict[tuple[str, ...], list[int]] = field(init=False, default_factory=dict)
    _stems: set[str] = field(init=False, default_factory=set)
    _systems: set[frozenset[str]] = field(init=False, default_factory=set)

    def __post_init__(self) -> None:
        """Read the entries."""
        for at, entry in enumerate(self.entries):
            concept = entry.concept
            for code in concept.codes:
                self._by_code.setdefault(code, []).append(at)
            if concept.codes and concept.name:
                self._by_name.setdefault(concept.name, []).append(at)
            self._stems |= concept.stems
            self._systems.add(concept.systems)

    def same(self, concept: Concept) -> list[T]:
        """Return the entries of the same concept, in their order."""
        found = {at for code in concept.codes for at in self._by_code.get(code, ())}
        if concept.codes and concept.name:
            found.update(self._by_name.get(concept.name, ()))
        return [self.entries[at] for at in sorted(found)]

    def lacks(self, concept: Concept) -> bool:
        """Tell whether it is sure that no entry is of it: all can be compared, and none is alike.

        An entry can be compared with a concept where both have a code of one system.
        """
        if not concept.codes or self._stems & concept.stems:
            return False
        return all(systems & concept.systems for systems in self._systems)
