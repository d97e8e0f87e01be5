"""In: a Patient drawn as a copy. Out: resources of their own, complete but for what a case says."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from benchmarks.baseline_care import DOSAGE, EMPTY_LISTS, SOURCE, empty_list
from benchmarks.defects.case import Case, Draw, Units

if TYPE_CHECKING:
    from benchmarks.corpus import Resource


def told(system: str, value: str, display: str) -> Resource:
    """A concept with one coding."""
    return {"coding": [{"system": system, "code": value, "display": display}]}


DIED = "2016-03-04T10:00:00+00:00"
PDF = [{"contentType": "application/pdf", "url": "Binary/1"}]
RADIOLOGY = told("http://terminology.hl7.org/CodeSystem/v2-0074", "RAD", "Radiology")
COLONOSCOPY = told("http://snomed.info/sct", "73761001", "Colonoscopy")
CHECK_UP = told("http://snomed.info/sct", "185349003", "Encounter for check up (procedure)")
AUTOPSY = told("http://snomed.info/sct", "29240004", "Autopsy examination")
POTASSIUM = told("http://loinc.org", "6298-4", "Potassium")
DRUG = told("http://www.nlm.nih.gov/research/umls/rxnorm", "310965", "Ibuprofen 200 MG Oral Tablet")
NORMAL = told("http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation", "N", "Normal")
NOTES = "http://hl7.org/fhir/us/core/CodeSystem/us-core-documentreference-category"
NPI = {"system": "http://hl7.org/fhir/sid/us-npi", "value": "1234567893"}
TIMING, ROUTE, DOSE = DOSAGE["timing"], DOSAGE["route"], DOSAGE["doseAndRate"]


def kind(value: str) -> Resource:
    """The category of an Observation."""
    system = "http://terminology.hl7.org/CodeSystem/observation-category"
    return {"coding": [{"system": system, "code": value}]}


def grown_up(resource: Resource) -> bool:
    """A Patient old enough for what happens since 2009."""
    return bool(resource["birthDate"] < "1990")


def sent(draw: Draw, name: str, **elements: Any) -> Resource:
    """A resource of the drawn Patient, added to the corpus."""
    who = "patient" if name in ("AllergyIntolerance", "Immunization") else "subject"
    resource = {
        "resourceType": name,
        "id": draw.new_id(),
        "meta": {"source": SOURCE},
        who: {"reference": f"Patient/{draw.resource['id']}"},
    } | copy.deepcopy(elements)
    draw.added.append(resource)
    return resource


def somebody(draw: Draw) -> Resource:
    """A reference to a practitioner with an NPI."""
    return {"reference": f"Practitioner/{draw.corpus.resources['Practitioner'][0]['id']}"}


def of_living(*made: Callable[[Draw], Resource]) -> Callable[[Draw], Units]:
    """A new Patient who is alive, with these resources; the first is the unit."""

    def edit(draw: Draw) -> Units:
        for element in ("deceasedDateTime", "deceasedBoolean"):
            draw.resource.pop(element, None)
        first, *_ = [make(draw) for make in made]
        return [first]

    return edit


def of_dead(made: Callable[[Draw], Resource], **death: Any) -> Callable[[Draw], Units]:
    """A new Patient who died, with a resource that is the unit."""

    def edit(draw: Draw) -> Units:
        for element in ("deceasedDateTime", "deceasedBoolean"):
            draw.resource.pop(element, None)
        draw.resource |= death or {"deceasedDateTime": DIED}
        return [made(draw)]

    return edit


def potassium(at: str, **elements: Any) -> Callable[[Draw], Resource]:
    """A result of that time."""
    return lambda draw: sent(
        draw,
        "Observation",
        **{
            "status": "final",
            "category": [kind("laboratory")],
            "code": POTASSIUM,
            "effectiveDateTime": at,
            "encounter": {"identifier": {"system": f"{SOURCE}/visits", "value": draw.new_id()}},
            "performer": [somebody(draw)],
            "valueQuantity": {
                "value": 4.1,
                "unit": "mmol/L",
                "system": "http://unitsofmeasure.org",
                "code": "mmol/L",
            },
            "referenceRange": [{"text": "as the laboratory states"}],
        }
        | elements,
    )


def order(name: str, **elements: Any) -> Callable[[Draw], Resource]:
    """An active order."""
    own = {
        "ServiceRequest": {"code": COLONOSCOPY},
        "MedicationRequest": {"medicationCodeableConcept": DRUG, "dosageInstruction": [DOSAGE]},
        "MedicationDispense": {"medicationCodeableConcept": DRUG, "status": "completed"},
    }
    return lambda draw: sent(
        draw,
        name,
        **(
            {"status": "active", "intent": "order", "requester": somebody(draw)}
            if name != "MedicationDispense"
            else {}
        )
        | own[name]
        | elements,
    )


def visit(start: str, **elements: Any) -> Callable[[Draw], Resource]:
    """A complete encounter."""
    return lambda draw: sent(
        draw,
        "Encounter",
        **{
            "status": "finished",
            "class": {
                "system": "http://terminology.hl7.org/CodeSystem/v3-ActCode",
                "code": "AMB",
            },
            "type": [CHECK_UP],
            "period": {"start": start, "end": start},
            "serviceProvider": {"identifier": {"system": f"{SOURCE}/sites", "value": "7"}},
            "participant": [{"individual": somebody(draw)}],
        }
        | elements,
    )


def colonoscopy(at: str, **elements: Any) -> Callable[[Draw], Resource]:
    """A procedure of that day."""
    return lambda draw: sent(
        draw,
        "Procedure",
        **{
            "status": "completed",
            "code": COLONOSCOPY,
            "performedDateTime": at,
            "performer": [{"actor": somebody(draw)}],
        }
        | elements,
    )


def document(loinc: str, at: str) -> Callable[[Draw], Resource]:
    """A scan of that LOINC type and day."""
    return lambda draw: sent(
        draw,
        "DocumentReference",
        status="current",
        type={"coding": [{"system": "http://loinc.org", "code": loinc}]},
        category=[told(NOTES, "clinical-note", "Clinical Note")],
        content=[{"attachment": PDF[0]}],
        context={"period": {"start": at}},
    )


def after(made: Callable[[Draw], Resource], ordered: str) -> Callable[[Draw], Resource]:
    """What was done for an order of that time."""

    def make(draw: Draw) -> Resource:
        request = order("ServiceRequest", status="completed", authoredOn=ordered)(draw)
        resource = made(draw)
        resource["basedOn"] = [{"reference": f"ServiceRequest/{request['id']}"}]
        return resource

    return make


def seen(start: str, *without: str, **elements: Any) -> Callable[[Draw], Units]:
    """A new Patient with a visit and every domain but these; the Patient is the unit."""

    def edit(draw: Draw) -> Units:
        of_living(visit(start, **elements))(draw)
        for name, (loinc, display) in EMPTY_LISTS.items():
            if name not in without:
                draw.added.append(
                    empty_list(draw.resource, loinc, display) | {"meta": {"source": SOURCE}}
                )
        if "Observation" not in without:
            potassium(start, category=[kind("vital-signs")])(draw)
        return [draw.resource]

    return edit


def case(check: str, variant: str, on: str, edit: Callable[[Draw], Any], **more: Any) -> Case:
    """A case; Encounters and Patients are drawn as copies that nothing refers to."""
    return Case(check, variant, on, edit, fresh=on in ("Encounter", "Patient"), **more)


def of_patient(check: str, variant: str, edit: Callable[[Draw], Any], **more: Any) -> Case:
    """A case of resources that a new Patient gets."""
    return case(check, variant, "Patient", edit, where=grown_up, **more)


def prescribed(check: str, variant: str, also: tuple[str, ...] = (), **elements: Any) -> Case:
    """A case of a prescription that a new Patient takes."""
    made = order("MedicationRequest", **({"authoredOn": "2021-02-04T10:00:00+00:00"} | elements))
    return of_patient(check, variant, of_living(made), also=also)


def near(made: Case) -> Case:
    """The case as one that must not be found."""
    return Case(**{**vars(made), "found": False})
