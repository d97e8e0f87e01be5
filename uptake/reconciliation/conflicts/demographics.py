"""Who the patient is. In: Patients of both sides; out: where they contradict each other.

Names are compared in the normal form of the linkage. What one does not say, or says only in part
(a year of birth), contradicts nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from uptake.reconciliation.conflicts.model import Origin, Role, Side, Stance, Verdict
from uptake.reconciliation.conflicts.rules import rules
from uptake.resources.elements import days_of

if TYPE_CHECKING:
    from uptake.reconciliation.conflicts.elements import Resource

_SEXES = frozenset(("male", "female", "other"))


@dataclass(frozen=True, slots=True)
class Names:
    """The normal form of names: small Latin letters, titles and the like taken away."""

    given: frozenset[str] = frozenset()
    """Given and middle names."""
    roots: frozenset[str] = frozenset()
    """The names that a given name is short for, itself among them."""
    family: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Person:
    """One Patient."""

    origin: Origin
    names: Names
    name: str
    """As it was sent."""
    born: str
    sex: str
    died: str
    """`true`, `false`, a date as it was sent, or empty."""


def read_person(resource: Resource, names: Names, role: Role, feed: str, rid: int = 0) -> Person:
    """Return a Patient; `names` are its names in the normal form."""
    meta = resource.get("meta") or {}
    origin = Origin(
        role, feed, "Patient", str(resource.get("id") or ""), rid,
        days_of(meta.get("lastUpdated"))[0],
    )  # fmt: skip
    died = resource.get("deceasedDateTime")
    if died is None and "deceasedBoolean" in resource:
        died = "true" if resource["deceasedBoolean"] else "false"
    return Person(
        origin, names, _shown(resource), str(resource.get("birthDate") or ""),
        str(resource.get("gender") or ""), str(died or ""),
    )  # fmt: skip


def compare_persons(outside: Person, chart: Sequence[Person]) -> Iterator[Verdict]:
    """Yield what an outside Patient contradicts in every record the chart has of the person."""
    mine = sorted(chart, key=lambda p: (p.origin.feed, p.origin.id, p.origin.rid))
    yield from _found(outside, mine, "birth-date", _born_apart, lambda p: p.born)
    yield from _found(outside, mine, "sex", _sexes_apart, lambda p: p.sex)
    yield from _found(outside, mine, "name", _names_apart, lambda p: p.name)
    if outside.died not in ("", "false") and not any(p.died for p in mine) and mine:
        yield _verdict(
            "news", "deceased", mine[0], outside, "the chart does not say", _died(outside)
        )
    yield from _found(outside, mine, "deceased", _death_apart, _died)
    yield from _found(outside, mine, "death-date", _dates_apart, _died)


def _found(
    outside: Person,
    chart: Sequence[Person],
    kind: str,
    apart: Callable[[Person, Person], bool | None],
    shown: Callable[[Person], str],
) -> Iterator[Verdict]:
    """Yield a conflict where the outside differs from one record of the chart and agrees with none.

    `apart` tells of two whether they differ; None where one does not say.
    """
    answers = [(one, apart(one, outside)) for one in chart]
    if any(answer is False for _, answer in answers):
        return
    differing = next((one for one, answer in answers if answer), None)
    if differing:
        yield _verdict("conflict", kind, differing, outside, shown(differing), shown(outside))


def _verdict(
    stance: Stance, kind: str, chart: Person, outside: Person, mine: str, theirs: str
) -> Verdict:
    grave = kind == "name" and not _share(chart.names, outside.names)
    known = rules().kinds[kind]
    return Verdict(
        stance, kind, known.text, Side(chart.origin, mine), Side(outside.origin, theirs),
        known.weigh(grave=grave),
    )  # fmt: skip


def _born_apart(one: Person, two: Person) -> bool | None:
    return _days_apart(one.born, two.born)


def _days_apart(one: str, two: str) -> bool | None:
    """Tell whether two dates, partial or not, cannot be one day."""
    (first, last), (other_first, other_last) = days_of(one), days_of(two)
    if not (first and last and other_first and other_last):
        return None
    return last < other_first or other_last < first


def _sexes_apart(one: Person, two: Person) -> bool | None:
    return one.sex != two.sex if {one.sex, two.sex} <= _SEXES else None


def _names_apart(one: Person, two: Person) -> bool | None:
    """Tell whether the given or the family names have nothing in common, not an initial either."""
    mine, theirs = one.names, two.names
    if not (mine.given and theirs.given and mine.family and theirs.family):
        return None
    return not (_given_alike(mine, theirs) and mine.family & theirs.family)


def _given_alike(one: Names, two: Names) -> bool:
    if one.roots & two.roots or one.given & two.given:
        return True
    pairs = ((a, b) for a in one.given for b in two.given)
    return any(len(min(a, b, key=len)) == 1 and a[0] == b[0] for a, b in pairs)


def _share(one: Names, two: Names) -> bool:
    """Tell whether two have a given or a family name in common: a marriage, not another person."""
    return bool(one.family & two.family) or _given_alike(one, two)


def _death_apart(one: Person, two: Person) -> bool | None:
    if not one.died or not two.died:
        return None
    return (one.died == "false") != (two.died == "false")


def _dates_apart(one: Person, two: Person) -> bool | None:
    return _days_apart(one.died, two.died)


def _died(one: Person) -> str:
    return {"true": "deceased", "false": "living"}.get(one.died, f"died {one.died[:10]}")


def _shown(resource: Resource) -> str:
    """Return the first official name, else the first, as it was sent."""
    names = [n for n in resource.get("name") or () if isinstance(n, Mapping)]
    chosen = next((n for n in names if n.get("use") == "official"), names[0] if names else {})
    parts = (*(chosen.get("given") or ()), chosen.get("family"))
    return str(chosen.get("text") or " ".join(str(p) for p in parts if p))
