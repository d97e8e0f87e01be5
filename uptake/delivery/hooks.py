"""A hook is called. In: the request of an EHR, or its feedback; out: cards, and what is recorded.

Of a request only what is needed is read; tokens are not. Nothing that names a patient is logged.
https://cds-hooks.hl7.org/2.0/
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import msgspec

from uptake.delivery.cards import Card, build_card
from uptake.errors import UptakeError
from uptake.model import Action, UsageEvent
from uptake.state.events import record
from uptake.state.schema import card as card_table

if TYPE_CHECKING:
    from uptake.delivery.differences import Differences
    from uptake.delivery.services import Service
    from uptake.state.database import State

SURFACE = "uptake-card"


class HookError(UptakeError):
    """A request that cannot be read: what and where, never its values."""


class Context(msgspec.Struct, rename="camel"):
    """Where the clinician is; members that are not known are passed over."""

    patient_id: str
    user_id: str | None = None
    encounter_id: str | None = None


class HookCall(msgspec.Struct, rename="camel"):
    """What is read of a request."""

    hook: str
    hook_instance: str
    context: Context


@dataclass(frozen=True, slots=True)
class Desk:
    """Where a call is answered: what differs, what is recorded, and by when."""

    state: State
    differences: Differences | None
    """None: there is no run yet."""
    base_url: str
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
    if call.hook != service.hook:
        raise HookError(f"this service is called at {service.hook}; send that as `hook`")
    if not patient_of(call):
        raise HookError("`context.patientId` is empty; send the FHIR id of the patient")
    return call


def patient_of(call: HookCall) -> str:
    """Return the patient's FHIR id; some clients send a reference."""
    return call.context.patient_id.removeprefix("Patient/").strip()


def answer(call: HookCall, service: Service, at: Desk) -> dict[str, Any]:
    """Return the response, and record that it was asked for and what was served.

    What cannot be recorded is not served: a card that nobody knows of has no feedback.
    """
    card = _card(call, at)
    events = [_event(call, service, at, Action.REQUESTED, uuid4().hex)]
    if card and _kept(call, service, at, card):
        events.append(
            _event(call, service, at, Action.SERVED, f"card:{card.uuid}:served", card.uuid)
        )
    else:
        card = None
    record(at.state, events, at.now)
    return {"cards": [card.as_json()] if card else []}


def _card(call: HookCall, at: Desk) -> Card | None:
    if at.differences is None:
        return None
    found = at.differences.of_patient(patient_of(call))
    return build_card(found, str(uuid4()), at.base_url, at.differences.as_of)


def _kept(call: HookCall, service: Service, at: Desk, card: Card) -> bool:
    """Keep who was shown the card; False when the caller has given up while it was waited for."""
    with at.state.write() as connection:
        if at.clock() > at.until:
            return False
        connection.execute(
            card_table.insert(),
            {
                "uuid": card.uuid,
                "service": service.id,
                "use_case": service.use_case,
                "patient": patient_of(call),
                "practitioner": _practitioner(call),
                "encounter": call.context.encounter_id or "",
                "at": at.now,
            },
        )
    return True


def _practitioner(call: HookCall) -> str:
    """Return the id of the Practitioner; of another type the reference, since ids are its own."""
    return (call.context.user_id or "").removeprefix("Practitioner/")


def _event(
    call: HookCall, service: Service, at: Desk, action: Action, key: str, card: str = ""
) -> UsageEvent:
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
