"""CTX-07, CTX-09 to CTX-15, TXT-06: what is known around a fact."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.baseline_care import DOSAGE, PROBLEM, SOURCE
from benchmarks.defects.case import (
    Draw,
    drop,
    laboratory,
    moved,
    put,
    quantity,
    replace,
    vital_sign,
)
from benchmarks.defects.newcomers import (
    DOSE,
    NORMAL,
    NPI,
    PDF,
    RADIOLOGY,
    ROUTE,
    TIMING,
    case,
    colonoscopy,
    document,
    near,
    of_living,
    of_patient,
    prescribed,
    seen,
    somebody,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.corpus import Resource


def ended(resource: Resource) -> bool:
    """A problem that is over."""
    return "abatementDateTime" in resource


def problem(resource: Resource) -> bool:
    """An entry of the problem list, not only the diagnosis of a visit."""
    return any(PROBLEM["code"] == row["coding"][0]["code"] for row in resource["category"])


def having(element: str) -> Callable[[Resource], bool]:
    """A resource with this element, which not every sender gives."""
    return lambda resource: element in resource


def from_npi_less(draw: Draw) -> None:
    """A performer who has no NPI."""
    who = {
        "resourceType": "Practitioner",
        "id": draw.new_id(),
        "identifier": [{"system": f"{SOURCE}/staff", "value": "7"}],
        "name": [{"family": "Hilpert"}],
    }
    draw.added.append(who)
    draw.resource["performer"] = [{"reference": f"Practitioner/{who['id']}"}]


def with_provenance(draw: Draw) -> None:
    """A resource whose source stands in a Provenance."""
    draw.resource["meta"].pop("source")
    draw.added.append(
        {
            "resourceType": "Provenance",
            "id": draw.new_id(),
            "target": [{"reference": f"{draw.resource['resourceType']}/{draw.resource['id']}"}],
            "recorded": moved(minutes=5)(draw),
            "agent": [{"who": somebody(draw)}],
        }
    )


PERFORMERS = (
    case("CTX-07", "no performer", "Observation", drop("performer"), where=laboratory),
    case("CTX-07", "empty", "Observation", put("performer", [{}]), where=laboratory),
    case(
        "CTX-07",
        "a name alone",
        "Observation",
        put("performer", [{"display": "Dr. Hilpert"}]),
        where=laboratory,
    ),
    case("CTX-07", "no NPI", "Observation", from_npi_less, where=laboratory),
    prescribed("CTX-07", "no requester", requester=None, also=("CNF-04", "CNF-06")),
    case("CTX-07", "nobody operated", "Procedure", drop("performer")),
    case(
        "CTX-07",
        "nobody took part",
        "Encounter",
        drop("participant", "serviceProvider"),
        also=("CTX-13",),
    ),
    case("CTX-07", "nobody wrote it down", "Condition", drop("recorder")),
    near(case("CTX-07", "vital sign", "Observation", drop("performer"), where=vital_sign)),
    near(
        case(
            "CTX-07",
            "interpreter",
            "DiagnosticReport",
            replace("performer", resultsInterpreter=lambda draw: [somebody(draw)]),
        )
    ),
    near(
        case(
            "CTX-07",
            "by NPI",
            "Observation",
            put(
                "performer",
                [{"identifier": NPI}],
            ),
            where=laboratory,
        )
    ),
)
RANGES = (
    case(
        "CTX-09",
        "neither",
        "Observation",
        drop("referenceRange", "interpretation"),
        where=laboratory,
    ),
    case(
        "CTX-09",
        "empty list",
        "Observation",
        replace("interpretation", referenceRange=[]),
        where=laboratory,
    ),
    case(
        "CTX-09",
        "hollow",
        "Observation",
        replace("interpretation", referenceRange=[{}]),
        where=laboratory,
    ),
    near(
        case(
            "CTX-09",
            "flag",
            "Observation",
            replace("referenceRange", interpretation=[NORMAL]),
            where=laboratory,
        )
    ),
    near(
        case(
            "CTX-09",
            "bounds",
            "Observation",
            put("referenceRange", [{"low": {"value": 0}}]),
            also=("PLA-07",),
            where=laboratory,
        )
    ),
    near(
        case(
            "CTX-09",
            "preliminary",
            "Observation",
            replace("referenceRange", status="preliminary"),
            where=laboratory,
        )
    ),
)
ORDERED = having("basedOn")
CHAINS = (
    case("CTX-10", "no result", "DiagnosticReport", drop("result")),
    case("CTX-10", "empty result", "DiagnosticReport", put("result", [])),
    case("CTX-10", "no order", "DiagnosticReport", drop("basedOn"), where=ORDERED),
    case("CTX-10", "hollow order", "DiagnosticReport", put("basedOn", [{}]), where=ORDERED),
    near(
        case(
            "CTX-10",
            "document",
            "DiagnosticReport",
            replace("result", presentedForm=PDF),
            also=("TXT-06",),
        )
    ),
    near(
        case(
            "CTX-10",
            "cancelled",
            "DiagnosticReport",
            replace("result", status="cancelled"),
        )
    ),
)
SIGS = (
    prescribed("CTX-11", "no dosage", dosageInstruction=[]),
    prescribed("CTX-11", "hollow", dosageInstruction=[{}]),
    prescribed("CTX-11", "no route", dosageInstruction=[{"timing": TIMING, "doseAndRate": DOSE}]),
    prescribed("CTX-11", "no frequency", dosageInstruction=[{"route": ROUTE, "doseAndRate": DOSE}]),
    prescribed(
        "CTX-11",
        "no unit",
        dosageInstruction=[DOSAGE | {"doseAndRate": [{"doseQuantity": {"value": 1}}]}],
        also=("COD-10",),
    ),
    prescribed("CTX-11", "second of two", dosageInstruction=[DOSAGE, {"route": ROUTE}]),
    near(
        prescribed(
            "CTX-11",
            "text alone",
            dosageInstruction=[{"text": "1 tablet twice a day"}],
            also=("TXT-05",),
        )
    ),
    near(
        prescribed(
            "CTX-11",
            "as needed",
            dosageInstruction=[{"asNeededBoolean": True, "route": ROUTE, "doseAndRate": DOSE}],
        )
    ),
)
# A status that is none breaks a binding, or the rule for what has ended.
STATUS = ("COD-09", "CNF-06")
STATUSES = (
    case(
        "CTX-12",
        "no clinical status",
        "Condition",
        drop("clinicalStatus"),
        also=STATUS,
        where=problem,
    ),
    case(
        "CTX-12",
        "hollow",
        "Condition",
        put("clinicalStatus", {"coding": []}),
        also=STATUS,
        where=problem,
    ),
    case(
        "CTX-12",
        "unknown",
        "Condition",
        put("clinicalStatus.coding.0.code", "unknown"),
        also=(*STATUS, "COD-07"),
        where=problem,
    ),
    case("CTX-12", "no verification", "Condition", drop("verificationStatus")),
    case("CTX-12", "no category", "Condition", drop("category"), also=("CNF-04",)),
    case(
        "CTX-12",
        "active and over",
        "Condition",
        put("clinicalStatus.coding.0.code", "active"),
        also=STATUS,
        where=ended,
    ),
    prescribed("CTX-12", "no status", status=None, also=("CNF-02",)),
    prescribed("CTX-12", "unknown medication", status="unknown"),
    near(
        case(
            "CTX-12",
            "diagnosis of a visit",
            "Condition",
            replace(
                "clinicalStatus", category=[{"coding": [PROBLEM | {"code": "encounter-diagnosis"}]}]
            ),
            also=STATUS,
        )
    ),
    near(
        case(
            "CTX-12",
            "entered in error",
            "Condition",
            replace(
                "clinicalStatus",
                verificationStatus={
                    "coding": [
                        {
                            "system": "http://terminology.hl7.org/CodeSystem/condition-ver-status",
                            "code": "entered-in-error",
                        }
                    ]
                },
            ),
            also=("CTX-15",),
        )
    ),
    near(
        case(
            "CTX-12",
            "in remission",
            "Condition",
            put("clinicalStatus.coding.0.code", "remission"),
            where=ended,
        )
    ),
)
ENCOUNTERS = (
    case("CTX-13", "no class", "Encounter", drop("class"), also=("CNF-02",)),
    case("CTX-13", "no type", "Encounter", drop("type"), also=("CNF-04",)),
    case("CTX-13", "hollow type", "Encounter", put("type", [{}]), also=("CNF-04",)),
    case("CTX-13", "no start", "Encounter", drop("period.start"), also=("TIM-01",)),
    case("CTX-13", "no end", "Encounter", drop("period.end")),
    case("CTX-13", "nowhere", "Encounter", drop("serviceProvider", "location"), also=("CTX-07",)),
    case(
        "CTX-13",
        "a name alone",
        "Encounter",
        replace("location", serviceProvider={"display": "Ward 7"}),
        also=("CTX-07",),
    ),
    near(
        case(
            "CTX-13",
            "location",
            "Encounter",
            replace(
                "serviceProvider",
                location=[{"location": {"identifier": {"system": SOURCE, "value": "7"}}}],
            ),
            also=("CTX-07",),
        )
    ),
    near(
        case(
            "CTX-13",
            "cancelled",
            "Encounter",
            lambda draw: draw.resource.update(status="cancelled", period={"start": moved()(draw)}),
        )
    ),
)
SOURCES = (
    case("CTX-14", "no source", "Observation", drop("meta.source"), where=quantity),
    case("CTX-14", "empty", "Observation", put("meta.source", ""), where=quantity),
    case("CTX-14", "no meta", "Condition", drop("meta")),
    near(case("CTX-14", "Provenance", "Condition", with_provenance)),
)
DOMAINS = (
    of_patient("CTX-15", "no allergies", seen("2021-03-04T10:00:00+00:00", "AllergyIntolerance")),
    of_patient("CTX-15", "no problems", seen("2020-03-04T10:00:00+00:00", "Condition")),
    of_patient("CTX-15", "no medications", seen("2020-09-04T10:00:00+00:00", "MedicationRequest")),
    of_patient("CTX-15", "no vital signs", seen("2020-12-04T10:00:00+00:00", "Observation")),
    near(of_patient("CTX-15", "nil known", seen("2021-03-04T10:00:00+00:00"))),
    near(of_patient("CTX-15", "long ago", seen("2018-03-04T10:00:00+00:00", "Condition"))),
)
DOCUMENTS = (
    case("TXT-06", "PDF", "DiagnosticReport", replace("result", presentedForm=PDF)),
    case(
        "TXT-06",
        "empty result",
        "DiagnosticReport",
        lambda draw: draw.resource.update(result=[], presentedForm=PDF),
    ),
    of_patient("TXT-06", "operation", of_living(document("11504-8", "2018-03-04"))),
    of_patient(
        "TXT-06",
        "another procedure",
        of_living(document("18746-8", "2018-03-04"), colonoscopy("2012-03-04T10:00:00+00:00")),
    ),
    near(case("TXT-06", "both", "DiagnosticReport", put("presentedForm", PDF))),
    near(
        case(
            "TXT-06",
            "radiology",
            "DiagnosticReport",
            replace("result", presentedForm=PDF, category=[RADIOLOGY]),
        )
    ),
    near(
        of_patient(
            "TXT-06",
            "that procedure",
            of_living(document("18746-8", "2018-03-04"), colonoscopy("2018-03-04T10:00:00+00:00")),
        )
    ),
)
CASES = (
    *PERFORMERS,
    *RANGES,
    *CHAINS,
    *SIGS,
    *STATUSES,
    *ENCOUNTERS,
    *SOURCES,
    *DOMAINS,
    *DOCUMENTS,
)
