"""How a laboratory's name is read. In: a name as sent; out: its words, specimen and hints.

The words are in `content/terminology/lab_words.toml`.
"""

from __future__ import annotations

import functools
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import resources
from typing import Any

_SIGNS = {"%": " percent ", "#": " count ", "'": ""}
_APART = re.compile(r"[^a-z0-9+]+")
_PLURAL = re.compile(r"(?<=[a-z]{3}[a-rt-z])s\b")


@dataclass(frozen=True, slots=True)
class Reading:
    """A name, taken apart."""

    written: str
    """Its words, without those that only say where or how."""
    meant: str
    """LOINC's words for some of them; empty where none is known."""
    unread: str
    """The written words that no meaning is known of."""
    hints: frozenset[str]
    """Properties that its words speak for."""
    whole: str
    """All its words, folded."""


@dataclass(frozen=True, slots=True)
class _Words:
    """What lab_words.toml says, by folded words."""

    meant: Mapping[str, str]
    longest: int
    hints: Mapping[str, str]
    aside: frozenset[str]
    """Single words that say where a thing is measured, or nothing."""
    specimens: Mapping[str, str]
    systems: Mapping[str, tuple[str, ...]]
    within: Mapping[str, str]


@functools.lru_cache(maxsize=10_000)
def fold(text: str) -> str:
    """Return a text's words in lower case, without signs and without the s of a plural."""
    text = text.lower()
    for sign, word in _SIGNS.items():
        text = text.replace(sign, word)
    return _PLURAL.sub("", _APART.sub(" ", text).strip())


@functools.lru_cache(maxsize=10_000)
def read_name(name: str) -> Reading:
    """Return what a name says; a name of nothing but specimen and method keeps all its words."""
    words, whole = _words(), fold(name)
    said = _phrases(whole.split())
    core = [w for w in whole.split() if w not in words.hints and w not in words.aside]
    read = {w for phrase in said if phrase in words.meant for w in phrase.split()}
    return Reading(
        written=" ".join(core) or whole,
        meant=" ".join(dict.fromkeys(words.meant[p] for p in said if p in words.meant)),
        unread=" ".join(w for w in core if w not in read),
        hints=frozenset(words.hints[p] for p in said if p in words.hints),
        whole=whole,
    )


@functools.lru_cache(maxsize=10_000)
def specimen_said(specimen: str, name: str) -> str | None:
    """Return where a thing is measured, as its specimen says, or else its name; None: neither does.

    A name may be closer than the specimen (`arterial`, of blood); it does not contradict it.
    """
    first, second = _narrowest(specimen), _narrowest(name)
    if first is None or (second and _words().within.get(second) == first):
        return second
    return first


def usual_system(prop: str) -> str | None:
    """Return LOINC's system in which a property is mostly measured where a name says none."""
    found: str | None = _table()["usual"].get(prop)
    return found


def agreement(specimen: str | None, system: str) -> float | None:
    """Return how a specimen agrees with a system of LOINC: 1 the same, 0.5 one holds the other.

    0 where one of them is not told; None where they are two.
    """
    there = _words().systems.get(system, ())
    if specimen is None or not there:
        return 0.0
    within = _words().within
    if specimen in there:
        return 1.0
    held = any(within.get(one) == specimen or within.get(specimen) == one for one in there)
    return 0.5 if held else None


def ranking() -> Mapping[str, float]:
    """Return the weights that suggestions are ranked with."""
    found: Mapping[str, float] = _table()["ranking"]
    return found


def _narrowest(text: str) -> str | None:
    """Return the specimen that a text names; of two the one that the other holds, or the first."""
    words = _words()
    said = [words.specimens[p] for p in _phrases(fold(text).split()) if p in words.specimens]
    held = [one for one in said if words.within.get(one) in said]
    return next(iter([*held, *said]), None)


def _phrases(words: list[str]) -> list[str]:
    """Return every run of words that may stand in the table, in order."""
    longest = _words().longest
    return [
        " ".join(words[at:end])
        for at in range(len(words))
        for end in range(at + 1, min(at + longest, len(words)) + 1)
    ]


@functools.cache
def _words() -> _Words:
    table = _table()
    specimens = table["specimen"]
    meant = {fold(phrase): fold(said) for phrase, said in table["words"].items()}
    where = {fold(w): s["name"] for s in specimens for w in s["words"]}
    return _Words(
        meant=meant,
        longest=max(len(phrase.split()) for phrase in meant),
        hints={fold(w): prop for prop, words in table["hints"].items() for w in words},
        aside=frozenset([w for phrase in where for w in phrase.split()])
        | {fold(w) for w in table["empty"]["words"]},
        specimens=where,
        systems={
            code: tuple(s["name"] for s in specimens if code in s["systems"])
            for code in {code for s in specimens for code in s["systems"]}
        },
        within={s["name"]: s["within"] for s in specimens if "within" in s},
    )


@functools.cache
def _table() -> dict[str, Any]:
    path = resources.files("uptake") / "content" / "terminology" / "lab_words.toml"
    return tomllib.loads(path.read_text("utf-8"))
