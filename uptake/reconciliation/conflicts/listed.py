"""Two lists of allergies, or of problems. In: one person's entries; out: how they compare.

Of several entries of an outside source on one thing the newest counts. That a list lacks something
says that there is none only where it is declared complete, or where it says so itself.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date

from uptake.reconciliation.conflicts.concepts import Index
from uptake.reconciliation.conflicts.entries import Entry, Standing
from uptake.reconciliation.conflicts.model import Severity, Side, Stance, Verdict
from uptake.reconciliation.conflicts.rules import rules

_TOLD = (Standing.ACTIVE, Standing.ENDED, Standing.REFUTED)
_OPPOSED = frozenset(("low", "high"))


@dataclass(frozen=True, slots=True)
class Scope:
    """How far the absence of an entry may be believed."""

    charted: bool = True
    """The chart has entries of this type at all, of anybody."""
    chart_complete: bool = False
    outside_complete: frozenset[str] = frozenset()
    """The outside feeds that are declared complete."""


def compare_lists(
    chart: Sequence[Entry], outside: Sequence[Entry], scope: Scope
) -> Iterator[Verdict]:
    """Yield how the lists of one person compare, entry by outside entry, then the chart's alone.

    All entries are of one type. The same entries in any order give the same verdicts.
    """
    mine = sorted(chart, key=_newest_first)
    known = Index([e for e in mine if e.standing is not Standing.NONE_KNOWN])
    denials = [e for e in mine if e.standing is Standing.NONE_KNOWN]
    for feed in sorted({e.origin.feed for e in outside} | scope.outside_complete):
        theirs = sorted((e for e in outside if e.origin.feed == feed), key=_newest_first)
        told = Index([e for e in theirs if e.standing is not Standing.NONE_KNOWN])
        for entry in theirs:
            if entry.standing is Standing.NONE_KNOWN:
                yield from _denied_outside(entry, known.entries, told.entries)
            else:
                yield _of_entry(entry, known, told, denials, scope)
        if feed in scope.outside_complete:
            yield from _only_in_chart(known, told, theirs, feed)


def _of_entry(
    entry: Entry,
    chart: Index[Entry],
    own: Index[Entry],
    denials: Sequence[Entry],
    scope: Scope,
) -> Verdict:
    newest = next(iter(own.same(entry.concept)), entry)
    if newest is not entry:
        return _plain("untold", entry, "a newer entry of the source counts")
    met = chart.same(entry.concept)
    if met:
        return _of_pair(entry, met)
    if entry.standing is not Standing.ACTIVE:
        return _plain("untold", entry, "not active, and not in the chart")
    denial = next((d for d in denials if _denies(d, entry)), None)
    if denial and not any(_denies(denial, e) for e in _active(chart.entries)):
        return _found("conflict", "none-known", denial, entry, grave=entry.severe)
    if not scope.charted or not chart.lacks(entry.concept):
        return _plain("untold", entry, "the chart names something alike, or without such a code")
    stance: Stance = "conflict" if scope.chart_complete else "news"
    return _found(stance, "absent", None, entry, grave=entry.severe)


def _of_pair(entry: Entry, met: Sequence[Entry]) -> Verdict:
    """Return how an outside entry compares with the chart's entries of the same thing."""
    active = [e for e in met if e.standing is Standing.ACTIVE]
    mine = (active or met)[0]
    standings = {entry.standing, mine.standing}
    if not standings <= set(_TOLD) or (not active and _has_untold(met)):
        return _plain("untold", entry, "one has no status", mine)
    severe = entry.severe or mine.severe
    if standings == {Standing.ACTIVE, Standing.REFUTED}:
        return _found("conflict", "refuted", mine, entry, grave=severe)
    if standings == {Standing.ACTIVE, Standing.ENDED} and not _episodes(entry, mine):
        older = _is_before(entry.origin.day, mine.origin.day)
        return _found("conflict", "status", mine, entry, grave=severe, older=older)
    if standings == {Standing.ACTIVE} and {e.criticality for e in (entry, mine)} == _OPPOSED:
        return _found("conflict", "criticality", mine, entry, grave=mine.criticality == "low")
    return _plain("same", entry, "", mine)


def _episodes(one: Entry, two: Entry) -> bool:
    """Tell whether one was over before the other began: then neither denies the other."""
    over, active = (one, two) if one.standing is Standing.ENDED else (two, one)
    return _is_before(over.ended, active.began)


def _is_before(one: date | None, two: date | None) -> bool:
    return one is not None and two is not None and one < two


def _denied_outside(
    denial: Entry, chart: Sequence[Entry], own: Iterable[Entry]
) -> Iterator[Verdict]:
    """Yield what the chart has and an outside source says there is none of.

    A source that has an allergy of its own there contradicts itself: then it says nothing.
    """
    if any(_denies(denial, e) for e in _active(own)):
        return
    for mine in _active(chart):
        if _denies(denial, mine):
            older = _is_before(denial.origin.day, mine.origin.day)
            yield _found("conflict", "none-known", mine, denial, older=older)


def _denies(denial: Entry, entry: Entry) -> bool:
    """Tell whether an assertion that there is none is about an allergy of this kind.

    One without a category is denied only by an assertion that there is no allergy at all.
    """
    return bool(denial.categories & (entry.categories or {""}))


def _only_in_chart(
    chart: Index[Entry], own: Index[Entry], theirs: Sequence[Entry], feed: str
) -> Iterator[Verdict]:
    """Yield what a source lacks that is declared complete; what it denies is told already."""
    denials = [e for e in theirs if e.standing is Standing.NONE_KNOWN]
    for mine in _active(chart.entries):
        if own.lacks(mine.concept) and not any(_denies(d, mine) for d in denials):
            verdict = _found("conflict", "absent-outside", mine, None, grave=mine.severe)
            yield Verdict(
                verdict.stance, verdict.kind, verdict.name, verdict.chart, None,
                verdict.severity, f"{feed} is declared complete and has no such entry",
            )  # fmt: skip


def _active(entries: Iterable[Entry]) -> list[Entry]:
    return [e for e in entries if e.standing is Standing.ACTIVE]


def _has_untold(entries: Collection[Entry]) -> bool:
    return any(e.standing is Standing.UNTOLD for e in entries)


def _newest_first(entry: Entry) -> tuple[object, ...]:
    """Return what entries are ordered by; of two of one day the active one counts."""
    origin = entry.origin
    day = (origin.day or date.min).toordinal()
    return -day, entry.standing is not Standing.ACTIVE, origin.feed, origin.id, origin.rid


def _found(
    stance: Stance,
    kind: str,
    chart: Entry | None,
    outside: Entry | None,
    *,
    grave: bool = False,
    older: bool = False,
) -> Verdict:
    problem = any(e.origin.type == "Condition" for e in (chart, outside) if e)
    severity: Severity = rules().kinds[kind].weigh(grave=grave, problem=problem, older=older)
    told = [e for e in (outside, chart) if e and e.standing is not Standing.NONE_KNOWN]
    evidence = "the outside's entry is the older one" if older else ""
    name = next((e.concept.text for e in told if e.concept.text), "")
    return Verdict(stance, kind, name, _side(chart), _side(outside), severity, evidence)


def _plain(stance: Stance, outside: Entry, why: str, chart: Entry | None = None) -> Verdict:
    name = outside.concept.text
    return Verdict(stance, "", name, _side(chart), _side(outside), "low", why)


def _side(entry: Entry | None) -> Side | None:
    return Side(entry.origin, entry.says) if entry else None
