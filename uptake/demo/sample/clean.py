"""The sample without a defect. In: a number of patients and a seed; out: three feeds' records."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uptake.demo.sample import hospital, laboratory, pharmacy, staff
from uptake.demo.sample.people import person, stream
from uptake.demo.sample.ward import write_stay

if TYPE_CHECKING:
    from uptake.demo.sample.fhir import Records

EHR, LAB, PHARMACY = "ehr", "northside-lab", "corner-pharmacy"


def clean_records(patients: int, seed: int) -> Records:
    """Return feed to type to resources, nothing wrong with any of them."""
    records: Records = {EHR: {}, LAB: {}, PHARMACY: {}}
    diabetics = stays = adults = 0
    for number in range(1, patients + 1):
        who = person(seed, number)
        record = hospital.write_record(who, stream(seed, "hospital", number), records[EHR])
        diabetic = None
        if "diabetes" in who.diseases:
            diabetic, diabetics = diabetics, diabetics + 1
        lab = stream(seed, "lab", number)
        site = laboratory.draw_site(lab, diabetic)
        laboratory.write_results(who, lab, site, records[LAB])
        pharmacy.write_dispensing(
            who, stream(seed, "pharmacy", number), record.visits[-1], records[PHARMACY]
        )
        if who.age >= 18:
            adults += 1
            if adults % 4 == 0:
                write_stay(record, stays % len(staff.WARDS), current=stays // 3 % 3 == 0)
                stays += 1
    _add_staff(records)
    return records


def _add_staff(records: Records) -> None:
    ehr, lab, shop = records[EHR], records[LAB], records[PHARMACY]
    people = len(staff.DOCTORS) + len(staff.NURSES) + 1
    ehr["Practitioner"] = [staff.practitioner(i, hospital.SOURCE) for i in range(people)]
    ehr["Organization"] = [
        staff.organization(staff.HOSPITAL, "Lakeshore Health", 45_100_733, hospital.SOURCE),
        staff.organization(staff.PAYER, "Prairie Health Plan", 45_210_019, hospital.SOURCE),
    ]
    ehr["Location"] = staff.locations(hospital.SOURCE)
    lab["Organization"] = [
        staff.organization(
            laboratory.LABORATORY, "Northside Laboratory", 47_003_321, laboratory.SOURCE
        )
    ]
    lab["Location"] = laboratory.places()
    shop["Organization"] = [
        staff.organization(pharmacy.PHARMACY, "Corner Pharmacy", 48_820_154, pharmacy.SOURCE),
        staff.organization(pharmacy.PRESCRIBERS, "Lakeshore Clinic", 45_100_741, pharmacy.SOURCE),
    ]
    shop["Location"] = [pharmacy.place()]
    shop["Practitioner"] = [
        pharmacy.prescriber(staff.practitioner(i, pharmacy.SOURCE))
        for i in range(len(staff.DOCTORS))
    ]
