"""The stories of what went wrong. In: clean records; out: the same with defects, each one noted."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from uptake.demo.hospital.calendar import week_of
from uptake.demo.hospital.clean import EHR, LAB, PHARMACY, WEST
from uptake.demo.hospital.codes import ANALYTES, LAB_CODES
from uptake.demo.hospital.fhir import coding, to
from uptake.demo.hospital.laboratory import LEGACY_SITES
from uptake.demo.hospital.pharmacy_defects import plant_pharmacy
from uptake.demo.hospital.staff import GONE

if TYPE_CHECKING:
    from collections.abc import Callable

    from uptake.demo.hospital.clean import World
    from uptake.demo.hospital.fhir import Resource
    from uptake.demo.hospital.planting import Planter

DEVICE_WEEK = 20
TYPED, TYPED_PATIENTS = 23, 19
"""Results that the device of 6 North sent as text, and of how many patients, at 1,000 patients."""


def plant_defects(plan: Planter, world: World) -> None:
    """Change the records, story by story; the order matters, since each resource is used once."""
    sites = _draw_sites(plan)
    _bay_clock(plan)
    _typed_potassium(plan, world)
    _registered_twice(plan, world)
    _identifiers_lost(plan, world)
    _legacy_codes(plan, sites)
    _site_interfaces(plan, sites)
    for story in (
        _free_text_results,
        _sent_again,
        _lab_context,
        _lab_times,
        _hand_entered_problems,
    ):
        story(plan)
    _record_slips(plan, lambda r: person_of(r) not in world.population.gaps)
    plant_pharmacy(plan, {p.record.who.number for p in world.admissions})
    _broken_lines(plan)
    _draws_without_visit(plan)


def _code(resource: Resource) -> str:
    code: str = resource["code"]["coding"][0]["code"]
    return code


def _clinic_pulse(plan: Planter) -> Callable[[Resource], bool]:
    visits = {
        f"Encounter/{e['id']}" for e in plan.all(EHR, "Encounter") if e["class"]["code"] == "AMB"
    }
    return lambda r: _code(r) == "8867-4" and r["encounter"]["reference"] in visits


def _tests(name: str) -> Callable[[Resource], bool]:
    return lambda r: _code(r) == ANALYTES[name].loinc


def _draw_sites(plan: Planter) -> dict[str, str]:
    """The draw site of each visit to the laboratory, by its reference."""
    return {
        f"Encounter/{e['id']}": e["location"][0]["location"]["reference"].partition("loc-")[2]
        for e in plan.all(LAB, "Encounter")
    }


def _site(sites: dict[str, str], observation: Resource) -> str:
    return sites[observation["encounter"]["reference"]]


# Identity


def person_of(resource: Resource) -> str:
    """Return the number of the person, which stands in every id."""
    return str(resource["id"].split("-")[2])


def _registered_twice(plan: Planter, world: World) -> None:
    """Registration made a second record during downtime, and the last visit hangs on it.

    Not of persons whom a use case is about: few of those, so that each story has one cause.
    """
    diabetics = set(world.population.gaps)
    admitted = {p.record.who.number for p in world.admissions}
    ordered = {o.record.who.number for o in world.orders}

    def choose(count: int, least: int, known: set[str], others: set[str]) -> list[Resource]:
        def fits(patient: Resource) -> bool:
            number = person_of(patient)
            return (not known or number in known) and number not in others

        return plan.choose(count, EHR, "Patient", fits, least=least)

    chosen = choose(6, 1, set(), diabetics | admitted | ordered)
    chosen += choose(2, 0, diabetics, admitted | ordered)
    chosen += choose(1, 0, admitted, diabetics | ordered)
    for patient in chosen:
        name = {**patient["name"][0], "given": patient["name"][0]["given"][:1]}
        twin = plan.copy(EHR, patient, name=[name])
        old, new = to("Patient", patient["id"]), to("Patient", twin["id"])
        visits = [
            e
            for e in plan.all(EHR, "Encounter")
            if e["subject"] == old and e["class"]["code"] == "AMB"
        ]
        visit = to("Encounter", visits[-1]["id"])
        visits[-1]["subject"] = new
        for rows in plan.records[EHR].values():
            for row in rows:
                if visit in (row.get("encounter"), row.get("context")):
                    row["patient" if "patient" in row else "subject"] = new
        for record in (patient, twin):
            plan.note("DUP-01", EHR, record, "identifier")
            plan.note("DUP-02", EHR, record, "identifier")
        _filed_apart(plan, old, new)


def _filed_apart(plan: Planter, old: Resource, new: Resource) -> None:
    """Note what stands on the record with fewer facts; of equals the old one is opened."""

    def filed(who: Resource) -> list[tuple[Resource, str]]:
        return [
            (row, element)
            for rows in plan.records[EHR].values()
            for row in rows
            for element in ("subject", "patient", "beneficiary")
            if row.get(element) == who
        ]

    lost = min(filed(new), filed(old), key=len)
    plan.claim(row for row, _ in lost)
    for row, element in lost:
        plan.note("DUP-10", EHR, row, element)


def _identifiers_lost(plan: Planter, world: World) -> None:
    """Walk-in customers reach us without any number."""
    linked = set(world.population.gaps) | {p.record.who.number for p in world.admissions}
    for feed, count in ((LAB, 10), (PHARMACY, 8)):
        for patient in plan.choose(count, feed, "Patient", lambda p: person_of(p) not in linked):
            del patient["identifier"]
            plan.note("DUP-05", feed, patient, "identifier")


# The laboratory


def _legacy_codes(plan: Planter, sites: dict[str, str]) -> None:
    """Fourteen draw sites still send their old system's code for hemoglobin A1c, and no LOINC."""
    for result in plan.all(LAB, "Observation", _tests("a1c")):
        if local := LEGACY_SITES.get(_site(sites, result)):
            result["code"] = {
                "coding": [coding(LAB_CODES, local, "HGB A1C")],
                "text": "Hemoglobin A1c",
            }
            plan.claim([result])
            plan.note("COD-01", LAB, result, "code")


