"""A hook is called. In: the request of an EHR; out: the response, and what is recorded of it.

Of a request only what is needed is read. Nothing that names a patient is logged, nor a token.
https://cds-hooks.hl7.org/2.0/
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import UUID, uuid4

import msgspec

from uptake.delivery.answers import answers_of, content_key, item_key, settle
from uptake.delivery.cards import Card, Place, actionable, build_card, lines_of, system_actions
from uptake.delivery.cases import Case, Facts, Item, Judged, Known, Resource
from uptake.delivery.prefetch import is_of
from uptake.errors import UptakeError
from uptake.model import Action, UsageEvent
from uptake.state.events import put
from uptake.state.schema import card as card_table

if TYPE_CHECKING:
    from uptake.delivery.cases import Service
    from uptake.state.database import State

LOG = logging.getLogger("uptake.delivery")
SURFACE = "uptake-card"
ORDERS = frozenset({"order-select", "order-sign"})
"""Hooks that bring orders which are not signed yet."""


class HookError(UptakeError):
    """A request that cannot be read: what and where, never its values."""


class Context(msgspec.Struct, rename="camel"):
    """Where the clinician is; members that are not known are passed over."""

    patient_id: str
    user_id: str | None = None
    encounter_id: str | None = None
    draft_orders: dict[str, Any] | None = None
    selections: list[str] | None = None


class Authorization(msgspec.Struct):
    """What the FHIR server is read with; it is never logged and never kept."""

    access_token: str

    def __repr__(self) -> str:
        return "Authorization()"


class HookCall(msgspec.Struct, rename="camel"):
    """What is read of a request."""

    hook: str
    hook_instance: str
    context: Context
    fhir_server: str | None = None
    fhir_authorization: Authorization | None = None
    prefetch: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a call is answered: what is known, what is recorded, and by when."""

    state: State
    known: Callable[[str], Known]
    """What the newest run knows of the patient with this id."""
    place: Place
    now: datetime
    until: float
    """When, by `time.monotonic`, the caller gives up waiting."""
    clock: Callable[[], float] = time.monotonic


def read_call(body: bytes, service: Service) -> HookCall:
    """Return the call; raises HookError where it is not one of the service's hook."""
    try:
        call = msgspec.json.decode(body, type=HookCall)
    except msgspec.DecodeError as error:
        raise HookError(f"this is no CDS Hooks request: {error}") from error
    except UnicodeDecodeError as error:  # its own words hold the bytes
        raise HookError("this is no CDS Hooks request: it is not UTF-8; send UTF-8") from error
    except RecursionError as error:
        raise HookError("this is no CDS Hooks request: it is nested too deep") from error
    if call.hook != service.hook:
        raise HookError(f"this service is called at {service.hook}; send that as `hook`")
    if not patient_of(call):
        raise HookError("`context.patientId` is empty; send the FHIR id of the patient")
    if call.hook in ORDERS and call.context.draft_orders is None:
        raise HookError("`context.draftOrders` is missing; send the Bundle of unsigned orders")
    if not all(is_of(draft, patient_of(call)) for draft in drafts_of(call)):
        raise HookError("`context.draftOrders` holds an order of another patient; send one chart's")
    return call


def patient_of(call: HookCall) -> str:
    """Return the patient's FHIR id; some clients send a reference."""
    return call.context.patient_id.removeprefix("Patient/").strip()


def drafts_of(call: HookCall) -> tuple[Resource, ...]:
    """Return the orders that are not signed yet, each once."""
    bundle = call.context.draft_orders or {}
    entries = bundle.get("entry")
    if not isinstance(entries, list):
        return ()
    found: dict[str, Resource] = {}
    for n, entry in enumerate(entries):
        draft = entry.get("resource") if isinstance(entry, dict) else None
        if isinstance(draft, dict) and isinstance(draft.get("resourceType"), str):
            found.setdefault(f"{draft['resourceType']}/{draft.get('id', n)}", draft)
    return tuple(found.values())


