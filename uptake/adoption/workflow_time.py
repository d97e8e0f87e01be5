"""How long the work takes. In: what became of opportunities; out: median and p90 between anchors.

Anchors are events of one opportunity: when it was served, opened, refused, acted on, and when the
decision was taken. Negative times are kept apart: it came after the fact, or two clocks differ.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uptake.adoption.reach import Reach

ANCHORS = (
    ("served", "opened", "served_at", "seen_at"),
    ("opened", "overridden", "seen_at", "refused_at"),
    ("opened", "decision taken", "seen_at", "decided_at"),
    ("opened", "care changed", "seen_at", "acted_at"),
)
"""From, to, and their columns."""


@dataclass(frozen=True, slots=True)
class Span:
    """The time between two anchors, in minutes."""

    begins: str
    ends: str
    median: float
    p90: float
    rows: int
    before: int
    """Rows where the second came first."""


def spans(reach: Reach, case: str) -> list[Span]:
    """Return the times between anchors that both are known of at least one opportunity."""
    found = []
    for begins, ends, start, end in ANCHORS:
        median, p90, rows, before = reach.db.row(
            f"""
            with span as (
              select extract(epoch from {end} - {start}) / 60.0 as minutes from reached
              where use_case = ? and {start} is not null and {end} is not null
            )
            select median(minutes) filter (minutes >= 0),
              quantile_cont(minutes, 0.9) filter (minutes >= 0),
              count(*) filter (minutes >= 0), count(*) filter (minutes < 0)
            from span
            """,
            [case],
        )
        if rows or before:
            found.append(Span(begins, ends, median or 0.0, p90 or 0.0, rows, before))
    return found
