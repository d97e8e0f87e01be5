"""In: the catalogue. Out: products, and the many ways in which sources write one product."""

from __future__ import annotations

import csv
import hashlib
import random
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
NDC = "http://hl7.org/fhir/sid/ndc"
WEEKLY = Decimal("0.142857")
UNITS = {"tablet": "{tbl}", "capsule": "{capsule}", "unit": "[iU]", "puff": "{puff}", "ml": "mL",
         "drop": "{drop}"}  # fmt: skip
Resource = dict[str, Any]


@dataclass(frozen=True)
class Product:
    """One line of the catalogue."""

    ingredient: str
    salt: str
    release: str
    form: str
    strengths: tuple[str, ...]
    unit: str
    brand: str
    group: str
    times: Decimal
    counted: str

    @property
    def is_solid(self) -> bool:
        """Tell whether it is counted in tablets or capsules."""
        return self.counted in ("tablet", "capsule")


@dataclass(frozen=True)
class Taken:
    """A product in one strength, and how it is taken."""

    product: Product
    strength: str
    count: Decimal
    """Tablets, units, puffs or millilitres at a time."""
    times: Decimal
    as_needed: bool = False
    says_how: bool = True

    def but(self, **changes: Any) -> Taken:
        """Return the same with changes."""
        return replace(self, **changes)


@cache
def catalogue() -> tuple[Product, ...]:
    """Return every product."""
    text = (Path(__file__).parent / "catalogue.csv").read_text("utf-8")
    rows = csv.DictReader(line for line in text.splitlines() if not line.startswith("#"))
    return tuple(
        Product(
            row["ingredient"], row["salt"], row["release"], row["form"],
            tuple(row["strengths"].split(";")), row["unit"], row["brand"], row["group"],
            Decimal(row["times"]), row["counted"],
        )
        for row in rows
    )  # fmt: skip


def usual(draw: random.Random, product: Product) -> Taken:
    """Return a product as it is usually taken."""
    count = {"unit": Decimal(draw.randrange(8, 40)), "puff": Decimal(2)}.get(
        product.counted, Decimal(5) if product.counted == "ml" else Decimal(1)
    )
    return Taken(product, draw.choice(product.strengths), count, product.times)


def name_of(taken: Taken, *, salt: bool = True, brand: bool = False, mcg: bool = False) -> str:
    """Return the name of a product as RxNorm forms it."""
    product = taken.product
    hours, _, release = product.release.partition(" HR ")
    begin = f"{hours} HR " if release else ""
    release = f"{release or product.release} " if product.release else ""
    strength, unit = taken.strength, product.unit
    if mcg and unit == "MG":
        strength, unit = f"{(Decimal(strength) * 1000).normalize():f}", "MCG"
    ingredient = (
        f"{product.ingredient} {product.salt}" if salt and product.salt else product.ingredient
    )
    end = f" [{product.brand}]" if brand and product.brand else ""
    return f"{begin}{ingredient} {strength} {unit} {release}{product.form}{end}"


def code_of(name: str) -> str:
    """Return an invented RxCUI: one name, one code, however often it is asked."""
    return str(10_000_000 + int(hashlib.sha256(name.encode()).hexdigest()[:6], 16))


def ndc_of(name: str, pack: int) -> tuple[str, str, str]:
    """Return an invented NDC as three numbers of five, four and two digits."""
    digits = str(int(hashlib.sha256(f"{name} {pack}".encode()).hexdigest(), 16))
    return digits[:5], f"0{digits[5:8]}", digits[8:10]


def concept(draw: random.Random, taken: Taken) -> Resource:
    """Return how one source writes a product: brand or generic, with or without the salt, NDC."""
    if draw.random() < 0.04:  # the code of less than a product: an ingredient, maybe its strength
        less = taken.product.ingredient
        if draw.random() < 0.5:
            less = f"{less} {taken.strength} {taken.product.unit}"
        coding = {"system": RXNORM, "code": code_of(less), "display": less}
        return {"text": less, "coding": [coding]}
    brand = draw.random() < 0.25
    small = Decimal(taken.strength) < 1 and draw.random() < 0.4
    name = name_of(taken, salt=draw.random() < 0.7, brand=brand, mcg=small)
    label = f"{taken.product.ingredient} {taken.strength}{taken.product.unit.lower()}".upper()
    codings = [{"system": RXNORM, "code": code_of(name), "display": name}]
    if draw.random() < 0.35:
        a, b, c = ndc_of(name_of(taken), draw.randrange(2))
        codings.insert(
            draw.randrange(2),
            {
                "system": NDC,
                "code": draw.choice([f"{a}{b}{c}", f"{a}-{b[1:]}-{c}"]),
                "display": label,
            },
        )
    text = draw.choice([name, name, label, name.title()])
    return {"text": text, "coding": codings}


def dosage(draw: random.Random, taken: Taken) -> list[Resource]:
    """Return how one source writes a sig: in words, in numbers, in tablets or in milligrams."""
    if not taken.says_how:
        return draw.choice([[], [{"text": "Use as directed"}]])
    product = taken.product
    words = {"text": _words(draw, taken)}
    if draw.random() < 0.4:
        return [words]
    weekly = taken.times == WEEKLY
    repeat = {"frequency": 1 if weekly else int(taken.times), "period": 1,
              "periodUnit": "wk" if weekly else "d"}  # fmt: skip
    value, unit = taken.count, UNITS[product.counted]
    if product.is_solid and product.unit == "MG" and draw.random() < 0.5:
        value, unit = taken.count * Decimal(taken.strength), "mg"
    found: Resource = {
        "timing": {"repeat": repeat},
        "doseAndRate": [{"doseQuantity": {"value": float(value), "code": unit, "unit": unit}}],
        "asNeededBoolean": taken.as_needed,
    }
    return [found | words] if draw.random() < 0.5 else [found]


def _words(draw: random.Random, taken: Taken) -> str:
    counted = taken.product.counted
    verb = {"unit": "Inject", "puff": "Inhale", "drop": "Instill"}.get(counted, "Take")
    often = {Decimal(1): "once daily", Decimal(2): "twice daily", Decimal(3): "three times a day",
             Decimal(4): "every 6 hours", WEEKLY: "once a week"}[taken.times]  # fmt: skip
    if taken.product.is_solid and draw.random() < 0.3:
        short = {Decimal(1): "QD", Decimal(2): "BID", Decimal(3): "TID", Decimal(4): "QID",
                 WEEKLY: "once weekly"}[taken.times]  # fmt: skip
        prn = " PRN" if taken.as_needed else ""
        return f"{taken.count.normalize():f} {counted[:3]} PO {short}{prn}"
    noun = counted if taken.count == 1 or counted == "ml" else f"{counted}s"
    needed = " as needed" if taken.as_needed else ""
    return f"{verb} {taken.count.normalize():f} {noun} {often}{needed}"