def answer(call: HookCall, service: Service, facts: Mapping[str, Facts], at: Desk) -> Any:
    """Return the response, and record that it was asked for, and what was served or withheld.

    What cannot be recorded is not served: a card that nobody knows of has no feedback.
    """
    judged = _judged(call, service, facts, at)
    card = build_card(judged, service.use_case, at.place, at.now) if judged else None
    events = [_event(call, service, at, Action.REQUESTED)]
    if judged:
        events += _withheld(judged.items, call, service, at)
    response: dict[str, Any] = {"cards": []}
    with at.state.write() as connection:
        if at.clock() <= at.until and judged:
            if card:
                connection.execute(card_table.insert(), _row(card, call, service, at.now))
                events.append(_event(call, service, at, Action.SERVED, card.uuid))
                response["cards"] = [card.body]
            if judged.system_actions:
                response["systemActions"] = system_actions(judged.system_actions)
        put(connection, events, at.now)
    return response


def record_call(call: HookCall, service: Service, at: Desk) -> None:
    """Record a call that gets no answer."""
    with at.state.write() as connection:
        put(connection, [_event(call, service, at, Action.REQUESTED)], at.now)


def _judged(
    call: HookCall, service: Service, facts: Mapping[str, Facts], at: Desk
) -> Judged | None:
    """Return what the service says, as far as it can be acted on and is of a chosen order."""
    selected = tuple(call.context.selections or ())
    drafts = drafts_of(call)
    case = Case(
        hook=call.hook,
        patient=patient_of(call),
        user=call.context.user_id or "",
        encounter=(call.context.encounter_id or "").removeprefix("Encounter/"),
        now=at.now,
        facts=facts,
        known=at.known(patient_of(call)),
        drafts=drafts,
        selected=selected,
        titles=at.place.titles,
    )
    judged = service.judge(case)
    if judged is None:
        return None
    if judged.items:
        answers = answers_of(at.state, case.patient, service.use_case)
        judged = settle(judged, answers, service.use_case, at.now)
    mine = {f"{draft['resourceType']}/{draft.get('id', '')}" for draft in drafts}
    items = [
        item
        for item in actionable(judged.items)
        # a draft that was chosen before has had its card
        if call.hook != "order-select" or not selected or _is_chosen(item, mine, selected)
    ]
    return replace(judged, items=tuple(items))


def _is_chosen(item: Item, drafts: set[str], selected: tuple[str, ...]) -> bool:
    """Tell whether an item is about an order that was just chosen, or about no order."""
    about = drafts.intersection(item.about)
    return not about or not about.isdisjoint(selected)


def _row(card: Card, call: HookCall, service: Service, now: datetime) -> dict[str, Any]:
    """Return who was shown the card, and what feedback to it will be about."""
    read = lines_of(card.items)
    shown = {
        "items": [
            {
                "kind": item.kind,
                "about": item.about,
                "key": item_key(item),
                "content": content_key(item) if item in read else "",
            }
            for item in card.items
        ],
        "suggestions": card.suggestions,
        "overrides": card.overrides,
    }
    return {
        "uuid": card.uuid,
        "service": service.id,
        "use_case": service.use_case,
        "patient": patient_of(call),
        "practitioner": _practitioner(call),
        "encounter": call.context.encounter_id or "",
        "at": now,
        "shown": msgspec.json.encode(shown).decode(),
    }


def _practitioner(call: HookCall) -> str:
    """Return the id of the Practitioner; of another type the reference, since ids are its own."""
    return (call.context.user_id or "").removeprefix("Practitioner/")


def _withheld(
    items: tuple[Item, ...], call: HookCall, service: Service, at: Desk
) -> list[UsageEvent]:
    """Return an event for each item that was not shown, with the reason."""
    return [
        replace(_event(call, service, at, Action.WITHHELD), reason=item.withheld)
        for item in items
        if item.withheld
    ]


def _event(
    call: HookCall, service: Service, at: Desk, action: Action, card: str = ""
) -> UsageEvent:
    key = f"card:{card}:{action}" if card else f"call:{_instance(call)}:{action}:{uuid4().hex}"
    return UsageEvent(
        id=key,
        at=at.now,
        action=action,
        surface=SURFACE,
        use_case=service.use_case,
        practitioner=_practitioner(call),
        patient=patient_of(call),
        encounter=call.context.encounter_id or "",
        card=card,
    )


def _instance(call: HookCall) -> str:
    """Return the hookInstance, which tells the events of one call; empty where it is no UUID."""
    try:
        return str(UUID(call.hook_instance))
    except ValueError:
        return ""
