"""PLA-01 to PLA-05 and PLA-07 to PLA-09: what no body, unit, flag, dose or problem list can be."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from benchmarks.defects.case import Case, Draw, panel, put
from benchmarks.defects.coding import UCUM

if TYPE_CHECKING:
    from benchmarks.corpus import Resource

ICD = "http://hl7.org/fhir/sid/icd-10-cm"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
FLAG = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
GLUCOSE, CREATININE, PROTEIN, WEIGHT, HEIGHT = "2339-0", "38483-4", "2885-2", "29463-7", "8302-2"
TEMPERATURE, A1C, SODIUM, HAEMOGLOBIN, WHITE_CELLS = (
    "8331-1", "4548-4", "2947-0", "718-7", "6690-2",
)  # fmt: skip


def measured(*codes: str) -> Callable[[Resource], bool]:
    """A numeric result with one of these LOINC codes."""
    wanted = frozenset(codes)
    return lambda row: "valueQuantity" in row and row["code"]["coding"][0].get("code") in wanted


def amount(value: float, unit: str) -> Callable[[Draw], None]:
    """A value and its unit, in UCUM."""
    told = {"value": value, "unit": unit, "system": UCUM, "code": unit}
    return put("valueQuantity", told)


def between(low: float, high: float, unit: str) -> Callable[[Draw], None]:
    """A value in this range, and its unit; no two the same, so that they are no heap."""
    return put(
        "valueQuantity",
        lambda draw: {
            "value": round(draw.random.uniform(low, high), 3),
            "unit": unit,
            "system": UCUM,
            "code": unit,
        },
    )


def times(factor: float, offset: float = 0) -> Callable[[Draw], None]:
    """The value as it is in another unit, the unit as sent."""

    def edit(draw: Draw) -> None:
        quantity = draw.resource["valueQuantity"]
        quantity["value"] = round(quantity["value"] * factor + offset, 3)

    return edit


def in_unit(unit: str, factor: float = 1, offset: float = 0) -> Callable[[Draw], None]:
    """The same amount in another unit."""

    def edit(draw: Draw) -> None:
        times(factor, offset)(draw)
        draw.resource["valueQuantity"] |= {"unit": unit, "system": UCUM, "code": unit}

    return edit


def flagged(flag: str, low: float, high: float, place: float) -> Callable[[Draw], None]:
    """A flag and a range around the value, which lies at `place` between its limits (0 to 1)."""

    def edit(draw: Draw) -> None:
        quantity = draw.resource["valueQuantity"]
        unit = {key: quantity[key] for key in ("unit", "system", "code")}
        value = round(low + (high - low) * place, 3)
        quantity["value"] = value
        draw.resource["interpretation"] = [{"coding": [{"system": FLAG, "code": flag}]}]
        draw.resource["referenceRange"] = [
            {"low": {"value": low, **unit}, "high": {"value": high, **unit}}
        ]

    return edit


def pressures(systolic: float, diastolic: float) -> Callable[[Draw], None]:
    """These two values in a blood pressure."""

    def edit(draw: Draw) -> None:
        for component in draw.resource["component"]:
            code = component["code"]["coding"][0]["code"]
            component["valueQuantity"]["value"] = systolic if code == "8480-6" else diastolic

    return edit


def is_pressure(row: Resource) -> bool:
    """A blood pressure of two components."""
    codes = {c["code"]["coding"][0].get("code") for c in row.get("component", [])}
    return panel(row) and codes == {"8480-6", "8462-4"}


def organ(*, fits: bool) -> Callable[[Draw], list[Resource]]:
    """A diagnosis more, of an organ that the patient's sex has or has not."""

    def edit(draw: Draw) -> list[Resource]:
        patient = draw.corpus.patient_of(draw.resource)
        assert patient is not None
        code = MALE_ORGAN if (patient["gender"] == "male") == fits else FEMALE_ORGAN
        return [draw.twin(code={"coding": [{"system": ICD, "code": code}], "text": code})]

    return edit


def prescribed(
    drug: tuple[str, str], value: float, unit: str, daily: int
) -> Callable[[Draw], None]:
    """A drug (code and name) and a structured dose; stopped, so that no second one is active."""

    def edit(draw: Draw) -> None:
        code, name = drug
        coding = {"system": RXNORM, "code": code, "display": name}
        draw.resource["medicationCodeableConcept"] = {"coding": [coding], "text": name}
        draw.resource["status"] = "stopped"
        dose = {"value": value, "unit": unit, "system": UCUM, "code": unit}
        draw.resource["dosageInstruction"] = [
            {
                "timing": {"repeat": {"frequency": daily, "period": 1, "periodUnit": "d"}},
                "doseAndRate": [{"doseQuantity": dose}],
            }
        ]

    return edit


