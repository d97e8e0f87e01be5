"""What a code says of itself, with no release at hand. In: a system, a code; out: can it be so.

Each rule is written to pass every code that was ever issued: `False` is a typing error or a broken
interface, `None` is no opinion. Whether a code exists is another question, which needs a release.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from uptake.terminology.ucum import is_ucum

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"
NPI = "http://hl7.org/fhir/sid/us-npi"
UCUM = "http://unitsofmeasure.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"

_DIGITS = re.compile(r"[0-9]+\Z")
"""ASCII only: `str.isdigit` takes the digits of every script."""

_CPT = r"[0-9]{4}[0-9A-Z]|[0-9A-Z]{2}"

_FORMATS = {
    # LOINC Users' Guide: digits, hyphen, check digit. Parts (LP), answers (LA), answer lists (LL)
    # and groups (LG) live under the same URI (https://terminology.hl7.org/LOINC.html); MTHU are old
    # parts.
    LOINC: r"[0-9]{1,7}-[0-9]|L[APLG][0-9]{1,7}-[0-9]|MTHU[0-9]{6}",
    # RxNorm Technical Documentation, RXCUI: a number of up to eight digits.
    RXNORM: r"[1-9][0-9]{0,7}",
    # CDC, IIS Code Sets: CVX is text of two or three digits, `03` is not `3`.
    "http://hl7.org/fhir/sid/cvx": r"[0-9]{2}|[1-9][0-9]{2}",
    # 21 CFR 207.33: 4-4-2, 5-3-2 or 5-4-1; with 11 digits, 5-4-2 (45 CFR 162.1002), with or
    # without hyphens. Two segments name the product without its package. Ten digits without hyphens
    # could be any of three packages, so they are none.
    "http://hl7.org/fhir/sid/ndc": (
        r"[0-9]{4}-[0-9]{4}(-[0-9]{2})?|[0-9]{5}-[0-9]{3}(-[0-9]{2})?"
        r"|[0-9]{5}-[0-9]{4}(-[0-9]{1,2})?|[0-9]{11}"
    ),
    # ICD-10-CM Official Guidelines, I.A.2: three to seven characters, a dot after the third.
    # Letters stand in the third (C4A, Z3A) and after; U07.1 and U09.9 are codes too.
    "http://hl7.org/fhir/sid/icd-10-cm": r"[A-Z][0-9][0-9A-Z](\.?[0-9A-Z]{1,4})?",
    # WHO, ICD-10 volume 2, 2.4: at most five characters, all digits after the first; blocks
    # (A00-A09), and the dagger or asterisk of dual coding, which feeds of the United Kingdom
    # write as D and A, and X where a place is empty. `S72.001A` can only be ICD-10-CM.
    "http://hl7.org/fhir/sid/icd-10": (
        r"[A-Z][0-9]{2}(\.?[0-9]{1,2})?([ADX]|\.-)?[+*!†]?|[A-Z][0-9]{2}-[A-Z][0-9]{2}"
    ),
    # ICD-10-PCS Official Guidelines, A1: seven characters, without I and O.
    "http://www.cms.gov/Medicare/Coding/ICD10": r"[0-9A-HJ-NP-Z]{7}",
    # ICD-9-CM, volumes 1 to 3: diagnoses, V and E codes, procedures of two digits before the dot.
    "http://hl7.org/fhir/sid/icd-9-cm": (
        r"[0-9]{2,3}(\.?[0-9]{1,2})?|V[0-9]{2}(\.?[0-9]{1,2})?|E[0-9]{3}(\.?[0-9])?"
    ),
    # AMA, CPT: five digits, or four and a letter for the category (F, T, U, M); modifiers have two.
    "http://www.ama-assn.org/go/cpt": _CPT,
    # CMS, HCPCS: level I is CPT, level II a letter and four digits.
    "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets": rf"[A-Z][0-9]{{4}}|{_CPT}",
    # NUCC, Health Care Provider Taxonomy: ten characters, the last is X.
    "http://nucc.org/provider-taxonomy": r"[0-9]{3}[0-9A-Z]{6}X",
    # WHO, Guidelines for ATC classification: five levels.
    "http://www.whocc.no/atc": r"[A-Z]([0-9]{2}([A-Z]([A-Z]([0-9]{2})?)?)?)?",
    # FDA, Substance Registration System: ten letters and digits.
    "http://fdasis.nlm.nih.gov": r"[0-9A-Z]{10}",
}
_SHAPES = {system: re.compile(rf"(?:{shape})\Z") for system, shape in _FORMATS.items()}

_LOINC_CODE = re.compile(r"[0-9]{1,7}-[0-9]\Z")
_SCTID = re.compile(r"[1-9][0-9]{5,17}\Z")
_CONCEPT_PARTITIONS = frozenset({"00", "10"})

_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)
_TURNED = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_SHUFFLED = (
    "0123456789", "1576283094", "5803796142", "8916043527",
    "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip
_INVERSE = "0432156789"
_PRODUCT = tuple(tuple(int(x) for x in row) for row in _TURNED)
_PERMUTED = tuple(tuple(int(x) for x in row) for row in _SHUFFLED)


def luhn_digit(digits: str) -> str:
    """Return the check digit that follows `digits` by mod 10 (ISO/IEC 7812-1, annex B)."""
    total = 0
    for i, digit in enumerate(reversed(digits)):
        total += int(digit) if i % 2 else _DOUBLED[int(digit)]
    return str(-total % 10)


def verhoeff_digit(digits: str) -> str:
    """Return the check digit that follows `digits` in the dihedral group D5.

    Verhoeff, Error Detecting Decimal Codes, 1969; SNOMED CT Release File Specification, 6.5.
    """
    state = 0
    for i, digit in enumerate(reversed(digits), start=1):
        state = _PRODUCT[state][_PERMUTED[i % 8][int(digit)]]
    return _INVERSE[state]


def check_digit_ok(system: str, code: str) -> bool | None:
    """Return whether the check digit of a LOINC or SNOMED CT code is right; `system` is canonical.

    None where there is none to judge: other systems, other shapes. LOINC's parts, answers, lists
    and groups end in a digit too, but mod 10 over their digits gives another (for 72 of 72 in US
    Core 6.1).
    """
    right = _right_code(system, code)
    return None if right is None else right == code


def format_ok(system: str, code: str) -> bool | None:
    """Return whether a code has the shape its system gives to codes; `system` is canonical.

    None if the system has no shape known here. A SNOMED CT code is the identifier of a concept
    (partition 00 or 10: Release File Specification, 6.4) of 6 to 18 digits, not that of a
    description (01, 11) or a relationship (02, 12); an expression (`128045006:363698007=56459004`)
    is not judged. A UCUM code is judged by UCUM's grammar.
    """
    if system == SNOMED:
        if _DIGITS.match(code) is None and _is_expression(code):
            return None
        return _SCTID.match(code) is not None and code[-3:-1] in _CONCEPT_PARTITIONS
    if system == UCUM:
        return is_ucum(code)
    shape = _SHAPES.get(system)
    return None if shape is None else shape.match(code) is not None


def npi_ok(value: str) -> bool:
    """Return whether a value is an NPI: ten digits, first 1 or 2, and Luhn with 80840 before them.

    CMS, Requirements for National Provider Identifier (NPI) and NPI Check Digit, 2004.
    """
    return (
        len(value) == 10
        and value[0] in "12"
        and _DIGITS.match(value) is not None
        and luhn_digit("80840" + value[:9]) == value[9]
    )


def suggest(system: str, code: str) -> str | None:
    """Return a LOINC or SNOMED CT code with the check digit it should have; None if it has that.

    It is the code that was meant if the check digit is what went wrong; a wrong digit elsewhere
    needs a look at the source. For what cannot be a concept there is no suggestion.
    """
    right = _right_code(system, code)
    return None if right == code or not right or not format_ok(system, right) else right


def has_rule(system: str) -> bool:
    """Return whether any code of this canonical system can be judged here."""
    return system in _SHAPES or system in (SNOMED, UCUM)


def _right_code(system: str, code: str) -> str | None:
    algorithm: Callable[[str], str]
    if system == LOINC and _LOINC_CODE.match(code):
        stem, algorithm = code[:-2], luhn_digit
    elif system == SNOMED and _SCTID.match(code):
        stem, algorithm = code[:-1], verhoeff_digit
    else:
        return None
    return code[:-1] + algorithm(stem)


def _is_expression(code: str) -> bool:
    """Return whether a text looks post-coordinated (SNOMED CT Compositional Grammar)."""
    return re.match(r"(=== |<<< )?\(?[1-9][0-9]{5,17}[ |:+=,(){}]", code) is not None
