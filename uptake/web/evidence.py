"""What a number of the chain is made of. In: a situation; out: charts, tables, rows that open.

Every number opens into units, opportunities or people, and these into the records as sent.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from uptake.adoption import breakdown
from uptake.engine.duckdb import in_utc
from uptake.model import Stage
from uptake.report.figures import Figures
from uptake.rollout.charter import ITEMS, Item, read_charter
from uptake.rollout.workflow import DESIGN, newest, placed, read_maps, read_placements
from uptake.web.charts import Group, WeekPoint, bars, weekly
from uptake.web.outcome import measures
from uptake.web.tables import Cell, Table, table

if TYPE_CHECKING:
    from collections.abc import Sequence

    from uptake.adoption.reach import Reach
    from uptake.model import StageResult, UseCase
    from uptake.rollout.situation import Situation
    from uptake.web.charts import Drawing

LISTED = 200
"""Rows of a list that a page shows; those that miss the target come first."""
_BY = {"role": "By role", "unit": "By unit", "surface": "By surface"}


@dataclass(frozen=True, slots=True)
class Shown:
    """What a stage's page shows below its sentence."""

    drawings: tuple[Drawing, ...] = ()
    tables: tuple[Table, ...] = ()


def shown(situation: Situation, case: UseCase, result: StageResult) -> Shown:
    """Return the evidence of one stage of a use case."""
    if result.stage is Stage.DEFINED:
        return _defined(situation, case)
    if result.stage is Stage.MAPPED:
        return _mapped(situation, case)
    if result.stage is Stage.IMPROVED:
        return Shown(measures(situation, case))
    if situation.reach is None:
        return Shown()
    if result.stage is Stage.FIT:
        return _fit(situation, situation.reach, case)
    return _counted(situation, situation.reach, case, result)


def _defined(situation: Situation, case: UseCase) -> Shown:
    charter = read_charter(situation.state, case.code)
    rows = []
    for part in charter.parts:
        signed = f"{part.signed.by}, {day(part.signed.at)}" if part.signed else "not signed"
        if isinstance(part, Item):
            rows.append((ITEMS[part.name].capitalize(), part.text, part.by, signed))
        else:
            words = f"Given {part.given}, when {part.when}, then {part.then}"
            rows.append((f"Criterion {part.position}", words, part.by, signed))
    rows += [(ITEMS[name].capitalize(), "missing", "", "") for name in charter.missing]
    return Shown(
        tables=(table("What the charter says", ("Item", "Text", "Written by", "Signed"), rows),)
    )


def _mapped(situation: Situation, case: UseCase) -> Shown:
    maps = read_maps(situation.state, case.code)
    where = placed(maps, read_placements(situation.state, case.code))
    design = newest(maps, DESIGN)
    rows = []
    for requirement in case.requirements:
        at = where.get(requirement.code)
        step = design.steps[at - 1] if design and at else None
        told = (f"{at}. {step.actor}: {step.action}", step.system) if step else ("no step", "")
        rows.append((requirement.title, *told))
    return Shown(tables=(table("Where the data are used", ("Data", "Step", "System"), rows),))


def _fit(situation: Situation, reach: Reach, case: UseCase) -> Shown:
    told = situation.fitness(case.code)
    whole = told.get("population", 0)
    groups = [
        Group(r["title"], r["fit"] / whole, r["fit"], whole)
        for r in told.get("requirements", ())
        if whole
    ]
    drawn = bars(
        groups,
        title="Fit, by what the use case needs",
        unit="%",
        target=case.threshold,
        sentence=_lowest(groups, case),
        by="Requirement",
    )
    causes = reach.db.rows(
        """
        select "check", feed, count(distinct key) from unit_cause where use_case = ?
        group by 1, 2 order by 3 desc, 1, 2
        """,
        [case.code],
    )
    by_cause = table(
        "Why units are not fit",
        ("Cause", "Feed", case.unit.capitalize()),
        [(Cell(code or "nothing received", _check(code)), feed or "", f"{n:,}")
         for code, feed, n in causes],
        numbers=[2],
    )  # fmt: skip
    return Shown((drawn,) if groups else (), (by_cause, _units(reach, case)))


def _units(reach: Reach, case: UseCase) -> Table:
    rows = reach.db.rows(
        """
        select u.key, u.type, u.id, u.feed, u.anchor, u.state,
          coalesce(c.checks, '')
        from unit u left join (
          select use_case, key, string_agg("check", ', ' order by "check") as checks
          from (select distinct use_case, key, "check" from unit_cause where "check" <> '')
          group by all) c using (use_case, key)
        where u.use_case = ? order by u.state = 'fit', u.state desc, u.key
        """,
        [case.code],
    )
    listed = [
        (Cell(f"{kind}/{name}", f"/use-cases/{quote(case.code)}/unit/{key}"), feed or "",
         day(anchor), state, causes)
        for key, kind, name, feed, anchor, state, causes in rows[:LISTED]
    ]  # fmt: skip
    columns = (case.unit.capitalize(), "Feed", "As of", "State", "Causes")
    return table(f"All {case.unit}", columns, listed, note=cut(len(rows)))