def undocumented(*values: float) -> Callable[[Draw], None]:
    """A patient of our own with these HbA1c results, each of another visit, and no diagnosis."""

    def edit(draw: Draw) -> None:
        patient = draw.resource
        patient |= {
            "birthDate": f"196{draw.random.randrange(10)}-03-{draw.random.randrange(10, 28)}"
        }
        patient["name"] = [{"family": f"Q{draw.new_id()[:6]}", "given": [f"V{draw.new_id()[:4]}"]}]
        for element in ("deceasedDateTime", "deceasedBoolean"):
            patient.pop(element, None)
        subject = {"reference": f"Patient/{patient['id']}"}
        model = next(filter(measured(A1C), draw.corpus.resources["Observation"]))
        visits = {
            visit["period"]["start"][:10]: visit
            for visit in draw.corpus.resources["Encounter"]
            if "2005" < visit["period"]["start"] < "2020"
        }
        for value, day in zip(values, draw.random.sample(sorted(visits), len(values)), strict=True):
            at = visits[day]["period"]["start"]
            visit = visits[day] | {"id": draw.new_id(), "subject": subject}
            visit.pop("identifier", None)
            result = model | {
                "id": draw.new_id(),
                "subject": subject,
                "encounter": {"reference": f"Encounter/{visit['id']}"},
                "effectiveDateTime": at,
                "issued": at,
                "valueQuantity": {**model["valueQuantity"], "value": value},
            }
            draw.added += [visit, result]

    return edit


MALE_ORGAN, FEMALE_ORGAN = "N45.1", "N80.9"
IMPOSSIBLE = (
    ("a weight of tons", WEIGHT, between(20000, 30000, "kg")),
    ("a negative sodium", SODIUM, times(-1)),
    ("a sodium ten times too high", SODIUM, times(10)),
    ("a sodium ten times too low", SODIUM, times(0.1)),
    ("a temperature of a sauna", TEMPERATURE, between(71, 83, "Cel")),
    ("haemoglobin of water", HAEMOGLOBIN, between(0.1, 0.9, "g/dL")),
    ("glucose with a lost point", GLUCOSE, times(1000)),
)
POSSIBLE = (
    ("hyperglycaemia", GLUCOSE, between(1000, 1400, "mg/dL")),
    ("hypernatraemia", SODIUM, between(170, 200, "mmol/L")),
    ("fever", TEMPERATURE, between(41, 43, "Cel")),
    ("obesity", WEIGHT, between(250, 340, "kg")),
    ("in pounds", WEIGHT, in_unit("[lb_av]", 2.20462)),
    ("in Fahrenheit", TEMPERATURE, in_unit("[degF]", 1.8, 32)),
    ("in mmol/L", GLUCOSE, in_unit("mmol/L", 0.0555)),
    ("leukaemia", WHITE_CELLS, between(300, 500, "10*3/uL")),
)
SWAPPED = (
    ("mmol/L as mg/dL", GLUCOSE, times(0.0555)),
    ("umol/L as mg/dL", CREATININE, times(88.4)),
    ("mg/dL as umol/L", CREATININE, in_unit("umol/L")),
    ("Fahrenheit as Celsius", TEMPERATURE, times(1.8, 32)),
    ("Celsius as Fahrenheit", TEMPERATURE, in_unit("[degF]")),
    ("g/L as g/dL", PROTEIN, in_unit("g/dL")),
    ("mmol/mol as %", A1C, between(40, 110, "%")),
    ("metres as centimetres", HEIGHT, between(1.5, 1.9, "cm")),
    ("centimetres as inches", HEIGHT, between(150, 190, "[in_i]")),
    ("cells/uL as thousands", WHITE_CELLS, times(1000)),
)
FOREIGN = (
    ("glucose in kilograms", GLUCOSE, in_unit("kg")),
    ("height in kilograms", HEIGHT, in_unit("kg")),
    ("weight in centimetres", WEIGHT, in_unit("cm")),
    ("cells in per cent", WHITE_CELLS, in_unit("%")),
    ("sodium in mm[Hg]", SODIUM, in_unit("mm[Hg]")),
)
KIN = (
    ("grams per litre", HAEMOGLOBIN, in_unit("g/L", 10)),
    ("equivalents", SODIUM, in_unit("meq/L")),
    ("giga per litre", WHITE_CELLS, in_unit("10*9/L")),
    ("mmol/mol", A1C, in_unit("mmol/mol", 10.93, -23.5)),
)
NORMAL = (70, 99)
FLAGS = (
    ("high below the upper limit", "H", 0.5, True),
    ("low above the lower limit", "L", 0.5, True),
    ("normal above", "N", 1.5, True),
    ("normal below", "N", -0.5, True),
    ("high above", "H", 1.5, False),
    ("low below", "L", -0.5, False),
    ("normal within", "N", 0.5, False),
    ("high at the limit", "H", 1.0, False),
)
IBUPROFEN = ("197805", "ibuprofen 400 MG Oral Tablet")
DIGOXIN = ("197604", "digoxin 0.125 MG Oral Tablet")
SYRUP = ("476872", "Nizatidine 15 MG/ML Oral Solution")
DOSES = (
    ("mg for ug", DIGOXIN, 125, "mg", 1, True),
    ("g for mg", IBUPROFEN, 500, "g", 2, True),
    ("nothing", IBUPROFEN, 0, "mg", 2, True),
    ("as many tablets as milligrams", IBUPROFEN, 500, "{tbl}", 2, True),
    ("millilitres of a tablet", IBUPROFEN, 10, "mL", 2, True),
    ("a tablet of a syrup", SYRUP, 1, "{tbl}", 2, True),
    ("ug", DIGOXIN, 125, "ug", 1, False),
    ("the highest dose", IBUPROFEN, 800, "mg", 4, False),
    ("tablets", IBUPROFEN, 2, "{tbl}", 2, False),
    ("millilitres of a syrup", SYRUP, 10, "mL", 2, False),
)
BOUND = ("CNF-04", "COD-09")
"""Vital signs are bound to their units."""
TWICE = ("DUP-07", "DUP-09")
"""A problem that the patient may have already."""
JUMP = ("PLA-06", "PLA-07")
"""A value that no body has is a jump from the one before, too, and denied by its flag."""

