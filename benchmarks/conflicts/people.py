"""In: a seed. Out: pairs of records of one patient each, with one conflict planted or none.

Conflicts are written from docs/conflicts.md, not from what the engine does. Beside what is planted
both sides hold the same problems, allergies and results. Where the outside has an entry that the
chart has, three in ten are coded in another way: the system's OID, another code system, a text.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

Resource = dict[str, Any]
SNOMED, LOINC = "http://snomed.info/sct", "http://loinc.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD_10 = "http://hl7.org/fhir/sid/icd-10-cm"
UCUM = "http://unitsofmeasure.org"

ALLERGENS = (
    ("91936005", "Allergy to penicillin", "70618", "Penicillin"),
    ("293586001", "Allergy to aspirin", "1191", "Aspirin"),
    ("1003755004", "Allergy to latex", "", "Latex"),
    ("91935009", "Allergy to peanut", "", "Peanut"),
    ("300913006", "Allergy to shellfish", "", "Shellfish"),
    ("417532002", "Allergy to fish", "", "Fish"),
    ("420174000", "Allergy to wheat", "", "Wheat"),
)
"""SNOMED CT's finding and its name; RxNorm's substance and its name."""
PROBLEMS = (
    ("90560007", "Gout", "M10.9", "Gout, unspecified"),
    ("195967001", "Asthma", "J45.909", "Unspecified asthma, uncomplicated"),
    ("38341003", "Hypertensive disorder", "I10", "Essential (primary) hypertension"),
    ("44054006", "Diabetes mellitus type 2", "E11.9",
     "Type 2 diabetes mellitus without complications"),
    ("49436004", "Atrial fibrillation", "I48.91", "Unspecified atrial fibrillation"),
    ("40930008", "Hypothyroidism", "E03.9", "Hypothyroidism, unspecified"),
    ("84757009", "Epilepsy", "G40.909", "Epilepsy, unspecified, not intractable"),
    ("9014002", "Psoriasis", "L40.9", "Psoriasis, unspecified"),
    ("69896004", "Rheumatoid arthritis", "M06.9", "Rheumatoid arthritis, unspecified"),
    ("64859006", "Osteoporosis", "M81.0", "Age-related osteoporosis without current fracture"),
)  # fmt: skip
TESTS = (
    ("718-7", "Hemoglobin", "g/dL", "g/L", 10.0, (8.0, 17.0)),
    ("1751-7", "Albumin", "g/dL", "g/L", 10.0, (2.0, 5.5)),
    ("2885-2", "Protein", "g/dL", "g/L", 10.0, (5.0, 9.0)),
    ("777-3", "Platelets", "10*3/uL", "10*9/L", 1.0, (80.0, 450.0)),
    ("2823-3", "Potassium", "mmol/L", "umol/mL", 1.0, (2.8, 6.5)),
)
"""LOINC, name, unit, another unit, what turns the one into the other, and likely values."""
_LETTERS = ("ba", "de", "ki", "lo", "mu", "na", "per", "ro", "sil", "ta", "vo", "wen", "ya", "zor")


@dataclass
class Pair:
    """One patient in both feeds."""

    number: int
    case: str
    expected: tuple[str, str] | None
    """Type and kind of the conflict that is planted."""
    chart: list[Resource] = field(default_factory=list)
    outside: list[Resource] = field(default_factory=list)
    who: Resource = field(default_factory=dict)
    other: Resource = field(default_factory=dict)
    complete: bool = False
    """The outside source is the one that is declared complete."""


class Writer:
    """Writes resources of one patient; every number comes from one generator."""

    def __init__(self, pair: Pair, chance: random.Random) -> None:
        self.pair, self.chance, self.count = pair, chance, 0

    def day(self, first: int = 2015, last: int = 2025) -> str:
        """Return a day of these years."""
        start = date(first, 1, 1)
        return str(start + timedelta(self.chance.randrange((date(last, 1, 1) - start).days)))

    def entry(self, kind: str, code: Resource, status: str = "active", **more: Any) -> Resource:
        """Return an allergy or a problem; a status may be one of verification."""
        self.count += 1
        name = "verificationStatus" if status in ("refuted", "entered-in-error") else (
            "clinicalStatus")  # fmt: skip
        who = "patient" if kind == "AllergyIntolerance" else "subject"
        return {
            "resourceType": kind, "id": f"{self.pair.number}-{self.count}",
            who: {"reference": f"Patient/{self.pair.number}"}, "code": code,
            name: {"coding": [{"code": status}]}, "recordedDate": self.day(), **more,
        }  # fmt: skip

    def result(self, test: Any, value: float, unit: str, **more: Any) -> Resource:
        """Return a final result."""
        self.count += 1
        code, name, *_ = test
        quantity = {"value": value, "unit": unit, "system": UCUM, "code": unit}
        return {
            "resourceType": "Observation", "id": f"{self.pair.number}-{self.count}",
            "status": "final", "code": concept(LOINC, code, name),
            "subject": {"reference": f"Patient/{self.pair.number}"},
            "effectiveDateTime": "2025-03-04T09:15:00Z", "valueQuantity": quantity, **more,
        }  # fmt: skip

    def both(self, one: Resource, **other: Any) -> None:
        """Put a resource into the chart and, with some elements changed, outside."""
        self.pair.chart.append(one)
        changed = {k: v for k, v in {**one, **other}.items() if v is not None}
        self.pair.outside.append({**changed, "id": f"o{one['id']}"})

    def value(self, test: Any) -> float:
        """Return a likely value of a test."""
        low, high = test[5]
        return round(self.chance.uniform(low, high), 1)


def concept(system: str, code: str, name: str) -> Resource:
    return {"coding": [{"system": system, "code": code, "display": name}]}


def _coded(status: str) -> Resource:
    return {"coding": [{"code": status}]}


def _allergy(w: Writer, at: int = 0) -> tuple[Any, Resource]:
    chosen = ALLERGENS[w.pair.number % len(ALLERGENS) - at]
    return chosen, concept(SNOMED, chosen[0], chosen[1])


def _problem(w: Writer, at: int = 0) -> tuple[Any, Resource]:
    chosen = PROBLEMS[w.pair.number % len(PROBLEMS) - at]
    return chosen, concept(SNOMED, chosen[0], chosen[1])


A, C, R, P = "AllergyIntolerance", "Condition", "Observation", "Patient"
_NONE = concept(SNOMED, "716186003", "No known allergy")


def _elsewhere(w: Writer, kind: str) -> Resource:
    """Return the concept as an outside source has it."""
    found, code = (_allergy if kind == A else _problem)(w)
    drawn = w.chance.random()
    if drawn < 0.7:
        return code
    if drawn < 0.8:
        return concept("urn:oid:2.16.840.1.113883.6.96", found[0], found[1])
    if drawn < 0.9 and found[2]:
        return concept(ICD_10 if kind == C else RXNORM, found[2], found[3])
    return {"text": found[3]}


def _of_list(kind: str, chart: str, outside: str, **more: Any) -> Callable[[Writer], None]:
    """Return what plants one entry with two statuses."""

    def plant(w: Writer) -> None:
        code = (_allergy if kind == A else _problem)(w)[1]
        w.pair.chart.append(w.entry(kind, code, chart, recordedDate="2020-01-01", **more))
        theirs = _elsewhere(w, kind)
        w.pair.outside.append(w.entry(kind, theirs, outside, recordedDate="2023-01-01", **more))

    return plant


def _none_outside(w: Writer) -> None:
    w.pair.chart = [r for r in w.pair.chart if r["resourceType"] != A]
    w.pair.outside = [r for r in w.pair.outside if r["resourceType"] != A]
    sides = [w.entry(A, _allergy(w)[1]), w.entry(A, _NONE)]
    w.chance.shuffle(sides)
    w.pair.chart.append(sides[0])
    w.pair.outside.append(sides[1])


def _only_outside(w: Writer) -> None:
    w.pair.outside.append(w.entry(A, _allergy(w)[1], criticality="high"))


def _only_outside_problem(w: Writer) -> None:
    w.pair.outside.append(w.entry(C, _problem(w)[1]))


def _only_in_chart(w: Writer) -> None:
    w.pair.complete = True
    w.pair.chart.append(w.entry(C, _problem(w)[1]))


def _criticality(w: Writer) -> None:
    one = w.entry(A, _allergy(w)[1], criticality="low")
    w.both(one, criticality="high", code=_elsewhere(w, A))


def _value(convert: bool, factor: tuple[float, float]) -> Callable[[Writer], None]:
    """Return what plants a result whose value outside is another, or the same in another unit."""

    def plant(w: Writer) -> None:
        test = TESTS[w.pair.number % len(TESTS)]
        value = w.value(test)
        shown = round(value * w.chance.uniform(*factor), 1)
        unit, size = (test[3], test[4]) if convert else (test[2], 1.0)
        w.pair.chart.append(w.result(test, value, test[2]))
        w.pair.outside.append(w.result(test, round(shown * size, 1), unit))

    return plant


def _coded_value(w: Writer) -> None:
    test = ("94500-6", "SARS-CoV-2 RNA")
    for side, code, name in ((w.pair.chart, "10828004", "Positive"),
                             (w.pair.outside, "260385009", "Negative")):  # fmt: skip
        one = w.result(test, 0, "1")
        del one["valueQuantity"]
        side.append({**one, "valueCodeableConcept": concept(SNOMED, code, name)})


def _patient(**more: Any) -> Callable[[Writer], None]:
    return lambda w: w.pair.other.update(more)


def _name(w: Writer) -> None:
    w.pair.other["name"] = [{"family": _word(w.chance), "given": w.pair.who["name"][0]["given"]}]


def _word(chance: random.Random) -> str:
    return "".join(chance.choices(_LETTERS, k=4)).capitalize()


def _echo(how: str) -> Callable[[Writer], None]:
    def plant(w: Writer) -> None:
        one = w.entry(C, _problem(w)[1])
        two = {**one, "id": f"o{one['id']}", "clinicalStatus": _coded("resolved")}
        if how == "identifier":
            one["identifier"] = two["identifier"] = [{"system": "urn:ehr", "value": one["id"]}]
        if how == "source":
            one["meta"] = two["meta"] = {"source": "https://ehr.example.org"}
            two["id"] = one["id"]
        w.pair.chart.append(one)
        w.pair.outside.append(two)
        if how == "provenance":
            what = {"reference": f"https://ehr.example.org/fhir/Condition/{one['id']}"}
            w.pair.outside.append({
                "resourceType": "Provenance", "id": f"v{one['id']}",
                "target": [{"reference": f"Condition/{two['id']}"}],
                "recorded": "2025-01-01T00:00:00Z", "agent": [{"who": {"display": "HIE"}}],
                "entity": [{"role": "source", "what": what}],
            })  # fmt: skip

    return plant


def _rounded(w: Writer) -> None:
    test = TESTS[w.pair.number % len(TESTS)]
    value = w.value(test)
    w.pair.chart.append(w.result(test, value, test[2]))
    w.pair.outside.append(w.result(test, round(value), test[2]))


def _only_a_day(w: Writer) -> None:
    test = TESTS[w.pair.number % len(TESTS)]
    w.pair.chart.append(w.result(test, w.value(test), test[2]))
    other = w.result(test, w.value(test), test[2], effectiveDateTime="2025-03-04")
    w.pair.outside.append(other)


def _error(w: Writer) -> None:
    w.pair.outside.append(w.entry(A, _allergy(w)[1], "entered-in-error", criticality="high"))


def _other_system(kind: str) -> Callable[[Writer], None]:
    def plant(w: Writer) -> None:
        found, code = (_allergy if kind == A else _problem)(w)
        system = ICD_10 if kind == C else RXNORM
        w.pair.chart.append(w.entry(kind, code))
        w.pair.outside.append(w.entry(kind, concept(system, found[2] or "1", found[3])))

    return plant


def _text_only(w: Writer) -> None:
    w.pair.chart.append(w.entry(A, {"text": _allergy(w)[0][3]}))
    w.pair.outside.append(w.entry(A, _allergy(w)[1], criticality="high"))


def _episodes(w: Writer) -> None:
    code = _problem(w)[1]
    w.pair.chart.append(w.entry(C, code, onsetDateTime="2021-05-01"))
    w.pair.outside.append(w.entry(C, code, "resolved", abatementDateTime="2018"))


def _accents(w: Writer) -> None:
    name = w.pair.who["name"][0]
    w.pair.other["name"] = [{"family": name["family"].upper().replace("A", "Á"),
                             "given": name["given"]}]  # fmt: skip


PLANTED: dict[str, tuple[tuple[str, str], Callable[[Writer], None]]] = {
    "allergy, none known": ((A, "none-known"), _none_outside),
    "allergy refuted": ((A, "refuted"), _of_list(A, "active", "refuted")),
    "allergy over": ((A, "status"), _of_list(A, "active", "resolved")),
    "allergy, criticality": ((A, "criticality"), _criticality),
    "severe allergy only outside": ((A, "absent"), _only_outside),
    "problem over outside": ((C, "status"), _of_list(C, "active", "resolved")),
    "problem over in the chart": ((C, "status"), _of_list(C, "inactive", "active")),
    "problem refuted": ((C, "refuted"), _of_list(C, "active", "refuted")),
    "problem only outside": ((C, "absent"), _only_outside_problem),
    "problem only in the chart": ((C, "absent-outside"), _only_in_chart),
    "result": ((R, "value"), _value(False, (1.15, 1.6))),
    "result in another unit": ((R, "value"), _value(True, (1.15, 1.6))),
    "coded result": ((R, "value"), _coded_value),
    "sex": ((P, "sex"), _patient(gender="other")),
    "family name": ((P, "name"), _name),
    "deceased": ((P, "deceased"), _patient(deceasedBoolean=True)),
}
NEAR: dict[str, Callable[[Writer], None]] = {
    "same": lambda _: None,
    "echo by identifier": _echo("identifier"),
    "echo by Provenance": _echo("provenance"),
    "echo by source": _echo("source"),
    "same value, another unit": _value(True, (1.0, 1.0)),
    "rounded": _rounded,
    "a day only": _only_a_day,
    "entered in error": _error,
    "allergy, another system": _other_system(A),
    "problem, another system": _other_system(C),
    "allergy as a text": _text_only,
    "refuted and resolved": _of_list(C, "resolved", "refuted"),
    "two episodes": _episodes,
    "accents": _accents,
    "sex unknown": _patient(gender="unknown"),
}


def pairs(cases: int, seed: int) -> Iterator[Pair]:
    """Yield so many pairs of each kind of conflict, and of each near miss."""
    chance = random.Random(seed)
    number = 0
    planted = {**PLANTED, **{name: (None, plant) for name, plant in NEAR.items()}}
    for case, (expected, plant) in planted.items():
        for _ in range(cases):
            number += 1
            pair = Pair(number, case, expected)
            writer = Writer(pair, chance)
            _begin(pair, writer, chance)
            plant(writer)
            yield pair


def _begin(pair: Pair, w: Writer, chance: random.Random) -> None:
    """Give a pair its Patients, and what both sides say alike."""
    born = date(1930, 1, 1) + timedelta(chance.randrange(28_000))
    pair.who = {
        "resourceType": P, "id": str(pair.number), "birthDate": str(born),
        "gender": chance.choice(("male", "female")),
        "identifier": [{"type": {"coding": [{"code": "MR"}]}, "system": "urn:mrn",
                        "value": f"M{100_000 + pair.number}"}],
        "name": [{"family": _word(chance), "given": [_word(chance)]}],
        "address": [{"line": [f"{chance.randrange(1, 999)} {_word(chance)} Street"],
                     "city": _word(chance), "postalCode": str(chance.randrange(10000, 99999))}],
    }  # fmt: skip
    pair.other = dict(pair.who)
    w.both(w.entry(C, _problem(w, 3)[1]))
    w.both(w.entry(A, _allergy(w, 3)[1]))
    test = TESTS[(pair.number + 1) % len(TESTS)]
    w.both(w.result(test, w.value(test), test[2], effectiveDateTime="2024-07-01T10:00:00Z"))
