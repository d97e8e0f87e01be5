"""Patients for three use cases, each for one case of what is an opportunity and what is not."""

from __future__ import annotations

from typing import Any

from uptake.model import CodeMapping

from .small import (
    ICD,
    LOCAL,
    LOINC,
    RXNORM,
    Resource,
    about,
    coded,
    observation,
    patient,
    stay,
)

A1C = coded(LOINC, "4548-4")
MAPPED = CodeMapping("lab", LOCAL, "GHB", LOINC, "4548-4", "Hemoglobin A1c")


def diabetic(name: str, **more: Any) -> list[Resource]:
    condition = about("Condition", f"c-{name}", name, code=coded(ICD, "E11.9"))
    return [patient(name, **more), condition]


def a1c(identity: str, who: str, when: str, **more: Any) -> Resource:
    return observation(identity, who, A1C, when, 7.1, unit="%", **more)


VISIT = "2026-06-01T10:00:00Z"


def care_gaps() -> dict[str, list[Resource]]:
    """Return visits of patients with diabetes, one or a few a case."""
    ehr: list[Resource] = []
    lab: list[Resource] = []

    def visit(name: str, *more: Resource, start: str = VISIT, **told: Any) -> None:
        ehr.extend([*diabetic(name), stay(f"v-{name}", name, start, **told), *more])

    visit("open")
    visit("known", a1c("k1", "known", "2026-01-01T08:00:00Z"))
    visit("at-once", a1c("k2", "at-once", VISIT))
    visit("a-year", a1c("k3", "a-year", "2025-06-01T10:00:00Z"))
    visit("within", a1c("k4", "within", "2025-06-01T10:00:01Z"))
    visit("mistake", a1c("k5", "mistake", "2026-01-01T08:00:00Z", status="entered-in-error"))
    visit("pending", a1c("k6", "pending", "2026-01-01T08:00:00Z", status="registered"))
    visit("month", a1c("k7", "month", "2026-05"))
    visit("no-time", a1c("k8", "no-time", "2026-01-01", effectiveDateTime=None))
    visit("day", start="2026-06-01")
    visit("no-zone", start="2026-06-01T10:00:00")
    visit("future", start="2026-11-02T10:00:00Z")
    visit("old", start="2025-11-01T11:59:59Z")
    visit("cancelled", status="cancelled")
    visit("wrong", status="entered-in-error")
    visit("admitted", kind="IMP")
    visit("acted", a1c("k9", "acted", "2026-07-01T10:00:00Z"))
    visit("too-late", a1c("k10", "too-late", "2026-07-01T10:00:01Z"))
    visit("twice", a1c("k12", "twice", "2026-06-20"), a1c("k11", "twice", "2026-06-10"))
    visit("still", start="2026-10-20T10:00:00Z")
    visit("still-done", a1c("k13", "still-done", "2026-10-21"), start="2026-10-20T10:00:00Z")
    visit("place", location=[{"location": {"reference": "Location/l"}}], end="2026-06-01T11:00:00Z")
    ehr.append({"resourceType": "Location", "id": "l", "name": "Diabetes clinic"})
    ehr += [patient("well"), stay("v-well", "well", VISIT)]
    # One person with records in two feeds: the number is the same, and so is the birth date.
    visit("lab-knows")
    lab += [patient("x1", "M-1lab-knows2"), a1c("l1", "x1", "2026-05-01T09:00:00Z")]
    visit("lab-local")
    local = coded(LOCAL, "GHB", display="GLYCO HB")
    lab += [
        patient("x2", "M-1lab-local2"),
        observation("l2", "x2", local, "2026-05-01T09:00:00Z", 7.0),
    ]
    # Two persons with one number in two feeds: another birth date, so another person.
    visit("namesake")
    lab += [
        patient("x3", "M-1namesake2", "1950-01-01"),
        a1c("l3", "x3", "2026-05-01T09:00:00Z"),
    ]
    # A visit that another organization sends is nothing that could be served here.
    lab += [patient("x4", "M-1known2"), stay("v-outside", "x4", VISIT)]
    return {"ehr": ehr, "lab": lab}


RECONCILIATION = "medication-reconciliation"
IN = "2026-06-01T10:00:00Z"


def drug(
    kind: str, identity: str, who: str, when: str, *, code: str = "197361", **more: Any
) -> Resource:
    """Return a prescription, statement or dispense of amlodipine 5 mg unless it is another."""
    moment = {
        "MedicationRequest": {"authoredOn": when, "intent": "order", "status": "active"},
        "MedicationStatement": {"dateAsserted": when, "status": "active"},
        "MedicationDispense": {"whenHandedOver": when, "status": "completed"},
    }[kind]
    name = "amlodipine 5 MG Oral Tablet"
    held = {"medicationCodeableConcept": coded(RXNORM, code, display=name) | {"text": name}}
    return about(kind, identity, who, **moment | held | more)


def inside(kind: str, identity: str, who: str, when: str, **more: Any) -> Resource:
    """Return the same within the stay of the patient."""
    element = "context" if kind == "MedicationStatement" else "encounter"
    stay_ = {element: {"reference": f"Encounter/a-{who}"}}
    return drug(kind, identity, who, when, **stay_ | more)


def category(code: str) -> list[Resource]:
    return [{"coding": [{"code": code}]}]


