"""The words of a run. In: an Assessment, how to say numbers; out: sentences all outputs share.

The terminal and the page say the same because both take their words from here; only the
`Numbers` differ.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

from uptake.model import (
    LEFT_OUT,
    Assessment,
    Check,
    CheckResult,
    Fitness,
    FixStep,
    InputFile,
    RequirementResult,
    Verdict,
)
from uptake.report.figures import NOT_PEOPLE, Figures, Numbers, clean, threshold

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

_UNITS = {
    "patient": "patients",
    "feed": "feeds",
    "feed-type": "resource types",
    "feed-code": "codes",
}


def notes(assessment: Assessment, numbers: Numbers) -> tuple[str, ...]:
    """Returns what a reader must know before anything else."""
    told = [_sentence(_raised(numbers.records.text(clean(note)))) for note in assessment.notes]
    refused = (
        f"Nothing of {clean(feed)} could be read: "
        f"all {numbers.records.count(sum(f.records for f in files), 'records')} were quarantined."
        for feed, files in _by_feed(assessment.inputs).items()
        if any(f.records for f in files)
        and not any(f.resources for f in files)
        and not any(feed in note for note in assessment.notes)
    )
    return (*told, *refused)


def headline(assessment: Assessment, numbers: Numbers) -> str:
    """Returns what the data are fit for, not fit for, and what cannot be told."""
    if not _resources(assessment):
        return "Fit for nothing: no record of these data could be read."
    cases = assessment.fitness
    if not cases:
        return "No use case was judged."
    if all(f.verdict == "not applicable" for f in cases):
        return f"None of the use cases applies to these data: {_names(cases)}."
    return " ".join([*_judged(cases, numbers), *_open(cases, numbers)])


def _judged(cases: Sequence[Fitness], numbers: Numbers) -> Iterable[str]:
    if fit := [f for f in cases if f.verdict == "fit"]:
        yield f"Fit for {_names(fit)}."
    for verdict, words in (("unfit", "Not fit for"), ("at risk", "At risk:")):
        if found := [f for f in cases if f.verdict == verdict]:
            told = (f"{case_name(f)} ({_share_of(f, numbers)})" for f in found)
            yield f"{words} {_listed(told)}."


def _open(cases: Sequence[Fitness], numbers: Numbers) -> Iterable[str]:
    for f in cases:
        if f.verdict == "cannot tell":
            why = _lowered(numbers.of(f).text(clean(f.reason))).rstrip(". ")
            yield _sentence(f"{_raised(case_name(f))} cannot be told{f': {why}' if why else ''}")
    if absent := [f for f in cases if f.verdict == "not applicable"]:
        yield f"{_raised(_names(absent))} {'does' if len(absent) == 1 else 'do'} not apply."


def fix_first(assessment: Assessment, numbers: Numbers) -> str:
    """Returns the one task that helps a use case most; without a plan, the worst failing check."""
    plans = [
        f for f in assessment.fitness if f.fix_plan and f.verdict not in ("fit", "not applicable")
    ]
    if plans:
        best = max(plans, key=lambda f: (_gain(f), f.fix_plan[0].clears / max(f.population, 1)))
        task = _lowered(clean(best.fix_plan[0].task)).rstrip(". ")
        return f"Fix first: {task}; {_effect(best, 0, numbers.of(best))}."
    if failed := failing(assessment):
        worst = failed[0]
        return (
            f"Fix first: {clean(worst.check.title)} ({worst.check.code}), "
            f"{check_counts(worst, numbers.records)}."
        )
    if not _resources(assessment) and any(f.quarantined for f in assessment.inputs):
        return "Fix first: what quarantine.parquet says is wrong with each record."
    if found := [r for r in assessment.checks if r.numerator]:
        checks = "1 check finds" if len(found) == 1 else f"{len(found)} checks find"
        return f"Nothing to fix first: no check is over its threshold, though {checks} something."
    if any(r.verdict == Verdict.PASS for r in assessment.checks):
        return "Nothing to fix first: every check that applies passed."
    return "Nothing to fix first: no check applies to these data."


def changes_sentence(assessment: Assessment, numbers: Numbers) -> str:
    """Returns what changed since the run compared with; empty where there is none."""
    then = assessment.changes
    if then is None:
        return ""
    said = numbers.records
    told = (
        f"Since the run as of {then.as_of:%Y-%m-%d}: {said.count(then.new, 'new findings')}, "
        f"{said.count(then.resolved)} resolved, {said.count(then.persisting)} persist"
    )
    if lost := sum(row.not_judged for row in then.rows):
        told += f"; {said.count(lost)} were not looked for again"
    return " ".join([f"{told}.", *_moved(assessment, numbers)])


def _moved(assessment: Assessment, numbers: Numbers) -> Iterable[str]:
    """Yields what became of the fitness of each use case whose share moved."""
    for now in assessment.fitness:
        then = assessment.changes.fitness.get(now.use_case.code) if assessment.changes else None
        if then is None or not then.population or not now.population:
            continue
        said, bound = numbers.of(now), now.use_case.threshold
        shares = (
            said.share(fit, whole, bound)
            for fit, whole in ((then.fit, then.population), (now.fit, now.population))
        )
        before, after = shares
        if before != after and now.verdict != "cannot tell":
            yield f"{_raised(case_name(now))} went from {before} to {after}."


def step_sentence(fitness: Fitness, index: int, figures: Figures) -> str:
    """Returns one step of the fix plan: the task and what it reaches."""
    task = clean(fitness.fix_plan[index].task).rstrip(". ")
    return f"{task}: {_effect(fitness, index, figures)}."


def _effect(fitness: Fitness, index: int, figures: Figures) -> str:
    step, whole = fitness.fix_plan[index], fitness.population
    name, unit = case_name(fitness), fitness.use_case.unit
    before = fitness.fix_plan[index - 1].reaches if index else fitness.fit
    if step.gain:
        bound = fitness.use_case.threshold
        start, end = (figures.share(n, whole, bound) for n in (before, step.reaches))
        if start == end:
            return f"{name} gains {figures.count(step.gain, unit)}, still {end}"
        return f"{name} goes from {start} to {end} of {figures.count(whole, unit)}"
    cleared = f"{figures.share(step.clears, whole)} of {figures.count(whole, unit)}"
    told = f"{name} then has no defect left for {cleared}, but whether they are fit cannot be told"
    why = _lowered(figures.text(clean(fitness.reason))).rstrip(". ")
    return f"{told}: {why}" if why and not index and fitness.verdict == "cannot tell" else told


def case_name(fitness: Fitness) -> str:
    """Returns the title of a use case as it stands inside a sentence."""
    return _lowered(clean(fitness.use_case.title))


def case_sentence(fitness: Fitness, figures: Figures) -> str:
    """Returns what one use case has and needs, with its reason."""
    if not fitness.population:
        applies = f"It applies to none of the {fitness.use_case.unit}"
        return _joined(applies, figures.text(clean(fitness.reason)))
    whole = figures.count(fitness.population, fitness.use_case.unit)
    share = figures.share(fitness.fit, fitness.population, fitness.use_case.threshold)
    are = "is" if fitness.population == 1 else "are"
    told = f"{share} of {whole} {are} fit; {threshold(fitness.use_case.threshold)} are needed"
    return _joined(_raised(told), figures.text(clean(fitness.reason)))


def requirement_sentence(result: RequirementResult, unit: str, figures: Figures) -> str:
    """Returns what one requirement has and needs, with its reason."""
    whole = result.fit + result.unfit + result.unknown
    if not whole:
        return _joined("Does not apply", figures.text(clean(result.reason)))
    share = figures.share(result.fit, whole, result.requirement.threshold)
    told = (
        f"{share} of {figures.count(whole, unit)}; {threshold(result.requirement.threshold)} needed"
    )
    return _joined(_raised(told), figures.text(clean(result.reason)))


def plan_sentence(fitness: Fitness, figures: Figures) -> str:
    """Returns where the whole fix plan ends, against the target."""
    if not fitness.fix_plan:
        return "There is no defect to fix." if not fitness.unfit else "No plan could be made."
    last, whole = fitness.fix_plan[-1], fitness.population
    end = figures.share(last.reaches, whole, fitness.use_case.threshold)
    told = f"The {len(fitness.fix_plan)} steps reach {end} of {fitness.use_case.unit}"
    if len(fitness.fix_plan) == 1:
        told = f"The one step reaches {end} of {fitness.use_case.unit}"
    told += f"; {threshold(fitness.use_case.threshold)} are needed"
    if last.clears > last.reaches:
        told += (
            f". No defect is left for {figures.share(last.clears, whole)}; what is still missing "
            "was never received, so no fix of the data can show it"
        )
    return f"{told}."


def spoken(check: Check, figures: Figures) -> Figures:
    """Returns exact figures for a check that counts feeds, types or codes: those are not people."""
    return Figures() if check.unit in NOT_PEOPLE else figures


def check_counts(result: CheckResult, figures: Figures) -> str:
    """Returns a check's numbers, and what is to be known of them."""
    told = _found(result, figures)
    return f"{told}; {clean(result.detail)}" if result.detail else told


