"""What became of cards. In: CDS Hooks feedback of any shape; out: events, and answers to items.

Clients send many cards at once, send one twice, and send cards that are not ours: each outcome is
one event, and an unknown card is counted and passed over. A card that was set aside with one of its
reasons is an answer to its items.
https://cds-hooks.hl7.org/2.0/#feedback
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import select

from uptake.delivery.answers import SetAside, ShownItem, record_set_aside
from uptake.delivery.cards import REASONS
from uptake.delivery.hooks import SURFACE, HookError
from uptake.model import Action, UsageEvent
from uptake.state.events import record
from uptake.state.schema import card as card_table

if TYPE_CHECKING:
    from uptake.delivery.cases import Service
    from uptake.state.database import State

LOG = logging.getLogger("uptake.delivery")
AHEAD = timedelta(minutes=5)
"""How far a client's clock may be ahead of ours."""
IN_OWN_WORDS = "in own words"
"""The reason of an event whose reason was typed: what a clinician types is a comment."""
REASON_LIST = "/override-reason"
"""How the system of the codes on our cards ends."""
OUTCOMES = {"accepted": Action.ACCEPTED, "overridden": Action.OVERRIDDEN}
MOST = 1000
"""Outcomes of one request; the widest parameter list of the databases is far beyond."""


class Coding(msgspec.Struct):
    """A reason of a list, ours or the client's."""

    code: str | None = None
    system: str | None = None
    display: str | None = None


class OverrideReason(Coding, rename={"user_comment": "userComment"}):
    """Why a card was overridden; old clients send the code itself here."""

    reason: Coding | str | None = None
    user_comment: str | None = None


class Accepted(msgspec.Struct):
    """A suggestion that was taken."""

    id: str = ""


class Shown(msgspec.Struct):
    """What a card showed, as it was kept."""

    items: list[ShownItem] = []
    suggestions: dict[str, str] = {}
    """The kind of the item of each suggestion, by the suggestion's uuid."""
    overrides: dict[str, str] = {}


class Outcome(msgspec.Struct, rename="camel"):
    """What became of one card."""

    card: str
    outcome: str
    accepted_suggestions: list[Accepted] | None = None
    outcome_timestamp: str | None = None
    override_reason: OverrideReason | str | None = None
    override_reasons: list[Coding | str] | None = None
    reason: Coding | str | None = None
    user_comment: str | None = None


def take_feedback(state: State, service: Service, body: bytes, now: datetime) -> int:
    """Record what became of cards of a service; return how many outcomes were new.

    Raises HookError when nothing of it can be read.
    """
    outcomes, unread = _read(body)
    with state.read() as connection:
        query = select(card_table).where(
            card_table.c.uuid.in_({o.card for o in outcomes}), card_table.c.service == service.id
        )
        cards = {row.uuid: row for row in connection.execute(query)}
    known = [o for o in outcomes if o.card in cards]
    told = [(o, cards[o.card], _event(o, cards[o.card], now)) for o in known]
    new, _ = record(state, [event for _, _, event in told], now)
    aside = (one for one in told if one[0].outcome == "overridden")
    record_set_aside(state, (_set_aside(*one) for one in aside))
    if unread or len(known) < len(outcomes):
        LOG.warning(
            "feedback to %s: %d of unknown cards, %d that cannot be read",
            service.id, len(outcomes) - len(known), unread,
        )  # fmt: skip
    return new


def _read(body: bytes) -> tuple[list[Outcome], int]:
    """Return the outcomes, and how many could not be read."""
    try:
        sent = msgspec.json.decode(body, type=dict[str, msgspec.Raw] | list[msgspec.Raw])
        inside = sent.get("feedback", body) if isinstance(sent, dict) else body
        items: list[msgspec.Raw] = (
            msgspec.json.decode(inside, type=list[msgspec.Raw])
            if bytes(inside).lstrip().startswith(b"[")
            else [msgspec.Raw(inside)]
        )
    except msgspec.DecodeError as error:
        raise HookError(f"this is no CDS Hooks feedback: {error}") from error
    except UnicodeDecodeError as error:
        raise HookError("this is no CDS Hooks feedback: it is not UTF-8; send UTF-8") from error
    except RecursionError as error:
        raise HookError("this is no CDS Hooks feedback: it is nested too deep") from error
    if len(items) > MOST:
        raise HookError(f"`feedback` has more than {MOST} outcomes; send them in several requests")
    outcomes = list(_outcomes(items))
    if items and not outcomes:
        raise HookError(
            "`feedback` has no outcome that can be read; send `card` and `outcome` of each: "
            "accepted or overridden"
        )
    return outcomes, len(items) - len(outcomes)


