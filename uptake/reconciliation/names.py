"""Names of drugs. In: the name of an RxNorm product; out: ingredients, strengths, release, route.

The grammar is RxNorm's own: `[24 HR] ingredient strength [/ ingredient strength] form [[Brand]]`.
A name that it does not read in full is not read at all: ingredients without a strength, packs,
brands and a pharmacy's own labels say too little to tell two products apart.
https://www.nlm.nih.gov/research/umls/rxnorm/docs/appendix5.html
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
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
_LESS = re.compile(
    rf"(?P<name>[a-z][a-z0-9 ,-]*?)(?: (?P<value>{_NUMBER}) (?P<unit>{_UNIT}))?", re.IGNORECASE
)
_SALTS = frozenset(
    ["hydrochloride", "hcl", "dihydrochloride", "hydrobromide", "bromide", "chloride", "iodide",
     "sodium", "disodium", "potassium", "dipotassium", "calcium", "magnesium", "sulfate",
     "bisulfate", "phosphate", "nitrate", "acetate", "lactate", "oxalate", "succinate", "malate",
     "maleate", "fumarate", "hemifumarate", "tartrate", "bitartrate", "hemitartrate", "citrate",
     "gluconate", "aspartate", "saccharate", "benzoate", "stearate", "pamoate", "embonate",
     "xinafoate", "mesylate", "dimesylate", "besylate", "besilate", "tosylate", "ditosylate",
     "napsylate", "camsylate", "esylate", "edisylate", "isethionate", "hyclate", "ethylsuccinate",
     "medoxomil", "cilexetil", "axetil", "proxetil", "pivoxil", "etexilate", "tromethamine",
     "meglumine", "olamine", "erbumine", "arginine", "lysine", "monohydrate", "dihydrate",
     "trihydrate", "hemihydrate", "sesquihydrate", "anhydrous"]
)  # fmt: skip
"""Salts and prodrugs of one moiety. Esters that make another drug of it are none of these: the
propionate and the furoate of fluticasone, depot decanoates, both tenofovirs."""
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
_FORMS = (
    ("patch", "patch"), ("transdermal", "patch"), ("injection", "injection"),
    ("injector", "injection"), ("injectable", "injection"), ("syringe", "injection"),
    ("cartridge", "injection"), ("inhaler", "inhaler"), ("inhalation", "inhaler"),
    ("inhalant", "inhaler"), ("suppository", "suppository"), ("cream", "cream"),
    ("ointment", "cream"), ("gel", "cream"), ("lotion", "cream"), ("spray", "spray"),
    ("tablet", "pill"), ("capsule", "pill"), ("lozenge", "pill"), ("film", "film"),
    ("granules", "granules"), ("powder", "granules"), ("suspension", "liquid"),
    ("solution", "liquid"), ("syrup", "liquid"), ("elixir", "liquid"), ("liquid", "liquid"),
)  # fmt: skip
"""A word of the form, and its group: a tablet for a capsule is the same to the patient."""
_TO_MG = {"g": Decimal(1000), "mg": Decimal(1), "mcg": Decimal("0.001"), "ng": Decimal("0.000001")}


@dataclass(frozen=True, slots=True)
class Component:
    """One ingredient of a product."""

    ingredient: str
    """Without its salt, in small letters: `metoprolol`."""
    release: str
    """`extended`, `delayed` or empty: a salt counts as its ingredient only within one of these."""
    route: str
    """Empty where the name has no form: then the release is not known, either."""
    amount: Decimal | None
    """None where the name has no strength."""
    unit: str
    """`mg` for any mass, also `mg/ml`; else as RxNorm has it, in small letters."""
    form: str = ""
    """The group of dose forms: `pill`, `liquid`, `injection`; empty where it is not known."""
    hours: str = ""
    """How long an extended release lasts, where the name says so: 12 and 24 are two products."""
    strength: str = field(init=False, default="")
    """The strength as text that is equal when strengths are, empty where it is not known."""
    key: str = field(init=False, default="")
    """What two entries share when they are one drug."""

    def __post_init__(self) -> None:
        """Make the two texts once: they are compared for every person of a run."""
        if self.amount is not None:
            object.__setattr__(self, "strength", f"{self.amount.normalize():f} {self.unit}")
        object.__setattr__(self, "key", f"{self.ingredient}|{self.release}|{self.route}")

    def is_formed_as(self, other: Component) -> bool:
        """Tell whether both are of one route, release and form, as far as their names say."""
        if self.hours and other.hours and self.hours != other.hours:
            return False
        return (self.route, self.release, self.form) == (other.route, other.release, other.form)


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
    release = _release(form, extended=hours is not None)
    names = _ingredients([part["name"] for part in found])
    return tuple(
        Component(
            name,
            release,
            route_of(form),
            *_amount(part["value"], part["unit"]),
            form_of(form),
            hours or "",
        )
        for name, part in zip(names, found, strict=True)
    )


def read_ingredients(text: str, known: Collection[str]) -> tuple[Component, ...]:
    """Return the components of a name that lacks form or strength, as RxNorm's less than products.

    Every ingredient must be a `known` one, or nothing is read: a brand looks alike.
    """
    name = _BRAND.sub("", " ".join(text.split()))
    pieces = [_LESS.fullmatch(piece) for piece in name.split(" / ")]
    found = [piece for piece in pieces if piece]
    names = _ingredients([piece["name"] for piece in found])
    if not found or len(found) < len(pieces) or any(name not in known for name in names):
        return ()
    amounts = [_amount(p["value"], p["unit"]) if p["value"] else (None, "") for p in found]
    return tuple(
        Component(name, "", "", amount, unit)
        for name, (amount, unit) in zip(names, amounts, strict=True)
    )


def route_of(form: str) -> str:
    """Return the way a drug of this form is taken; the form itself where no word of it says so."""
    return next((way for word, way in _ROUTES if word in form), form)


def form_of(form: str) -> str:
    """Return the group of a dose form; the form itself where no word of it says so."""
    return next((group for word, group in _FORMS if word in form), form)


def _ingredients(names: Sequence[str]) -> list[str]:
    """Return ingredients without their salts, with them where two salts are in one product."""
    whole = [name.lower() for name in names]
    bases = [_without_salt(name) for name in whole]
    twice = {base for base, count in Counter(bases).items() if count > 1}
    return [name if base in twice else base for name, base in zip(whole, bases, strict=True)]


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


def possible_ndcs(ndc: str) -> frozenset[str]:
    """Return the NDCs of eleven digits that ten without hyphens may stand for; none of others."""
    if len(ndc) != 10 or not ndc.isdigit():
        return frozenset()
    return frozenset((f"0{ndc}", f"{ndc[:5]}0{ndc[5:]}", f"{ndc[:9]}0{ndc[9:]}"))
