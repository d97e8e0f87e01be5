"""A chart that is open. In: what a clinician does on it; out: cards, orders, changes."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from uptake.demo.hospital import fhir
from uptake.demo.hospital.codes import TERMINOLOGY
from uptake.demo.practice.hooks import HooksClient, Moment, Reply
from uptake.demo.practice.orders import choices, draft
from uptake.demo.practice.vitals import chart_set

if TYPE_CHECKING:
    from uptake.demo.hospital.fhir import Resource
    from uptake.demo.hospital.ward import VitalSet
    from uptake.demo.practice.records import Chart

INPATIENT = fhir.coding(f"{TERMINOLOGY}v3-ActCode", "IMP", "inpatient encounter")
URGENCY = {"critical": -2, "warning": -1}
"""What stands first among the cards."""
VISITS = 200
"""Charts that are kept open; the oldest is closed."""


@dataclass(slots=True)
class Shown:
    """A card before the clinician, and what became of it."""

    service: str
    content: Mapping[str, Any]
    outcome: str = ""

    @property
    def uuid(self) -> str:
        """What feedback and the panel know it by; empty where the service gave none."""
        return str(self.content.get("uuid", ""))


@dataclass(slots=True)
class Visit:
    """One clinician before one patient's chart."""

    patient: str
    encounter: str
    user: str
    key: str = field(default_factory=lambda: secrets.token_urlsafe(12))
    shown: list[Shown] = field(default_factory=list)
    replies: list[Reply] = field(default_factory=list)
    """Of the last moment."""
    hook: str = ""
    order: Resource | None = None
    said: str = ""
    """What the last step did, in a sentence."""

    def card(self, uuid: str) -> Shown | None:
        """Return a card that was shown."""
        return next((s for s in self.shown if s.uuid == uuid), None)


