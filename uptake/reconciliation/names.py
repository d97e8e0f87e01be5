"""Names of drugs. In: the name of an RxNorm product; out: ingredients, strengths, release, route.

The grammar is RxNorm's own: `[24 HR] ingredient strength [/ ingredient strength] form [[Brand]]`.
A name that it does not read in full is not read at all: ingredients without a strength, packs,
brands and a pharmacy's own labels say too little to tell two products apart.
https://www.nlm.nih.gov/research/umls/rxnorm/docs/appendix5.html
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal

_NUMBER = r"[0-9]+(?:\.[0-9]+)?"
_UNIT = (
    r"(?:(?:MG|MCG|G|NG|ML|UNT|UNITS|MEQ|MMOL|%|ACTUAT|CELLS|PFU)"
    r"(?:/(?:[0-9.]+ ?)?(?:MG|ML|ACTUAT|HR|G))?)"
)
_FIRST = re.compile(
    rf"(?:(?:A?NDA|BLA)[0-9]+ )?(?:(?P<hours>{_NUMBER}) HR |{_NUMBER} (?:ML|ACTUAT|MG|G) )*",
    re.IGNORECASE,
)
_BRAND = re.compile(r"\s*\[[^\[\]]*\]$")
_PART = re.compile(
    rf"(?P<name>[a-z][^/]*?) (?P<value>{_NUMBER}) (?P<unit>{_UNIT})(?: (?P<form>[a-z][a-z -]*))?$",
    re.IGNORECASE,
)
_SALTS = frozenset(
    ["hydrochloride", "hcl", "sodium", "potassium", "calcium", "magnesium", "succinate", "tartrate",
     "bitartrate", "besylate", "maleate", "mesylate", "fumarate", "acetate", "phosphate", "sulfate",
     "citrate", "hydrobromide", "bromide", "nitrate", "tosylate", "medoxomil", "cilexetil",
     "axetil", "etexilate", "dihydrate", "monohydrate", "trihydrate", "hemihydrate", "anhydrous"]
)  # fmt: skip
_ELEMENTS = frozenset(
    ["aluminum", "ammonium", "barium", "bismuth", "calcium", "ferric", "ferrous", "lithium",
     "magnesium", "potassium", "silver", "sodium", "zinc"]
)  # fmt: skip
"""What a mineral is bound to makes another drug: potassium citrate is not potassium chloride."""
_ROUTES = (
    ("ophthalmic", "eye"), ("otic", "ear"), ("nasal", "nose"), ("inhal", "inhaled"),
    ("vaginal", "vaginal"), ("rectal", "rectal"), ("transdermal", "through the skin"),
    ("topical", "on the skin"), ("sublingual", "under the tongue"), ("buccal", "in the cheek"),
    ("inject", "injected"), ("syringe", "injected"), ("cartridge", "injected"),
    ("oral", "by mouth"), ("chewable", "by mouth"), ("tablet", "by mouth"), ("capsule", "by mouth"),
)  # fmt: skip
"""A word of the form, and the way the drug is taken; the first that is met counts."""
_TO_MG = {"g": Decimal(1000), "mg": Decimal(1), "mcg": Decimal("0.001"), "ng": Decimal("0.000001")}


@dataclass(frozen=True, slots=True, order=True)
class Component:
    """One ingredient of a product."""

    ingredient: str
    """Without its salt, in small letters: `metoprolol`."""
    release: str
    """`extended`, `delayed` or empty: a salt counts as its ingredient only within one of these."""
    route: str
    amount: Decimal
    unit: str
    """`mg` for any mass, also `mg/ml`; else as RxNorm has it, in small letters."""

    @property
    def strength(self) -> str:
        """Return the strength as text that is equal when strengths are."""
        return f"{self.amount.normalize():f} {self.unit}"


def read_name(text: str) -> tuple[Component, ...]:
    """Return the components of a product, none when the name is not read in full."""
    name = _BRAND.sub("", " ".join(text.split()))
    first = _FIRST.match(name)
    hours = first["hours"] if first else None
    parts = [_PART.match(part) for part in name[first.end() if first else 0 :].split(" / ")]
    found = [part for part in parts if part]
    if len(found) < len(parts) or not found[-1]["form"] or any(p["form"] for p in found[:-1]):
        return ()
    form = found[-1]["form"].lower()
    route = next((way for word, way in _ROUTES if word in form), form)
    release = _release(form, extended=hours is not None)
    names = [part["name"].lower() for part in found]
    bases = [_without_salt(name) for name in names]
    twice = {base for base, count in Counter(bases).items() if count > 1}
    return tuple(
        Component(
            name if base in twice else base, release, route, *_amount(part["value"], part["unit"])
        )
        for name, base, part in zip(names, bases, found, strict=True)
    )


def _release(form: str, *, extended: bool) -> str:
    if "delayed release" in form:
        return "delayed"
    return "extended" if extended or "extended release" in form else ""


def _without_salt(name: str) -> str:
    words = name.split()
    if words[0] in _ELEMENTS:
        return name
    while len(words) > 1 and words[-1] in _SALTS:
        words.pop()
    return " ".join(words)


def _amount(value: str, unit: str) -> tuple[Decimal, str]:
    """Return a strength in milligrams, or in what its unit counts."""
    mass, slash, per = unit.lower().replace("units", "unt").partition("/")
    factor = _TO_MG.get(mass)
    if factor is None:
        return Decimal(value), mass + slash + per
    return Decimal(value) * factor, "mg" + slash + per


def eleven_digits(ndc: str) -> str:
    """Return an NDC as eleven digits, as it was sent when its ten have no hyphens to tell how."""
    parts = ndc.split("-")
    if len(parts) == 3 and all(p.isdigit() for p in parts):
        return "".join(p.zfill(n) for p, n in zip(parts, (5, 4, 2), strict=True))
    return ndc
