"""Who the patients are. In: a seed; out: persons with names, addresses and long-term conditions."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import TYPE_CHECKING

from uptake.demo.hospital.codes import MRN, TERMINOLOGY
from uptake.demo.hospital.drugs import TREATMENT
from uptake.demo.hospital.fhir import AS_OF, coding

if TYPE_CHECKING:
    from uptake.demo.hospital.fhir import Resource

# Women's names, men's names, family names, by the communities of the city.
NAMES = (
    (
        ("Olivia", "Margaret", "Ruth", "Hannah", "Claire", "Dorothy"),
        ("Thomas", "Henry", "William", "George", "Daniel", "Patrick"),
        ("Sullivan", "Hartley", "Bennett", "Caldwell", "Whitmore", "Lindgren"),
    ),
    (
        ("Guadalupe", "María Elena", "Ximena", "Rosa", "Lucía", "Carmen"),
        ("José Luis", "Alejandro", "Miguel", "Ramón", "Esteban", "Javier"),
        ("Hernández", "Villaseñor", "Ortega", "Castañeda", "Ríos", "Maldonado"),
    ),
    (
        ("Keisha", "Imani", "Denise", "Loretta", "Tamika", "Ebony"),
        ("Marcus", "Darnell", "Isaiah", "Reginald", "Terrence", "Malik"),
        ("Washington", "Booker", "Gaines", "Broussard", "Pettway", "Freeman"),
    ),
    (
        ("Mei", "Xiaoling", "Hui", "Lan", "Thuy", "Soo-jin"),
        ("Wei", "Jun", "Hao", "Minh", "Duc", "Sung-ho"),
        ("Chen", "Zhang", "Nguyen", "Tran", "Park", "Liu"),
    ),
    (
        ("Priya", "Anjali", "Fatima", "Ayesha", "Lakshmi", "Noor"),
        ("Arjun", "Vikram", "Imran", "Rajesh", "Omar", "Sanjay"),
        ("Patel", "Krishnan", "Siddiqui", "Rahman", "Iyer", "Qureshi"),
    ),
    (
        ("Agnieszka", "Małgorzata", "Zofia", "Oksana", "Danuta", "Halina"),
        ("Krzysztof", "Wojciech", "Tadeusz", "Mykola", "Zbigniew", "Piotr"),
        ("Kowalczyk", "Nowicki", "Wiśniewski", "Shevchenko", "Zieliński", "Mazur"),
    ),
    (
        ("Amara", "Ngozi", "Tigist", "Abena", "Hodan", "Folake"),
        ("Chidi", "Kwame", "Dawit", "Emeka", "Abdi", "Tunde"),
        ("Okafor", "Mensah", "Tesfaye", "Adeyemi", "Warsame", "Boateng"),
    ),
)
TOWNS = (
    ("Chicago", "60614"),
    ("Evanston", "60201"),
    ("Oak Park", "60302"),
    ("Cicero", "60804"),
    ("Skokie", "60076"),
    ("Berwyn", "60402"),
    ("Chicago", "60625"),
    ("Chicago", "60616"),
)
STREETS = (
    "Maple Ave",
    "Oakton St",
    "Ridge Ave",
    "Harlem Ave",
    "Lincoln Ave",
    "Wabash Ave",
    "Devon Ave",
    "Cermak Rd",
    "Halsted St",
    "Dempster St",
    "Foster Ave",
    "Racine Ave",
)
AREA_CODES = ("312", "773", "847", "708", "630")


@dataclass(frozen=True, slots=True)
class Person:
    """Someone who does not exist."""

    number: str
    family: str
    given: tuple[str, str]
    gender: str
    birth: date
    mrn: str
    line: str
    town: tuple[str, str]
    phone: str
    diseases: tuple[str, ...]
    drugs: tuple[str, ...]
    """What they take at home, as the hospital knows it."""

    @property
    def age(self) -> int:
        """Full years on the as-of date."""
        today = AS_OF.date()
        return (
            today.year
            - self.birth.year
            - ((today.month, today.day) < (self.birth.month, self.birth.day))
        )


def stream(seed: int, *parts: object) -> random.Random:
    """Return a source of random numbers of its own, so one part never shifts another."""
    return random.Random("/".join(str(p) for p in (seed, *parts)))  # noqa: S311 -- not a secret


def _diseases(rng: random.Random, age: int) -> tuple[str, ...]:
    later = max(0.0, min(1.0, (age - 25) / 50))
    risk = {
        "hypertension": 0.10 + 0.55 * later,
        "hyperlipidemia": 0.08 + 0.50 * later,
        "fibrillation": 0.18 * later * later,
        "heart failure": 0.14 * later * later,
        "copd": 0.12 * later,
        "hypothyroidism": 0.04 + 0.08 * later,
        "depression": 0.12,
        "reflux": 0.06 + 0.12 * later,
        "arthritis": 0.35 * later * later,
    }
    if age < 18:
        return ("asthma",) if rng.random() < 0.2 else ()
    found = [d for d, p in risk.items() if rng.random() < p]
    if "copd" not in found and rng.random() < 0.08:
        found.append("asthma")
    return tuple(found)


def _drugs(rng: random.Random, diseases: tuple[str, ...]) -> tuple[str, ...]:
    chosen: dict[str, None] = {}
    for disease in diseases:
        if options := TREATMENT.get(disease):
            chosen |= dict.fromkeys(rng.choice(options))
    return tuple(chosen)


def person(seed: int, number: int) -> Person:
    """Return the person of that number; the same for the same seed, whoever else is asked for."""
    rng = stream(seed, "person", number)
    women, men, families = NAMES[number % len(NAMES)]
    female = rng.random() < 0.53
    pool = women if female else men
    first, second = rng.sample(pool, 2)
    age = rng.randint(3, 17) if rng.random() < 0.12 else int(rng.triangular(19, 92, 63))
    birth = AS_OF.date() - timedelta(days=int(age * 365.25) + rng.randint(30, 330))
    diseases = _diseases(rng, age)
    phone = f"{AREA_CODES[number // 100 % 5]}-555-{100 + number % 100:04d}"
    return Person(
        f"{number:04d}",
        rng.choice(families),
        (first, second),
        "female" if female else "male",
        birth,
        f"LH{1_000_003 + number * 617:07d}",
        f"{100 + rng.randint(1, 89) * 10 + number % 10} {rng.choice(STREETS)}",
        rng.choice(TOWNS),
        phone,
        diseases,
        (),
    )


def with_diseases(who: Person, seed: int, *, diabetic: bool) -> Person:
    """Return the person with diabetes or without, and with the drugs of all their diseases."""
    diseases = ("diabetes", *who.diseases) if diabetic else who.diseases
    return replace(
        who, diseases=diseases, drugs=_drugs(stream(seed, "drugs", who.number), diseases)
    )


def identifier(kind: str, label: str, system: str, value: str) -> Resource:
    """Return an identifier typed by HL7 table 0203."""
    return {
        "use": "usual",
        "type": {"coding": [coding(TERMINOLOGY + "v2-0203", kind, label)]},
        "system": system,
        "value": value,
    }


def patient(who: Person, *own: Resource) -> Resource:
    """Return the Patient with the hospital's record number and the sender's own, if it has one."""
    city, postal = who.town
    return {
        "identifier": [identifier("MR", "Medical record number", MRN, who.mrn), *own],
        "active": True,
        "name": [{"use": "official", "family": who.family, "given": list(who.given)}],
        "telecom": [{"system": "phone", "value": who.phone, "use": "home"}],
        "gender": who.gender,
        "birthDate": who.birth.isoformat(),
        "address": [
            {
                "use": "home",
                "line": [who.line],
                "city": city,
                "state": "IL",
                "postalCode": postal,
                "country": "US",
            }
        ],
    }
