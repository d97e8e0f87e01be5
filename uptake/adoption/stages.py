"""Four numbers of the chain. In: what became of opportunities; out: delivered to acted on.

Delivered to acted on count opportunities, used counts people: it is a chain, not a funnel of one
unit. Under 30 of anything nothing is told. Targets and limits: `content/defaults.toml`.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

from uptake.adoption.reach import USED
from uptake.definitions.answers import defaults
from uptake.engine.duckdb import in_utc
from uptake.model import Stage, StageResult
from uptake.report.figures import Figures

if TYPE_CHECKING:
    from uptake.adoption.reach import Reach
    from uptake.model import UseCase

BETTER = "better than before"
"""What an outcome without a target is to be."""
_SAY = Figures()


@dataclass(frozen=True, slots=True)
class Counts:
    """The opportunities of a use case that can be judged, and how far they got."""

    expected: int
    """Those whose time of delivery is past."""
    on_time: int
    late: int
    seen: int
    """Of those on time."""
    actionable: int
    """Of those seen."""
    open: int
    """Of those actionable, whose time to act is not over: to count the ones that were acted on
    early, and not the others, would make the share too large."""
    untold: int
    """Of the others, for whom the data cannot tell whether care changed."""
    acted: int
    """Of the others."""


def count(reach: Reach, case: str) -> Counts:
    """Return how far the opportunities of a use case got."""
    row = reach.db.row(
        """
        with judged as (
          select *, on_time and seen_at is not null as seen,
            on_time and seen_at is not null and actionable as could, until <= $now as over
          from reached where use_case = $case and due <= $now
        )
        select count(*), count(*) filter (on_time),
          count(*) filter (served_at is not null and not on_time), count(*) filter (seen),
          count(*) filter (could),
          count(*) filter (could and over is not true),
          count(*) filter (could and over and acted is null),
          count(*) filter (could and over and acted)
        from judged
        """,
        {"case": case, "now": in_utc(reach.now)},
    )
    return Counts(*row)


def told(
    stage: Stage, part: int, whole: int, sentence: str, target: float | None = None
) -> StageResult:
    """Return a share against its target; under 30 it cannot be told."""
    settings = defaults()["stages"]
    aim = settings[stage.value] if target is None else target
    if whole < settings["fewest"]:
        return untold(stage, f"{_counted(stage, whole)}, and {settings['fewest']} are needed", aim)
    verdict = "met" if part >= aim * whole else "under"
    return StageResult(
        stage,
        verdict,
        aim,
        sentence,
        number=_SAY.share(part, whole, aim),
        aim=f"at least {100 * aim:g} %",
        numerator=part,
        denominator=whole,
    )


def _counted(stage: Stage, whole: int) -> str:
    """Return what there is too little of."""
    what = {
        Stage.DELIVERED: "was expected",
        Stage.SEEN: "was served in time",
        Stage.USED: "has access",
        Stage.ACTED_ON: "was seen and actionable",
    }.get(stage, "is counted")
    return f"nothing {what}" if not whole else f"only {whole:,} {_plural(what, whole)}"


def _plural(what: str, n: int) -> str:
    words = {"was": "were", "has": "have", "is": "are"}
    verb, _, rest = what.partition(" ")
    return what if n == 1 else f"{words[verb]} {rest}"


def untold(stage: Stage, reason: str, target: float | None = None) -> StageResult:
    """Return a stage that cannot be told, and why."""
    share: float | None = defaults()["stages"].get(stage.value) if target is None else target
    return StageResult(
        stage, "cannot tell", share or 0.0, f"Cannot tell: {reason}.",
        aim=BETTER if share is None else f"at least {100 * share:g} %",
        reason=reason,
    )  # fmt: skip


def delivered(counts: Counts, case: UseCase) -> StageResult:
    """Return served in time / expected; what was expected is worked out from the data."""
    if not case.opportunity:
        return untold(Stage.DELIVERED, "the use case does not say when it should be delivered")
    whole = _SAY.count(counts.expected, case.moment)
    late = f", {counts.late:,} more came late" if counts.late else ""
    return told(
        Stage.DELIVERED,
        counts.on_time,
        counts.expected,
        f"{counts.on_time:,} of {whole} were served in time{late}.",
    )


def seen(reach: Reach, counts: Counts, case: UseCase) -> StageResult:
    """Return seen / delivered; without a view in the log it cannot be told."""
    views = reach.db.row(
        "select count(*) from event where use_case = ? and action not in ('served', 'requested')",
        [case.code],
    )[0]
    if not views:
        return untold(Stage.SEEN, "the log has no views; import the audit log of where it is shown")
    sentence = f"{counts.seen:,} of {counts.on_time:,} served in time were opened or answered."
    return told(Stage.SEEN, counts.seen, counts.on_time, sentence)


def used(reach: Reach, case: UseCase) -> StageResult:
    """Return clinicians who used it in 28 days / with access."""
    settings = defaults()["stages"]
    if reach.access is None:
        return untold(Stage.USED, "no access list was imported")
    age = (reach.now.date() - reach.access.as_of).days
    if age > settings["list_days"]:
        return untold(Stage.USED, f"the access list is {age} days old")
    since = in_utc(reach.now - timedelta(days=settings["used_days"]))
    strangers, events = reach.db.row(
        "select count(*) filter (not is_known), count(*) from event "
        f"where use_case = ? and at_time >= ? and practitioner <> '' and action in {USED}",
        [case.code, since],
    )
    if events and strangers > settings["unmatched"] * events:
        return untold(
            Stage.USED, f"{strangers:,} of {events:,} events are of people not on the access list"
        )
    users, people, exposed = reach.db.row(
        f"""
        with allowed as (
          select distinct practitioner from access_case where use_case = $case
        ),
        active as (
          select practitioner, bool_or(action in {USED}) as used from event
          where use_case = $case and at_time >= $since and practitioner <> '' group by practitioner
        )
        select count(*) filter (a.used), count(*), count(a.practitioner)
        from allowed left join active a using (practitioner)
        """,
        {"case": case.code, "since": since},
    )
    beside = f"; of the {exposed:,} it came before, {users:,} did" if exposed > users else ""
    return told(
        Stage.USED,
        users,
        people,
        f"{users:,} of {people:,} people with access used it in {settings['used_days']} days"
        f"{beside}.",
    )


def acted_on(counts: Counts, case: UseCase) -> StageResult:
    """Return acted on / seen and actionable, of those whose time to act is over."""
    if not case.acted:
        return untold(Stage.ACTED_ON, "the use case does not say what acting is")
    whole = counts.actionable - counts.open
    if whole and counts.untold > defaults()["unknown_limit"] * whole:
        return untold(
            Stage.ACTED_ON,
            f"of {counts.untold:,} of {whole:,} no source can say that nothing was done",
        )
    known = whole - counts.untold
    return told(
        Stage.ACTED_ON,
        counts.acted,
        known,
        f"{counts.acted:,} of {known:,} seen and actionable changed care.",
    )