def _found(result: CheckResult, figures: Figures) -> str:
    """Returns a check's numbers: violations of what it applies to, and how many patients."""
    noun = _UNITS.get(result.check.unit, "resources")
    said = spoken(result.check, figures)
    told = f"{said.count(result.numerator)} of {said.count(result.denominator, noun)}"
    share = said.share(result.numerator, result.denominator, result.check.threshold)
    if "%" in share:
        told += f" ({share})"
    if result.patients and noun != "patients":
        told += f", {figures.count(result.patients, 'patients')}"
    return told


def check_sentence(result: CheckResult, figures: Figures) -> str:
    """Returns what one check says of the load."""
    if result.verdict == Verdict.NOT_RUN:
        if result.detail == LEFT_OUT:
            return f"Not run: {LEFT_OUT}."
        why = {"unavailable": "Not run yet", "error": "Not run: its query failed"}
        return _joined(why.get(result.reason, "Not run"), clean(result.detail))
    if result.verdict == Verdict.NOT_APPLICABLE or not result.denominator:
        told = "Nothing in these data to judge"
        if result.not_judged:
            told = (
                f"Cannot tell: {figures.count(result.not_judged, 'resources')} could not be judged"
            )
        return _joined(told, figures.text(clean(result.detail)))
    told = f"{_found(result, figures)}; {_allowed(result.check)}"
    if result.not_judged:
        told += f"; {figures.count(result.not_judged)} more could not be judged"
    return _joined(_raised(told), figures.text(clean(result.detail)))


