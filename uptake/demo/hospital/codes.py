"""The few dozen codes the sample uses. In: nothing; out: systems, conditions, analytes, orders."""

from __future__ import annotations

from dataclasses import dataclass

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ICD10CM = "http://hl7.org/fhir/sid/icd-10-cm"
CVX = "http://hl7.org/fhir/sid/cvx"
UCUM = "http://unitsofmeasure.org"
NPI = "http://hl7.org/fhir/sid/us-npi"
TERMINOLOGY = "http://terminology.hl7.org/CodeSystem/"
MRN = "http://lakeshore.example/mrn"
LAB_NUMBER = "http://northside-lab.example/patients"
LAB_CODES = "http://northside-lab.example/codes"
RIVERSIDE_NUMBER = "http://riverside.example/patients"
PHARMACY_NUMBER = "http://corner-pharmacy.example/customers"


@dataclass(frozen=True, slots=True)
class Disease:
    """A long-term condition in both code systems that charts use."""

    icd: str
    billed_as: str
    """The name of the ICD-10-CM code."""
    snomed: str
    display: str


DISEASES = {
    "diabetes": Disease(
        "E11.9",
        "Type 2 diabetes mellitus without complications",
        "44054006",
        "Type 2 diabetes mellitus",
    ),
    "hypertension": Disease(
        "I10", "Essential (primary) hypertension", "38341003", "Hypertensive disorder"
    ),
    "hyperlipidemia": Disease("E78.5", "Hyperlipidemia, unspecified", "55822004", "Hyperlipidemia"),
    "fibrillation": Disease(
        "I48.91", "Unspecified atrial fibrillation", "49436004", "Atrial fibrillation"
    ),
    "heart failure": Disease(
        "I50.9", "Heart failure, unspecified", "42343007", "Congestive heart failure"
    ),
    "copd": Disease(
        "J44.9",
        "Chronic obstructive pulmonary disease, unspecified",
        "13645005",
        "Chronic obstructive pulmonary disease",
    ),
    "asthma": Disease("J45.909", "Unspecified asthma, uncomplicated", "195967001", "Asthma"),
    "hypothyroidism": Disease("E03.9", "Hypothyroidism, unspecified", "40930008", "Hypothyroidism"),
    "depression": Disease("F32.A", "Depression, unspecified", "35489007", "Depressive disorder"),
    "reflux": Disease(
        "K21.9",
        "Gastro-esophageal reflux disease without esophagitis",
        "235595009",
        "Gastroesophageal reflux disease",
    ),
    "arthritis": Disease(
        "M17.9", "Osteoarthritis of knee, unspecified", "239873007", "Osteoarthritis of knee"
    ),
}

ADMISSIONS = (
    Disease("J18.9", "Pneumonia, unspecified organism", "233604007", "Pneumonia"),
    Disease("A41.9", "Sepsis, unspecified organism", "91302008", "Sepsis"),
    Disease("I50.9", "Heart failure, unspecified", "42343007", "Congestive heart failure"),
    Disease(
        "N39.0",
        "Urinary tract infection, site not specified",
        "68566005",
        "Urinary tract infection",
    ),
    Disease(
        "K80.00",
        "Calculus of gallbladder with acute cholecystitis without obstruction",
        "65275009",
        "Acute cholecystitis",
    ),
)


@dataclass(frozen=True, slots=True)
class Analyte:
    """A laboratory test with its unit, reference range, spread and decimals."""

    loinc: str
    display: str
    unit: str
    ucum: str
    low: float | None
    high: float | None
    mean: float
    spread: float
    decimals: int


