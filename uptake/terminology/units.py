"""What a unit means. In: the code or the unit text of a Quantity; out: the UCUM code, or None.

The words are in `content/terminology/units.toml`; here is how a text is taken apart to find them.
"""

from __future__ import annotations

import functools
import re
import tomllib
from dataclasses import dataclass
from importlib import resources
from typing import Any

from uptake.terminology import systems
from uptake.terminology.check_digits import UCUM
from uptake.terminology.ucum import is_ucum

_POWER = re.compile(r"[x*]?10(?:\*\*|[\^*e]|(?=\())\(?([0-9]{1,2})\)?(/.+)\Z")
"""`x10E3/uL`, `10**9/L`, `10(6)/mcL`, after folding."""

_RAISED = {"10³": "10^3", "10⁶": "10^6", "10⁹": "10^9", "10¹²": "10^12"}
_FOLDED = str.maketrans({"µ": "u", "μ": "u", "²": "2", "³": "3", "×": "x", "°": "deg"})
_LARGE = re.compile(r"(?:\A|/)[MGPT][A-Za-z]")
_MOLAR = re.compile(r"[mnpuµμ]M(?![A-Za-z])")
_LONGEST = 60


@dataclass(frozen=True, slots=True)
class _Words:
    """What units.toml says; the keys of `whole` and `part` are folded."""

    unclear: frozenset[str]
    meant: dict[str, str]
    whole: dict[str, str]
    part: dict[str, str]
    counted: frozenset[str]


@functools.cache
def _words() -> _Words:
    path = resources.files("uptake") / "content" / "terminology" / "units.toml"
    read: dict[str, Any] = tomllib.loads(path.read_text("utf-8"))
    return _Words(
        unclear=frozenset(read["unclear"]),
        meant=read["meant"],
        whole={_fold(text): code for text, code in read["whole"].items()},
        part={_fold(text): code for text, code in read["part"].items()},
        counted=frozenset(read["counted"]["words"]),
    )


def suggest(unit: str | None, system: str | None, code: str | None) -> str | None:
    """Return the UCUM code that a Quantity's unit means, itself if it is sent; None if not known.

    The code is asked first, then the unit text; a code of another system than UCUM is not read as
    UCUM, where 258797006 would be a number.
    """
    foreign = system is not None and systems.canonical(system) != UCUM
    for text in (None if foreign else code, unit):
        if text and (found := meaning(text)):
            return found
    return None


@functools.lru_cache(maxsize=10_000)
def meaning(text: str) -> str | None:
    """Return the UCUM code that a text means; None if it is not known or could be either of two.

    No patient is measured in megagrams or petagrams: where a text is UCUM with so large a prefix
    and read without its letter case is a common unit (MG, Ml, PG/ML), that is meant. A litre is L.
    """
    text = text.strip()
    words = _words()
    if text in words.meant:
        return words.meant[text]
    if not text or text in words.unclear or len(text) > _LONGEST:
        return None
    if text != "1" and text.isdecimal():
        return None
    found = _read(text)
    if not is_ucum(text):
        return found
    litre = found is not None and found.replace("L", "l") == text.replace("L", "l")
    return found if found and (litre or _LARGE.search(text)) else text


def _read(text: str) -> str | None:
    """Return the code of a text as it is read without its letter case."""
    if _MOLAR.search(text):  # mM/L: folded it would be a millimetre
        return None
    key = _fold(text)
    found = _words().whole.get(key)
    if found is None and (power := _POWER.match(key)):
        rest = _parts(power.group(2))
        found = f"10*{power.group(1)}{rest}" if rest else None
    if found is None:
        found = _parts(key)
    return found if found and is_ucum(found) else None


def _parts(key: str) -> str | None:
    """Return the code of a text between whose solidi every part is known: `mcg/dl`, `#/hpf`."""
    head, *rest = key.split("/")
    words = _words()
    if rest and head in words.counted:
        codes = [""]
    elif head in words.part:
        codes = [words.part[head]]
    else:
        return None
    for part in rest:
        if part not in words.part:
            return None
        codes.append(words.part[part])
    return "/".join(codes)


def _fold(text: str) -> str:
    """Return a text without what writers vary: letter case, spaces, a dot at the end, signs."""
    for raised, power in _RAISED.items():
        text = text.replace(raised, power)
    text = text.translate(_FOLDED).casefold().replace(" per ", "/")
    return re.sub(r"\s+", "", text).rstrip(".")
