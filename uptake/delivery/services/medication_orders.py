"""Drugs about to be signed. In: drafts, the chart, the run's outside; out: duplicates, allergies.

Only these two are looked for: nothing free knows interactions completely, and half a check would be
trusted as a whole one. A list of the chart that could not be read gives no card by itself, which
would come with each order, but it is counted: such a silence says nothing of the order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from uptake.delivery.cases import (
    Case,
    Context,
    Item,
    Judged,
    Resource,
    Service,
    Severity,
    another,
)
from uptake.delivery.services.medications import (
    ALLERGIES,
    REQUESTS,
    STATEMENTS,
    USE_CASE,
    said_of,
)
from uptake.reconciliation.entries import Entry, read_entries
from uptake.reconciliation.orders import Objection, objections
from uptake.reconciliation.reading import read_allergies, read_chart, read_outside, sent_of
from uptake.reconciliation.shown import told_of
from uptake.reconciliation.tables import picked_names

if TYPE_CHECKING:
    from uptake.reconciliation.allergies import Allergy

CHART = "chart"
"""What the chart is called where no run names it."""
ORDERS = "these orders"
REASONS = {
    "tolerated": "Tolerated before",
    "replaces": "It takes the place of the other",
    "both-intended": "Both are intended",
    "no-allergy": "This is no allergy",
    "benefit": "The benefit outweighs the risk",
}
TEXTS = {
    "allergy": "{name}: an allergy to it is on record",
    "duplicate": "{name}: the patient has this drug already",
    "duplicate-class": "{name}: the patient has a drug of this class already",
}
LISTS = {ALLERGIES: "allergies", REQUESTS: "prescriptions", STATEMENTS: "reported medications"}
"""What an order is held against in the chart."""
SUMMED = {
    "allergy": "an allergy on record",
    "duplicate": "a drug the patient has already",
    "duplicate-class": "a drug of a class the patient has already",
}


@dataclass(frozen=True, slots=True)
class _Known:
    """What an order is held against."""

    orders: Sequence[Entry]
    chart: Sequence[Entry]
    outside: Sequence[Entry]
    allergies: Sequence[Allergy]


def judge(case: Case) -> Judged | None:
    """Return what speaks against the orders being signed, None where nothing does.

    A list that could not be read is an item that is only counted.
    """
    drafts = [d for d in case.drafts if d.get("resourceType") == "MedicationRequest"]
    if not drafts:
        return None
    known = _known(case, drafts)
    replaced = _replaced(drafts)
    chart = [e for e in known.chart if e.reference not in replaced]
    items = tuple(
        _item(order, one, case)
        for place, order in enumerate(known.orders)
        for one in objections(
            order, [*chart, *known.orders[:place]], known.outside, known.allergies
        )
    )
    unread = tuple(_unread(case))
    if not items:
        return Judged("Not all could be compared", unread, panel=False) if unread else None
    kinds = Counter(item.kind for item in items)
    told = "; ".join(words for kind, words in SUMMED.items() if kinds[kind])
    return Judged(
        f"Before you sign: {told}", (*items, *unread), _notes(case, known.orders),
        overrides=REASONS, panel=False,
    )  # fmt: skip


def _known(case: Case, drafts: Sequence[Resource]) -> _Known:
    today = case.now.date()
    rows = case.known.rows("medication_entry")
    outside = read_outside(rows, case.known.rows("allergy_entry"), today)
    feed = rows[0]["patient_feed"] if rows else CHART
    given = [*case.of(REQUESTS.key).resources, *case.of(STATEMENTS.key).resources]
    ordered = [sent for draft in drafts if (sent := sent_of(draft, "chart", ORDERS))]
    both = read_entries(
        [*ordered, *read_chart(given, feed, today), *outside.sent],
        {**picked_names(), **outside.names},
    )
    own = {sent.id for sent in ordered if sent.id}
    chart = [
        e for e in both
        if e.sent.role == "chart" and e.sent.feed != ORDERS
        and not (e.sent.type == "MedicationRequest" and e.sent.id in own)
    ]  # fmt: skip
    return _Known(
        [e for e in both if e.sent.feed == ORDERS],
        chart,
        [e for e in both if e.sent.role == "outside"],
        [*read_allergies(case.of(ALLERGIES.key).resources, feed), *outside.allergies],
    )


def _replaced(drafts: Iterable[Resource]) -> frozenset[str]:
    """Return what the orders say they take the place of."""
    return frozenset(
        "/".join(str(prior.get("reference") or "").split("/")[-2:])
        for draft in drafts
        if isinstance(prior := draft.get("priorPrescription"), dict)
    )


def _item(order: Entry, one: Objection, case: Case) -> Item:
    """Return one objection, said of the draft; critical is only an allergy to the drug itself."""
    severity: Severity = "warning"
    if one.kind == "allergy" and one.sure:
        severity = "critical"
    elif one.kind == "duplicate-class" and not order.drug.high_alert:
        severity = "info"
    told = [told_of(other) for other in one.others]
    signed = Context(value="being signed", source=ORDERS, at=case.now)
    known = tuple(said_of(side, side.text) for side in told)
    return Item(
        one.kind,
        TEXTS[one.kind].format(name=order.drug.name),
        (*known, signed),
        severity,
        (order.reference,),
    )


def _lacking(case: Case) -> Iterable[str]:
    """Return which lists of the chart were not read, or not whole."""
    return (words for need, words in LISTS.items() if not case.of(need.key).told)


def _unread(case: Case) -> Iterable[Item]:
    """Return an item a list that was not read; it has nothing to show."""
    for words in _lacking(case):
        yield Item("unread", "", (), "info", withheld=f"{words} could not be read")


def _notes(case: Case, orders: Sequence[Entry]) -> tuple[str, ...]:
    """Return what could not be compared, in sentences."""
    notes = ["Interactions are not checked."]
    unread = sum(not order.drug.is_read for order in orders)
    if unread:
        words = "1 order has" if unread == 1 else f"{unread} orders have"
        notes.append(f"{words} no code that could be compared.")
    if lacking := ", ".join(_lacking(case)):
        notes.append(f"The chart's {lacking} could not be read: no order was compared with them.")
    if case.known.doubt:
        notes.append(f"Outside records are left out: {case.known.doubt}.")
    return (*notes, *another(case))


SERVICES = (
    Service(
        "medications-order-sign",
        "order-sign",
        "Duplicates and allergies, when a drug is signed",
        "Says whether a drug being signed, or one of its class, is on the chart's list or was "
        "dispensed or prescribed elsewhere, and whether an allergy to it is on record. "
        "Interactions are not checked: no free data of them is complete. Nothing found, no card.",
        USE_CASE,
        (REQUESTS, STATEMENTS, ALLERGIES),
        judge,
        "Where allergies or medications cannot be read, no card does not say that there are none: "
        "send them as prefetch, or let them be read.",
    ),
)