def _outcomes(items: Sequence[msgspec.Raw]) -> Iterator[Outcome]:
    for item in items:
        try:
            outcome = msgspec.json.decode(item, type=Outcome)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            continue
        if outcome.outcome in OUTCOMES:
            yield outcome


def _event(outcome: Outcome, card: Any, now: datetime) -> UsageEvent:
    """Return the event; without a time of its own it happened when it was told."""
    at = _instant(outcome.outcome_timestamp, now)
    shown = msgspec.json.decode(card.shown, type=Shown)
    reason, comment = _reason(outcome, REASONS | shown.overrides)
    if outcome.outcome == "accepted" and not reason:
        taken = {one.id for one in outcome.accepted_suggestions or ()}
        reason = ", ".join(sorted({k for uid, k in shown.suggestions.items() if uid in taken}))
    return UsageEvent(
        id=f"card:{card.uuid}:{outcome.outcome}:{at.isoformat() if at else ''}",
        at=at or now,
        action=OUTCOMES[outcome.outcome],
        surface=SURFACE,
        use_case=card.use_case,
        practitioner=card.practitioner,
        patient=card.patient,
        encounter=card.encounter,
        card=card.uuid,
        reason=reason,
        comment=comment,
    )


def _set_aside(outcome: Outcome, card: Any, event: UsageEvent) -> SetAside:
    shown = msgspec.json.decode(card.shown, type=Shown)
    return SetAside(event, _codes(outcome, shown.overrides), shown.items)


def _instant(text: str | None, now: datetime) -> datetime | None:
    """Return when it happened; None where that is not told, has no zone or is yet to come."""
    try:
        at = datetime.fromisoformat(text or "")
        return at.astimezone(UTC) if at.tzinfo and at <= now + AHEAD else None
    except (ValueError, OverflowError):  # the first day of year 1, east of Greenwich
        return None


def _reason(outcome: Outcome, reasons: Mapping[str, str]) -> tuple[str, str]:
    """Return the reason and the comment of an outcome, whatever shape they came in.

    `reasons` are ours, the words of each code.
    """
    whole, given = outcome.override_reason, _given(outcome)
    named = next((found for one in given if (found := _named(one, reasons))), "")
    comments = [outcome.user_comment]
    comments.append(whole.user_comment if isinstance(whole, OverrideReason) else None)
    if named and named not in reasons.values() and isinstance(_first(given), str):
        comments.insert(0, named)
        named = IN_OWN_WORDS
    return named, "; ".join(c.strip() for c in comments if c and c.strip())


def _given(outcome: Outcome) -> list[Coding | str | None]:
    """Return what stands where a reason may stand, the innermost first."""
    whole = outcome.override_reason
    inner = whole.reason if isinstance(whole, OverrideReason) else whole
    return [inner, whole, outcome.reason, *(outcome.override_reasons or ())]


def _codes(outcome: Outcome, ours: Mapping[str, str]) -> list[str]:
    """Return the reasons of the card that an outcome names by code; words of a client are none."""
    codes = [
        one.strip() if isinstance(one, str) else one.code or ""
        for one in _given(outcome)
        if isinstance(one, str) or (one and (one.system or REASON_LIST).endswith(REASON_LIST))
    ]
    return [code for code in dict.fromkeys(codes) if code in ours]


def _first(given: Sequence[object]) -> object:
    return next((one for one in given if _named(one, {})), None)


def _named(reason: object, reasons: Mapping[str, str]) -> str:
    """Return a reason as people read it: ours by our words, another's by its own."""
    if isinstance(reason, str):
        return reasons.get(reason.strip(), reason.strip())
    if not isinstance(reason, Coding):
        return ""
    return reasons.get(reason.code or "") or reason.display or reason.code or ""
