"""How far codes could be looked up. In: a run's coverage; out: sentences for its readers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uptake.model import Coverage

OTHERS = "other systems"


def coverage_sentence(rows: Sequence[Coverage]) -> str:
    """Returns how much of each system could be looked up; shares only, as a shared report may."""
    if not rows:
        return ""
    shares = _named(rows)
    all_of = [name for name, covered, codes in shares if covered == codes]
    some = [f"{_percent(c, n)} of {name}" for name, c, n in shares if 0 < c < n]
    none = [name for name, covered, _ in shares if not covered]
    parts = [
        *([f"all of {_list(all_of)}"] if all_of else []),
        *some,
        *([f"none of {_list(none, 'or')}"] if none else []),
    ]
    return (
        f"Codes could be looked up: {_list(parts)}. One that could not is not judged, and no "
        "defect."
    )


def coverage_lines(rows: Iterable[Coverage]) -> list[str]:
    """Returns a line a system: how many of its codes are known, and from what."""
    return [
        f"{row.name}: {row.covered:,} of {row.codes:,} codes known"
        + (f", from {row.source}" if row.source else "")
        + ("" if row.complete else "; no complete release here")
        for row in rows
    ]


def _named(rows: Sequence[Coverage]) -> list[tuple[str, int, int]]:
    """Returns the systems that have a name, the largest first, and all others as one."""
    named = [(row.name, row.covered, row.codes) for row in rows if row.name != row.system]
    rest = [row for row in rows if row.name == row.system]
    if rest:
        named.append((OTHERS, sum(r.covered for r in rest), sum(r.codes for r in rest)))
    return named


def _percent(part: int, whole: int) -> str:
    """Returns a share in whole percent that is 0 or 100 only where it is."""
    return f"{min(max(round(100 * part / whole), 1), 99)} %"


def _list(words: Sequence[str], last: str = "and") -> str:
    *most, end = words
    return f"{', '.join(most)} {last} {end}" if most else end
