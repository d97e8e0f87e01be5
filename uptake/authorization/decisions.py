"""What a payer answered. In: ClaimResponses; out: decisions, the newest first.

Item review actions come first (X12 code 306 in the extensions of the Da Vinci guide Prior
Authorization Support 2.2.1), then what R4 itself says; a complete answer without either, and
without a number, is *cannot tell*.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from uptake.authorization.dossier import PAS
from uptake.authorization.settings import settings
from uptake.resources.elements import (
    codings,
    day_of,
    days_of,
    extensions,
    instant,
    members,
    name_of,
    parts,
    reference_of,
    value_of,
)

Resource = Mapping[str, Any]
_ACTION = f"{PAS}/extension-reviewAction"
_ACTION_CODE = f"{PAS}/extension-reviewActionCode"
_NUMBER = f"{PAS}/extension-authorizationNumber"
_PERIOD = f"{PAS}/extension-itemPreAuthPeriod"
_DETAIL = f"{PAS}/extension-itemAuthorizedDetail"


class Outcome(StrEnum):
    """What became of a request."""

    APPROVED = "approved"
    MODIFIED = "modified"
    """Approved in part, or otherwise than asked."""
    DENIED = "denied"
    PENDED = "pended"
    CANCELLED = "cancelled"
    ERROR = "error"
    """The request could not be read; the payer has not decided."""
    UNKNOWN = "cannot tell"


FINAL = frozenset({Outcome.APPROVED, Outcome.MODIFIED, Outcome.DENIED})
GRANTED = frozenset({Outcome.APPROVED, Outcome.MODIFIED})
_WHOLE: Mapping[str, tuple[object, ...]] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Decision:
    """One answer."""

    source: str
    """`ClaimResponse/id`."""
    outcome: Outcome
    at: datetime | None
    """The instant it was made; None where only a day is known."""
    day: date | None
    number: str = ""
    """Of the authorization."""
    starts: date | None = None
    ends: date | None = None
    codes: tuple[tuple[str, str], ...] = ()
    """What was authorized, where the answer says so itself."""
    quantity: Decimal | None = None
    reason: str = ""
    """The code of why it was not approved."""
    words: str = ""
    """The payer's own; data, to be escaped."""


def read_decisions(
    responses: Iterable[Resource], asked: Mapping[str, tuple[object, ...]] = _WHOLE
) -> tuple[Decision, ...]:
    """Return the answers, the newest first; what was entered in error is none.

    `asked` are the numbers of the items that count, by request; of others all do. Where an answer
    has items and none of these, what became of them cannot be told.
    """
    kept = [r for r in responses if r.get("status") in ("active", None)]
    return tuple(_read(r, asked) for r in sorted(kept, key=_made, reverse=True))


def _items(
    response: Resource, asked: Mapping[str, tuple[object, ...]]
) -> tuple[list[Resource], bool]:
    """Return the items of an answer that count, and whether it leaves them out."""
    items = members(response.get("item"))
    wanted = asked.get(reference_of(response.get("request")))
    if wanted is None:
        return items, False
    own = [item for item in items if item.get("itemSequence") in wanted]
    return own, bool(items) and not own


def _made(response: Resource) -> tuple[float, str, str]:
    """Return what is greater the newer an answer is; a day counts from its first moment, in UTC."""
    at, day = instant(response.get("created")), day_of(response.get("created"))
    seconds = at.timestamp() if at else day.toordinal() * 86400.0 - _EPOCH if day else 0.0
    return seconds, str(parts(response.get("meta")).get("lastUpdated", "")), name_of(response)


_EPOCH = date(1970, 1, 1).toordinal() * 86400.0


def _read(response: Resource, asked: Mapping[str, tuple[object, ...]]) -> Decision:
    items, left_out = _items(response, asked)
    period = next(_periods(response, items), {})
    detail = next((d for item in items for d in extensions(item, _DETAIL)), {})
    codes = [value_of(e) for e in extensions(detail, "productOrServiceCode")]
    quantity = parts(next((value_of(e) for e in extensions(detail, "quantity")), None))
    return Decision(
        name_of(response),
        Outcome.UNKNOWN if left_out else _outcome(response, items),
        instant(response.get("created")),
        day_of(response.get("created")),
        _number(response, items),
        days_of(period.get("start"))[0],
        days_of(period.get("end"))[1],
        tuple(pair for code in codes for pair in codings(code)),
        decimal_of(quantity.get("value")),
        next((code for action in _actions(items) for code in _reasons(action)), ""),
        str(response.get("disposition") or ""),
    )


def _outcome(response: Resource, items: list[Resource]) -> Outcome:
    known = settings().review_action
    codes = [code for action in _actions(items) for code in _codes(action)]
    found = {Outcome(known[code]) if code in known else Outcome.UNKNOWN for code in codes}
    if len(found) == 1:
        return found.pop()
    if found:
        return _mixed(found)
    return {
        "queued": Outcome.PENDED,
        "partial": Outcome.PENDED,
        "error": Outcome.ERROR,
        "complete": _complete(response, items),
    }.get(str(response.get("outcome")), Outcome.UNKNOWN)


def _mixed(found: set[Outcome]) -> Outcome:
    """Return what several items are together: undecided while one is, else approved in part."""
    for open_ in (Outcome.PENDED, Outcome.UNKNOWN):
        if open_ in found:
            return open_
    return Outcome.MODIFIED if found & GRANTED else Outcome.DENIED


def _complete(response: Resource, items: list[Resource]) -> Outcome:
    words = str(response.get("disposition") or "").lower()
    if any(word in words for word in settings().denied_words):
        return Outcome.DENIED
    return Outcome.APPROVED if _number(response, items) else Outcome.UNKNOWN


def _actions(items: Iterable[Resource]) -> Iterator[Resource]:
    """Yield the review actions: of an item in older guides, of its adjudication in newer ones."""
    for item in items:
        for holder in (item, *members(item.get("adjudication"))):
            yield from extensions(holder, _ACTION)


def _codes(action: Resource) -> Iterator[str]:
    for one in extensions(action, _ACTION_CODE):
        yield from (code for _, code in codings(value_of(one)))


def _reasons(action: Resource) -> Iterator[str]:
    for one in extensions(action, "reasonCode"):
        yield from (code for _, code in codings(value_of(one)))


def _number(response: Resource, items: Iterable[Resource]) -> str:
    held = list(items)
    of_items = [value_of(e) for item in held for e in extensions(item, _NUMBER)]
    of_items += [value_of(e) for action in _actions(held) for e in extensions(action, "number")]
    named = [response.get("preAuthRef"), *of_items]
    return next((n for n in named if isinstance(n, str) and n), "")


def _periods(response: Resource, items: Iterable[Resource]) -> Iterator[Resource]:
    if response.get("preAuthPeriod"):
        yield parts(response["preAuthPeriod"])
    for item in items:
        yield from (parts(value_of(e)) for e in extensions(item, _PERIOD))


def decimal_of(value: object) -> Decimal | None:
    """Return a number exactly as it was sent, None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    exact = Decimal(str(value))
    return exact if exact.is_finite() else None
