"""Where an order and its authorization part. In: both, and the coverage; out: what differs.

Only what both sides say is compared: codes of one system, dates that are there. Nothing is resolved
here; both sides are shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from uptake.authorization.decisions import FINAL, GRANTED, Decision, decimal_of
from uptake.authorization.needs import codes_of, in_force
from uptake.resources.elements import (
    codings,
    day_of,
    members,
    name_of,
    parts,
    reference_of,
)

if TYPE_CHECKING:
    from uptake.authorization.coverage_information import CoverageInformation
    from uptake.authorization.dossier import Dossier
    from uptake.authorization.needs import Need

Resource = Mapping[str, Any]
Codes = Sequence[tuple[str, str]]
_SAID = {"satisfied": "authorized", "no-auth": "no authorization needed"}
"""A payer's word that holds for the order it was about, in words."""


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One thing that differs."""

    kind: str
    """`code`, `quantity`, `date`, `expired`, `coverage`, `edited`, `member` or `answers`."""
    text: str
    sources: tuple[str, ...]
    """Both sides, as `Type/id`."""


@dataclass(frozen=True, slots=True)
class Asked:
    """An order, and what was asked and answered of it."""

    order: Resource
    need: Need
    claims: Sequence[Resource]
    answers: Sequence[Resource]
    decisions: Sequence[Decision]
    """The newest first."""
    done: date | None
    """When the service was done; None: not yet, or it cannot be told."""

    @property
    def when(self) -> date | None:
        """Return the day of the service: done, else planned."""
        return self.done or planned(self.order)


def find_mismatches(asked: Asked, dossier: Dossier, on: date) -> tuple[Mismatch, ...]:
    """Return what differs on a day."""
    newest = asked.decisions[0] if asked.decisions else None
    found = [
        *_edited(asked.order, asked.need.told),
        *_coverage(asked, dossier.coverages, asked.when or on),
        *_member(asked, dossier),
    ]
    if newest and newest.outcome in GRANTED:
        found += _granted(asked, newest, on)
    if newest:
        found += _answers(newest, asked.decisions[1:])
    return tuple(found)


def planned(order: Resource) -> date | None:
    """Return the day an order's service is planned for."""
    period = parts(order.get("occurrencePeriod"))
    return day_of(order.get("occurrenceDateTime")) or day_of(period.get("start"))


def _granted(asked: Asked, newest: Decision, on: date) -> Iterator[Mismatch]:
    both = (name_of(asked.order), newest.source)
    items = [item for claim in asked.claims for item in members(claim.get("item"))]
    requested = [pair for item in items for pair in codings(item.get("productOrService"))]
    if differ(codes_of(asked.order), newest.codes or requested):
        yield Mismatch("code", "another code is authorized than is ordered", both)
    counts = [n for i in items if (n := decimal_of(parts(i.get("quantity")).get("value")))]
    granted = newest.quantity or (counts[0] if len(counts) == 1 else None)
    ordered = _quantity(asked.order)
    if granted is not None and ordered is not None and granted != ordered:
        yield Mismatch("quantity", f"{granted} authorized, {ordered} ordered", both)
    when = asked.when
    if when and ((newest.starts and when < newest.starts) or (newest.ends and when > newest.ends)):
        said = "was done" if asked.done else "is planned"
        yield Mismatch("date", f"the service {said} outside the authorized period", both)
    elif newest.ends and newest.ends < on and asked.done is None:
        yield Mismatch("expired", f"the authorization ended on {newest.ends}", both)


def differ(one: Codes, two: Codes) -> bool:
    """Tell whether two concepts differ: in a system that both have, they share no code."""
    systems = {system for system, _ in one} & {system for system, _ in two}
    return bool(systems) and not any(pair in two for pair in one if pair[0] in systems and pair[1])


def _quantity(order: Resource) -> Decimal | None:
    held = order.get("quantityQuantity") or parts(order.get("dispenseRequest")).get("quantity")
    return decimal_of(parts(held).get("value"))


