"""Texts in small Latin letters, so that two ways to write one meet. In: a text; out: a text."""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Iterable

from anyascii import anyascii

LONGEST = 120
"""Characters of a name or a line that are read: a longer one is no name."""
BLANKS = " \u00a0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u202f\u205f\u3000"
"""What DuckDB's `trim` takes away: the blanks of Unicode, category Zs."""

_SIGNS = dict.fromkeys(range(128), " ")
_SIGNS |= {ord(sign): sign.lower() for sign in string.ascii_letters + string.digits}
_PLAIN = str.maketrans(_SIGNS | dict.fromkeys(map(ord, "'`")))
_SOUNDS = str.maketrans("cqgzwdbp", "kkksvtvv", "aeiouyjh")
"""Consonants that are written for each other; vowels, and what is written for one, are left out."""


def plain(text: str) -> str:
    """Return a text as words of small Latin letters and digits, parted by one blank each.

    Other alphabets are transliterated, accents dropped; O'Brien is one word.
    """
    if not (text.isascii() and text.isprintable()):
        text = anyascii("".join(filter(_is_spelt, text)))
    return " ".join(text.translate(_PLAIN).split())


def _is_spelt(sign: str) -> bool:
    """Tell whether a sign is part of a name: a letter, its accent, a digit, a hyphen, a blank."""
    return unicodedata.category(sign)[0] in "LMNPZ"


def sound(word: str) -> str:
    """Return what a plain word sounds like: its first letter, and up to four consonants."""
    rest = word[1:].replace("ph", "f").replace("ck", "k").replace("x", "ks")
    return (word[:1] + rest.translate(_SOUNDS))[:5]


def small(text: str) -> str:
    """Return a text in small letters without blanks around it, sign by sign as DuckDB does."""
    if text.isascii():
        return text.strip(" ").lower()
    return "".join(sign.lower()[0] for sign in text.strip(BLANKS))


def ordered(texts: Iterable[str]) -> tuple[str, ...]:
    """Return each text once, in order: as the macro `ordered` does."""
    return tuple(sorted(set(texts)))
