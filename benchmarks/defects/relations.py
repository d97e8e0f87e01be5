"""CTX-04, CTX-05, DUP-11: records that point to each other, or should."""

from __future__ import annotations

import copy
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from benchmarks.corpus import CLINICAL_TIME, clinical_time
from benchmarks.defects.case import Case, Draw, Units, category, quantity
from benchmarks.defects.duplicates import identifier

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.corpus import Resource


def observed(resource: Resource) -> bool:
    """A number with an encounter, of a laboratory or a bedside."""
    return quantity(resource) and category(resource) in ("laboratory", "vital-signs")


def later(resource: Resource, element: str, **by: float) -> None:
    """Shift a date-time, or both ends of a Period; a result is not told before it is."""
    for name in (element, "issued") if "issued" in resource else (element,):
        value = resource[name]
        resource[name] = (
            {edge: shifted(text, **by) for edge, text in value.items()}
            if isinstance(value, dict)
            else shifted(value, **by)
        )


def shifted(text: str, **by: float) -> str:
    """A date-time with its offset, moved."""
    return (datetime.fromisoformat(text) + timedelta(**by)).isoformat()


TRIES = 10_000
"""Draws before it is said that there is no such resource."""


# ---- Two patients


def stranger(draw: Draw) -> Resource:
    """A new Patient like the drawn resource's, who is another person: no number is shared."""
    own = draw.corpus.patient_of(draw.resource)
    assert own is not None
    other = copy.deepcopy(own) | {"id": draw.new_id()}
    other["identifier"] = [identifier("MR", draw.new_id())]
    draw.somebody_else(other)
    draw.added.append(other)
    return other


def about(resource: Resource) -> str:
    """The element that names the patient."""
    return "patient" if "patient" in resource else "subject"


def misfiled(draw: Draw) -> None:
    """The resource under another patient; its encounter stays."""
    other = stranger(draw)
    draw.resource[about(draw.resource)] = {"reference": f"Patient/{other['id']}"}


def of_another(draw: Draw, resource_type: str) -> Resource:
    """A resource of the corpus about another patient, at most as new as the drawn one.

    Raises ValueError where there is none, as for the oldest of all.
    """
    own = draw.corpus.patient_of(draw.resource)
    rows = draw.corpus.resources[resource_type]
    for _ in range(TRIES):
        row = draw.random.choice(rows)
        sent = clinical_time(row)
        if draw.corpus.patient_of(row) is not own and datetime.fromisoformat(sent or "") < draw.at:
            return row
    raise ValueError(f"no {resource_type} of another patient is older")


def foreign_result(draw: Draw) -> None:
    """A report with a result of another patient."""
    other = of_another(draw, "Observation")
    own = draw.resource.get("result", [])
    draw.resource["result"] = [*own, {"reference": f"Observation/{other['id']}"}]


def merged(draw: Draw) -> None:
    """The resource under a record of the same patient that was merged away."""
    own = draw.corpus.patient_of(draw.resource)
    assert own is not None
    other = stranger(draw)
    other["active"] = False
    other["link"] = [{"other": {"reference": f"Patient/{own['id']}"}, "type": "replaced-by"}]
    draw.resource[about(draw.resource)] = {"reference": f"Patient/{other['id']}"}


def with_focus(draw: Draw) -> None:
    """An observation of the unborn child, in the mother's encounter."""
    misfiled(draw)
    draw.resource["focus"] = [{"reference": draw.encounter["subject"]["reference"]}]


def elsewhere_too(draw: Draw) -> Resource:
    """A copy of a resource of the same type about another patient, some hours later."""
    model = of_another(draw, draw.resource["resourceType"])
    other = copy.deepcopy(model) | {"id": draw.new_id()}
    element = CLINICAL_TIME[other["resourceType"]]
    later(other, element, minutes=draw.random.randrange(61, 300))
    draw.added.append(other)
    return other


def numbers(
    kind: str | None, *, other_kind: str | None = None, apart: bool = False
) -> Callable[[Draw], Units]:
    """Two resources of two patients that share a number; `apart`: of two systems."""

    def edit(draw: Draw) -> Units:
        other = elsewhere_too(draw)
        value = f"N-{draw.new_id()[:8]}"
        here, there = "http://numbers.example.org/a", "http://numbers.example.org/b"
        draw.resource["identifier"] = [identifier(kind, value, here)]
        other["identifier"] = [identifier(other_kind or kind, value, there if apart else here)]
        return [draw.resource, other]

    return edit


