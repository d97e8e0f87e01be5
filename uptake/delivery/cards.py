"""The card. In: what a service judged; out: a CDS Hooks card, everything from data escaped.

The reference client renders raw HTML in `detail`, so a drug's name is never trusted. A line says
what, how much, how it changed, when, who and from where; an item that cannot say so is withheld.
https://cds-hooks.hl7.org/2.0/#cds-service-response
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, tzinfo
from typing import TYPE_CHECKING, Any
from uuid import uuid4

if TYPE_CHECKING:
    from uptake.delivery.cases import Act, Context, Item, Judged, Suggestion

SUMMARY_BELOW = 140
"""Characters; CDS Hooks asks that a summary has fewer."""
LINES = 6
TEXT_SHOWN = 80
"""Characters of a name or a sig that are shown."""
SENTENCE = 400
"""Characters of a note, of the text of an item, or of a value: a number is never cut in two."""
MONTHS_FROM, YEARS_FROM = 90, 2 * 365
"""Days from which on an age is told in months, and in years."""
REASONS = {
    "already-known": "Already known",
    "already-done": "Already done",
    "not-applicable": "Does not apply to this patient",
    "data-wrong": "The data are wrong",
    "not-now": "Not relevant now",
}
"""Why a card may be set aside, where its service says nothing else."""
SEVERITIES = ("info", "warning", "critical")
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
_MARKS = frozenset("\\`*_{}[]()#!|~$@")
"""What means something inside a line; what begins a list never stands first here."""
_LINKED = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)", re.IGNORECASE)
_NUMBER = re.compile(r"[<>≤≥~]?\s*-?\d+([.,]\d+)?")


@dataclass(frozen=True, slots=True)
class Place:
    """Where something is shown: where links lead, what sources are called, which clock hangs."""

    base_url: str
    smart: bool = False
    """True: the EHR can launch the panel, which signs the clinician in."""
    titles: Mapping[str, str] = field(default_factory=dict)
    """What clinicians call a feed, by its name."""
    zone: tzinfo | None = None
    """None: nobody said; a time is then that of the clock it was charted by."""

    def called(self, source: str) -> str:
        """Return what clinicians call a source."""
        return self.titles.get(source, source)

    def day(self, at: date | datetime) -> date:
        """Return the day it was here."""
        return self._here(at).date() if isinstance(at, datetime) else at

    def moment(self, at: date | datetime | None) -> str:
        """Return a day, or an instant to the minute by the clock here; empty: nobody knows.

        A zone is named where the clock is not the one that was charted by, where it shows this
        time twice, and where it is UTC's, which hangs in no ward.
        """
        if not isinstance(at, datetime):
            return at.isoformat() if at else ""
        here = self._here(at)
        offset = here.utcoffset()
        if here.tzinfo is self.zone:
            named = {at.utcoffset(), here.replace(fold=1 - here.fold).utcoffset()} != {offset}
        else:
            named = not offset
        return f"{here:%Y-%m-%d %H:%M}{f' {_zone_name(here)}' if named else ''}"

    def _here(self, at: datetime) -> datetime:
        try:
            return _aware(at).astimezone(self.zone) if self.zone else _aware(at)
        except OverflowError:  # the first or the last day there is: someone's "always" or "never"
            return _aware(at)


@dataclass(frozen=True, slots=True)
class Card:
    """One card, as it is sent, and what feedback to it is about."""

    uuid: str
    body: Mapping[str, Any]
    items: tuple[Item, ...]
    suggestions: Mapping[str, str]
    """The uuid of each suggestion, and the kind of the item it belongs to."""
    overrides: Mapping[str, str]


def actionable(items: Iterable[Item]) -> tuple[Item, ...]:
    """Return the items, those withheld that nobody could act on; one of a kind and an order.

    Orders without an id are not one order, and an id is of its source: two pharmacies may have one.
    """
    seen: set[tuple[str, tuple[str, ...], tuple[str, ...]]] = set()
    found = []
    for item in items:
        key = (item.kind, item.about, tuple(one.source for one in item.context))
        named = item.about and not any(one.endswith("/") for one in item.about)
        if named and key in seen:
            continue
        seen.add(key)
        found.append(replace(item, withheld=item.withheld or why_withheld(item)))
    return tuple(found)


def why_withheld(item: Item) -> str:
    """Return what an item lacks to be acted on: a source, a date or a unit; empty: nothing."""
    if not item.context or not all(one.source for one in item.context):
        return "no source"
    if not item.lasting and all(one.at is None for one in item.context):
        return "no date"
    if any(_NUMBER.fullmatch(one.value) and not one.unit for one in item.context):
        return "no unit"
    return ""


def build_card(judged: Judged, use_case: str, place: Place, now: datetime) -> Card | None:
    """Return the card of what was judged, None when nothing of it is to be shown.

    The items are those `actionable` returns.
    """
    shown = [item for item in judged.items if not item.withheld]
    if not shown:
        return None
    uuid, base = str(uuid4()), place.base_url.rstrip("/")
    given = [(str(uuid4()), item.kind, one) for item in shown for one in item.suggestions]
    overrides = judged.overrides or REASONS
    system = f"{base}/override-reason"
    body: dict[str, Any] = {
        "uuid": uuid,
        "summary": plain(judged.summary, SUMMARY_BELOW - 1),
        "detail": _detail(judged, shown, place, now),
        "indicator": max((item.severity for item in shown), key=SEVERITIES.index),
        "source": {"label": f"Uptake: {use_case.replace('-', ' ')}"},
        "overrideReasons": [
            {"code": code, "system": system, "display": plain(words)}
            for code, words in overrides.items()
        ],
    }
    if given:
        # of several items each may be accepted; of the ways to answer one item, one
        alone = len({id(item) for item in shown if item.suggestions}) == 1
        body["suggestions"] = [_suggestion(uid, one) for uid, _, one in given]
        body["selectionBehavior"] = "at-most-one" if alone else "any"
    if judged.panel:
        body["links"] = [_link(uuid, base, place.smart)]
    return Card(uuid, body, tuple(shown), {uid: kind for uid, kind, _ in given}, overrides)


def system_actions(acts: Sequence[Act]) -> list[dict[str, Any]]:
    """Return actions that the EHR does by itself, as CDS Hooks writes them."""
    return [_act(act) for act in acts]


def _link(uuid: str, base: str, smart: bool) -> dict[str, Any]:
    """Return the link to the panel; where the EHR signs the clinician in, no other way leads in."""
    if smart:
        url = f"{base}/smart/launch"
        return {"label": "Open the panel", "url": url, "type": "smart", "appContext": uuid}
    return {"label": "Open the panel", "url": f"{base}/panel?card={uuid}", "type": "absolute"}


def _suggestion(uuid: str, one: Suggestion) -> dict[str, Any]:
    found: dict[str, Any] = {"label": plain(one.label), "uuid": uuid}
    if one.recommended:
        found["isRecommended"] = True
    if one.acts:
        found["actions"] = [_act(act) for act in one.acts]
    return found


def _act(act: Act) -> dict[str, Any]:
    found: dict[str, Any] = {"type": act.type, "description": plain(act.description, SENTENCE)}
    if act.resource is not None:
        found["resource"] = act.resource
    if act.resource_id:
        found["resourceId"] = act.resource_id
    return found


def lines_of(items: Iterable[Item]) -> list[Item]:
    """Return the items that have a line on a card, the worst first."""
    return sorted(items, key=lambda item: -SEVERITIES.index(item.severity))[:LINES]


def _detail(judged: Judged, shown: Sequence[Item], place: Place, now: datetime) -> str:
    lines = [f"- {_line(item, place, now)}" for item in lines_of(shown)]
    if len(shown) > LINES:
        lines.append(f"- and {len(shown) - LINES} more")
    notes = [*judged.notes, *_left_out(judged.items)]
    told = escaped(" ".join(notes), SENTENCE)
    return "\n".join(lines) + (f"\n\n{told}" if told else "")


def _left_out(items: Iterable[Item]) -> list[str]:
    """Return a sentence on what is withheld: a clinician is to know that there is more."""
    counts = Counter(item.withheld for item in items if item.withheld and item.text)
    if not counts:
        return []
    return [f"Not shown: {', '.join(f'{n} ({why})' for why, n in sorted(counts.items()))}."]


def _line(item: Item, place: Place, now: datetime) -> str:
    """Return one item in words, with what makes each of its facts usable."""
    said = "; ".join(told for one in item.context if (told := told_of(one, place, now)))
    colon = "" if item.text.endswith(".") else ":"
    return f"**{escaped(item.text, SENTENCE)}**" + (f"{colon} {said}" if said else "")


def told_of(one: Context, place: Place, now: datetime) -> str:
    """Return value, range, trend, day and age, author and source of a fact there, escaped."""
    parts = [escaped(f"{one.value} {one.unit}", SENTENCE)]
    if one.range:
        parts.append(f"(range {escaped(one.range, 40)})")
    if one.trend:
        parts.append(f"{escaped(one.trend)},")
    parts.append(escaped(_when(one.at, place, now)))
    if one.author and one.author != place.called(one.source):  # a pharmacy speaks for itself
        parts.append(f"by {escaped(one.author, 40)}")
    if one.source:
        parts.append(f"({escaped(place.called(one.source))})")
    return " ".join(part for part in parts if part)


def _when(at: date | datetime | None, place: Place, now: datetime) -> str:
    """Return when it was and how long ago; the clock's time only on the last two days."""
    if at is None:
        return "on an unknown day"
    if not isinstance(at, datetime):
        return f"{place.moment(at)}, {_days_ago((place.day(now) - at).days)}"
    minutes = int((now - _aware(at)).total_seconds() // 60)
    if minutes >= 48 * 60:
        return f"{place.moment(place.day(at))}, {_days_ago(minutes // 1440)}"
    many, unit = (minutes, "minute") if minutes < 120 else (minutes // 60, "hour")
    return f"{place.moment(at)}, {_ago(many, unit)}"


def _aware(at: datetime) -> datetime:
    """Return an instant of a table, which is UTC and does not say so, with its zone."""
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _zone_name(at: datetime) -> str:
    """Return `CET`; where a zone has no letters `UTC+08`."""
    name = at.tzname() or ""
    return f"UTC{name}" if name.startswith(("+", "-")) else name


def _days_ago(days: int) -> str:
    """Return an age in days, then months, then years: nobody thinks of two years in days."""
    if days < MONTHS_FROM:
        return _ago(days, "day")
    if days < YEARS_FROM:
        return _ago(round(days * 12 / 365), "month")
    return _ago(days // 365, "year")


def _ago(many: int, unit: str) -> str:
    if many < 0:
        return "in the future"
    if many == 0:
        return "today" if unit == "day" else "now"
    return f"{many} {unit}{'' if many == 1 else 's'} ago"


def escaped(text: str, longest: int = TEXT_SHOWN) -> str:
    """Return a text that GitHub Markdown and HTML both show as it is, cut where it is long.

    Addresses in it are broken up, so that no client makes a link of them.
    """
    cut = _LINKED.sub(" ", _one_line(text, longest))
    return "".join(_ENTITIES.get(c) or (f"\\{c}" if c in _MARKS else c) for c in cut)


def plain(text: str, longest: int = TEXT_SHOWN) -> str:
    """Return a text for a member that is no Markdown: it means nothing to a client that errs."""
    cut = _one_line(text.translate({ord("<"): "‹", ord(">"): "›", ord("`"): "'"}), longest)
    return _LINKED.sub(" ", cut)[:longest]


def _one_line(text: str, longest: int) -> str:
    """Return a text on one line, without what is not printable, cut where it is long."""
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
