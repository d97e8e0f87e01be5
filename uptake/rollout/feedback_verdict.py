"""What a run says of a change. In: a report, a run, what is left; out: a verdict, or why none."""

from __future__ import annotations

from dataclasses import dataclass

from uptake.rollout.feedback_evidence import Patient, Resource, Run, absent, found_on, resources_of
from uptake.rollout.feedback_queue import DATA_QUALITY, Cause, Item


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a run says of a change."""

    outcome: str
    """`verified`, `verified in part`, `not clean` or `cannot tell`."""
    left: int
    """Findings that are left on the same patients."""
    sentence: str


def unheard_of(item: Item, run: Run) -> int:
    """Return of how many of several things no check found what was mended, now or before."""
    if len(item.subjects) == 1:
        return 0
    checks = {cause.check for cause in item.mended} | item.verified_checks
    mended = [cause for cause in item.causes if cause.check in checks]
    return len(item.subjects) - found_on(run, resources_of(item.about), mended)


def untold(item: Item, run: Run, patients: frozenset[Patient]) -> str:
    """Return why a run cannot verify a report; empty when it can."""
    if not item.is_open:
        return "this report is closed already"
    if item.kind != DATA_QUALITY or not item.causes:
        return "no check finds this, so no run can verify it; the reporter confirms the change"
    if item.change is None:
        return "nothing was changed yet; say what was, and when"
    if run.began is None or run.began < item.change.at.replace(microsecond=0):
        return "the newest run is older than the change; run `uptake assess`, then verify again"
    for cause in item.mended:
        if run.verdicts.get(cause.check, "not run") == "not run":
            return f"{cause.check} was not run in the newest run, so it cannot tell"
    if silent := _silent(item, run):
        return f"the newest run has no {silent.type} of {silent.feed}, so it cannot tell"
    missing = absent(run, patients)
    if missing is None:
        return "the newest run does not say whose data it has; run `uptake assess` again"
    if missing:
        return f"{missing:,} of the {len(patients):,} patients are not in the newest run's data"
    return ""


def _silent(item: Item, run: Run) -> Resource | None:
    """Return a resource of whose feed and type nothing is sent any more.

    A check that has nothing to judge is clean only where what it judges is still sent.
    """
    every = resources_of(item.about)
    return next((r for r in every if not run.resources.get(r.feed, {}).get(r.type)), None)


def verdict(numbers: dict[Cause, int], patients: int, unheard: int) -> Verdict:
    """Return in words what is left of each cause on so many patients.

    `unheard`: of so many things the reporter has to say whether the change helps.
    """
    who = "the same patient" if patients == 1 else f"the same {patients:,} patients"
    checks = ", ".join(dict.fromkeys(cause.check for cause in numbers))
    total = sum(numbers.values())
    if not total:
        ran = "was run again on" if len(numbers) == 1 else "were run again on"
        told = f"{checks} {ran} {who} and found nothing"
        if not unheard:
            return Verdict("verified", 0, f"{told}; closed")
        rest = "1 other thing" if unheard == 1 else f"{unheard} other things"
        was = "was" if unheard == 1 else "were"
        sentence = f"{told}; {rest} {was} reported, so the reporter confirms the change"
        return Verdict("verified in part", 0, sentence)
    names = ", ".join(dict.fromkeys(c.check for c, number in numbers.items() if number))
    still = "1 finding is" if total == 1 else f"{total:,} findings are"
    return Verdict("not clean", total, f"not clean: {still} left of {names} on {who}")
