"""What of a name is compared. In: a text as it was sent; out: its normal form.

What is no part of a name (titles, generation, newborns, placeholders) is taken away. Which words
are that, and which names are forms of one name, stands in reference tables, not here.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from uptake.identity.spelling import LONGEST, ordered, plain, sound

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database


class FamilyName(NamedTuple):
    """The normal form of a surname; None where the text holds no name."""

    family: str | None = None
    family_sound: str | None = None
    family_all: tuple[str, ...] | None = None
    suffix: str | None = None
    newborn: bool = False


class GivenName(NamedTuple):
    """The normal form of given names; None where the texts hold no name."""

    given: str | None = None
    middle: str | None = None
    given_sound: str | None = None
    given_all: tuple[str, ...] | None = None
    given_roots: tuple[str, ...] | None = None
    given_known: bool | None = None
    suffix: str | None = None
    newborn: bool = False


NO_FAMILY, NO_GIVEN = FamilyName(), GivenName()


def with_later(first: GivenName, later: GivenName) -> GivenName:
    """Return the form of a first given name and the further ones that were sent beside it.

    Where the first says nothing, the next is the given name.
    """
    if later == NO_GIVEN:
        return first
    shown = first if first.given else later
    return shown._replace(
        middle=first.middle or (later.given if first.given else later.middle),
        given_all=ordered((*(first.given_all or ()), *(later.given_all or ()))),
        suffix=first.suffix or later.suffix,
        newborn=first.newborn,
    )


@dataclass(frozen=True, slots=True)
class NameWords:
    """What words in names mean: the reference tables, ready to be looked up."""

    nobody: frozenset[str]
    """Texts that are no name as a whole: unknown, baby boy, md."""
    noise: frozenset[str]
    """Words that are no part of a name wherever they stand: dr, baby."""
    generations: Mapping[str, str]
    """jr, sr, ii … by the words for it that stand beside a name: junior, 2nd."""
    suffixes: Mapping[str, str]
    """The same for what stands in a suffix by itself, where v is the fifth and no initial."""
    newborns: frozenset[str]
    """Texts that name a newborn as a whole."""
    newborn_words: frozenset[str]
    """Words that name a newborn at the beginning of a text."""
    particles: frozenset[str]
    endings: Mapping[str, tuple[str, int]]
    """What the ending of a surname becomes, and the letters that must stand before it."""
    longest: int
    """Letters of the longest ending."""
    family_roots: Mapping[str, list[str]]
    given_roots: Mapping[str, list[str]]
    known: frozenset[str]
    """Given names that somebody is known to have."""

    def family(self, text: str) -> FamilyName:
        """Return the form of a surname."""
        whole = plain(text[:LONGEST])
        words, suffix = self._told(whole)
        newborn = self._is_newborn(whole)
        if not words:
            return FamilyName(newborn=newborn)
        core = [word for word in words if word not in self.particles] or words
        name = "".join(core)
        every = [*core, name, "".join(words)]
        for word in core:
            stem = self._stem(word)
            every.append(stem)
            every += self.family_roots.get(word, ())
            every += self.family_roots.get(stem, ())
        every = [word for word in every if len(word) > 1]
        return FamilyName(name, sound(name), ordered(every), suffix, newborn)

    def given(self, text: str) -> GivenName:
        """Return the form of a first given name, and of what stands with it in one text."""
        whole = plain(text[:LONGEST])
        words, suffix = self._told(whole)
        return self._given(words, suffix, newborn=self._is_newborn(whole))

    def later(self, text: str) -> GivenName:
        """Return the form of further given names: there a generation may be the only word."""
        words, suffix = self._told(plain(text[:LONGEST]), later=True)
        return self._given(words, suffix, newborn=False)

    def generation(self, text: str) -> str | None:
        """Return the generation that a whole suffix means."""
        return self.suffixes.get(plain(text[:LONGEST]))

    def _given(self, words: list[str], suffix: str | None, *, newborn: bool) -> GivenName:
        if not words:
            return GivenName(suffix=suffix, newborn=newborn)
        first, middle = words[0], words[1] if len(words) > 1 else None
        roots = [first, *self.given_roots.get(first, ())]
        if middle:
            roots += self.given_roots.get(" ".join(words), ())
        every = ordered([*words, "".join(words)])
        known = first in self.known
        return GivenName(first, middle, sound(first), every, ordered(roots), known, suffix, newborn)

    def _told(self, whole: str, *, later: bool = False) -> tuple[list[str], str | None]:
        """Return the words of a plain text that are names, and the generation among them.

        The first word is a generation only in a later text: as a whole surname Junior is a name.
        """
        words: list[str] = []
        suffix = None
        if whole in self.nobody or not whole.islower():  # it has no letter
            return words, suffix
        for n, word in enumerate(whole.split()):
            if (n or later) and word in self.generations:
                suffix = max(suffix or "", self.generations[word])
            elif word not in self.noise:
                words.append(word)
        return words, suffix

    def _is_newborn(self, whole: str) -> bool:
        return whole in self.newborns or whole.partition(" ")[0] in self.newborn_words

    def _stem(self, word: str) -> str:
        """Return a surname with its longest ending as all spellings of it have it."""
        for length in range(min(self.longest, len(word)), 0, -1):
            becomes, least = self.endings.get(word[-length:], ("", 0))
            if becomes and len(word) - length >= least:
                return word[:-length] + becomes
        return word


def read_name_words(db: Database) -> NameWords:
    """Return what the reference tables say of names."""
    words = db.rows("select word, kind, means, alone from name_word")

    def of(*kinds: str) -> frozenset[str]:
        return frozenset(word for word, kind, *_ in words if kind in kinds)

    beside = [(word, kind, means) for word, kind, means, alone in words if alone is False]
    endings = {e: (b, s) for e, b, s in db.rows("select ending, becomes, stem from family_ending")}
    variants = db.rows("select variant, root from given_variant")
    variants += [(root, root) for _, root in variants]
    particles = db.rows("select particle from name_particle")
    names = db.rows("select word from given_name")
    return NameWords(
        nobody=of("placeholder", "newborn", "honorific"),
        noise=frozenset(word for word, kind, _ in beside if kind != "suffix"),
        generations={word: means for word, kind, means in beside if kind == "suffix"},
        suffixes={word: means for word, kind, means, _ in words if kind == "suffix"},
        newborns=of("newborn"),
        newborn_words=frozenset(word for word, kind, _ in beside if kind == "newborn"),
        particles=frozenset(word for (text,) in particles for word in text.split()),
        endings=endings,
        longest=max(map(len, endings), default=0),
        family_roots=_roots(db.rows("select variant, root from family_variant")),
        given_roots=_roots(variants),
        known=frozenset(name for name, _ in variants) | {name for (name,) in names},
    )


def _roots(rows: Iterable[tuple[str, str]]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = defaultdict(list)
    for variant, root in rows:
        found[variant].append(root)
    return dict(found)
