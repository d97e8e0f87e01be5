"""Where outside records disagree with the chart. In: the run's conflicts; out: a line, a section.

On a card stands only a severe allergy that an outside source has and the chart has not; everything
else is in the panel. Medications have a card of their own. Neither side is preferred.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from uptake.delivery.cases import Case, Context, Item, Judged, Service, another, withhold
from uptake.reconciliation.conflicts.fhir import text_of, words_of

TABLE = "conflict"
USE_CASE = "outside-conflicts"
IN_PANEL = "shown in the panel only"
REASONS = {
    "already-known": "Already known",
    "outside-record-wrong": "The outside record is wrong",
    "chart-wrong": "The chart is wrong and gets corrected",
    "not-now": "Not relevant now",
}
_SEVERITIES = ("high", "medium", "low")
_NOUNS = {
    "AllergyIntolerance": "allergies",
    "Condition": "problems",
    "Observation": "results",
    "Patient": "who the patient is",
}
Row = Mapping[str, Any]


def judge(case: Case) -> Judged | None:
    """Return what disagrees, None where nothing does."""
    if case.known.doubt:
        return withhold(case, "Conflicts with outside records are withheld")
    rows = [r for r in case.known.rows(TABLE) if r["type"] in _NOUNS and not r["withheld"]]
    if not rows:
        return None
    rows.sort(key=_worst_first)
    return Judged(_summary(rows), tuple(map(_item, rows)), _notes(case), overrides=REASONS)


def _is_missing_allergy(row: Row) -> bool:
    """Tell whether the chart lacks a severe allergy that an outside source has."""
    return (
        row["type"] == "AllergyIntolerance"
        and row["severity"] == "high"
        and row["kind"] in ("absent", "none-known")
        and bool(row["name"])
        and str(row["outside_text"]).startswith(row["name"])  # else the chart has it, and is denied
    )


def _item(row: Row) -> Item:
    sides = [side for side in ("outside", "chart") if row[f"{side}_type"]]
    return Item(
        row["kind"],
        text_of(row) if row["name"] else words_of(row),
        tuple(_said(row, side) for side in sides),
        "warning" if row["severity"] == "high" else "info",
        tuple(f"{row[f'{side}_type']}/{row[f'{side}_id']}" for side in sides if row[f"{side}_id"]),
        withheld="" if _is_missing_allergy(row) else IN_PANEL,
        lasting=row["type"] == "AllergyIntolerance",
    )


def _said(row: Row, side: str) -> Context:
    """Return what a side says, with who, when and from where."""
    return Context(
        value=row[f"{side}_text"] or "",
        source=row[f"{side}_feed"],
        author=row[f"{side}_by"] or "",
        at=row[f"{side}_date"],
    )


def _summary(rows: list[Row]) -> str:
    """Return the gist, in words of ours alone."""
    severe = sum(map(_is_missing_allergy, rows))
    if severe:
        allergies = "allergy is" if severe == 1 else "allergies are"
        return f"{severe} severe outside {allergies} not in the chart"
    nouns = list(dict.fromkeys(_NOUNS[row["type"]] for row in rows))
    return f"Outside records and the chart differ on {', '.join(nouns)}"


def _notes(case: Case) -> tuple[str, ...]:
    as_of = case.known.as_of
    made = (f"Compared as of {as_of}; what was written later is not in it.",) if as_of else ()
    return (*made, *another(case))


def _worst_first(row: Row) -> tuple[object, ...]:
    ids = ("name", "outside_feed", "outside_type", "outside_id", "chart_id")
    return (
        _SEVERITIES.index(row["severity"]),
        row["stance"] == "news",
        list(_NOUNS).index(row["type"]),
        *(row[column] or "" for column in ids),
    )


SERVICES = (
    Service(
        "outside-conflicts-patient-view",
        "patient-view",
        "Conflicts with outside records, when a chart is opened",
        "Says that an outside source has a severe allergy which the chart has not, with date and "
        "source; the panel behind it has every conflict of allergies, problems, results and "
        "demographics. Nothing is resolved by itself. No such allergy, no card.",
        USE_CASE,
        (),
        judge,
        "Conflicts are worked out by the nightly run.",
    ),
)
