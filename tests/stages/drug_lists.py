"""Lists of medications for the tests of the engine: entries in a line each."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any

from drug_cases import RXNORM, sig

from uptake.reconciliation.engine import Discrepancy, reconcile
from uptake.reconciliation.entries import Role, Sent, Standing, read_entries
from uptake.reconciliation.tables import picked_names

if TYPE_CHECKING:
    from uptake.reconciliation.allergies import Allergy

TODAY = date(2026, 11, 1)
SNOMED = "http://snomed.info/sct"


def often(times: int, unit: str = "d", dose: Any = (1, "{tbl}")) -> Any:
    """Return a sig: so much, so often a day or week."""
    return sig("", dose, (times, 1, unit))


def taken(name: str, code: str = "*", /, *, dosage: Any = None, **more: Any) -> Sent:
    """Return an active entry; `*` is a code made of the name, an empty code is a text alone."""
    system = more.pop("system", RXNORM)
    coding = (system, name if code == "*" else code, name)
    fields: dict[str, Any] = {
        "role": "chart", "feed": "ehr", "type": "MedicationRequest", "id": f"{name} {code}",
        "day": date(2026, 3, 1), "by": "", "standing": Standing.ACTIVE, "text": name,
        "codings": (coding,) if code else (), "dosage": json.dumps(dosage) if dosage else "",
    }  # fmt: skip
    return Sent(**(fields | more))


def given(role: Role, entries: Iterable[Sent]) -> list[Sent]:
    """Return the entries as one side's: the outside's are dispensed, and later."""
    if role == "chart":
        return list(entries)
    return [
        Sent(
            "outside", "pharmacy" if e.feed == "ehr" else e.feed,
            "MedicationDispense" if e.standing is Standing.ACTIVE else e.type, e.id,
            date(2026, 10, 1) if e.day == date(2026, 3, 1) else e.day, e.by, e.standing, e.text,
            e.codings, e.dosage, e.ended,
        )
        for e in entries
    ]  # fmt: skip


def differences(
    chart: Sequence[Sent], outside: Sequence[Sent], allergies: Sequence[Allergy] = ()
) -> tuple[Discrepancy, ...]:
    """Return what the engine says of two lists."""
    both = read_entries([*given("chart", chart), *given("outside", outside)], picked_names())
    return reconcile(
        [e for e in both if e.sent.role == "chart"],
        [e for e in both if e.sent.role == "outside"],
        as_of=TODAY,
        allergies=allergies,
    )


def kinds(
    chart: Sequence[Sent], outside: Sequence[Sent], allergies: Sequence[Allergy] = ()
) -> list[str]:
    """Return the kinds of differences, sorted; `same` too."""
    return sorted(one.kind for one in differences(chart, outside, allergies))