def _allowed(check: Check) -> str:
    if not check.threshold:
        return "none is allowed"
    return f"at most {threshold(check.threshold)} is allowed"


def not_run_sentences(assessment: Assessment, numbers: Numbers) -> Iterator[str]:
    """Yields why checks were not run: each that failed by itself, the others together."""
    idle = with_verdict(assessment, Verdict.NOT_RUN)
    for result in idle:
        if result.reason == "error":
            yield f"{clean(result.check.code)}: {check_sentence(result, numbers.records)}"
    if waiting := [r for r in idle if r.reason != "error" and r.detail != LEFT_OUT]:
        yield f"Not run yet: {_listed(clean(r.check.code) for r in waiting)}; the report says why."
    if dropped := sum(r.detail == LEFT_OUT for r in idle):
        were = "was" if dropped == 1 else "were"
        yield f"{Figures().count(dropped, 'checks')} {were} {LEFT_OUT}."


def checks_sentence(assessment: Assessment) -> str:
    """Returns how many checks fail, pass, do not apply and were not run."""
    if not assessment.checks:
        return "No check was run."
    tally = Counter(r.verdict for r in assessment.checks)
    failed, passed = tally[Verdict.FAIL], tally[Verdict.PASS]
    absent, idle = tally[Verdict.NOT_APPLICABLE], tally[Verdict.NOT_RUN]
    whole = Figures().count(len(assessment.checks), "checks")
    parts = [f"{failed} of {whole} {'fails' if 1 in (failed, len(assessment.checks)) else 'fail'}"]
    parts += [f"{passed} {'passes' if passed == 1 else 'pass'}"]
    parts += [f"{absent} {'does' if absent == 1 else 'do'} not apply"] if absent else []
    parts += [f"{idle} {'was' if idle == 1 else 'were'} not run"] if idle else []
    return f"{_listed(parts)}."


