"""The drugs the sample uses. In: nothing; out: each with its usual sig, and what treats what."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Drug:
    """A clinical drug and the usual way to take it."""

    rxcui: str
    name: str
    label: str
    """The pharmacy's own name of it."""
    dose: float
    unit: str
    ucum: str
    times_a_day: int
    sig: str
    route: str = "oral"
    as_needed: bool = False


ROUTES = {
    "oral": ("26643006", "Oral route"),
    "subcutaneous": ("34206005", "Subcutaneous route"),
    "inhaled": ("447694001", "Respiratory tract route"),
}

_ONE = "Take 1 tablet by mouth once daily"
DRUGS = {
    "metformin": Drug(
        "861007",
        "metformin hydrochloride 500 MG Oral Tablet",
        "METFORMIN HCL 500MG TAB",
        500,
        "mg",
        "mg",
        2,
        "Take 1 tablet by mouth twice daily with meals",
    ),
    "glargine": Drug(
        "311041",
        "insulin glargine 100 UNT/ML Injectable Solution",
        "INSULIN GLARGINE 100U/ML VIAL",
        20,
        "units",
        "[iU]",
        1,
        "Inject 20 units under the skin at bedtime",
        "subcutaneous",
    ),
    "lisinopril": Drug(
        "314076", "lisinopril 10 MG Oral Tablet", "LISINOPRIL 10MG TAB", 10, "mg", "mg", 1, _ONE
    ),
    "lisinopril 20": Drug(
        "314077", "lisinopril 20 MG Oral Tablet", "LISINOPRIL 20MG TAB", 20, "mg", "mg", 1, _ONE
    ),
    "amlodipine": Drug(
        "197361",
        "amlodipine 5 MG Oral Tablet",
        "AMLODIPINE BESYLATE 5MG TAB",
        5,
        "mg",
        "mg",
        1,
        _ONE,
    ),
    "losartan": Drug(
        "979492",
        "losartan potassium 50 MG Oral Tablet",
        "LOSARTAN POT 50MG TAB",
        50,
        "mg",
        "mg",
        1,
        _ONE,
    ),
    "hydrochlorothiazide": Drug(
        "310798",
        "hydrochlorothiazide 25 MG Oral Tablet",
        "HCTZ 25MG TAB",
        25,
        "mg",
        "mg",
        1,
        "Take 1 tablet by mouth every morning",
    ),
    "atorvastatin": Drug(
        "617311",
        "atorvastatin 40 MG Oral Tablet",
        "ATORVASTATIN 40MG TAB",
        40,
        "mg",
        "mg",
        1,
        "Take 1 tablet by mouth at bedtime",
    ),
    "simvastatin": Drug(
        "312961",
        "simvastatin 20 MG Oral Tablet",
        "SIMVASTATIN 20MG TAB",
        20,
        "mg",
        "mg",
        1,
        "Take 1 tablet by mouth at bedtime",
    ),
    "warfarin": Drug(
        "855332",
        "warfarin sodium 5 MG Oral Tablet",
        "WARFARIN SOD 5MG TAB",
        5,
        "mg",
        "mg",
        1,
        "Take 1 tablet by mouth every evening",
    ),
    "apixaban": Drug(
        "1364445",
        "apixaban 5 MG Oral Tablet",
        "APIXABAN 5MG TAB",
        5,
        "mg",
        "mg",
        2,
        "Take 1 tablet by mouth twice daily",
    ),
    "metoprolol": Drug(
        "866436",
        "24 HR metoprolol succinate 50 MG Extended Release Oral Tablet",
        "METOPROLOL SUCC ER 50MG TAB",
        50,
        "mg",
        "mg",
        1,
        _ONE,
    ),
    "furosemide": Drug(
        "313988",
        "furosemide 40 MG Oral Tablet",
        "FUROSEMIDE 40MG TAB",
        40,
        "mg",
        "mg",
        1,
        "Take 1 tablet by mouth every morning",
    ),
    "albuterol": Drug(
        "745679",
        "200 ACTUAT albuterol 0.09 MG/ACTUAT Metered Dose Inhaler",
        "ALBUTEROL HFA 90MCG INH",
        2,
        "puffs",
        "{puff}",
        4,
        "Inhale 2 puffs up to four times daily as needed for wheezing",
        "inhaled",
        as_needed=True,
    ),
    "levothyroxine": Drug(
        "966222",
        "levothyroxine sodium 0.075 MG Oral Tablet",
        "LEVOTHYROXINE 75MCG TAB",
        0.075,
        "mg",
        "mg",
        1,
        "Take 1 tablet by mouth every morning before breakfast",
    ),
    "sertraline": Drug(
        "312941", "sertraline 50 MG Oral Tablet", "SERTRALINE HCL 50MG TAB", 50, "mg", "mg", 1, _ONE
    ),
    "omeprazole": Drug(
        "198051",
        "omeprazole 20 MG Delayed Release Oral Capsule",
        "OMEPRAZOLE DR 20MG CAP",
        20,
        "mg",
        "mg",
        1,
        "Take 1 capsule by mouth before breakfast",
    ),
    "allopurinol": Drug(
        "197319",
        "allopurinol 100 MG Oral Tablet",
        "ALLOPURINOL 100MG TAB",
        100,
        "mg",
        "mg",
        1,
        _ONE,
    ),
    "aspirin": Drug(
        "243670", "aspirin 81 MG Oral Tablet", "ASPIRIN 81MG TAB", 81, "mg", "mg", 1, _ONE
    ),
    "acetaminophen": Drug(
        "313782",
        "acetaminophen 325 MG Oral Tablet",
        "ACETAMINOPHEN 325MG TAB",
        650,
        "mg",
        "mg",
        3,
        "Take 2 tablets by mouth up to three times daily as needed for pain",
        as_needed=True,
    ),
}

TREATMENT = {
    "diabetes": (("metformin",), ("metformin", "glargine"), ("metformin",)),
    "hypertension": (
        ("lisinopril",),
        ("amlodipine",),
        ("losartan", "hydrochlorothiazide"),
        ("lisinopril 20", "amlodipine"),
    ),
    "hyperlipidemia": (("atorvastatin",), ("simvastatin",)),
    "fibrillation": (("warfarin", "metoprolol"), ("apixaban", "metoprolol")),
    "heart failure": (("furosemide",),),
    "copd": (("albuterol",),),
    "asthma": (("albuterol",),),
    "hypothyroidism": (("levothyroxine",),),
    "depression": (("sertraline",),),
    "reflux": (("omeprazole",),),
}
