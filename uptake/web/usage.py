"""Who uses it. In: a situation, a chain; out: what the pages of adoption show of a use case."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

from uptake.adoption import breakdown, causes
from uptake.adoption.workflow_time import Span, spans
from uptake.model import Stage
from uptake.report.figures import Figures, percent
from uptake.rollout.facts import unit_champions
from uptake.web.charts import Group, bars
from uptake.web.evidence import by_week, cut, day
from uptake.web.outcome import workflow
from uptake.web.tables import Table, table

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from uptake.adoption.reach import Reach
    from uptake.model import Chain, StageResult, UseCase
    from uptake.rollout.situation import Situation
    from uptake.web.charts import Drawing

LISTED = 20
"""People who are shown: those who use it least."""
_PEOPLE = (Stage.SEEN, Stage.USED, Stage.ACTED_ON)
"""Stages where people are what a use case stalls for."""
_BY = ("role", "unit", "surface")
_SAY = Figures()


@dataclass(frozen=True, slots=True)
class Line:
    """A use case in the table of all."""

    chain: Chain
    used: StageResult
    seen: StageResult
    overridden: str
    """Overridden of 100 shown; empty: it cannot be told."""
    to_open: str
    """Median time from served to opened; empty: it cannot be told."""
    openings: int


@dataclass(frozen=True, slots=True)
class Usage:
    """Who uses one use case."""

    drawings: tuple[Drawing, ...]
    """By week, by role, unit and surface; then why it is overridden."""
    times: Table
    time_sentence: str
    workflow: tuple[Drawing, ...]
    people: Table
    action: str
    link: str


def lines(situation: Situation, chains: Sequence[Chain]) -> tuple[Line, ...]:
    """Return every use case with its figures of use, the least used first; untold ones last."""
    found = [_line(situation.reach, chain) for chain in chains]
    return tuple(sorted(found, key=lambda f: (f.used.share is None, f.used.share or 0.0)))


def _line(reach: Reach | None, chain: Chain) -> Line:
    used, seen = stage_of(chain, Stage.USED), stage_of(chain, Stage.SEEN)
    if reach is None:
        return Line(chain, used, seen, "", "", 0)
    shown, over = reach.db.row(
        "select count(*), count(refused_at) from reached "
        "where use_case = ? and served_at is not null",
        [chain.use_case],
    )
    first = _opening(spans(reach, chain.use_case))
    return Line(
        chain, used, seen,
        f"{100 * over / shown:.0f}" if shown else "",
        span(first.median) if first and first.rows else "",
        first.rows if first else 0,
    )  # fmt: skip


def used_by_case(found: Sequence[Line]) -> Drawing:
    """Return a bar a use case, the least used first; a use case that cannot be told has none."""
    told = [line.used for line in found]
    return bars(
        [Group(f.chain.title, f.used.share, f.used.numerator, f.used.denominator) for f in found],
        title="Used, by use case", unit="%", target=told[0].target if told else None,
        by="Use case", sentence="People with access who used it in 28 days.",
    )  # fmt: skip


def lead(found: Sequence[Line]) -> str:
    """Return which use case is used least and which most, in one sentence."""
    known = [line for line in found if line.used.share is not None]
    if not known:
        return "Of no use case can it be told who uses it."
    least, most = known[0], known[-1]
    if len(known) == 1:
        return f"{least.chain.title}: {least.used.sentence}"
    return (
        f"{least.chain.title} is used least ({_of(least.used)}), "
        f"{most.chain.title} most ({_of(most.used)})."
    )


def _of(used: StageResult) -> str:
    return f"{used.number} of {used.denominator:,} people with access"


def stage_of(chain: Chain, stage: Stage) -> StageResult:
    """Return one number of a chain."""
    return next(s for s in chain.stages if s.stage is stage)


def usage(situation: Situation, chain: Chain, case: UseCase) -> Usage | None:
    """Return who uses a use case; None before a run that looked for it."""
    reach = situation.reach
    if reach is None:
        return None
    times = spans(reach, case.code)
    used = [_bars(situation, reach, chain, by) for by in _BY]
    weeks = (by_week(situation, case, stage_of(chain, s)) for s in (Stage.USED, Stage.SEEN))
    action, link = _next(situation, reach, chain)
    return Usage(
        tuple(d for d in (*weeks, *used, _reasons(reach, case), _withheld(reach, case)) if d),
        _times(times),
        _time_sentence(times),
        workflow(situation, case),
        _people(situation, reach, case),
        action,
        link,
    )


def _bars(situation: Situation, reach: Reach, chain: Chain, by: str) -> Drawing | None:
    """Return a bar a role, unit or surface, the lowest first."""
    surfaces = situation.definitions.surfaces if by == "surface" else {}
    titles = {code: surface.title for code, surface in surfaces.items()}
    found = [
        Group(
            titles.get(g.name, g.name) or "not said", g.numerator / g.denominator,
            g.numerator, g.denominator,
        )
        for g in breakdown.breakdown(reach, chain.use_case, Stage.USED, by)
        if g.denominator
    ]  # fmt: skip
    if not found:
        return None
    ranked = sorted(found, key=lambda g: (g.value, g.label))
    low = ranked[0]
    told = f"{low.label}, {low.numerator:,} of {low.denominator:,} people with access."
    return bars(
        ranked, title=f"Used, by {by}", unit="%", target=stage_of(chain, Stage.USED).target,
        by=by.capitalize(), sentence=f"Least of all: {told}" if len(ranked) > 1 else f"Only {told}",
    )  # fmt: skip


def _reasons(reach: Reach, case: UseCase) -> Drawing | None:
    found = causes.refusals(reach, case.code)
    whole = sum(n for _, n in found)
    if not whole:
        return None
    reason, often = found[0]
    share = percent(Fraction(often, whole))
    return bars(
        [Group(name, n / whole, n, whole) for name, n in found],
        title="Why it was overridden", unit="%", target=None, by="Reason",
        sentence=f"“{reason}” is the reason of {often:,} of {_SAY.count(whole, 'overrides')} "
        f"({share}).",
    )  # fmt: skip


def _withheld(reach: Reach, case: UseCase) -> Drawing | None:
    """Return a bar a reason why something found was not put on a card."""
    found = causes.withheld(reach, case.code)
    whole = sum(n for _, n in found)
    if not whole:
        return None
    return bars(
        [Group(name, n / whole, n, whole) for name, n in found],
        title="Why it was not shown", unit="%", target=None, by="Reason",
        sentence=f"{_SAY.count(whole, 'items')} {'was' if whole == 1 else 'were'} found and not "
        f"put on a card: “{found[0][0]}” is the reason of {found[0][1]:,}.",
    )  # fmt: skip


def _times(found: Iterable[Span]) -> Table:
    rows = [
        (f"{s.begins} to {s.ends}", *((span(s.median), span(s.p90)) if s.rows else ("–", "–")),
         f"{s.rows:,}", f"{s.before:,}")
        for s in found
    ]  # fmt: skip
    columns = ("Time from", "Median", "9 of 10 within", "Rows", "Ended before it began")
    note = "" if rows else "No two moments of one opportunity are known."
    return table("How long it takes", columns, rows, numbers=(1, 2, 3, 4), note=note)


def _time_sentence(found: Sequence[Span]) -> str:
    first = _opening(found)
    if first is None or not first.rows:
        return ""
    return (
        f"Half of what was opened was opened within {span(first.median)} of being served, "
        f"9 of 10 within {span(first.p90)}."
    )


def _opening(found: Iterable[Span]) -> Span | None:
    return next((s for s in found if (s.begins, s.ends) == ("served", "opened")), None)


def span(minutes: float) -> str:
    """Return a time as people say it: `43 minutes`, `17 hours`, `13 days`."""
    if minutes < 1:
        return "under a minute"
    for size, unit in ((2880, "day"), (120, "hour")):
        if minutes >= size:
            n = round(minutes / {"day": 1440, "hour": 60}[unit])
            return f"{n:,} {unit}s"
    n = round(minutes)
    return f"{n} minute" if n == 1 else f"{n} minutes"


def _people(situation: Situation, reach: Reach, case: UseCase) -> Table:
    """Return those with access who use it least, and who of them carries it."""
    units: dict[str, list[str]] = {}
    for unit in unit_champions(situation, case.code) or ():
        for champion in unit.champions:
            units.setdefault(champion.practitioner, []).append(unit.unit)
    found = breakdown.people(reach, case.code)
    rows = [
        (p.name or p.practitioner, p.role, p.units,
         f"champion of {', '.join(units[p.practitioner])}" if p.practitioner in units else "",
         f"{p.uses:,}", f"{p.overrides:,}", day(p.last) or "never")
        for p in found[:LISTED]
    ]  # fmt: skip
    columns = ("Person", "Role", "Units", "Champion", "Uses", "Overridden", "Last")
    note = cut(len(found), LISTED) if found else "No access list says who could use it."
    return table("Who uses it least", columns, rows, numbers=(4, 5), note=note)


def _next(situation: Situation, reach: Reach, chain: Chain) -> tuple[str, str]:
    """Return the next thing to do, and where; two empty texts: nothing."""
    stall, rollout = chain.stall, f"/rollout?use_case={chain.use_case}"
    if stall and stall.stage in _PEOPLE:
        return stall.action, rollout if stall.link.startswith("/adoption") else stall.link
    if chain.use_case not in situation.go_live:
        return "Decide on its go-live gate.", rollout
    if situation.access is None:
        return "Import the list of those with access (uptake usage import --access).", ""
    idle = sum(not p.uses for p in breakdown.people(reach, chain.use_case))
    if not idle:
        return "", ""
    them = "the one who does" if idle == 1 else f"the {idle:,} who do"
    return f"Ask {them} not use it what stands in the way.", "#people"
