"""Planted in values: dates and times, free text, numbers that cannot be."""

from __future__ import annotations

from benchmarks.planted.chart import (
    LOINC,
    TERMS,
    Defect,
    concept,
    quantity,
)
from benchmarks.planted.plants import (
    drop,
    heavier,
    put,
    swap,
)

POTASSIUM = "Potassium [Moles/volume] in Serum or Plasma"
COVID = (
    "SARS-CoV-2 (COVID-19) RNA [Presence] in Respiratory system specimen by NAA with probe "
    "detection"
)
LAB, DRUG, TIME = ("lab",), ("drug",), "effective"
VALUE = ("lab", "valueQuantity")

DEFECTS = (
    # Date and time
    Defect("time", "a result without a time", LAB, TIME, drop("lab", "effectiveDateTime")),
    Defect("time", "30 February", LAB, TIME, put("lab", "effectiveDateTime", to="2026-02-30")),
    Defect(
        "time",
        "an American date",
        ("problem",),
        "onset",
        put("problem", "onsetDateTime", to="04/02/2019"),
    ),
    Defect(
        "time",
        "a time without a zone",
        LAB,
        TIME,
        lambda c: c["lab"].update(effectiveDateTime=c["lab"]["effectiveDateTime"][:19]),
    ),
    Defect(
        "time",
        "a result of next year",
        LAB,
        TIME,
        lambda c: (
            c["lab"].update(effectiveDateTime="2027-09-01T09:00:00-05:00"),
            drop("lab", "encounter", "issued")(c),
        ),
    ),
    Defect(
        "time",
        "a problem of 1870",
        ("problem",),
        "onset",
        put("problem", "onsetDateTime", to="1870-01-01"),
    ),
    Defect(
        "time",
        "an appendectomy before birth",
        ("cut",),
        "performed",
        lambda c: (
            c["cut"].update(
                performedPeriod={
                    "start": "1931-03-03T09:00:00-05:00",
                    "end": "1931-03-03T10:00:00-05:00",
                }
            ),
            drop("cut", "encounter")(c),
        ),
    ),
    Defect(
        "time",
        "a vaccination after death",
        ("shot",),
        "",
        lambda c: (
            c["patient"].update(deceasedDateTime="2026-02-01"),
            c["drug"].update(status="stopped"),
        ),
    ),
    Defect(
        "time",
        "a visit that ends before it starts",
        ("visit",),
        "period",
        put("visit", "period", "end", to="2026-08-01T10:00:00-05:00"),
    ),
    Defect(
        "time",
        "a problem over before it began",
        ("problem",),
        "",
        lambda c: c["problem"].update(
            abatementDateTime="2015-01-01",
            clinicalStatus=concept(f"{TERMS}/condition-clinical", "resolved"),
        ),
    ),
    Defect(
        "time",
        "a result issued before it was taken",
        LAB,
        "",
        put("lab", "issued", to="2026-08-01T10:00:00-05:00"),
    ),
    Defect(
        "time",
        "a visit still going on after a year",
        ("visit",),
        "",
        lambda c: (
            c["visit"].update(status="in-progress", period={"start": "2025-03-01T09:00:00-06:00"}),
            [c[n].pop("encounter", None) for n in c.resources],
        ),
    ),
    # Free text in coded fields
    Defect(
        "text",
        "a problem in text alone",
        ("problem",),
        "code",
        put("problem", "code", to={"text": "high blood pressure"}),
    ),
    Defect(
        "text",
        "an allergy in text alone",
        ("allergy",),
        "code",
        put("allergy", "code", to={"text": "PCN"}),
    ),
    Defect(
        "text",
        "a number in a string",
        LAB,
        "value",
        swap("lab", "valueQuantity", valueString="6.1 %"),
    ),
    Defect(
        "text",
        "a blood pressure in a string",
        ("pressure",),
        "value",
        swap("pressure", "component", valueString="128/82"),
    ),
    Defect(
        "text",
        "an answer in a string",
        LAB,
        "value",
        lambda c: (
            swap("lab", "valueQuantity", valueString="POSITIVE")(c),
            c["lab"].update(code=concept(LOINC, "94500-6", COVID)),
        ),
    ),
    Defect(
        "text",
        "a sentence as a code",
        ("problem",),
        "code",
        put(
            "problem",
            "code",
            to=concept("http://ehr.example/problems", "pt has high BP since 2019"),
        ),
    ),
    Defect(
        "text",
        "dosage in text alone",
        DRUG,
        "dosageInstruction",
        put("drug", "dosageInstruction", to=[{"text": "Take 1 tablet by mouth daily"}]),
    ),
    Defect(
        "text",
        "a result in a PDF alone",
        ("report",),
        "",
        lambda c: (
            c["report"].pop("result"),
            c["report"].update(
                presentedForm=[{"contentType": "application/pdf", "data": "JVBERi0xLjQK"}]
            ),
        ),
    ),
    Defect(
        "text",
        "what HL7 v2 leaves behind",
        LAB,
        "note",
        put("lab", "note", to=[{"text": r"Sample lysed\.br\repeat advised \T\ call"}]),
    ),
    Defect(
        "text",
        "a garbled name",
        ("patient",),
        "name",
        put("patient", "name", to=[{"family": "GarcÃ\u00ada", "given": ["JosÃ©"]}]),
    ),
    Defect(
        "text",
        "a telephone of zeros",
        ("patient",),
        "",
        put("patient", "telecom", to=[{"system": "phone", "value": "000-000-0000"}]),
    ),
    # Values that cannot be
    Defect("values", "an HbA1c of 90 %", LAB, "value", put(*VALUE, to=quantity(90, "%"))),
    Defect(
        "values",
        "a weight in litres",
        ("weight",),
        "value",
        put("weight", "valueQuantity", to=quantity(70, "L")),
    ),
    Defect(
        "values",
        "an HbA1c of 48 %, which is mmol/mol",
        LAB,
        "value",
        put(*VALUE, to=quantity(48, "%")),
    ),
    Defect(
        "values",
        "a weight of 999",
        ("weight",),
        "value",
        put("weight", "valueQuantity", to=quantity(999, "kg")),
    ),
    Defect(
        "values",
        "a flag against its range",
        LAB,
        "",
        put("lab", "interpretation", to=[concept(f"{TERMS}/v3-ObservationInterpretation", "L")]),
    ),
    Defect(
        "values",
        "diastolic over systolic",
        ("pressure",),
        "",
        lambda c: c["pressure"]["component"][1].update(
            valueQuantity=quantity(190, "mmHg", "mm[Hg]")
        ),
    ),
    Defect("values", "twice the weight in a day", ("weight", "twin"), "value", heavier),
)
