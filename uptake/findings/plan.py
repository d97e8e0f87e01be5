"""The fix plan. In: units with the causes that block them; out: steps, each with what it reaches.

Greedy over bundles of tasks: fifty patients blocked by {A, B} and thirty by {B, C} gain nothing
from any single fix. A task is all fixes of one check in one feed: what one person does.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from uptake.model import Check, Fix, FixStep

Cause = tuple[str, str, str]
"""Check, feed, fix_key."""
Task = tuple[str, str]
"""Check and feed."""


@dataclass(frozen=True, slots=True)
class Unit:
    """Units that are alike: what blocks them, whether something is unknown beside, how many."""

    causes: frozenset[Cause]
    unknown: bool
    count: int


def make_plan(units: Sequence[Unit], checks: Mapping[str, Check]) -> tuple[FixStep, ...]:
    """Return the steps in order of what they gain; after the last, no unit has a known defect."""
    blocked = [u for u in units if u.causes]
    free = [u for u in units if not u.causes]
    fit = sum(u.count for u in free if not u.unknown)
    clear = sum(u.count for u in free)
    steps = []
    while blocked:
        bundle = _best_bundle(blocked)
        freed = [u for u in blocked if _tasks(u.causes) <= bundle]
        fixes = sorted({Fix(*c) for u in freed for c in u.causes})
        done = {(f.check, f.feed, f.fix_key) for f in fixes}
        gain = sum(u.count for u in freed if not u.unknown)
        fit += gain
        clear += sum(u.count for u in freed)
        blocked = [
            Unit(u.causes - done, u.unknown, u.count)
            for u in blocked
            if not _tasks(u.causes) <= bundle
        ]
        steps.append(FixStep(tuple(fixes), _task_text(fixes, checks), gain, fit, clear))
    return tuple(steps)


def _tasks(causes: Iterable[Cause]) -> frozenset[Task]:
    return frozenset((check, feed) for check, feed, _ in causes)


def _best_bundle(blocked: Sequence[Unit]) -> frozenset[Task]:
    """Return the bundle that frees most units a task; of equals, the one that clears most."""
    bundles = {_tasks(u.causes) for u in blocked}

    def worth(bundle: frozenset[Task]) -> tuple[float, float, int, list[Task]]:
        freed = [u for u in blocked if _tasks(u.causes) <= bundle]
        gain = sum(u.count for u in freed if not u.unknown)
        clears = sum(u.count for u in freed)
        return (-gain / len(bundle), -clears / len(bundle), len(bundle), sorted(bundle))

    return min(bundles, key=worth)


def _task_text(fixes: Sequence[Fix], checks: Mapping[str, Check]) -> str:
    """Return the tasks of a step in words: "Map 14 local codes of northside-lab"."""
    parts = []
    for check, feed in sorted({(f.check, f.feed) for f in fixes}):
        keys = sorted({f.fix_key for f in fixes if (f.check, f.feed) == (check, feed)})
        parts.append(_one_task(check, feed, keys, checks))
    first, *rest = parts
    return " and ".join([first, *(part[0].lower() + part[1:] for part in rest)])


NAMED = 3
"""A task names so many of its keys; the plan's `fixes` list all."""


class Count(int):
    """A number that says its noun: `{n:local code}` gives "1 local code", "14 local codes"."""

    def __format__(self, noun: str) -> str:
        if not noun:
            return str(int(self))
        return f"{int(self)} {noun}{'' if self == 1 else 's'}"


def _one_task(check: str, feed: str, keys: Sequence[str], checks: Mapping[str, Check]) -> str:
    named = [key for key in keys if key]
    more = f" and {len(named) - NAMED} more" if len(named) > NAMED else ""
    fix_key = ", ".join(named[:NAMED]) + more
    known = checks.get(check)
    if known and known.fix_task:
        return known.fix_task.format(n=Count(len(keys)), feed=feed, fix_key=fix_key)
    if known:
        return f"Repair {known.title[0].lower()}{known.title[1:]} ({check}) of {feed}"
    return f"Have {feed} send {fix_key}"
