"""Why a use case stalls. In: the first stage under its target; out: a cause that data bear out.

The cause is looked for in the data of that stage. Where nothing explains it, that is said: a cause
is never made up. Each says what would show it to be wrong, and what to do next.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any

from uptake.adoption import breakdown, causes
from uptake.adoption.causes import Trait, least
from uptake.adoption.series import over
from uptake.adoption.spc import Kind
from uptake.findings.plan import Count
from uptake.model import Evidence, Stage, StageResult, Stall
from uptake.report.figures import percent
from uptake.rollout.charter import ITEMS

if TYPE_CHECKING:
    from uptake.adoption.reach import Reach
    from uptake.model import Check, UseCase
    from uptake.rollout.chain import Measured
    from uptake.rollout.charter import Charter
    from uptake.rollout.situation import Situation
    from uptake.rollout.workflow import Placement, WorkflowMap


@dataclass(frozen=True, slots=True)
class Case:
    """What is known of the use case that stalls."""

    use_case: UseCase
    charter: Charter
    maps: Sequence[WorkflowMap]
    placements: Sequence[Placement]
    measured: Measured
    situation: Situation
    stage: StageResult
    """The first under its target."""

    @property
    def reach(self) -> Reach:
        """Return what became of the opportunities; a stage that was counted has it."""
        if self.situation.reach is None:
            raise ValueError("a stage that was counted has what it was counted from")
        return self.situation.reach

    @property
    def page(self) -> str:
        """Return the page of the stage's evidence."""
        return f"/use-cases/{self.use_case.code}/{self.stage.stage.value.replace(' ', '-')}"


def find_stall(case: Case) -> Stall:
    """Return where a use case stalls and why."""
    return _FINDERS[case.stage.stage](case)


def _share(part: int, whole: int) -> str:
    return percent(Fraction(part, whole)) if whole else "none"


def _defined(case: Case) -> Stall:
    missing = ", ".join(ITEMS[name] for name in case.charter.missing) or "the owner's signature"
    return Stall(
        Stage.DEFINED,
        "charter",
        f"Its charter is not signed as a whole: {missing}.",
        (Evidence(case.stage.sentence, "/rollout"),),
        "A signed charter that says who owns the problem, and how anyone will know it is solved.",
        "Fill in the charter with its clinical owner, and have it signed.",
        f"/rollout?use_case={case.use_case.code}",
    )


def _mapped(case: Case) -> Stall:
    return Stall(
        Stage.MAPPED,
        "workflow map",
        "The data have no place yet in the work as it is done.",
        (Evidence(case.stage.sentence, "/rollout"),),
        "A map that a clinician observed, with a step for every requirement.",
        "Watch the work with those who do it, then give each requirement its step.",
        f"/rollout?use_case={case.use_case.code}",
    )


def _fit(case: Case) -> Stall:
    told = case.situation.fitness(case.use_case.code)
    plan = told["fix_plan"]
    if not plan:
        return _unexplained(case, "nothing was received, and no repair would change that")
    step = plan[0]
    fix = step["fixes"][0]
    check = case.situation.definitions.checks.get(fix["check"])
    title = check.title if check else "elements that were not sent"
    blocked = told["population"] - told["fit"]
    unit = case.use_case.unit
    keys = len({f["fix_key"] for f in step["fixes"]})
    # Without a gain: what has no defect left then, and is not of those that have none today.
    worth = step["gain"] or step["clears"] - told["fit"] - told["unknown"]
    alone = "are so for nothing else" if step["gain"] else "have no other defect, but data missing"
    evidence = [
        Evidence(
            f"{fix['feed']} sends {title} ({fix['check']}): {keys} to repair.",
            f"/findings/{fix['check']}",
        ),
        Evidence(f"{worth:,} of the {blocked:,} {unit} that are not fit {alone}.", case.page),
    ]
    if (lost := _taken_for_absent(case, told, fix["check"], fix["feed"])) and worth:
        evidence.append(lost)
    coded = fix["check"] == "COD-01"
    return Stall(
        Stage.FIT,
        f"{fix['check']} {fix['feed']}",
        f"{worth:,} of {told['population']:,} {unit} are blocked by {title} of {fix['feed']}.",
        tuple(evidence),
        f"If the repair is made and the next run does not have {step['reaches']:,} {unit} fit, "
        "the cause is another.",
        f"{step['task']}.",
        "/mappings" if coded else f"/findings/{fix['check']}",
    )