ANALYTES = {
    "a1c": Analyte(
        "4548-4", "Hemoglobin A1c/Hemoglobin.total in Blood", "%", "%", 4.0, 5.6, 7.4, 1.1, 1
    ),
    "creatinine": Analyte(
        "2160-0",
        "Creatinine [Mass/volume] in Serum or Plasma",
        "mg/dL",
        "mg/dL",
        0.6,
        1.3,
        1.0,
        0.2,
        2,
    ),
    "potassium": Analyte(
        "2823-3",
        "Potassium [Moles/volume] in Serum or Plasma",
        "mmol/L",
        "mmol/L",
        3.5,
        5.1,
        4.3,
        0.35,
        1,
    ),
    "sodium": Analyte(
        "2951-2",
        "Sodium [Moles/volume] in Serum or Plasma",
        "mmol/L",
        "mmol/L",
        136,
        145,
        140,
        2.4,
        0,
    ),
    "glucose": Analyte(
        "2345-7", "Glucose [Mass/volume] in Serum or Plasma", "mg/dL", "mg/dL", 70, 99, 118, 24, 0
    ),
    "cholesterol": Analyte(
        "2093-3",
        "Cholesterol [Mass/volume] in Serum or Plasma",
        "mg/dL",
        "mg/dL",
        None,
        199,
        186,
        26,
        0,
    ),
    "triglycerides": Analyte(
        "2571-8",
        "Triglyceride [Mass/volume] in Serum or Plasma",
        "mg/dL",
        "mg/dL",
        None,
        149,
        138,
        32,
        0,
    ),
    "hdl": Analyte(
        "2085-9",
        "Cholesterol in HDL [Mass/volume] in Serum or Plasma",
        "mg/dL",
        "mg/dL",
        40,
        None,
        49,
        8,
        0,
    ),
    "ldl": Analyte(
        "13457-7",
        "Cholesterol in LDL [Mass/volume] in Serum or Plasma by calculation",
        "mg/dL",
        "mg/dL",
        None,
        129,
        108,
        24,
        0,
    ),
    "inr": Analyte(
        "6301-6",
        "INR in Platelet poor plasma by Coagulation assay",
        "{INR}",
        "{INR}",
        2.0,
        3.0,
        2.5,
        0.4,
        1,
    ),
    "tsh": Analyte(
        "3016-3",
        "Thyrotropin [Units/volume] in Serum or Plasma",
        "mIU/L",
        "m[IU]/L",
        0.4,
        4.5,
        2.2,
        0.7,
        2,
    ),
    "hemoglobin": Analyte(
        "718-7", "Hemoglobin [Mass/volume] in Blood", "g/dL", "g/dL", 12.0, 17.0, 13.8, 1.1, 1
    ),
}

VACCINES = (
    ("140", "Influenza, seasonal, injectable, preservative free"),
    ("115", "Tdap"),
    ("187", "Zoster vaccine recombinant"),
    ("33", "Pneumococcal polysaccharide vaccine, 23 valent"),
)
CHILD_VACCINES = (("03", "MMR"), ("20", "DTaP"), ("21", "Varicella"), ("10", "IPV"))

ALLERGENS = (
    ("7980", "penicillin G"),
    ("10180", "sulfamethoxazole"),
    ("2670", "codeine"),
    ("1191", "aspirin"),
    ("5640", "ibuprofen"),
)

IMAGING = ("363679005", "Imaging")
THERAPY = ("277132007", "Therapeutic procedure")
SURGERY = ("387713003", "Surgical procedure")
ORDERS = (
    (
        IMAGING,
        ("241646009", "Magnetic resonance imaging of cervical spine"),
        ("M54.2", "Cervicalgia"),
    ),
    (IMAGING, ("40701008", "Echocardiography"), ("I50.9", "Heart failure, unspecified")),
    (
        IMAGING,
        ("77477000", "Computerized axial tomography"),
        ("R91.1", "Solitary pulmonary nodule"),
    ),
    (
        THERAPY,
        ("91251008", "Physical therapy procedure"),
        ("M17.9", "Osteoarthritis of knee, unspecified"),
    ),
    (
        IMAGING,
        ("312681000", "Bone density scan"),
        ("M81.0", "Age-related osteoporosis without current pathological fracture"),
    ),
    (
        SURGERY,
        ("73761001", "Colonoscopy"),
        ("Z12.11", "Encounter for screening for malignant neoplasm of colon"),
    ),
)

PROCEDURES = (
    ("73761001", "Colonoscopy"),
    ("29303009", "Electrocardiographic procedure"),
    ("399208008", "Plain chest X-ray"),
    ("23426006", "Measurement of respiratory function"),
)