def _edited(order: Resource, told: CoverageInformation | None) -> Iterator[Mismatch]:
    """Yield that an order is no longer what the payer's word was about."""
    if told is None or told.pa_needed not in _SAID:
        return
    codes = codes_of(order)
    if told.billing_codes and differ(codes, told.billing_codes):
        text = f"the payer said “{_SAID[told.pa_needed]}” of another code than the order now has"
        yield Mismatch("edited", text, (name_of(order),))
        return
    edited = day_of(parts(order.get("meta")).get("lastUpdated"))
    if edited and told.day and edited > told.day:
        text = f"the order was edited on {edited}, after the payer said “{_SAID[told.pa_needed]}”"
        yield Mismatch("edited", text, (name_of(order),))


def _coverage(asked: Asked, coverages: Iterable[Resource], on: date) -> Iterator[Mismatch]:
    """Yield that a request was sent for a coverage that is not the one of the service's day."""
    insurances = [one for claim in asked.claims for one in members(claim.get("insurance"))]
    requested = {reference_of(one.get("coverage")) for one in insurances} - {""}
    ordered = {reference_of(one) for one in members(asked.order.get("insurance"))} - {""}
    if requested and ordered and not requested & ordered:
        text = "the request names another coverage than the order"
        yield Mismatch("coverage", text, (*sorted(ordered), *sorted(requested)))
        return
    for one in coverages:
        gone = one.get("status") not in ("active", None) or not in_force(one, on)
        if name_of(one) in requested and gone:
            text = f"the coverage of the request is not in force on {on}"
            yield Mismatch("coverage", text, (name_of(one),))


def _member(asked: Asked, dossier: Dossier) -> Iterator[Mismatch]:
    """Yield that a payer's answer is about somebody who is told otherwise than the chart's."""
    subject = reference_of(asked.order.get("subject"))
    chart = next((p for p in dossier.patients if name_of(p) == subject), {})
    ours = {str(c["subscriberId"]) for c in dossier.coverages if c.get("subscriberId")}
    for answer in asked.answers:
        member = _person(answer, dossier.patients)
        theirs = {
            str(one["value"])
            for one in members(member.get("identifier"))
            if one.get("value") and "MB" in {code for _, code in codings(one.get("type"))}
        }
        wrong = ["member number"] * bool(ours and theirs and not ours & theirs)
        wrong += _unlike(chart, member)
        if wrong:
            text = f"the payer's answer has another {', '.join(wrong)} than the chart"
            yield Mismatch("member", text, (subject, name_of(answer)))


def _person(answer: Resource, patients: Iterable[Resource]) -> Resource:
    """Return whom an answer is about: contained in it, or a Patient that was sent; else empty."""
    sent = str(parts(answer.get("patient")).get("reference") or "")
    if sent.startswith("#"):
        held = members(answer.get("contained"))
        return next((one for one in held if one.get("id") == sent[1:]), {})
    named = reference_of(answer.get("patient"))
    return next((one for one in patients if name_of(one) == named), {})


def _unlike(chart: Resource, member: Resource) -> list[str]:
    wrong = []
    if chart.get("birthDate") and member.get("birthDate"):
        wrong += ["birth date"] * (chart["birthDate"] != member["birthDate"])
    ours, theirs = (
        {str(n["family"]).casefold() for n in members(p.get("name")) if n.get("family")}
        for p in (chart, member)
    )
    return wrong + ["name"] * bool(ours and theirs and not ours & theirs)


def _answers(newest: Decision, older: Iterable[Decision]) -> Iterator[Mismatch]:
    """Yield that final answers contradict each other: the newest counts, both are shown."""
    for other in older:
        if {newest.outcome, other.outcome} <= FINAL and newest.outcome is not other.outcome:
            text = f"the newest answer is “{newest.outcome}”, an earlier one was “{other.outcome}”"
            yield Mismatch("answers", text, (newest.source, other.source))
