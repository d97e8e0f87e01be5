"""Two results of one test at one time. In: Observations of both sides; out: whether they agree.

Compared are final results alone. A time is one time to the minute, and only where both say the
minute: two results of one day may be two samples.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from uptake.reconciliation.conflicts.elements import (
    Resource,
    codes_in,
    codings_in,
    displays_in,
)
from uptake.reconciliation.conflicts.model import Origin, Role, Side, Stance, Verdict
from uptake.reconciliation.conflicts.rules import rules
from uptake.reconciliation.conflicts.values import Number, Value, agree, read_value, side_of
from uptake.resources.elements import days_of
from uptake.terminology.systems import canonical

Codes = frozenset[tuple[str, str]]
_OPPOSED = ({"normal", "abnormal"}, {"positive", "negative"})
FINAL = ("final", "amended", "corrected")


@dataclass(frozen=True, slots=True)
class Part:
    """The value of an Observation, or of one of its components."""

    codes: Codes
    value: Value
    flag: str
    """`normal`, `abnormal`, `positive` or `negative`; empty where that is not told."""


@dataclass(frozen=True, slots=True)
class Compared:
    """The two values of one code, and whether they agree; None: cannot be told."""

    chart: Part
    outside: Part
    agree: bool | None


@dataclass(frozen=True, slots=True)
class Result:
    """One Observation."""

    origin: Origin
    name: str
    status: str
    minute: datetime | None
    """When it was measured, to the minute; None where that was not said."""
    where: frozenset[tuple[str, str]]
    """How it was measured and on which part of the body, as codes."""
    parts: tuple[Part, ...]


def read_result(
    resource: Resource, codes: Codes, role: Role, feed: str, rid: int = 0
) -> Result | None:
    """Return an Observation; None of one that is not final, or has no value.

    `codes` are those of the test, with canonical systems and what was mapped.
    """
    status = str(resource.get("status") or "")
    if status not in FINAL:
        return None
    parts = tuple(_parts(resource, codes))
    if not parts:
        return None
    at = resource.get("effectiveDateTime") or resource.get("effectiveInstant")
    origin = Origin(role, feed, "Observation", str(resource.get("id") or ""), rid, days_of(at)[0])
    code = resource.get("code") or {}
    name = code.get("text") or next((d for d in displays_in(code)), "") or "a test without a name"
    where = {
        (system, found) for element in ("method", "bodySite")
        for system, found in _tests(resource.get(element) or {})
    }  # fmt: skip
    return Result(origin, str(name), status, _minute(at), frozenset(where), parts)


def compare_result(outside: Result, chart: Sequence[Result]) -> Verdict:
    """Return how a result of an outside source compares with the chart's of its test and time."""
    met = [
        one for one in sorted(chart, key=lambda r: (r.origin.feed, r.origin.id, r.origin.rid))
        if outside.minute and one.minute == outside.minute and not _elsewhere(outside, one)
    ]  # fmt: skip
    told = [(one, list(_compared(outside, one))) for one in met]
    for one, found in told:
        if found and all(each.agree for each in found):
            return _verdict("same", outside, one, found)
    for one, found in told:
        if any(each.agree is False for each in found):
            return _verdict("conflict", outside, one, found)
    return _verdict("untold", outside, met[0] if met else None, [])


def _compared(outside: Result, chart: Result) -> Iterator[Compared]:
    """Yield the values that are of one code in both."""
    for theirs in outside.parts:
        mine = next((part for part in chart.parts if part.codes & theirs.codes), None)
        if mine:
            yield Compared(mine, theirs, agree(mine.value, theirs.value))


def _verdict(
    stance: Stance, outside: Result, chart: Result | None, found: Sequence[Compared]
) -> Verdict:
    apart = [one for one in found if one.agree is False]
    grave = any({one.chart.flag, one.outside.flag} in _OPPOSED for one in apart)
    corrected = apart and outside.status != "final" and chart and chart.status == "final"
    shown = apart or found
    mine = _shown(one.chart for one in shown)
    theirs = _shown(one.outside for one in shown) or _shown(outside.parts)
    return Verdict(
        stance,
        "value" if apart else "",
        outside.name,
        Side(chart.origin, mine) if chart else None,
        Side(outside.origin, theirs),
        rules().kinds["value"].weigh(grave=grave) if apart else "low",
        f"the source has {outside.status} it" if corrected else "",
    )


def _shown(parts: Iterable[Part]) -> str:
    return ", ".join(part.value.shown for part in parts)


def _elsewhere(one: Result, two: Result) -> bool:
    """Tell whether two were measured in other ways or places: then they may well differ."""
    systems = {s for s, _ in one.where} & {s for s, _ in two.where}
    return bool(systems) and not one.where & two.where


def _parts(resource: Resource, codes: Codes) -> Iterator[Part]:
    if (value := read_value(resource)) is not None:
        yield Part(codes, value, _flag(resource, value))
    for part in resource.get("component") or ():
        own = frozenset(_tests(part.get("code") or {}))
        if (value := read_value(part)) is not None and own:
            yield Part(own, value, _flag(part, value))


def _flag(part: Resource, value: Value) -> str:
    """Return on which side of normal a value lies: as it is said, else by its own range."""
    codes = {code for one in part.get("interpretation") or () for code in codes_in(one)}
    for name in ("normal", "abnormal"):
        if codes & rules().results[name]:
            return name
    ranges = list(part.get("referenceRange") or ())
    if isinstance(value, Number) and not value.comparator and len(ranges) == 1:
        low, high = (read_value({"valueQuantity": ranges[0].get(end)}) for end in ("low", "high"))
        bounds = [b for b in (low, high) if isinstance(b, Number)]
        if bounds and all(b.unit in (value.unit, "") for b in bounds):
            below = isinstance(low, Number) and value.value < low.value
            above = isinstance(high, Number) and value.value > high.value
            return "abnormal" if below or above else "normal"
    return side_of(value)


def _minute(at: object) -> datetime | None:
    """Return an instant to the minute, in UTC; None of a date, and of a time without a zone."""
    try:
        read = datetime.fromisoformat(str(at or ""))
        told = read.astimezone(UTC) if read.tzinfo else None
    except (ValueError, OverflowError):  # no date, or before the year 1 in UTC
        return None
    return told.replace(second=0, microsecond=0) if told else None


def _tests(concept: Resource) -> Iterator[tuple[str, str]]:
    """Yield the codes of a concept with their canonical systems."""
    return ((canonical(system) or system, code) for system, code in codings_in(concept) if system)