CASES = (
    *(Case("PLA-01", n, "Observation", e, also=JUMP, where=measured(c)) for n, c, e in IMPOSSIBLE),
    *(
        Case("PLA-01", n, "Observation", e, found=False, also=(*JUMP, "PLA-03"), where=measured(c))
        for n, c, e in POSSIBLE
    ),
    *(Case("PLA-04", n, "Observation", e, also=JUMP, where=measured(c)) for n, c, e in SWAPPED),
    *(
        Case("PLA-04", n, "Observation", e, found=False, also=JUMP, where=measured(c))
        for n, c, e in POSSIBLE
    ),
    *(
        Case("PLA-02", n, "Observation", e, also=("PLA-03", *BOUND), where=measured(c))
        for n, c, e in FOREIGN
    ),
    *(
        Case("PLA-02", n, "Observation", e, found=False, also=JUMP, where=measured(c))
        for n, c, e in KIN
    ),
    *(
        Case("PLA-03", n, "Observation", e, also=("PLA-02", *BOUND), where=measured(c))
        for n, c, e in FOREIGN
    ),
    *(
        Case("PLA-03", n, "Observation", e, found=False, also=JUMP, where=measured(c))
        for n, c, e in KIN
    ),
    Case("PLA-05", "an organ of the other sex", "Condition", organ(fits=False), also=TWICE),
    Case("PLA-05", "an organ of the sex", "Condition", organ(fits=True), False, TWICE),
    *(
        Case("PLA-07", n, "Observation", flagged(f, *NORMAL, p), found, (*JUMP,), measured(GLUCOSE))
        for n, f, p, found in FLAGS
    ),
    Case(
        "PLA-07",
        "a range upside down",
        "Observation",
        flagged("N", 99, 70, 0.5),
        where=measured(GLUCOSE),
    ),
    Case("PLA-07", "diastolic above", "Observation", pressures(78, 121), where=is_pressure),
    Case("PLA-07", "equal pressures", "Observation", pressures(90, 90), where=is_pressure),
    Case("PLA-07", "a narrow pressure", "Observation", pressures(92, 88), False, where=is_pressure),
    *(
        Case("PLA-08", n, "MedicationRequest", prescribed(d, v, u, k), found, also=("CTX-11",))
        for n, d, v, u, k, found in DOSES
    ),
    Case("PLA-09", "two HbA1c", "Patient", undocumented(7.8, 8.1), also=("CTX-15",), fresh=True),
    Case(
        "PLA-09",
        "HbA1c below 6.5",
        "Patient",
        undocumented(6.2, 6.3),
        False,
        ("CTX-15",),
        fresh=True,
    ),
)
