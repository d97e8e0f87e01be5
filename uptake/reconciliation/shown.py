"""A difference as people see it. In: what the engine found, or a row of a run; out: both sides.

The card, the panel and a DetectedIssue are made from it, so they say the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from uptake.reconciliation.allergies import Allergy
from uptake.reconciliation.tables import Severity, rules

if TYPE_CHECKING:
    from uptake.reconciliation.engine import Discrepancy
    from uptake.reconciliation.entries import Entry


@dataclass(frozen=True, slots=True)
class Told:
    """What one source says; a field that was not sent is empty."""

    text: str
    sig: str
    day: date | None
    by: str
    feed: str
    type: str
    id: str
    standing: str = ""
    """`active`, `on hold`, `ended` or `draft`; empty where it is not known."""

    @property
    def reference(self) -> str:
        """Return the reference to the resource within its feed."""
        return f"{self.type}/{self.id}"


@dataclass(frozen=True, slots=True)
class Difference:
    """A drug, and what the chart and the outside say of it."""

    kind: str
    severity: Severity
    ingredient: str
    chart: Told | None
    outside: Told | None
    other: Told | None
    """The second entry of one list, of a duplicate; the allergy."""
    untold: tuple[str, ...]
    """What could not be compared: `form`, `strength`, `dose`, `frequency`, `drug`, `allergy`."""

    @property
    def words(self) -> str:
        """Return what kind of difference it is, in words."""
        return rules().kinds[self.kind].words

    @property
    def is_news(self) -> bool:
        """Tell whether the outside has what the chart has not, as far as can be told."""
        unread = self.kind == "unmapped" and self.chart is None
        return rules().kinds[self.kind].news or unread

    @property
    def told(self) -> tuple[Told, ...]:
        """Return who says something, the outside first."""
        return tuple(side for side in (self.outside, self.chart, self.other) if side)


def of_discrepancy(one: Discrepancy) -> Difference:
    """Return what the engine found as people see it."""
    chart, outside, other = (
        told_of(side) if side else None for side in (one.chart, one.outside, one.other)
    )
    return Difference(one.kind, one.severity, one.ingredient, chart, outside, other, one.untold)


def of_row(row: Mapping[str, Any]) -> Difference:
    """Return a row of `medication_difference` as people see it."""
    chart, outside, other = (_side(row, name) for name in ("chart", "outside", "other"))
    untold = tuple(filter(None, (row.get("untold") or "").split(", ")))
    return Difference(
        row["kind"], row["severity"], row["ingredient"] or "", chart, outside, other, untold
    )


def told_of(side: Entry | Allergy) -> Told:
    """Return an entry or an allergy as one source says it."""
    if isinstance(side, Allergy):
        return Told(side.text, "", side.day, side.by, side.feed, side.type, side.id)
    sent = side.sent
    return Told(
        side.drug.name, side.sig.text, sent.day, sent.by, sent.feed, sent.type, sent.id,
        sent.standing,
    )  # fmt: skip


def _side(row: Mapping[str, Any], name: str) -> Told | None:
    if not row.get(f"{name}_type"):
        return None
    text, sig, by, feed, kind, identity = (
        str(row[f"{name}_{field}"] or "") for field in ("text", "sig", "by", "feed", "type", "id")
    )
    return Told(text, sig, row[f"{name}_date"], by, feed, kind, identity)
