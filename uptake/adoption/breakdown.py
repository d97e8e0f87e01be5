"""The same numbers, taken apart. In: what became of opportunities; out: rows by week, role, …

A person in two units is counted in both; nobody is counted twice in a total.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from uptake.adoption.reach import USED
from uptake.definitions.answers import defaults
from uptake.engine.duckdb import in_utc
from uptake.model import Stage

if TYPE_CHECKING:
    from datetime import date

    from uptake.adoption.reach import Reach

BY = ("week", "role", "unit", "surface")
"""How a number is taken apart. A unit is the place of the patient; of people it is their own."""


@dataclass(frozen=True, slots=True)
class Group:
    """One row: what it is of, and its share."""

    name: str
    numerator: int
    denominator: int


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody with access and how much they used it."""

    practitioner: str
    name: str
    role: str
    units: str
    uses: int
    overrides: int
    last: date | None


_OF = {
    Stage.DELIVERED: ("true", "on_time"),
    Stage.SEEN: ("on_time", "seen_at is not null"),
    Stage.ACTED_ON: (
        "on_time and seen_at is not null and actionable and until <= $now and acted is not null",
        "acted",
    ),
}  # fmt: skip
"""Of each stage, the condition of its denominator and of its numerator."""
_GROUPS = {
    "week": "strftime(date_trunc('week', at_time), '%Y-%m-%d')",
    "unit": "coalesce(nullif(place, ''), 'not said')",
    "surface": "coalesce(nullif(surface, ''), 'none')",
    "role": "coalesce(p.role, 'not known')",
}


def breakdown(reach: Reach, case: str, stage: Stage, by: str) -> list[Group]:
    """Return a stage's number by week, role, unit or surface; used by week is of seven days each.

    By role there is nothing of a delivery, and of what nobody opened: it is of those who opened.
    """
    if stage is Stage.USED:
        return _used(reach, case, by)
    if by == "role" and stage is not Stage.ACTED_ON:
        return []
    whole, part = _OF[stage]
    rows = reach.db.rows(
        f"""
        select {_GROUPS[by]} as name, count(*) filter ({part}), count(*)
        from reached left join access_person p on p.practitioner = seen_by
        where use_case = $case and due <= $now and {whole} group by 1 order by 1
        """,
        {"case": case, "now": in_utc(reach.now)},
    )
    return [Group(*row) for row in rows]


def _used(reach: Reach, case: str, by: str) -> list[Group]:
    names: dict[str, object] = {"case": case}
    if by == "week":
        rows = reach.db.rows(
            f"""
            with allowed as (select distinct practitioner from access_case where use_case = $case)
            select strftime(date_trunc('week', e.at_time), '%Y-%m-%d'),
              count(distinct practitioner), (select count(*) from allowed)
            from event e join allowed using (practitioner)
            where e.use_case = $case and e.action in {USED} group by 1 order by 1
            """,
            names,
        )
        return [Group(*row) for row in rows]
    names["since"] = in_utc(reach.now - timedelta(days=defaults()["stages"]["used_days"]))
    joins, column = {
        "unit": ("join access_unit u using (practitioner)", "u.unit"),
        "role": ("join access_person p using (practitioner)", "p.role"),
        "surface": ("", "a.surface"),
    }[by]
    rows = reach.db.rows(
        f"""
        with active as (
          select distinct practitioner, surface from event
          where use_case = $case and at_time >= $since and action in {USED}
        )
        select {column}, count(distinct a.practitioner) filter (a.practitioner in (
            select practitioner from active {"where surface = a.surface" if by == "surface" else ""}
          )), count(distinct a.practitioner)
        from access_case a {joins} where a.use_case = $case group by 1 order by 1
        """,
        names,
    )
    return [Group(*row) for row in rows]


def users(reach: Reach, case: str) -> list[str]:
    """Return the people with access who used it in the last 28 days."""
    since = in_utc(reach.now - timedelta(days=defaults()["stages"]["used_days"]))
    rows = reach.db.rows(
        f"""
        select distinct e.practitioner from event e
        join access_case a on a.practitioner = e.practitioner and a.use_case = e.use_case
        where e.use_case = ? and e.at_time >= ? and e.action in {USED} order by 1
        """,
        [case, since],
    )
    return [name for (name,) in rows]


def people(reach: Reach, case: str) -> list[Person]:
    """Return everybody with access, those who use it least first."""
    since = in_utc(reach.now - timedelta(days=defaults()["stages"]["used_days"]))
    names = {p.practitioner: p.name for p in reach.access.people} if reach.access else {}
    rows = reach.db.rows(
        f"""
        with allowed as (select distinct practitioner from access_case where use_case = $case),
        place as (
          select practitioner, string_agg(unit, ', ' order by unit) as units
          from access_unit group by practitioner
        ),
        did as (
          select practitioner, count(*) filter (action in {USED} and at_time >= $since) as uses,
            count(*) filter (action = 'overridden' and at_time >= $since) as overrides,
            max(at_time)::date as last
          from event where use_case = $case group by practitioner
        )
        select a.practitioner, p.role, coalesce(u.units, ''), coalesce(d.uses, 0),
          coalesce(d.overrides, 0), d.last
        from allowed a join access_person p using (practitioner)
        left join place u using (practitioner) left join did d using (practitioner)
        order by 4, 6 nulls first, 1
        """,
        {"case": case, "since": since},
    )
    return [Person(who, names.get(who, ""), *rest) for who, *rest in rows]
