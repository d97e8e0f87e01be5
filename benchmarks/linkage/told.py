"""In: the figures of sets. Out: compact tables in Markdown."""

from __future__ import annotations

from collections.abc import Mapping

from benchmarks.linkage.figures import Figures, Share, Slice

SHOWN = 12
"""So many kinds of noise are listed for a set, the most missed first."""


def share(value: float | None, digits: int = 4) -> str:
    """A share with a fixed number of digits."""
    return "–" if value is None else f"{value:.{digits}f}"


def table(sets: Mapping[str, Figures], seconds: Mapping[str, float]) -> str:
    """One row a set."""
    rows = [
        "| set | records | true pairs | auto precision | auto recall | false auto | traps linked "
        "| auto + review recall | review /100 | of it true | related | true related | best F1 "
        "| F1 at .5 | blocking recall | pairs/record | in clusters P / R | s |",
        "|---|" + "---:|" * 17,
    ]
    for name, told in sets.items():
        auto, clusters = told.auto_precision, told.cluster_precision
        rows.append(
            f"| {name} | {told.records:,} | {told.true_pairs:,} | {share(auto.value, 5)} "
            f"| {share(told.auto_recall.value, 3)} | {auto.of - auto.hits:,} "
            f"| {told.traps_linked:,} | {share(told.found.value)} | {told.review_load:.2f} "
            f"| {share(told.review_true.value, 3)} | {told.related:,} | {told.related_true:,} "
            f"| {share(told.best_f1)} | {share(told.half_f1)} "
            f"| {share(told.candidate_recall.value)} "
            f"| {told.candidates / max(told.records, 1):.1f} "
            f"| {share(clusters.value, 5)} / {share(told.cluster_recall.value, 3)} "
            f"| {seconds[name]:.1f} |"
        )
    return "\n".join(rows)


def details(told: Figures) -> str:
    """Calibration, what is missed, what is wrongly linked, and the pairs that the set names."""
    lines = ["calibration (stated / true, pairs): "]
    lines[0] += "; ".join(
        f"{band.low:g}-{band.high:g}: {share(band.stated, 3)} / {share(band.true, 3)}, "
        f"{band.pairs:,}"
        for band in told.calibration
    )
    for title, parts in (("noise", told.by_noise), ("culture", told.by_culture)):
        if any(part.name for part in parts):
            lines += ["", *_slices(title, parts)]
    if told.false_auto:
        kinds = (f"{kind or 'no trap'} {count:,}" for kind, count in told.false_auto)
        lines += ["", "wrongly linked: " + ", ".join(kinds)]
    if told.graded:
        lines += ["", "named pairs: " + "; ".join(_graded(told))]
    return "\n".join(lines)


def _slices(title: str, parts: tuple[Slice, ...]) -> list[str]:
    rows = [
        f"| {title} | true pairs | missed | candidates | auto | auto + review | related |",
        "|---|" + "---:|" * 6,
    ]
    for part in parts[:SHOWN]:
        shares = (part.candidates, part.auto, part.auto + part.review)
        told = " | ".join(share(Share(part.pairs, n).value, 3) for n in shares)
        rows.append(
            f"| {part.name or 'none'} | {part.pairs:,} | {part.missed:,} | {told} "
            f"| {part.related:,} |"
        )
    return rows


def _graded(told: Figures) -> list[str]:
    grouped: dict[tuple[str, str], dict[str, int]] = {}
    for expected, kind, outcome, count in told.graded:
        grouped.setdefault((expected, kind), {})[outcome or "none"] = count
    return [
        f"{expected}{f' ({kind})' if kind else ''}: "
        + ", ".join(f"{outcome} {count:,}" for outcome, count in outcomes.items())
        for (expected, kind), outcomes in grouped.items()
    ]