def _site_interfaces(plan: Planter, sites: dict[str, str]) -> None:
    """Two sites write LOINC's URI in their own way; one mistypes a code; one has no UCUM."""

    def of(site: str, test: str) -> list[Resource]:
        rows = plan.all(LAB, "Observation", lambda r: _tests(test)(r) and _site(sites, r) == site)
        plan.claim(rows)
        return rows

    for site, test, system in (
        ("evanston", "sodium", "http://loinc.org/"),
        ("loop", "hdl", "urn:oid:2.16.840.1.113883.6.1"),
    ):
        for result in of(site, test):
            result["code"] = {"coding": [{**result["code"]["coding"][0], "system": system}]}
            plan.note("COD-03", LAB, result, "code.coding.system")
    for result in of("lakeview", "ldl"):
        result["code"] = {"coding": [{**result["code"]["coding"][0], "code": "13457-1"}]}
        plan.note("COD-05", LAB, result, "code.coding.code")
    for result in of("evanston", "glucose"):
        value = result["valueQuantity"]["value"]
        result["valueQuantity"] = {"value": value, "unit": "mg/dl"}
        plan.note("COD-10", LAB, result, "value")


def _free_text_results(plan: Planter) -> None:
    """Some A1c results are typed as text; others have a percent sign without its system."""
    for result in plan.choose(2, LAB, "Observation", _tests("a1c")):
        result["valueString"] = f"{result.pop('valueQuantity')['value']} %"
        plan.note("TXT-02", LAB, result, "value")
    for result in plan.choose(6, LAB, "Observation", _tests("a1c")):
        result["valueQuantity"] = {**result["valueQuantity"]}
        del result["valueQuantity"]["system"]
        plan.note("COD-10", LAB, result, "value")
    for result in plan.choose(12, LAB, "Observation", _tests("hemoglobin")):
        result["code"] = {"coding": [{**result["code"]["coding"][0], "display": "unknown"}]}
        plan.note("TXT-04", LAB, result, "code.coding.display")


