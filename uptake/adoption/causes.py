"""What failures have in common. In: what became of opportunities; out: the traits that explain.

A trait (a check that the resource fails, a unit, a surface, a week) explains failures when those
that have it fail more often than the others do. How many it explains is what would be left out if
they failed as often as the others: a trait that everything has explains nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from uptake.definitions.answers import defaults
from uptake.engine.duckdb import in_utc
from uptake.model import SERIOUS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from uptake.adoption.reach import Reach

_SEVERE = tuple(map(str, SERIOUS))
NO_REASON = "no reason given"


@dataclass(frozen=True, slots=True)
class Trait:
    """Something failures have in common."""

    kind: str
    """`check`, `place`, `surface`, `reason`, `role`, `unit`, `week`."""
    name: str
    feed: str
    failed: int
    """Failures that have it."""
    having: int
    """All that have it."""
    failures: int
    """All failures."""
    explains: float
    """The share of all failures that it explains, 0 to 1."""
    fix_key: str = ""
    """Of a check: what one person would repair."""


def least() -> float:
    """Return the share of failures that a trait has to explain to be named as their cause."""
    return float(defaults()["stages"]["explains"])


def late_deliveries(reach: Reach, case: str) -> list[Trait]:
    """Return what late or missing deliveries have in common, what explains most first.

    Only where at least one opportunity was served: without any, nothing is compared.
    """
    rows = f"""
        with judged as (
          select key, feed, type, id, place, not on_time as failed,
            strftime(date_trunc('week', at_time), '%Y-%m-%d') as week
          from reached where use_case = $case and due <= $now
        )
        select 'check' as kind, f."check" as name, j.feed as of_feed, j.key, j.failed,
          coalesce(f.fix_key, '') as fix_key
        from judged j join finding f on f.feed = j.feed and f.resource_type = j.type
          and f.resource_id = j.id and f.severity in {_SEVERE}
        union select 'place', place, '', key, failed, '' from judged where place <> ''
        union select 'week', week, '', key, failed, '' from judged
    """
    total = (
        "select count(*), count(*) filter (not on_time) from reached "
        "where use_case = $case and due <= $now"
    )
    return _traits(reach, rows, total, {"case": case, "now": in_utc(reach.now)})


def unseen(reach: Reach, case: str) -> list[Trait]:
    """Return what has in common that which was served in time and not opened."""
    rows = """
        with judged as (
          select key, place, surface, seen_at is null as failed,
            strftime(date_trunc('week', at_time), '%Y-%m-%d') as week
          from reached where use_case = $case and due <= $now and on_time
        )
        select 'surface' as kind, surface as name, '' as of_feed, key, failed, '' as fix_key
        from judged
        union select 'place', place, '', key, failed, '' from judged where place <> ''
        union select 'week', week, '', key, failed, '' from judged
    """
    total = (
        "select count(*), count(*) filter (seen_at is null) from reached "
        "where use_case = $case and due <= $now and on_time"
    )
    return _traits(reach, rows, total, {"case": case, "now": in_utc(reach.now)})


def not_users(reach: Reach, case: str, users: Sequence[str]) -> list[Trait]:
    """Return what the people with access who do not use it have in common."""
    reach.db.run("create or replace temp table user_now (practitioner varchar)")
    reach.db.insert("user_now", ("practitioner",), [(u,) for u in users])
    people = """
        with judged as (
          select distinct a.practitioner as key,
            a.practitioner not in (select practitioner from user_now) as failed
          from access_case a where a.use_case = $case
        )"""
    rows = f"""{people}
        select 'unit' as kind, unit as name, '' as of_feed, key, failed, '' as fix_key
        from judged join access_unit u on u.practitioner = key
        union select 'role', role, '', key, failed, ''
        from judged join access_person p on p.practitioner = key where role <> ''
    """
    total = f"{people} select count(*), count(*) filter (failed) from judged"
    return _traits(reach, rows, total, {"case": case})


def refusals(reach: Reach, case: str) -> list[tuple[str, int]]:
    """Return the reasons of overrides with their counts, the most frequent first."""
    rows = reach.db.rows(
        "select coalesce(nullif(trim(refused_reason), ''), ?), count(*) "
        "from reached where use_case = ? and refused_at is not null group by 1 "
        "order by 2 desc, 1",
        [NO_REASON, case],
    )
    return [(str(reason), int(n)) for reason, n in rows]


def withheld(reach: Reach, case: str) -> list[tuple[str, int]]:
    """Return why items were not shown on a card, with their counts, the most frequent first.

    Of the calls that are counted with opportunities: since it went live, 26 weeks at most.
    """
    rows = reach.db.rows(
        "select coalesce(nullif(trim(e.reason), ''), ?), count(*) "
        "from event e join live l on l.code = e.use_case "
        "where e.use_case = ? and e.action = 'withheld' "
        "and e.at_time >= l.since and e.at_time < l.until group by 1 order by 2 desc, 1",
        [NO_REASON, case],
    )
    return [(str(reason), int(n)) for reason, n in rows]


def too_late(reach: Reach, case: str) -> tuple[int, int]:
    """Return how many were opened after the decision was taken, of those opened with one known."""
    late, known = reach.db.row(
        "select count(*) filter (seen_at > decided_at), count(*) from reached "
        "where use_case = ? and seen_at is not null and decided_at is not null",
        [case],
    )
    return int(late), int(known)


def _traits(reach: Reach, rows: str, total: str, names: Mapping[str, object]) -> list[Trait]:
    whole, failures = reach.db.row(total, names)
    if not failures or failures == whole:
        return []
    found = reach.db.rows(
        "select kind, name, of_feed, count(distinct key) filter (failed), count(distinct key), "
        "min(fix_key) "
        f"from ({rows}) group by kind, name, of_feed",
        names,
    )
    traits = [_trait(row, whole, failures) for row in found]
    return sorted(traits, key=lambda t: (-t.explains, t.kind, t.name, t.feed))


def _trait(row: tuple[str, str, str, int, int, str], whole: int, failures: int) -> Trait:
    kind, name, feed, failed, having, fix_key = row
    others = whole - having
    expected = having * (failures - failed) / others if others else failed
    explains = max(0.0, (failed - expected) / failures)
    return Trait(kind, name, feed, failed, having, failures, explains, fix_key)
