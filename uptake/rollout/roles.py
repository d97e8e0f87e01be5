"""Who somebody is. In: a role as a list or a form writes it; out: a profession, or unknown."""

from __future__ import annotations

import functools
import re
import tomllib
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from importlib import resources
from typing import Any


class Profession(StrEnum):
    """What a role says of a person's work; `unknown` is never taken for a clinician."""

    PHYSICIAN = "physician"
    NURSE = "nurse"
    PHARMACIST = "pharmacist"
    OTHER_CLINICAL = "other clinical"
    STAFF = "staff"
    IT = "it"
    UNKNOWN = "unknown"

    @property
    def clinical(self) -> bool:
        """Return whether people of this profession care for patients."""
        return self not in (Profession.STAFF, Profession.IT, Profession.UNKNOWN)


@functools.lru_cache(maxsize=10_000)
def profession(role: str) -> Profession:
    """Return the profession a role names: `Ärztin`, `RN, ICU` or `attending physician`.

    Unknown where no word is known, where words of two professions stand together, and where a word
    says that the role is only about a profession ("physician recruiter"). `roles.toml` has the
    words.
    """
    try:
        return Profession(role.strip().casefold())
    except ValueError:
        table = _table()
    found = {p for part in re.split(r"[,;|(]", role) for p in _of_part(_words(part), table)}
    return found.pop() if len(found) == 1 else Profession.UNKNOWN


@dataclass(frozen=True, slots=True)
class _Table:
    """What roles.toml says, by phrases as tuples of words."""

    phrases: dict[tuple[str, ...], Profession]
    alone: dict[tuple[str, ...], Profession]
    longest: int


@functools.cache
def _table() -> _Table:
    path = resources.files("uptake") / "content" / "roles.toml"
    read: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    phrases = {_words(phrase): Profession.UNKNOWN for phrase in read.pop("turns_away")}
    alone: dict[tuple[str, ...], Profession] = {}
    for name, table in read.items():
        phrases |= {_words(phrase): Profession(name) for phrase in table["words"]}
        alone |= {_words(phrase): Profession(name) for phrase in table["alone"]}
    return _Table(phrases, alone, max(map(len, phrases)))


def _of_part(words: tuple[str, ...], table: _Table) -> Iterator[Profession]:
    """Yield the professions that a part of a role names, the longest phrase first."""
    if words in table.alone:
        yield table.alone[words]
        return
    at = 0
    while at < len(words):
        for length in range(min(table.longest, len(words) - at), 0, -1):
            if known := table.phrases.get(words[at : at + length]):
                yield known
                break
        else:
            length = 1
        at += length


def _words(text: str) -> tuple[str, ...]:
    """Return the words of a text without letter case, accents and punctuation; `R.N.` is one."""
    bare = unicodedata.normalize("NFKD", text.replace("ß", "ss").casefold())
    # Only Latin, Greek and Cyrillic lose their marks: in Devanagari they are vowels.
    bare = "".join(c for c in bare if not "\u0300" <= c <= "\u036f")
    bare = re.sub(r"\b(\w)\.(?=\w(\.|\b))", r"\1", unicodedata.normalize("NFC", bare))
    return tuple(re.findall(r"[\w\u0900-\u097f]+", bare))