@dataclass(slots=True)
class Desk:
    """Where charts are opened: the records, the client, the visits under way."""

    chart: Chart
    client: HooksClient
    visits: dict[str, Visit] = field(default_factory=dict)

    async def open(self, patient: str, user: str) -> Visit:
        """Open a chart, as patient-view says it."""
        visit = Visit(patient, current_encounter(self.chart, patient), user)
        self.visits[visit.key] = visit
        while len(self.visits) > VISITS:
            self.visits.pop(next(iter(self.visits)))
        await self.reach(visit, "patient-view")
        return visit

    async def reach(self, visit: Visit, hook: str) -> None:
        """Come to a moment of the work: call its services, show their cards."""
        drafts = (visit.order,) if visit.order and hook.startswith("order-") else ()
        selected = tuple(f"{d['resourceType']}/{d['id']}" for d in drafts)
        moment = Moment(
            hook, visit.patient, visit.encounter, visit.user, drafts,
            selected if hook == "order-select" else (),
        )  # fmt: skip
        visit.hook, visit.replies = hook, await self.client.call(moment)
        asked = {reply.service for reply in visit.replies}
        before = [s for s in visit.shown if not s.outcome and s.service not in asked]
        new = [Shown(reply.service, card) for reply in visit.replies for card in reply.cards]
        if not hook.startswith("order-"):
            labels = {label_of(one) for one in new}
            new += [s for s in before if label_of(s) not in labels]
        visit.shown = sorted(new, key=lambda one: URGENCY.get(str(one.content.get("indicator")), 0))
        for reply in visit.replies:
            for change in reply.changes:
                resource = change.get("resource")
                if change.get("type") == "update" and isinstance(resource, dict) and drafts:
                    visit.order = resource

    def in_stay(self, visit: Visit) -> bool:
        """Tell whether the patient is an inpatient now."""
        stay = self.chart.read(f"Encounter/{visit.encounter}") or {}
        return stay.get("status") == "in-progress" and stay.get("class") == INPATIENT

    async def start_stay(self, visit: Visit) -> None:
        """Admit the patient, where no stay is under way, and come to that moment."""
        if not self.in_stay(visit):
            stay = {
                "resourceType": "Encounter",
                "status": "in-progress",
                "class": INPATIENT,
                "subject": fhir.to("Patient", visit.patient),
                "period": {"start": fhir.moment(self.client.now)},
            }
            visit.encounter = str(self.chart.write(stay)["id"])
        visit.said = "The stay is under way."
        await self.reach(visit, "encounter-start")

    async def end_stay(self, visit: Visit) -> None:
        """Come to the moment of going home, then end the stay that is under way."""
        await self.reach(visit, "encounter-discharge")
        stay = self.chart.read(f"Encounter/{visit.encounter}")
        if stay and self.in_stay(visit):
            period = {**stay.get("period", {}), "end": fhir.moment(self.client.now)}
            self.chart.write(stay | {"status": "finished", "period": period})
        visit.said = "The patient goes home."

    async def choose(self, visit: Visit, choice: str) -> None:
        """Choose an order from the list; an unknown one changes nothing."""
        found = choices().get(choice)
        if found:
            visit.order = draft(
                found, self.chart, visit.patient, visit.encounter, visit.user, self.client.now
            )
            visit.said = f"{found.name} is chosen, and not signed yet."
            await self.reach(visit, "order-select")

    async def sign(self, visit: Visit, *, sure: bool) -> None:
        """Sign the order; where a card comes first, only when the clinician is `sure`."""
        if visit.order is None:
            return
        if not sure:
            await self.reach(visit, "order-sign")
            if any(reply.cards for reply in visit.replies):
                visit.said = "Read the card, then sign the order or remove it."
                return
        signed = {k: v for k, v in visit.order.items() if k != "id"} | {"status": "active"}
        self.chart.write(signed)
        visit.order, visit.said = None, "The order is signed."

    async def chart_vitals(self, visit: Visit, found: VitalSet) -> None:
        """Chart a set of vital signs, and open the chart anew."""
        now = self.client.now
        chart_set(self.chart, found, visit.patient, visit.encounter, visit.user, now)
        visit.said = "The set is charted, and the chart was opened anew."
        await self.reach(visit, "patient-view")

    async def accept(self, visit: Visit, card: Shown, suggestion: str) -> None:
        """Take a suggestion: do what it says to the chart, and tell the service."""
        for one in card.content.get("suggestions", ()):
            if one.get("uuid") == suggestion:
                for action in one.get("actions", ()):
                    self._do(visit, action)
        card.outcome = "accepted"
        outcome: dict[str, Any] = {"card": card.uuid, "outcome": "accepted", **_now()}
        if suggestion:
            outcome["acceptedSuggestions"] = [{"id": suggestion}]
        told = await self.client.tell(card.service, [outcome])
        visit.said = "Accepted." if told else "Accepted; the service could not be told."

    async def override(self, visit: Visit, card: Shown, code: str, comment: str) -> None:
        """Set a card aside with a reason, and tell the service."""
        card.outcome = "overridden"
        reason = next(
            (r for r in card.content.get("overrideReasons", ()) if r.get("code") == code), None
        )
        why = {
            name: value
            for name, value in (("reason", reason), ("userComment", comment.strip()))
            if value
        }
        outcome: dict[str, Any] = {"card": card.uuid, "outcome": "overridden", **_now()}
        if why:
            outcome["overrideReason"] = why
        told = await self.client.tell(card.service, [outcome])
        visit.said = "Set aside." if told else "Set aside; the service could not be told."

    def _do(self, visit: Visit, action: Mapping[str, Any]) -> None:
        """Do one action of an accepted suggestion; a draft that it changes stays a draft."""
        resource = action.get("resource")
        if action.get("type") == "delete":
            named = action.get("resourceId", "")
            for reference in [named] if isinstance(named, str) else named:
                if visit.order and reference.endswith(f"/{visit.order['id']}"):
                    visit.order = None
                else:
                    self.chart.delete(reference)
        elif isinstance(resource, dict):
            if visit.order and resource.get("id") == visit.order["id"]:
                visit.order = resource
            else:
                self.chart.write(resource)


def label_of(one: Shown) -> str:
    """Return whose card it is: at a new moment it takes the place of the one before."""
    return str((one.content.get("source") or {}).get("label", ""))


def current_encounter(chart: Chart, patient: str) -> str:
    """Return the id of the stay or visit under way, else of the newest; empty: there is none."""
    found = chart.of("Encounter", patient)
    found.sort(
        key=lambda e: (e.get("status") == "in-progress", str(e.get("period", {}).get("start", "")))
    )
    return str(found[-1]["id"]) if found else ""


def _now() -> dict[str, str]:
    return {"outcomeTimestamp": datetime.now(UTC).isoformat(timespec="seconds")}
