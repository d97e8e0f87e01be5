"""Planted in records and their codes: duplicates, codes, context."""

from __future__ import annotations

from benchmarks.planted.chart import (
    A1C,
    CVX,
    ICD,
    LOCAL,
    LOINC,
    RXNORM,
    SNOMED,
    Defect,
    concept,
    quantity,
)
from benchmarks.planted.plants import (
    drop,
    other_visit,
    put,
    second_patient,
    shared_accession,
    twin,
)

POTASSIUM = "Potassium [Moles/volume] in Serum or Plasma"
COVID = (
    "SARS-CoV-2 (COVID-19) RNA [Presence] in Respiratory system specimen by NAA with probe "
    "detection"
)
LAB, DRUG, TIME = ("lab",), ("drug",), "effective"
VALUE = ("lab", "valueQuantity")

DEFECTS = (
    # Duplicate records and identity
    Defect(
        "duplicates", "one MRN, two patients", ("patient", "twin"), "identifier", second_patient()
    ),
    Defect(
        "duplicates",
        "the same person under two numbers, a typing error in the name",
        ("patient", "twin"),
        "",
        lambda c: c.twin(
            "patient",
            "twin",
            identifier=[dict(c["patient"]["identifier"][0], value=f"Z{c.number}77")],
            name=[
                {
                    "use": "official",
                    "family": c["patient"]["name"][0]["family"][:-1] + "e",
                    "given": c["patient"]["name"][0]["given"],
                }
            ],
        ),
    ),
    Defect("duplicates", "a result sent twice", ("lab", "twin"), "", twin("lab")),
    Defect("duplicates", "a vaccination sent twice", ("shot", "twin"), "", twin("shot")),
    Defect("duplicates", "a procedure sent twice", ("cut", "twin"), "", twin("cut")),
    Defect(
        "duplicates",
        "two values of one result",
        ("lab", "twin"),
        "value",
        twin("lab", valueQuantity=quantity(9.9, "%")),
    ),
    Defect(
        "duplicates",
        "one drug active twice",
        ("drug", "twin"),
        "medication",
        twin("drug", authoredOn="2026-10-02"),
    ),
    Defect(
        "duplicates",
        "one problem listed twice",
        ("problem", "twin"),
        "code",
        twin("problem", recordedDate="2026-10-02", onsetDateTime="2020-01-05"),
    ),
    Defect(
        "duplicates",
        "one accession number, two patients",
        ("lab", "theirs"),
        "identifier",
        shared_accession,
    ),
    Defect(
        "duplicates",
        "a test patient",
        ("patient",),
        "name",
        put("patient", "name", to=[{"family": "ZZTEST", "given": ["Patient"]}]),
    ),
    Defect(
        "duplicates",
        "a patient without a number",
        ("patient",),
        "identifier",
        drop("patient", "identifier"),
    ),
    Defect(
        "duplicates",
        "a patient known by a first name alone",
        ("patient",),
        "",
        lambda c: c["patient"].update(
            name=[{"given": ["Ana"]}], telecom=[], address=[], birthDate=None, gender="unknown"
        ),
    ),
    # Codes
    Defect(
        "codes",
        "a local laboratory code alone",
        LAB,
        "code",
        put("lab", "code", to=concept(LOCAL, "HBA1C", "GLYCATED HGB")),
    ),
    Defect(
        "codes",
        "a local drug code alone",
        DRUG,
        "medication",
        put("drug", "medicationCodeableConcept", to=concept("http://rx.example", "LIS10")),
    ),
    Defect(
        "codes",
        "a local problem code alone",
        ("problem",),
        "code",
        put("problem", "code", to=concept("http://ehr.example/problems", "HTN")),
    ),
    Defect(
        "codes",
        "a code without its system",
        LAB,
        "code",
        put("lab", "code", to={"coding": [{"code": "4548-4"}]}),
    ),
    Defect(
        "codes",
        "LOINC as an OID",
        LAB,
        "code",
        put("lab", "code", to=concept("urn:oid:2.16.840.1.113883.6.1", "4548-4")),
    ),
    Defect(
        "codes",
        "SNOMED CT with https",
        ("problem",),
        "code",
        put("problem", "code", to=concept("https://snomed.info/sct", "38341003")),
    ),
    Defect(
        "codes",
        "RxNorm with a slash at its end",
        DRUG,
        "medication",
        put("drug", "medicationCodeableConcept", to=concept(f"{RXNORM}/", "314076")),
    ),
    Defect(
        "codes",
        "a LOINC code with a wrong check digit",
        LAB,
        "code",
        put("lab", "code", to=concept(LOINC, "4548-5")),
    ),
    Defect(
        "codes",
        "a SNOMED CT code with a wrong check digit",
        ("problem",),
        "code",
        put("problem", "code", to=concept(SNOMED, "38341004")),
    ),
    Defect(
        "codes",
        "an ICD-10-CM code that has not its form",
        ("problem",),
        "code",
        put("problem", "code", to=concept(ICD, "I1O")),
    ),
    Defect(
        "codes",
        "an ICD-10-CM code that does not exist",
        ("problem",),
        "code",
        put("problem", "code", to=concept(ICD, "I10.9")),
    ),
    Defect(
        "codes",
        "a CVX code without its zero",
        ("shot",),
        "vaccineCode",
        put("shot", "vaccineCode", to=concept(CVX, "3")),
    ),
    Defect(
        "codes",
        "a display of another test",
        LAB,
        "code",
        put("lab", "code", to=concept(LOINC, "4548-4", POTASSIUM)),
    ),
    Defect(
        "codes",
        "a laboratory code as a problem",
        ("problem",),
        "code",
        put("problem", "code", to=concept(LOINC, "4548-4", A1C)),
    ),
    Defect("codes", "a status that FHIR lacks", LAB, "status", put("lab", "status", to="done")),
    Defect(
        "codes",
        "a gender that FHIR lacks",
        ("patient",),
        "gender",
        put("patient", "gender", to="F"),
    ),
    Defect(
        "codes", "a unit in words", LAB, "value", put(*VALUE, to={"value": 6.1, "unit": "percent"})
    ),
    Defect(
        "codes",
        "a unit that is no UCUM",
        ("weight",),
        "value",
        put("weight", "valueQuantity", to=quantity(70, "kgs")),
    ),
    # Context
    Defect("context", "a result without its visit", LAB, "encounter", drop("lab", "encounter")),
    Defect(
        "context",
        "a visit that is not there",
        LAB,
        "encounter",
        put("lab", "encounter", to={"reference": "Encounter/nowhere"}),
    ),
    Defect(
        "context",
        "a visit that is a patient",
        LAB,
        "encounter",
        put("lab", "encounter", to=lambda c: c.ref("patient")),
    ),
    Defect("context", "a result of nobody", LAB, "subject", drop("lab", "subject")),
    Defect("context", "a problem of nobody", ("problem",), "subject", drop("problem", "subject")),
    Defect(
        "context",
        "a patient that is not there",
        ("cut",),
        "subject",
        put("cut", "subject", to={"reference": "Patient/nobody"}),
    ),
    Defect("context", "a result in somebody else's visit", LAB, "encounter", other_visit),
    Defect(
        "context",
        "a result months from its visit",
        LAB,
        "",
        lambda c: c["lab"].update(effectiveDateTime="2026-05-02T09:00:00-05:00"),
    ),
    Defect("context", "a final result without a value", LAB, "value", drop("lab", "valueQuantity")),
    Defect("context", "a number without a unit", LAB, "value", put(*VALUE, to={"value": 6.1})),
    Defect(
        "context",
        "a laboratory number with neither range nor flag",
        LAB,
        "",
        drop("lab", "referenceRange"),
    ),
    Defect("context", "a report without results", ("report",), "result", drop("report", "result")),
    Defect(
        "context",
        "an order that nobody asked for",
        ("order",),
        "requester",
        drop("order", "requester"),
    ),
    Defect(
        "context",
        "a drug without route and frequency",
        DRUG,
        "dosageInstruction",
        put(
            "drug",
            "dosageInstruction",
            to=[{"doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tablet"}}]}],
        ),
    ),
    Defect(
        "context",
        "a problem without a status",
        ("problem",),
        "Status",
        drop("problem", "clinicalStatus"),
    ),
    Defect(
        "context",
        "an active problem that is over",
        ("problem",),
        "",
        put("problem", "abatementDateTime", to="2021-05-05"),
    ),
    Defect("context", "a visit without a class", ("visit",), "class", drop("visit", "class")),
    Defect(
        "context",
        "a finished visit without an end",
        ("visit",),
        "period",
        lambda c: c["visit"]["period"].pop("end"),
    ),
)