def _taken_for_absent(
    case: Case, told: Mapping[str, Any], check: str, feed: str
) -> Evidence | None:
    """Say how many of those that seem to have nothing have it, where nobody can read it."""
    if case.situation.reach is None:
        return None
    rows = case.reach.db.rows(
        """
        select requirement, count(distinct unit) from unit_cause
        where use_case = ? and "check" = ? and feed = ? group by 1 order by 2 desc, 1 limit 1
        """,
        [case.use_case.code, check, feed],
    )
    named = {r["code"]: r for r in told["requirements"]}
    if not rows or "absent" not in named.get(rows[0][0], {}):
        return None
    code, hidden = rows[0]
    without = named[code]["absent"] + hidden
    title = named[code]["title"]
    return Evidence(
        f"Of {without:,} {case.use_case.unit} without “{title}”, {hidden:,} have it, unread.",
        case.page,
    )


def _delivered(case: Case) -> Stall:
    reach = case.reach
    traits = causes.late_deliveries(reach, case.use_case.code)
    if not traits or traits[0].explains < least():
        return _unexplained(case, "no check, unit or week has more of it than the others")
    best = traits[0]
    late = _trait_sentence(best, "were late or never came")
    if best.kind != "check":
        return Stall(
            Stage.DELIVERED,
            f"{best.kind} {best.name}",
            f"Most of what is missing is missing in one {_KIND[best.kind]}: {best.name}.",
            (Evidence(late, case.page),),
            f"If deliveries elsewhere fail as often as in {best.name}, the cause is another.",
            f"Ask those who run the interface what is different about {best.name}.",
            case.page,
        )
    check = case.situation.definitions.checks.get(best.name)
    if check is None:
        return _unexplained(case, f"{best.name} is among the findings, and is defined no longer")
    return Stall(
        Stage.DELIVERED,
        f"{best.name} {best.feed}",
        f"Late deliveries hang on {check.title} of {best.feed}.",
        (
            Evidence(late, case.page),
            Evidence(f"{best.feed} has {check.title} ({best.name}).", f"/findings/{best.name}"),
        ),
        f"If {best.feed} is repaired and deliveries are as late as before, the cause is another.",
        _task(check, best),
        f"/findings/{best.name}",
    )


def _task(check: Check, trait: Trait) -> str:
    """Return what one person does about a check in one feed, in a sentence."""
    if not check.fix_task:
        return f"Repair {check.title} of {trait.feed}."
    told = check.fix_task.format(n=Count(1), feed=trait.feed, fix_key=trait.fix_key)
    return f"{told}."


def _seen(case: Case) -> Stall:
    reach, code = case.reach, case.use_case.code
    late, known = causes.too_late(reach, code)
    after: tuple[Evidence, ...] = ()
    if known and 2 * late > known:
        told = f"{late:,} of {known:,} openings came after the decision was taken."
        after = (Evidence(told, case.page),)
    traits = [t for t in causes.unseen(reach, code) if t.explains >= least()]
    if not traits or traits[0].kind == "surface":
        return _seen_at(case, traits, after)
    best = traits[0]
    return Stall(
        Stage.SEEN,
        f"{best.kind} {best.name}",
        f"Most of what is not opened is in one {_KIND[best.kind]}: {best.name}.",
        (Evidence(_trait_sentence(best, "were not opened"), case.page), *after),
        f"If it is opened as rarely outside {best.name}, the cause is another.",
        f"Ask the champions of {best.name} what stands in the way.",
        f"/adoption?use_case={code}",
    )


def _seen_at(case: Case, traits: Sequence[Trait], after: tuple[Evidence, ...]) -> Stall:
    """Return that a surface is rarely opened, or that none is much less than the others."""
    groups = breakdown.breakdown(case.reach, case.use_case.code, Stage.SEEN, "surface")
    if not traits and not after and len(groups) > 1:
        return _unexplained(case, "no surface, unit or week is opened much less than the others")
    worst = max(groups, key=lambda g: (g.denominator - g.numerator, g.name))
    if traits:
        worst = next(g for g in groups if g.name == traits[0].name)
    surface = case.situation.definitions.surfaces.get(worst.name)
    name = surface.title if surface else worst.name
    share = _share(worst.numerator, worst.denominator)
    told = f"{worst.numerator:,} of {worst.denominator:,} shown in it were opened ({share})."
    late = " and mostly after the decision" if after else ""
    return Stall(
        Stage.SEEN,
        f"surface {worst.name}",
        f"It is shown in {_lower(name)}, which few open{late}.",
        (Evidence(told, case.page), *after),
        "If it is shown where the decision is taken and opened as rarely, the place is not the "
        "cause.",
        f"Move it from {_lower(name)} to the step of the work where the decision is taken: "
        "a card when the chart is opened.",
        f"/adoption?use_case={case.use_case.code}",
    )


