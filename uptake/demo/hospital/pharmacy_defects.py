"""What the pharmacy sends wrong. In: its records; out: drugs and dosages as text, odd dates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uptake.demo.hospital.clean import PHARMACY
from uptake.demo.hospital.drugs import DRUGS

if TYPE_CHECKING:
    from collections.abc import Collection

    from uptake.demo.hospital.fhir import Resource
    from uptake.demo.hospital.planting import Planter


def plant_pharmacy(plan: Planter, admitted: Collection[str]) -> None:
    """Old stock items have a name and no code; many prescriptions have only a typed sig.

    Seldom of patients who were admitted: reconciliation has another trouble.
    """
    fills: dict[str, list[Resource]] = {}
    for fill in plan.all(PHARMACY, "MedicationDispense"):
        fills.setdefault(fill["authorizingPrescription"][0]["reference"], []).append(fill)

    def rows(prescription: Resource) -> list[Resource]:
        found = fills.get(f"MedicationRequest/{prescription['id']}", [])
        plan.claim(found)
        return [prescription, *found]

    def inside(row: Resource) -> bool:
        return row["id"].split("-")[2] in admitted

    def outside(row: Resource) -> bool:
        return not inside(row)

    labels = {drug.rxcui: drug.label for drug in DRUGS.values()}
    old_stock = plan.choose(120, PHARMACY, "MedicationRequest", outside)
    for prescription in old_stock + plan.choose(6, PHARMACY, "MedicationRequest", inside):
        for row in rows(prescription):
            code = row["medicationCodeableConcept"]["coding"][0]["code"]
            row["medicationCodeableConcept"] = {"text": labels[code]}
            plan.note("TXT-01", PHARMACY, row, "medication")
    for prescription in plan.choose(240, PHARMACY, "MedicationRequest"):
        for row in rows(prescription):
            row["dosageInstruction"] = [{"text": row["dosageInstruction"][0]["text"]}]
            plan.note("TXT-05", PHARMACY, row, "dosageInstruction")
    for fill in plan.choose(14, PHARMACY, "MedicationDispense", outside):
        year, month, day = fill["whenHandedOver"][:10].split("-")
        fill["whenHandedOver"] = f"{month}/{day}/{year}"
        plan.note("TIM-02", PHARMACY, fill, "whenHandedOver")