def _sent_again(plan: Planter) -> None:
    """An interface replayed a queue; and corrected potassium results came as new final ones."""
    pulses = plan.choose(20, EHR, "Observation", _clinic_pulse(plan))
    creatinines = plan.choose(12, LAB, "Observation", _tests("creatinine"))
    for feed, rows in ((EHR, pulses), (LAB, creatinines)):
        for first in rows:
            for row in (first, plan.copy(feed, first)):
                plan.note("DUP-07", feed, row, "id")
    for first in plan.choose(12, LAB, "Observation", _tests("potassium")):
        value = {**first["valueQuantity"], "value": round(first["valueQuantity"]["value"] + 1.2, 1)}
        high = first["interpretation"][0]["coding"][0] | {"code": "H", "display": "High"}
        second = plan.copy(LAB, first, valueQuantity=value, interpretation=[{"coding": [high]}])
        for row in (first, second):
            plan.note("DUP-08", LAB, row, "value")


def _lab_context(plan: Planter) -> None:
    """Results without a patient, without a value, or filed under the visit of another month."""
    plain = ("2160-0", "2823-3", "2093-3", "2571-8", "3016-3")
    first_visit = {e["subject"]["reference"]: e for e in reversed(plan.all(LAB, "Encounter"))}

    def another_month(result: Resource) -> bool:
        start = first_visit[result["subject"]["reference"]]["period"]["start"]
        return _code(result) in plain and bool(result["effectiveDateTime"][:7] != start[:7])

    for result in plan.choose(16, LAB, "Observation", another_month):
        result["encounter"] = to("Encounter", first_visit[result["subject"]["reference"]]["id"])
        plan.note("CTX-06", LAB, result, "encounter")
    for result in plan.choose(10, LAB, "Observation", lambda r: _code(r) in plain):
        del result["subject"]
        plan.note("CTX-03", LAB, result, "subject")
    for result in plan.choose(16, LAB, "Observation", lambda r: _code(r) in plain):
        for element in ("valueQuantity", "interpretation", "referenceRange"):
            del result[element]
        plan.note("CTX-08", LAB, result, "value")


def _lab_times(plan: Planter) -> None:
    """No collection time, or one that is not on any calendar."""
    for result in plan.choose(12, LAB, "Observation", _tests("triglycerides")):
        del result["effectiveDateTime"]
        plan.note("TIM-01", LAB, result, "effective")
    for result in plan.choose(4, LAB, "Observation", _tests("cholesterol")):
        result["effectiveDateTime"] = "2026-13-40"
        plan.note("TIM-02", LAB, result, "effective")


def _draws_without_visit(plan: Planter) -> None:
    """Outreach draws of some phlebotomists have no visit to hang results on."""
    visits = plan.all(LAB, "Encounter")
    bare = {f"Encounter/{e['id']}" for e in visits[::11]}
    for result in plan.all(LAB, "Observation", lambda r: r["encounter"]["reference"] in bare):
        del result["encounter"]
        plan.note("CTX-01", LAB, result, "encounter")


# The hospital


def _bay_clock(plan: Planter) -> None:
    """The gateway of one bay of 5 West sends the local time without its offset."""
    rows = plan.all(WEST, "Observation")
    for row in rows:
        row["effectiveDateTime"] = row["effectiveDateTime"][:19]
        plan.note("TIM-03", WEST, row, "effective")
    plan.claim(rows)


def _typed_potassium(plan: Planter, world: World) -> None:
    """The device of 6 North sends some results as text, twice of some patients, since week 20."""
    tested = [p for p in world.admissions if p.potassium and week_of(p.start) >= DEVICE_WEEK]
    first = {p.record.who.number: p for p in reversed(tested)}
    patients = sorted(first.values(), key=lambda p: p.start)
    chosen = patients[: max(1, round(TYPED_PATIENTS * plan.scale))]
    more = max(0, round(TYPED * plan.scale) - len(chosen))
    ids = [p.potassium[0] for p in chosen]
    ids += [p.potassium[1] for p in chosen if len(p.potassium) > 1][:more]
    rows = plan.all(EHR, "Observation", lambda r: r["id"] in ids)
    for row in rows:
        plan.corrected[id(row)] = dict(row)
        number = row.pop("valueQuantity")
        row["valueString"] = f"{number['value']} {number['unit']}"
        plan.note("TXT-02", EHR, row, "value")
    plan.claim(rows)
    plan.typed = rows


