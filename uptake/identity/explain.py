"""What speaks for and against a pair. In: its levels, as scored; out: words, what would change it.

A weight is a binary logarithm: by 2 to its power the level is likelier in two records of one person
than in those of two. The first level is the prior; the weights of all add up to the pair's, and
that alone makes the probability. Nothing is said here that is not reckoned from the levels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

AUTO, REVIEW = "auto", "review"
CANNOT_TELL = "cannot tell"
"""The label of a level where one of the records says nothing."""
PRIOR = "before anything is compared"


@dataclass(frozen=True, slots=True)
class Level:
    """What was found of one comparison, or the prior."""

    comparison: str
    label: str
    weight: float


@dataclass(frozen=True, slots=True)
class Usual:
    """What two records mostly have in one comparison."""

    one: Level
    """When they are of one person."""
    two: Level
    """When they are of two people."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """From which probability on a pair is linked in figures, and from which it is reviewed."""

    auto: float
    review: float

    def links(self, probability: float) -> bool:
        """Tell whether a pair without a veto is linked."""
        return probability >= self.auto

    def outcome(self, probability: float) -> str:
        """Return what becomes of a pair without a veto; empty: no match."""
        if self.links(probability):
            return AUTO
        return REVIEW if probability >= self.review else ""


@dataclass(frozen=True, slots=True)
class Scored:
    """A pair as it was scored."""

    outcome: str
    veto: str
    levels: tuple[Level, ...]
    """The prior first."""

    @property
    def linked(self) -> bool:
        """Tell whether it is linked in figures."""
        return self.outcome == AUTO and not self.veto

    @property
    def weight(self) -> float:
        """Return what the levels add up to."""
        return math.fsum(level.weight for level in self.levels)


@dataclass(frozen=True, slots=True)
class Alternative:
    """What would become of a pair if one thing were otherwise."""

    label: str
    chance: float
    outcome: str
    """Empty: no match."""
    veto: str = ""
    """What would speak against it all the same."""

    @property
    def sentence(self) -> str:
        """Return it in words."""
        if self.outcome == AUTO:
            return f"With {self.label} it would be linked (probability {told(self.chance)})."
        if not self.outcome:
            return f"With {self.label} it would be no match (probability {told(self.chance)})."
        but = f", but {self.veto}" if self.veto else "; a person would have to decide"
        return f"With {self.label} its probability would be {told(self.chance)}{but}."


@dataclass(frozen=True, slots=True)
class Weighed:
    """A level in words."""

    comparison: str
    found: str
    """`the same birth date`; of what cannot be compared `birth date: cannot tell`."""
    weight: float
    total: float
    """The weight of this level and of those before it."""
    told: str


def probability(weight: float) -> float:
    """Return the probability that a weight stands for."""
    odds = math.exp2(-min(abs(weight), 1000.0))
    return 1 / (1 + odds) if weight >= 0 else odds / (1 + odds)


def told(chance: float) -> str:
    """Return a probability in words: `0.71`, three digits near the ends, never 0 or 1."""
    if chance < 0.001:
        return "under 0.001"
    if chance > 0.999:
        return "over 0.999"
    if chance > 0.98:  # cut, not rounded: what is under a bound is not told as if it met it
        return f"{math.floor(chance * 1000) / 1000:.3f}"
    return f"{chance:.{3 if chance < 0.02 else 2}f}"


def words(levels: Sequence[Level]) -> tuple[Weighed, ...]:
    """Return each level in words, the prior first, with what it adds up to so far."""
    found, total = [], 0.0
    for n, level in enumerate(levels):
        total += level.weight
        if n == 0:
            name, said = PRIOR, _prior(level.weight)
        else:
            bare = level.label in ("", CANNOT_TELL)
            name = f"{level.comparison}: {CANNOT_TELL}" if bare else level.label
            said = _evidence(level.weight)
        found.append(Weighed(level.comparison, name, level.weight, total, said))
    return tuple(found)


def alternatives(
    pair: Scored, usual: Mapping[str, Usual], bounds: Bounds
) -> tuple[Alternative, ...]:
    """Return what would become of a pair if one comparison were as usual, reckoned from weights.

    A linked pair is given what records of two people mostly have, another one what those of one
    person have. The veto stays: whether it would fall, levels alone do not tell (`whatif` does).
    """
    like_one = not pair.linked
    found = []
    for level in pair.levels[1:]:
        if level.comparison not in usual:
            continue
        known = usual[level.comparison]
        then = known.one if like_one else known.two
        moved = then.weight - level.weight
        if then.label != level.label and (moved > 0) == like_one:
            chance = probability(pair.weight + moved)
            outcome = bounds.outcome(chance)
            kept = REVIEW if pair.veto and outcome == AUTO else outcome
            found.append(Alternative(then.label, chance, kept, pair.veto))
    return tuple(found)


def what_would_change(
    pair: Scored, found: Sequence[Alternative], bounds: Bounds, *, most: int = 3
) -> tuple[str, ...]:
    """Return what would change the outcome of a pair, a sentence each, what changes most first."""
    if pair.linked:
        lower = sorted(found, key=lambda a: a.chance)
        said = tuple(a.sentence for a in lower if a.outcome != AUTO)
        return said[:most] or ("No single detail, were it otherwise, would undo the link.",)
    higher = sorted(found, key=lambda a: (a.outcome != AUTO, -a.chance))
    enough = [a for a in higher if a.outcome == AUTO]
    said = tuple(a.sentence for a in enough[:most] or higher[:1])
    if not enough:
        said = ("No single detail would be enough to link it.", *said)
    if pair.veto:
        chance = probability(pair.weight)
        then = "it would be linked" if bounds.links(chance) else "it would not be linked either"
        said = (f"Without the objection {then}: its probability is {told(chance)}.", *said)
    return said


def _prior(weight: float) -> str:
    chance = probability(weight)
    if chance > 0.5:
        return f"the chance of one person is {told(chance)}"
    return f"one pair in {_times(-math.log2(chance))} is one person"


def _evidence(weight: float) -> str:
    if _times(abs(weight)) == "1":
        return "says nothing"
    whom = ("one person", "two people") if weight > 0 else ("two people", "one person")
    return f"{_times(abs(weight))} times likelier for {whom[0]} than for {whom[1]}"


def _times(weight: float) -> str:
    """Return 2 to the power of a weight, to two digits: `1.4`, `32`, `4,100`."""
    times = math.exp2(min(weight, 1000.0))
    if times >= 1e6:
        return f"10^{round(math.log10(times))}"
    digits = 1 - math.floor(math.log10(times))
    text = f"{round(times, digits):,.{max(digits, 0)}f}"
    return text.removesuffix(".0")