def _used(case: Case) -> Stall:
    reach, code = case.reach, case.use_case.code
    users = breakdown.users(reach, code)
    traits = [t for t in causes.not_users(reach, code, users) if t.explains >= least()]
    link = f"/adoption?use_case={code}"
    if not traits:
        return _unexplained(case, "no unit and no role uses it much less than the others")
    best = traits[0]
    return Stall(
        Stage.USED,
        f"{best.kind} {best.name}",
        f"Most of those who do not use it are of one {_KIND[best.kind]}: {best.name}.",
        (Evidence(_trait_sentence(best, "do not use it"), link),),
        f"If the others use it as little as {best.name}, the cause is another.",
        f"Name a champion for {best.name}, and watch with them what stands in the way.",
        f"/rollout?use_case={code}",
    )


def _acted(case: Case) -> Stall:
    reach, code = case.reach, case.use_case.code
    reasons = causes.refusals(reach, code)
    link = f"/adoption?use_case={code}"
    total = sum(n for _, n in reasons)
    given = [(reason, n) for reason, n in reasons if reason != causes.NO_REASON]
    if not given:
        return _unexplained(case, "nobody gave a reason for passing it over")
    reason, often = given[0]
    passed = (case.stage.denominator or 0) - (case.stage.numerator or 0)
    if often < least() * passed:
        return _unexplained(case, "no one reason was given for most of what was passed over")
    return Stall(
        Stage.ACTED_ON,
        f"reason {reason}",
        f"Clinicians pass it over, {_share(often, total)} of the time with “{reason}”.",
        (
            Evidence(f"{total:,} were overridden; “{reason}” was given for {often:,}.", link),
            Evidence(case.stage.sentence, case.page),
        ),
        "If a review of a sample of overrides finds most of them wrong, the content is not the "
        "cause.",
        "Review twenty overrides with a champion, and change what is shown or when.",
        link,
    )


def _improved(case: Case) -> Stall:
    link = f"/use-cases/{case.use_case.code}"
    if worse := [g for g in case.measured.guardrails if over(g) or g.changed(Kind.CONCERN)]:
        title = worse[0].measure.title
        return Stall(
            Stage.IMPROVED,
            f"guardrail {worse[0].measure.code}",
            f"A guardrail does not hold since it is used: {title}.",
            (Evidence(case.stage.sentence, link),),
            f"If something else that happened in these weeks moved {title}, the cause is another.",
            "Look at the cases of the last weeks with the owner; what was repaired since shows in "
            "the weeks to come.",
            link,
        )
    return Stall(
        Stage.IMPROVED,
        "outcome",
        "It is used, and the outcome has not changed as the charter wants.",
        (Evidence(case.stage.sentence, link),),
        "Weeks of a special cause for the better, with the guardrails as they were.",
        "Ask the owner whether what is acted on is what moves the outcome.",
        link,
    )


def _unexplained(case: Case, why: str) -> Stall:
    return Stall(
        case.stage.stage,
        "not known",
        f"No single cause explains it: {why}.",
        (Evidence(case.stage.sentence, case.page),),
        "A unit, a surface, a role or a check that has most of it.",
        "Look at a sample of what is missing together with the people who do the work.",
        case.page,
    )


_KIND = {"place": "unit", "unit": "unit", "role": "role", "week": "week", "surface": "surface"}


def _trait_sentence(trait: Trait, failed: str) -> str:
    """Return how often those with a trait fail, and how much of all failures they are."""
    what = {"check": f"with {trait.name} of {trait.feed}", "week": f"in the week of {trait.name}"}
    where = what.get(trait.kind, f"of {trait.name}")
    return (
        f"{trait.failed:,} of {trait.having:,} {where} {failed}: "
        f"{_share(trait.failed, trait.failures)} of all that did."
    )


def _lower(title: str) -> str:
    first = title.split(" ", 1)[0]
    return title[:1].lower() + title[1:] if first in ("The", "A", "An", "Our") else title


_FINDERS: dict[Stage, Callable[[Case], Stall]] = {
    Stage.DEFINED: _defined,
    Stage.MAPPED: _mapped,
    Stage.FIT: _fit,
    Stage.DELIVERED: _delivered,
    Stage.SEEN: _seen,
    Stage.USED: _used,
    Stage.ACTED_ON: _acted,
    Stage.IMPROVED: _improved,
}
