"""The words of a chain. In: chains; out: sentences and what is largest, as the pages say them."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from uptake.model import Stage
from uptake.report.figures import listed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from uptake.model import Chain, StageResult

QUESTIONS = {
    Stage.DEFINED: "Is there a clinical problem, and who owns it?",
    Stage.MAPPED: "Is it placed in the work?",
    Stage.FIT: "Can the data carry it?",
    Stage.DELIVERED: "Is it there in time?",
    Stage.SEEN: "Is it seen?",
    Stage.USED: "Who uses it?",
    Stage.ACTED_ON: "Does care change?",
    Stage.IMPROVED: "Does it help?",
}
VERDICTS = {"met": "met", "under": "under target", "cannot tell": "cannot tell"}
_NUMBERS = ("no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")


def slug(stage: Stage) -> str:
    """Return a stage as it stands in an address: `acted-on`."""
    return stage.value.replace(" ", "-")


def headline(chains: Sequence[Chain]) -> str:
    """Return how far all use cases get, in one sentence."""
    if not chains:
        return "There is no use case."
    stalled = Counter(c.stall.stage for c in chains if c.stall)
    if not stalled:
        open_ = sum(1 for c in chains if c.untold)
        if not open_:
            return "Every use case reaches the clinic and helps."
        are = "has a stage" if open_ == 1 else "have stages"
        return f"No use case stalls, but {counted(open_)} {are} that cannot be told."
    whole, some = len(chains), sum(stalled.values())
    at = listed(f"{counted(n)} at {stage.value}" for stage in Stage if (n := stalled.get(stage, 0)))
    if some == whole == 1:
        return f"The use case stalls at {next(iter(stalled)).value}."
    if some == whole and len(stalled) == 1:
        return f"All {counted(whole)} use cases stall at {next(iter(stalled)).value}."
    if some == whole:
        who = f"All {counted(whole)} use cases"
    else:
        who = f"{counted(some).capitalize()} of {counted(whole)} use cases"
    return f"{who} {'stalls' if some == 1 else 'stall'} on the way to the clinic: {at}."


def chain_sentence(chain: Chain) -> str:
    """Return where one use case stalls and why, or that it does not."""
    if chain.stall:
        return f"Stalls at {chain.stall.stage.value}: {chain.stall.why}"
    if chain.untold:
        return f"Nothing that can be told is under its target. {untold_sentence(chain)}"
    return "Every stage meets its target."


def untold_sentence(chain: Chain) -> str:
    """Return which stages cannot be told, or nothing."""
    names = listed(s.stage.value for s in chain.untold)
    return f"{names[:1].upper()}{names[1:]} cannot be told." if names else ""


def largest_loss(chain: Chain) -> StageResult | None:
    """Return the stage furthest under its target, where that is not the one that stalls."""
    lost = [
        (s.target - s.share, -place, s)
        for place, s in enumerate(chain.stages)
        if s.verdict == "under" and s.share is not None and s.stage != Stage.IMPROVED
    ]
    if not lost or not chain.stall:
        return None
    worst = max(lost, key=lambda found: found[:2])[2]
    return None if worst.stage == chain.stall.stage else worst


def counted(n: int) -> str:
    """Return a small number as a word."""
    return _NUMBERS[n] if n < len(_NUMBERS) else f"{n:,}"
