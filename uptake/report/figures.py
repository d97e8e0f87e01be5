"""How numbers are said. In: counts; out: text, exact for the analyst, coarse for a shared page."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from uptake.model import Assessment, CheckResult, Fitness, Stratum

NOT_PEOPLE = ("feed", "feed-type", "feed-code")
"""Units of checks whose counts are of feeds, types and codes: always exact."""
SMALL = 10
"""Counts from 1 to SMALL - 1 of people or records are not shown on a shared page."""
MANY = 100
"""Of fewer, rounded counts give no percentage worth saying: "about 10 of 30 patients"."""

_COUNTED = re.compile(
    r"\b(\d{1,3}(?:,\d{3})+|\d+)(?= (?:of|patients?|records?|resources?|findings?|rows?|lines?"
    r"|units?|orders?|observation sets?)\b)"
)
_SHARE = re.compile(r"\b(\d+(?:\.\d+)?) ?%")
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Figures:
    """Says the counts of one group of related numbers.

    Exact by default. On a shared page (`hides`) counts from 1 to 9 become "under 10", and when any
    number of the group is that small (`rounds`) every other number of the group is rounded to tens
    and every percentage is computed from rounded counts. No total minus its parts then gives the
    hidden count back: each term is known only to within five. Zero is always said exactly.
    A verdict stays true and says on which side of its target a share is: of a dozen patients it can
    tell more than the counts do.
    """

    hides: bool = False
    rounds: bool = False

    def value(self, n: int) -> int:
        """Returns the number that a drawing may be made from; 5 for a hidden count."""
        if self.hides and 0 < n < SMALL:
            return SMALL // 2
        return (n + SMALL // 2) // SMALL * SMALL if self.rounds else n

    def count(self, n: int, noun: str = "") -> str:
        """Returns `1,204 patients`, `1 patient` or `under 10 patients`; `noun` is the plural."""
        hidden = self.hides and 0 < n < SMALL
        text = f"under {SMALL}" if hidden else f"{self.value(n):,}"
        if not noun:
            return text
        return f"{text} {singular(noun) if n == 1 and not hidden else noun}"

    def share(self, part: int, whole: int, bound: float | None = None) -> str:
        """Returns what stands before "of 200 patients": `61 %`, `about 60 %`, `under 10`, `all`.

        0 % and 100 % only when exact. With a `bound` the text never falls on the other side of it:
        89.6 % of a 90 % target is not said to be 90 %.
        """
        if not self.rounds:
            return percent(Fraction(part, whole), bound) if whole else "none"
        if part in (0, whole):
            return "none" if not part else "all"
        if whole < SMALL:
            return "some"
        if part < SMALL:
            return f"under {SMALL}"
        return self._rounded_share(part, whole, bound)

    def _rounded_share(self, part: int, whole: int, bound: float | None) -> str:
        shown = Fraction(self.value(part), self.value(whole))
        if bound is not None and _side(shown, bound) != (
            side := _side(Fraction(part, whole), bound)
        ):
            return f"{('about', 'over', 'under')[side]} {threshold(bound)}"
        if shown >= 1:
            return "nearly all"
        told = percent(shown) if whole >= MANY else f"{self.value(part)}"
        return told if told.startswith(("under", "over")) else f"about {told}"

    def text(self, words: str) -> str:
        """Returns words written elsewhere, with the counts in them said by this group's rule."""
        if not self.hides:
            return words
        words = _COUNTED.sub(lambda m: self.count(int(m[1].replace(",", ""))), words)
        return _SHARE.sub(_coarse_share, words) if self.rounds else words


@dataclass(frozen=True, slots=True)
class Numbers:
    """The figures of every group of an assessment: one a use case, one for all records."""

    records: Figures
    cases: Mapping[str, Figures]

    def of(self, fitness: Fitness) -> Figures:
        """Returns how the numbers of one use case are said."""
        return self.cases[fitness.use_case.code]


def exact(assessment: Assessment) -> Numbers:
    """Returns numbers as they are: for the analyst's own terminal."""
    return Numbers(Figures(), {f.use_case.code: Figures() for f in assessment.fitness})