def _counted(situation: Situation, reach: Reach, case: UseCase, result: StageResult) -> Shown:
    stage = result.stage
    drawn = by_week(situation, case, result)
    tables = tuple(
        groups_table(title, breakdown.breakdown(reach, case.code, stage, by))
        for by, title in _BY.items()
    )
    below = people_table(reach, case) if stage is Stage.USED else _opportunities(reach, case, stage)
    return Shown((drawn,) if drawn else (), (*(t for t in tables if t.rows), below))


def by_week(situation: Situation, case: UseCase, result: StageResult) -> Drawing | None:
    """Return a stage's number by week; of used no target: it is for 28 days, a week has seven."""
    found = (
        breakdown.breakdown(situation.reach, case.code, result.stage, "week")
        if situation.reach
        else ()
    )
    weeks = [
        WeekPoint(date.fromisoformat(g.name), g.numerator / g.denominator, g.numerator,
                  g.denominator)
        for g in found
        if g.denominator
    ]  # fmt: skip
    if not weeks:
        return None
    apart = result.stage is Stage.USED
    return weekly(
        weeks,
        title=f"{result.stage.value.capitalize()}, by week",
        unit="%",
        target=None if apart else result.target,
        go_live=situation.go_live.get(case.code),
        sentence=f"{result.sentence} Here each week stands alone." if apart else result.sentence,
    )


def groups_table(title: str, groups: Sequence[breakdown.Group]) -> Table:
    """Return groups with their shares, the lowest first."""
    figures = Figures()
    ranked = sorted(groups, key=lambda g: (g.numerator / (g.denominator or 1), g.name))
    rows = [
        (
            g.name,
            f"{g.numerator:,}",
            f"{g.denominator:,}",
            figures.share(g.numerator, g.denominator),
        )
        for g in ranked
    ]
    return table(title, (title.removeprefix("By ").capitalize(), "Did", "Of", "Share"), rows,
                 numbers=(1, 2, 3))  # fmt: skip


def people_table(reach: Reach, case: UseCase) -> Table:
    """Return everybody with access, those who use it least first."""
    found = breakdown.people(reach, case.code)
    rows = [
        (p.name or p.practitioner, p.role, p.units, f"{p.uses:,}", f"{p.overrides:,}",
         day(p.last) if p.last else "never")
        for p in found[:LISTED]
    ]  # fmt: skip
    columns = ("Person", "Role", "Units", "Uses", "Overridden", "Last")
    return table("Everybody with access", columns, rows, numbers=(3, 4), note=cut(len(found)))


_MISSED = {
    Stage.DELIVERED: ("true", "on_time"),
    Stage.SEEN: ("on_time", "seen_at is not null"),
    Stage.ACTED_ON: ("on_time and seen_at is not null and actionable", "coalesce(acted, false)"),
}
"""Of each stage, which opportunities it is of, and which reached it."""


def _opportunities(reach: Reach, case: UseCase, stage: Stage) -> Table:
    whole, part = _MISSED[stage]
    rows = reach.db.rows(
        f"""
        select key, at_time, place, surface, on_time, served_at, seen_at, acted, {part}
        from reached where use_case = $case and due <= $now and {whole}
        order by {part}, at_time desc, key
        """,
        {"case": case.code, "now": in_utc(reach.now)},
    )
    listed = [
        (
            Cell(moment(at), f"/use-cases/{quote(case.code)}/opportunity/{key}"),
            place,
            surface,
            "in time" if on_time else "late" if served else "never",
            moment(seen) if seen else "no",
            {True: "yes", False: "no"}.get(acted, "cannot tell"),
        )
        for key, at, place, surface, on_time, served, seen, acted, _ in rows[:LISTED]
    ]
    columns = ("When (UTC)", "Unit", "Surface", "Delivered", "Seen", "Acted on")
    title = f"Opportunities {case.moment}".rstrip()
    return table(title, columns, listed, note=cut(len(rows)))


@dataclass(frozen=True, slots=True)
class Opened:
    """One unit or opportunity, taken apart."""

    title: str
    facts: tuple[tuple[str, str], ...]
    tables: tuple[Table, ...]
    records: tuple[tuple[str, str, str], ...]
    """Feed, type and id of the records it hangs on."""