def admissions() -> dict[str, list[Resource]]:
    ehr: list[Resource] = []
    outside: list[Resource] = []

    def dispensed(name: str, day: str) -> Resource:
        return drug("MedicationDispense", f"d-{name}", f"o-{name}", day)

    def admitted(
        name: str, *more: Resource, start: str = IN, sent: str = "2026-05-20", **told: Any
    ) -> None:
        ehr.extend([patient(name), stay(f"a-{name}", name, start, **{"kind": "IMP"} | told), *more])
        outside.append(patient(f"o-{name}", f"M-1{name}2"))
        if sent:
            outside.append(dispensed(name, sent))

    statement, order = "MedicationStatement", "MedicationRequest"
    home, ward = {"category": category("community")}, {"category": category("inpatient")}
    admitted("plain")
    admitted("nothing", sent="")
    admitted("after", sent="2026-07-01")
    admitted("clinic", kind="AMB")
    admitted("emergency", kind="EMER")
    admitted("planned", status="planned")
    admitted("cancelled", status="cancelled")
    admitted("wrong", status="entered-in-error")
    admitted("day", start="2026-06-01")
    admitted("same", drug(order, "s1", "same", "2026-05-01", **home))
    admitted("written", inside(statement, "m1", "written", "2026-06-01T15:00:00Z"))
    admitted("long-ago", inside(statement, "m2", "long-ago", "2026-06-01T15:00:00Z",
                                effectivePeriod={"start": "2019-01-01"}))  # fmt: skip
    admitted("unasserted", inside(statement, "m3", "unasserted", "", dateAsserted=None,
                                  effectiveDateTime="2026-06-01T16:00:00Z"))  # fmt: skip
    admitted("signed", inside(order, "m4", "signed", "2026-06-02T10:00:00Z", **home))
    admitted("late", inside(order, "m5", "late", "2026-06-02T10:00:01Z", **home))
    admitted("before", inside(order, "m6", "before", "2026-06-01T09:59:59Z", **home))
    admitted("mistake", inside(statement, "m7", "mistake", "2026-06-01T15:00:00Z",
                               status="entered-in-error"))  # fmt: skip
    admitted("elsewhere", drug(statement, "m8", "elsewhere", "2026-06-01T15:00:00Z"))
    admitted("ordered", inside(order, "w1", "ordered", "2026-06-01T11:30:00Z", **ward),
             inside(order, "w2", "ordered", "2026-06-01T12:30:00Z", **ward))  # fmt: skip
    admitted("order-day", inside(order, "w3", "order-day", "2026-06-01", **ward))
    admitted("still", start="2026-11-01T10:00:00Z")
    ehr.append(patient("wrong-med"))
    ehr.append(stay("a-wrong-med", "wrong-med", IN, kind="IMP"))
    outside.append(patient("o-wrong-med", "M-1wrong-med2"))
    outside.append(
        drug(
            "MedicationDispense", "d-wrong", "o-wrong-med", "2026-05-20", status="entered-in-error"
        )
    )
    outside.append(stay("a-outside", "o-plain", IN, kind="IMP"))
    outside.append(
        inside(order, "w9", "o-plain", "2026-06-01T12:00:00Z", **ward)
        | {"encounter": {"reference": "Encounter/a-outside"}}
    )
    return {"ehr": ehr, "pharmacy": outside}


AUTHORIZATION = "prior-authorization"
SIGNED = "2026-06-01T10:00:00Z"


def orders() -> dict[str, list[Resource]]:
    ehr: list[Resource] = [patient("p")]

    def ordered(name: str, *more: Resource, when: str = SIGNED, **told: Any) -> None:
        held = {"status": "active", "intent": "order", "authoredOn": when}
        ehr.extend([about("ServiceRequest", f"r-{name}", "p", **held | told), *more])

    def claim(name: str, *answers: Resource, order: str = "", **told: Any) -> list[Resource]:
        held = {"status": "active", "use": "preauthorization", "created": SIGNED}
        if order:
            held["referral"] = {"reference": f"ServiceRequest/r-{order}"}
        return [about("Claim", f"c-{name}", "p", **held | told), *answers]

    def answer(name: str, when: str, number: str = "1", **told: Any) -> Resource:
        held = {
            "status": "active", "use": "preauthorization", "created": when, "outcome": "complete",
            "request": {"reference": f"Claim/c-{name}"},
        }  # fmt: skip
        if number:
            held["preAuthRef"] = number
        identity = f"n-{name}-{len(ehr)}{when[5:16].replace(':', '')}"
        return about("ClaimResponse", identity, "p", **held | told)

    def case(name: str, *whens: str, **told: Any) -> None:
        ordered(name, *claim(name, *(answer(name, w, **told) for w in whens), order=name))

    case("silent")
    case("answered", "2026-06-05T10:00:00Z")
    case("denied", "2026-06-04T10:00:00Z", number="")
    case("at-the-end", "2026-06-15T10:00:00Z")
    case("late", "2026-06-16T10:00:00Z")
    case("before", "2026-05-31T10:00:00Z")
    case("queued", "2026-06-05T10:00:00Z", outcome="queued")
    case("mistake", "2026-06-05T10:00:00Z", status="entered-in-error")
    case("paid", "2026-06-05T10:00:00Z", use="claim")
    ordered("several", *claim(
        "several", answer("several", "2026-06-08T10:00:00Z"),
        answer("several", "2026-06-03T10:00:00Z", ""), order="several",
    ))  # fmt: skip
    ordered("unnamed", *claim("unnamed", answer("unnamed", "2026-06-05T10:00:00Z")))
    ordered("waiting", when="2026-10-25T10:00:00Z")
    ordered("not", doNotPerform=True)
    ordered("do", doNotPerform=False)
    ordered("draft", status="draft")
    ordered("plan", intent="plan")
    ordered("wrong", status="entered-in-error")
    ordered("day", when="2026-06-01")
    ordered("future", when="2026-11-01T12:00:01Z")
    lab = [patient("q"), about("ServiceRequest", "r-outside", "q", status="active",
                               intent="order", authoredOn=SIGNED)]  # fmt: skip
    return {"ehr": ehr, "lab": lab}