def shared(assessment: Assessment) -> Numbers:
    """Returns numbers fit to be forwarded.

    A group is what can be added or subtracted: all the numbers of one use case (its parts, its
    requirements, its fix plan, and what each leaves of the population); and all numbers of records
    (inputs, resource types, checks, feeds, and what each leaves of its denominator), since the
    resources of a small type are the difference of two checks' denominators. One small number
    makes its whole group coarse. Numbers of files, feeds, codes, checks and steps are not people
    and are exact.
    """
    return Numbers(
        group(n for part in _record_counts(assessment) for n in part),
        {f.use_case.code: group(_case_counts(f)) for f in assessment.fitness},
    )


def group(counts: Iterable[int]) -> Figures:
    """Returns how a shared page says numbers that can be added to or subtracted from each other."""
    return Figures(hides=True, rounds=any(0 < n < SMALL for n in counts))


def _case_counts(fitness: Fitness) -> Iterable[int]:
    whole = fitness.population
    yield from (whole, fitness.fit, fitness.unfit, fitness.unknown, fitness.not_applicable)
    yield from (whole - fitness.fit, whole - fitness.unfit, whole - fitness.unknown)
    for part in fitness.requirements:
        yield from (part.fit, part.unfit, part.unknown, abs(whole - part.fit))
    for step in fitness.fix_plan:
        yield from (step.gain, step.reaches, step.clears)
        yield from (abs(whole - step.reaches), abs(whole - step.clears))


def _record_counts(assessment: Assessment) -> Iterable[tuple[int, ...]]:
    for file in assessment.inputs:
        yield file.records, file.resources, file.quarantined
    for types in assessment.resources.values():
        yield tuple(types.values())
    yield tuple(r.patients for r in assessment.checks)
    of_things = {r.check.code for r in assessment.checks if r.check.unit in NOT_PEOPLE}
    yield from (_parts(r) for r in assessment.checks if r.check.code not in of_things)
    yield from (_parts(s) for s in assessment.strata if s.check not in of_things)


def _parts(counted: CheckResult | Stratum) -> tuple[int, ...]:
    left = counted.denominator - counted.numerator
    return counted.numerator, counted.denominator, counted.not_judged, left


def percent(value: Fraction, bound: float | None = None) -> str:
    """Returns a share as `61 %`; 0 and 100 only when exact; decimals only to stay off a bound."""
    if value in (0, 1):
        return f"{int(value * 100)} %"
    for decimals in range(3):
        shown = Fraction(f"{float(value * 100):.{decimals}f}") / 100
        if shown == 0 and (bound is None or bound == 0 or bound >= 0.01):
            return "under 1 %"
        if shown == 1 and (bound is None or bound == 1 or bound <= 0.99):
            return "over 99 %"
        if shown not in (0, 1) and (bound is None or _side(shown, bound) == _side(value, bound)):
            return f"{float(shown * 100):.{decimals}f} %"
    return f"{('about', 'over', 'under')[_side(value, bound or 0)]} {threshold(bound or 0)}"


def threshold(bound: float) -> str:
    """Returns a threshold as it is written in its definition: `90 %`, `2.5 %`."""
    return f"{100 * bound:.4g} %"


def _coarse_share(match: re.Match[str]) -> str:
    """Returns a percentage of free text to the nearest 5; one that is a multiple of 5 as it is."""
    near = 5 * round(float(match[1]) / 5)
    if float(match[1]) == near:
        return match[0]
    return "under 5 %" if near == 0 else "over 95 %" if near == 100 else f"about {near} %"


def _side(value: Fraction, bound: float) -> int:
    line = Fraction(str(bound))
    return (value > line) - (value < line)


def singular(noun: str) -> str:
    """Returns `patient` for `patients`, `battery` for `batteries`."""
    if noun.endswith("ies"):
        return f"{noun[:-3]}y"
    return noun.removesuffix("s")


def listed(words: Iterable[str]) -> str:
    """Return `a`, `a and b`, `a, b and c`, or nothing."""
    found = list(words)
    return " and ".join(filter(None, (", ".join(found[:-1]), *found[-1:])))


def clean(text: str) -> str:
    """Returns text from outside on one line, control characters and direction overrides as `�`."""
    if text.isprintable():
        return text
    unseen = (c in _TURNING or unicodedata.category(c) in ("Cc", "Cs") for c in text)
    return "".join(
        " " if c.isspace() else "�" if hide else c for c, hide in zip(text, unseen, strict=True)
    )