def _hand_entered_problems(plan: Planter) -> None:
    """Problems typed by hand: no system, a wrong digit, a name that says nothing."""
    for problem in plan.choose(18, EHR, "Condition"):
        standard, billing = problem["code"]["coding"]
        bare = {key: billing[key] for key in ("code", "display")}
        problem["code"] = {**problem["code"], "coding": [standard, bare]}
        plan.note("COD-02", EHR, problem, "code.coding.system")
    for problem in plan.choose(7, EHR, "Condition"):
        standard, billing = problem["code"]["coding"]
        code = standard["code"]
        wrong = {**standard, "code": code[:-1] + str((int(code[-1]) + 1) % 10)}
        problem["code"] = {**problem["code"], "coding": [wrong, billing]}
        plan.note("COD-05", EHR, problem, "code.coding.code")
    for problem in plan.choose(10, EHR, "Condition"):
        standard, billing = problem["code"]["coding"]
        problem["code"] = {**problem["code"], "coding": [{**standard, "display": "n/a"}, billing]}
        plan.note("TXT-04", EHR, problem, "code.coding.display")


def _record_slips(plan: Planter, healthy: Callable[[Resource], bool]) -> None:
    """A prescriber who is not in the feed, wrong years, visits that end before they begin."""
    for order in plan.choose(18, EHR, "MedicationRequest", lambda r: "authoredOn" in r):
        order["requester"] = to("Practitioner", GONE)
        plan.note("CTX-02", EHR, order, "requester")
    for procedure in plan.choose(10, EHR, "Procedure"):
        del procedure["performedPeriod"]
        plan.note("TIM-01", EHR, procedure, "performed")
    births = {
        f"Patient/{p['id']}": date.fromisoformat(p["birthDate"])
        for p in plan.records[EHR]["Patient"]
    }

    def told(dose: Resource) -> bool:
        return "reportOrigin" in dose and healthy(dose)

    for dose in plan.choose(5, EHR, "Immunization", told):
        dose["occurrenceDateTime"] = "2042" + dose["occurrenceDateTime"][4:8] + "15"
        plan.note("TIM-04", EHR, dose, "occurrence")
    for dose in plan.choose(5, EHR, "Immunization", told):
        birth = births[dose["patient"]["reference"]]
        dose["occurrenceDateTime"] = (birth - timedelta(days=420)).isoformat()
        plan.note("TIM-05", EHR, dose, "occurrence")
    for visit in plan.choose(10, EHR, "Encounter", lambda e: e["class"]["code"] == "AMB"):
        start = datetime.fromisoformat(visit["period"]["start"])
        visit["period"] = {**visit["period"], "end": (start - timedelta(hours=3)).isoformat()}
        plan.note("TIM-07", EHR, visit, "period")
    left = plan.records[EHR]["Practitioner"][-1]
    number = left["identifier"][0]
    swapped = number["value"][:-1] + str((int(number["value"][-1]) + 3) % 10)
    left["identifier"] = [{**number, "value": swapped}]
    plan.note("COD-05", EHR, left, "identifier.value")


# Lines nobody can read


def _cut(line: bytes) -> bytes:
    return line[: len(line) * 3 // 5]


def _quote(line: bytes) -> bytes:
    return re.sub(rb'"value":([0-9.]+),', rb'"value":"\1",', line, count=1)


def _latin(line: bytes) -> bytes:
    return line.replace("ñ".encode(), "ñ".encode("latin-1"))


def _broken_lines(plan: Planter) -> None:
    """A cut transfer, a number in quotes, and a customer's note in Latin-1."""
    weights = plan.choose(1, EHR, "Observation", lambda r: _code(r) == "29463-7")
    results = plan.choose(1, LAB, "Observation", _tests("sodium"))
    fills = plan.choose(1, PHARMACY, "MedicationDispense")
    for fill in fills:
        fill["note"] = [{"text": "Sra. Muñoz: easy-open cap"}]
    for feed, rows, spoil in (
        (EHR, weights, _cut),
        (LAB, results, _quote),
        (PHARMACY, fills, _latin),
    ):
        for row in rows:
            plan.broken[id(row)] = spoil
            plan.note("CNF-01", feed, row, "")
    lost = [to("Observation", result["id"]) for result in results]
    for report in plan.all(LAB, "DiagnosticReport"):
        if any(result in lost for result in report["result"]):
            plan.claim([report])
            plan.note("CTX-02", LAB, report, "result")