def inputs_sentence(assessment: Assessment, numbers: Numbers) -> str:
    """Returns what was read: records, files, feeds, and what was quarantined."""
    files = assessment.inputs
    if not files:
        return "Nothing was read."
    figures = numbers.records
    records, held = sum(f.records for f in files), sum(f.quarantined for f in files)
    told = (
        f"{figures.count(records, 'records')} in {Figures().count(len(files), 'files')} of "
        f"{Figures().count(len(_by_feed(files)), 'feeds')}: "
        f"{figures.count(_resources(assessment), 'resources')}"
    )
    if not held:
        return f"{_raised(told)}, none quarantined."
    return f"{_raised(told)}, {figures.count(held)} quarantined."


def quarantine_sentences(assessment: Assessment, numbers: Numbers) -> tuple[str, ...]:
    """Returns one sentence a feed that had records quarantined."""
    return tuple(
        f"{clean(feed)}: {numbers.records.count(held)} of "
        f"{numbers.records.count(sum(f.records for f in files), 'records')} quarantined."
        for feed, files in _by_feed(assessment.inputs).items()
        if (held := sum(f.quarantined for f in files))
    )


def failing(assessment: Assessment) -> list[CheckResult]:
    """Returns the failed checks: blockers, then most patients first, then the most severe."""
    failed = (r for r in assessment.checks if r.verdict == Verdict.FAIL)

    def order(result: CheckResult) -> tuple[bool, int, int, str]:
        severity = result.check.severity.rank
        return severity > 0, -result.patients, severity, result.check.code

    return sorted(failed, key=order)


def conformance_sentence(assessment: Assessment, numbers: Numbers) -> str:
    """Returns how many records have what US Core makes mandatory; empty if that was not judged."""
    judged = next(
        (r for r in assessment.checks if r.check.code == "CNF-04" and r.denominator), None
    )
    if judged is None:
        return ""
    said = numbers.records
    whole = said.count(judged.denominator, "records")
    kept = said.share(judged.denominator - judged.numerator, judged.denominator)
    return f"US Core: {kept} of {whole} it has a profile for have what it makes mandatory."


def with_verdict(assessment: Assessment, verdict: Verdict) -> list[CheckResult]:
    """Returns the checks of one verdict, by code."""
    return sorted(
        (r for r in assessment.checks if r.verdict == verdict), key=lambda r: r.check.code
    )


def _gain(fitness: Fitness) -> float:
    step: FixStep = fitness.fix_plan[0]
    return step.gain / max(fitness.population, 1)


def _share_of(fitness: Fitness, numbers: Numbers) -> str:
    figures, case = numbers.of(fitness), fitness.use_case
    share = figures.share(fitness.fit, fitness.population, case.threshold)
    return f"{share} of {figures.count(fitness.population, case.unit)}"


def _by_feed(files: Iterable[InputFile]) -> dict[str, list[InputFile]]:
    feeds: dict[str, list[InputFile]] = defaultdict(list)
    for file in files:
        feeds[file.feed].append(file)
    return feeds


def _resources(assessment: Assessment) -> int:
    return sum(f.resources for f in assessment.inputs)


def _names(cases: Sequence[Fitness]) -> str:
    return _listed(case_name(f) for f in cases)


def _listed(words: Iterable[str]) -> str:
    """Returns `a`, `a and b`, `a, b and c`."""
    *first, last = words
    return f"{', '.join(first)} and {last}" if first else last


def _joined(told: str, reason: str) -> str:
    return _sentence(told) if not reason else f"{_sentence(told)} {_sentence(_raised(reason))}"


def _sentence(words: str) -> str:
    words = words.strip()
    return words if words.endswith((".", "!", "?")) else f"{words}."


def _raised(words: str) -> str:
    return words[:1].upper() + words[1:]


def _lowered(words: str) -> str:
    """Returns words that can follow others: `Map` is lowered, `NEWS2`, `HbA1c` and `A` are not."""
    first = words.split(" ", 1)[0]
    plain = first.replace("-", "").isalpha() and first[1:] == first[1:].lower() and len(first) > 1
    return words[:1].lower() + words[1:] if plain else words
