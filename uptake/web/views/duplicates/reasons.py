"""Why a pair has its outcome. In: a Case; out: a sentence, what would change it, a waterfall."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import TYPE_CHECKING

from uptake.errors import EngineError
from uptake.identity.explain import (
    Bounds,
    Level,
    Scored,
    Usual,
    alternatives,
    probability,
    told,
    what_would_change,
    words,
)
from uptake.identity.model import shipped_model
from uptake.identity.whatif import if_alike
from uptake.report.figures import listed
from uptake.web.charts import Weight, waterfall
from uptake.web.views.duplicates import pairs
from uptake.web.views.duplicates.queue import DECISIONS

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from uptake.identity.explain import Alternative, Weighed
    from uptake.identity.model import Model
    from uptake.web.charts import Drawing
    from uptake.web.site import Site
    from uptake.web.views.duplicates.case import Case


def lead(case: Case) -> str:
    """Return in a sentence how it stands with the pair."""
    row, newest = case.row, case.newest
    if newest and row.queue == pairs.DECIDED:
        return f"Decided: {DECISIONS[newest.decision]}."
    if row.probability is None:
        return "How likely it is that these are one person is not known."
    likely = f"With a probability of {told(row.probability)} these are one person"
    if row.outcome == pairs.AUTO:
        return f"{likely}; figures count them once."
    if row.outcome == pairs.RELATED:
        return f"{likely}, and yet they are taken for two of one household: {row.veto}."
    return (
        f"{likely}, but {row.veto}." if row.veto else f"{likely}; that is not enough to link them."
    )


def changes(site: Site, run: Path, case: Case) -> tuple[str, ...]:
    """Return what would change the outcome: reckoned anew from the records, or from the levels.

    A linked pair has no veto to fall; of a run whose records have other columns, of one whose
    record is gone, and of a veto that is not of two records alone, the levels have to do.
    """
    scored, model = Scored(case.row.outcome, case.row.veto, case.levels), shipped_model()
    weights = site.of_run("weights", lambda: pairs.weights(run))
    found: tuple[Alternative, ...] = ()
    told_by_records = scored.veto in {"", *(veto.words for veto in model.vetoes)}
    if told_by_records and not scored.linked and len(case.normal) == len(case.row.pair.records):
        with suppress(EngineError):
            of = case.row.pair.records
            found = if_alike(run / "persons.parquet", scored, of, model, weights)
    bounds = _bounds(model)
    return what_would_change(
        scored, found or alternatives(scored, _usual(model, weights), bounds), bounds
    )


def drawing(case: Case) -> Drawing | None:
    """Return the waterfall of the pair's weights."""
    if not case.levels:
        return None
    weighed = words(case.levels)
    total = f"a probability of {told(probability(weighed[-1].total))}"
    return waterfall(
        [Weight(w.found, w.weight, w.told) for w in weighed],
        title="What speaks for one person, and what against",
        sentence=_balance(weighed, total),
        outcome=total,
    )


def _balance(weighed: tuple[Weighed, ...], total: str) -> str:
    """Return what weighs most on either side."""
    ranked = sorted(weighed[1:], key=lambda w: -abs(w.weight))
    sides = (("for one person speaks most", 1), ("against it", -1))
    said = []
    for words_, sign in sides:
        if most := [w.found for w in ranked if w.weight * sign > 0][:2]:
            said.append(f"{words_}: {listed(most)}")
    told_ = "; ".join([*said, f"together that is {total}"])
    return f"{told_[:1].upper()}{told_[1:]}."


def _bounds(model: Model) -> Bounds:
    told_ = model.settings["outcome"]
    return Bounds(told_["auto"], told_["review"])


def _usual(model: Model, weights: Mapping[tuple[str, str], float]) -> dict[str, Usual]:
    """Return what records of one person mostly have, and those of two, with the run's weights."""
    found = {}
    for c in model.comparisons:
        one, two = max(c.levels, key=lambda v: v.m), max(c.levels, key=lambda v: v.u)
        found[c.title] = Usual(*(
            Level(c.title, v.label, weights.get((c.title, v.label), math.log2(v.m / v.u)))
            for v in (one, two)
        ))  # fmt: skip
    return found