def one_patient(draw: Draw) -> Units:
    """Two results of one patient under one accession number."""
    number = identifier(None, f"N-{draw.new_id()[:8]}", "http://numbers.example.org/a")
    other = draw.twin()
    later(other, "effectiveDateTime", minutes=90)
    for one in (draw.resource, other):
        one["identifier"] = [copy.deepcopy(number)]
    return [draw.resource, other]


TWO_PATIENTS = (
    *(
        Case("CTX-04", f"{name} in another's encounter", name, misfiled, fresh=True)
        for name in ("Condition", "Procedure", "Immunization", "DiagnosticReport")
    ),
    Case(
        "CTX-04",
        "result in another's encounter",
        "Observation",
        misfiled,
        where=observed,
        fresh=True,
    ),
    Case(
        "CTX-04",
        "another's result in a report",
        "DiagnosticReport",
        foreign_result,
        also=("TIM-12",),
        fresh=True,
    ),
    Case(
        "CTX-04",
        "merged patient",
        "Observation",
        merged,
        False,
        ("COD-14", "DUP-10"),
        where=observed,
        fresh=True,
    ),
    Case(
        "CTX-04", "focus", "Observation", with_focus, False, ("COD-14",), where=observed, fresh=True
    ),
    Case("DUP-11", "visit number", "Encounter", numbers("VN"), fresh=True),
    Case("DUP-11", "accession number", "Observation", numbers("ACSN"), where=observed, fresh=True),
    Case("DUP-11", "number without a type", "DiagnosticReport", numbers(None), fresh=True),
    Case("DUP-11", "one patient", "Observation", one_patient, False, where=observed, fresh=True),
    Case("DUP-11", "two systems", "Encounter", numbers("VN", apart=True), False, fresh=True),
    Case(
        "DUP-11",
        "placer and filler",
        "Observation",
        numbers("PLAC", other_kind="FILL"),
        False,
        where=observed,
        fresh=True,
    ),
)


# ---- Encounters that can be inferred


def only_visit(draw: Draw) -> Resource:
    """The one encounter of a new Patient, whose the result is now."""
    patient = stranger(draw)
    subject = {"reference": f"Patient/{patient['id']}"}
    visit = copy.deepcopy(draw.encounter) | {"id": draw.new_id(), "subject": dict(subject)}
    visit.pop("identifier", None)
    draw.added.append(visit)
    draw.resource["subject"] = subject
    return visit


def lost(edge: str, **by: float) -> Callable[[Draw], None]:
    """A result without its encounter, so long after an edge of the only one."""

    def edit(draw: Draw) -> None:
        visit = only_visit(draw)
        del draw.resource["encounter"]
        at = datetime.fromisoformat(visit["period"][edge]) + timedelta(**by)
        at += timedelta(seconds=draw.random.randrange(1, 59))
        draw.resource["effectiveDateTime"] = draw.resource["issued"] = at.isoformat()

    return edit


def between_two(draw: Draw) -> None:
    """A result without an encounter while two are going on."""
    visit = only_visit(draw)
    draw.added.append(copy.deepcopy(visit) | {"id": draw.new_id()})
    del draw.resource["encounter"]
    at = datetime.fromisoformat(visit["period"]["start"]) + timedelta(minutes=7)
    draw.resource["effectiveDateTime"] = draw.resource["issued"] = at.isoformat()


def dated(draw: Draw) -> None:
    """A result without an encounter, of which only the day is known."""
    lost("start", minutes=5)(draw)
    draw.resource["effectiveDateTime"] = draw.resource["effectiveDateTime"][:10]


def lone(variant: str, edit: Callable[[Draw], None], *, found: bool = True, **more: Any) -> Case:
    """A result without its encounter, of a patient of whom nothing else is known."""
    also = ("CTX-01", "CTX-15", "COD-14", *more.pop("also", ()))
    return Case("CTX-05", variant, "Observation", edit, found, also, observed, fresh=True)


INFERRED = (
    lone("during the only one", lost("start", minutes=5)),
    lone("an hour before", lost("start", hours=-1)),
    lone("an hour after", lost("end", hours=1)),
    lone("three hours before", lost("start", hours=-3), found=False),
    lone("three hours after", lost("end", hours=3), found=False),
    lone("two at once", between_two, found=False, also=("DUP-07",)),
    lone("a date alone", dated, found=False),
)


CASES = (*TWO_PATIENTS, *INFERRED)
