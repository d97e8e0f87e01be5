"""What a drug is. In: the codes and names of a load or of one patient; out: a `Drug` each concept.

A code has one meaning in a load, whatever single resources call it: the name a release gives it,
else the commonest readable one. Only RxNorm's names have a grammar; every other code equals itself.
"""

from __future__ import annotations

import functools
import itertools
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

from uptake.reconciliation.names import (
    Component,
    eleven_digits,
    possible_ndcs,
    read_ingredients,
    read_name,
)
from uptake.reconciliation.tables import high_alert_pattern, ingredients, named
from uptake.terminology.systems import canonical

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
NDC = "http://hl7.org/fhir/sid/ndc"
ATC = "http://www.whocc.no/atc"
_ATC = re.compile(r"[A-Z][0-9]{2}[A-Z]{2}[0-9]{2}")
_WORD = re.compile(r"[a-z][a-z-]+")
_TELLING = 4
"""Letters of a word of a name that another text can be searched for."""

Coding = tuple[str, str, str]
"""System, code and display, as sent."""


class Basis(IntEnum):
    """What a drug is known by, the surest first."""

    PRODUCT = 0
    """The name of a product, read in full."""
    INGREDIENT = 1
    """A name without form or strength."""
    CODE = 2
    """A code of RxNorm or NDC that has no name which can be read: equal to itself."""
    LOCAL = 3
    """Another code."""
    TEXT = 4
    """No code: never matched by itself."""


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a code stands for."""

    basis: Basis
    identity: str
    label: str
    parts: tuple[Component, ...] = ()


@dataclass(frozen=True, slots=True)
class Drug:
    """What one entry of a list is of."""

    name: str
    basis: Basis
    identity: str
    """The canonical system and the code it is known by; empty of a text."""
    parts: tuple[Component, ...]
    codes: frozenset[str]
    """The identities of all its codes."""
    maybe: frozenset[str]
    """NDCs of eleven digits that one of ten may be: a suggestion, never a match."""
    hints: frozenset[str]
    """Ingredients that the words of an unread name may mean."""
    classes: frozenset[str]
    """Of ATC codes, the group of the fourth level; of others the class of drugs.csv."""
    high_alert: bool
    known_by: tuple[str, str] = ("", "")
    """System and code, as sent, that the drug is known by."""
    read_as: str = ""
    """What that code is called."""

    @property
    def is_read(self) -> bool:
        """Tell whether its ingredients are known."""
        return bool(self.parts)


class Lexicon:
    """The meanings of the codes of a load."""

    def __init__(
        self, concepts: Mapping[tuple[Coding, ...], int], released: Mapping[tuple[str, str], str]
    ) -> None:
        """Learn from every concept and how often it came; `released` names codes for sure."""
        names: dict[tuple[str, str], Counter[str]] = {}
        for codings, count in concepts.items():
            for system, code, display in codings:
                names.setdefault((system, code), Counter())[display] += count
        self._meanings = {
            key: meaning(*key, _ordered(found, released.get(key, "")))
            for key, found in names.items()
        }
        self._add_synonyms(concepts)

    def _add_synonyms(self, concepts: Iterable[tuple[Coding, ...]]) -> None:
        """Give an unread code the product it always came with: an NDC beside one RxNorm code.

        A code of RxNorm keeps its own meaning: an ingredient is no product it stands beside.
        """
        beside: dict[tuple[str, str], dict[str, Meaning]] = {}
        for codings in concepts:
            known = [self._meanings[(system, code)] for system, code, _ in codings]
            products = {m.identity: m for m in known if m.basis is Basis.PRODUCT}
            for (system, code, _), one in zip(codings, known, strict=True):
                if one.basis >= Basis.CODE and _canonical(system) != RXNORM:
                    beside.setdefault((system, code), {}).update(products)
        for key, products in beside.items():
            if len(products) == 1:
                self._meanings[key] = next(iter(products.values()))

    def drug(self, text: str, codings: Sequence[Coding]) -> Drug | None:
        """Return what a concept is of; None where it has neither a name nor a code."""
        known = sorted(
            ((self._meanings[(c[0], c[1])], c) for c in codings),
            key=lambda m: (m[0].basis, m[0].identity, m[1]),
        )
        best, by = known[0] if known else (Meaning(Basis.TEXT, "", ""), ("", "", ""))
        name = text or best.label
        if not name:
            return None
        codes = frozenset(_identity(system, code) for system, code, _ in codings)
        groups = (
            f"ATC {code[:5]}"
            for system, code, _ in codings
            if _canonical(system) == ATC and _ATC.fullmatch(code)
        )
        own = (ingredients()[p.ingredient].drug_class for p in best.parts
               if p.ingredient in ingredients())  # fmt: skip
        said = " ".join([name, best.label, *(p.ingredient for p in best.parts)]).lower()
        return Drug(
            name,
            best.basis,
            best.identity,
            best.parts,
            codes | ({best.identity} - {""}),
            frozenset(
                f"{NDC}|{one}"
                for system, code, _ in codings
                if _canonical(system) == NDC
                for one in possible_ndcs(code)
            ),
            frozenset() if best.parts else hints(said),
            frozenset(c for c in (*own, *groups) if c),
            bool(high_alert_pattern().search(said)),
            (by[0], by[1]),
            best.label,
        )


def meaning(system: str, code: str, names: Sequence[str]) -> Meaning:
    """Return what a code stands for; `names` are tried in their order."""
    known = _canonical(system)
    identity = _identity(system, code)
    label = next((name for name in names if name), "")
    if known == RXNORM:
        for name in names:
            if parts := read_name(name):
                return Meaning(Basis.PRODUCT, identity, name, parts)
    if known in (RXNORM, ATC):
        for name in names:
            if parts := read_ingredients(name, ingredients().keys()):
                return Meaning(Basis.INGREDIENT, identity, name, parts)
    return Meaning(Basis.CODE if known in (RXNORM, NDC) else Basis.LOCAL, identity, label)


@functools.lru_cache(maxsize=20_000)
def hints(text: str) -> frozenset[str]:
    """Return the ingredients that words of a text name, by themselves or as a brand."""
    words = _WORD.findall(text)
    pairs = (" ".join(two) for two in itertools.pairwise(words))
    return frozenset(named()[word] for word in (*words, *pairs) if word in named())


@functools.lru_cache(maxsize=20_000)
def telling_words(ingredient: str) -> tuple[str, ...]:
    """Return the words of an ingredient that a text can be searched for."""
    return tuple(w for w in re.split(r"[ ,/]+", ingredient) if len(w) >= _TELLING)


def _ordered(names: Counter[str], released: str) -> list[str]:
    """Return what a code is called, the surest first."""
    sent = sorted(names, key=lambda name: (-names[name], name))
    return [released, *sent] if released else sent


@functools.lru_cache(maxsize=1_000)
def _canonical(system: str) -> str:
    return canonical(system) or system


def _identity(system: str, code: str) -> str:
    known = _canonical(system)
    return f"{known}|{eleven_digits(code) if known == NDC else code}"