def unit(situation: Situation, case: UseCase, key: str) -> Opened | None:
    """Return one unit with its causes; None where there is none such."""
    reach = situation.reach
    rows = reach and reach.db.rows(
        "select type, id, feed, anchor, state from unit where use_case = ? and key = ?",
        [case.code, key],
    )
    if not reach or not rows:
        return None
    kind, name, feed, anchor, state = rows[0]
    causes = reach.db.rows(
        """
        select distinct c.requirement, coalesce(c."check", ''), coalesce(c.feed, ''),
          coalesce(c.fix_key, ''), coalesce(c.type || '/' || c.id, ''), coalesce(f.fingerprint, '')
        from unit_cause c left join finding f on f."check" = c."check" and f.feed = c.feed
          and f.resource_type = c.type and f.resource_id = c.id
        where c.use_case = ? and c.key = ? order by 1, 2, 5
        """,
        [case.code, key],
    )
    titles = {r.code: r.title for r in case.requirements}
    listed = [
        (titles.get(need, need), Cell(check or "nothing received", _check(check)), from_, fix,
         Cell(record, f"/finding/{print_}" if print_ else ""))
        for need, check, from_, fix, record, print_ in causes[:LISTED]
    ]  # fmt: skip
    facts = (("Patient", f"{kind}/{name}"), ("Feed", feed or ""), ("As of", day(anchor)),
             ("State", state))  # fmt: skip
    columns = ("What is needed", "Cause", "Feed", "Fix once", "Record")
    held = ((feed, kind, name),) if feed and kind and name else ()
    return Opened(f"{kind}/{name}", facts, (table("Why", columns, listed),), held)


def opportunity(situation: Situation, case: UseCase, key: str) -> Opened | None:
    """Return one opportunity with what happened; None where there is none such."""
    reach = situation.reach
    names = (
        "at_time", "opens", "due", "decided_at", "until", "place", "feed", "type", "id",
        "patient_feed", "patient_id", "acted", "acted_at", "acted_feed", "acted_type", "acted_id",
    )  # fmt: skip
    rows = reach and reach.db.rows(
        f"select {', '.join(names)} from opportunity where use_case = ? and key = ?",
        [case.code, key],
    )
    if not reach or not rows:
        return None
    row: dict[str, Any] = dict(zip(names, rows[0], strict=True))
    facts = (
        ("When (UTC)", moment(row["at_time"])),
        ("Unit", row["place"]),
        ("Patient", f"{row['patient_id']} of {row['patient_feed']}" if row["patient_id"] else ""),
        ("In time from (UTC)", moment(row["opens"])),
        ("In time until (UTC)", moment(row["due"])),
        ("Decision taken (UTC)", moment(row["decided_at"])),
        ("Counts until (UTC)", moment(row["until"])),
        ("Acted on", {True: f"yes, {moment(row['acted_at'])}", False: "no"}
         .get(row["acted"], "cannot tell")),
    )  # fmt: skip
    records = tuple(
        (row[f"{which}feed"], row[f"{which}type"], row[f"{which}id"])
        for which in ("", "acted_")
        if row[f"{which}feed"] and row[f"{which}type"] and row[f"{which}id"]
    )
    return Opened(
        f"{case.title}, {moment(row['at_time'])}",
        facts,
        (_happened(reach, case, key),),
        records,
    )


def _happened(reach: Reach, case: UseCase, key: str) -> Table:
    events = reach.db.rows(
        """
        select at_time, action, surface, practitioner, coalesce(reason, '') from touch
        where use_case = ? and key = ? order by at_time, id
        """,
        [case.code, key],
    )
    names = {p.practitioner: p.name for p in reach.access.people} if reach.access else {}
    listed = [
        (moment(at), action, surface, names.get(who) or who, reason)
        for at, action, surface, who, reason in events[:LISTED]
    ]
    columns = ("When (UTC)", "What", "Surface", "Who", "Reason")
    note = "" if listed else "Nothing is known to have happened."
    return table("What happened", columns, listed, note=note)


def _lowest(groups: Sequence[Group], case: UseCase) -> str:
    if not groups:
        return ""
    low = min(groups, key=lambda g: g.value or 0.0)
    figures = Figures()
    share = figures.share(low.numerator or 0, low.denominator or 0, case.threshold)
    return f"Least of all is fit: {low.label} ({share} of {low.denominator:,} {case.unit})."


def _check(code: str | None) -> str:
    return f"/findings/{quote(code)}" if code else ""


def cut(count: int, shown: int = LISTED) -> str:
    """Return that a list is cut, or nothing."""
    return f"The first {shown} of {count:,} are here." if count > shown else ""


def day(at: date | datetime | None) -> str:
    """Return a day as pages write it."""
    return f"{at:%Y-%m-%d}" if at else ""


def moment(at: datetime | None) -> str:
    """Return an instant, UTC, as pages write it."""
    return f"{at:%Y-%m-%d %H:%M}" if at else ""
