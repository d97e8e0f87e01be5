"""What the data are fit for. In: use cases, findings and tables; out: fitness and its causes.

Each unit of a use case (a patient, an observation set, an order) is fit, unfit (a defect), unknown
(nothing received) or not applicable. A person with several records is counted once, also where the
records are only likely to be one person's: here is nothing but figures.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from uptake.findings import facts
from uptake.findings.plan import Unit, make_plan
from uptake.model import Check, Fitness, Requirement, RequirementResult, UseCase

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

TABLES = """
create table unit (use_case varchar, unit varchar, person bigint, patient_rid bigint,
  anchor timestamp, applicable boolean);
create table unit_state (use_case varchar, requirement varchar, unit varchar, state varchar,
  absent boolean);
create table unit_cause (use_case varchar, requirement varchar, unit varchar, "check" varchar,
  feed varchar, fix_key varchar, rid bigint);
"""
"""`unit_cause` names one resource a cause: the first that shows it."""


@dataclass(frozen=True, slots=True)
class _Told:
    """What can be told of a requirement before its facts are looked at."""

    judged: bool
    reason: str


def judge_fitness(
    db: Database, use_cases: Iterable[UseCase], checks: Mapping[str, Check]
) -> tuple[Fitness, ...]:
    """Return the fitness of each use case; needs `finding` to be complete."""
    db.run("create table defect (code varchar)")
    db.insert("defect", ("code",), [(c.code,) for c in checks.values() if c.effect == "defect"])
    db.run("create table declares (code varchar, path varchar)")
    tested = [(c.code, path) for c in checks.values() for path in c.elements]
    db.insert("declares", ("code", "path"), tested)
    db.run(facts.TABLES + TABLES)
    cases = list(use_cases)
    applies = dict(zip((c.code for c in cases), db.each(_find, cases), strict=True))
    judged = [(f"{c.code}/{r.code}", r) for c in cases if applies[c.code] for r in c.requirements]
    facts.judge_facts(db, judged)

    def judge(own: Database, case: UseCase) -> Fitness:
        told = {r.code: _told(own, r) for r in case.requirements}
        for requirement in case.requirements if applies[case.code] else ():
            _states(own, case, requirement, told[requirement.code])
        return _fitness(own, case, checks, told)

    return tuple(db.each(judge, cases))


def untold(use_cases: Iterable[UseCase], reason: str) -> tuple[Fitness, ...]:
    """Return use cases of which nothing can be told, and why."""
    return tuple(Fitness(case, 0, 0, 0, 0, "cannot tell", reason) for case in use_cases)


def _find(db: Database, case: UseCase) -> bool:
    """Find the units of a use case and their facts; returns whether it applies to any."""
    _units(db, case)
    applies = bool(
        db.rows(
            "select 1 from unit where use_case = ? and applicable is not false limit 1", [case.code]
        )
    )
    if applies:
        for requirement in case.requirements:
            facts.find_facts(db, case.code, requirement)
    return applies


def _units(db: Database, case: UseCase) -> None:
    """Make the units of a use case; a unit that is a patient becomes the person."""
    db.run(
        f"""
        insert into unit
        with population as (
          {case.population}
        ),
        known as (
          select coalesce(case when u.unit::varchar = u.patient_rid::varchar
                               then p.person::varchar end, u.unit::varchar) as unit,
            p.person, u.patient_rid, u.anchor::timestamp as anchor,
            u.applicable::boolean as applicable
          from population u left join counted_person p on p.rid = u.patient_rid
        )
        select $code, unit, min(person), min(patient_rid), max(anchor),
          case when bool_or(applicable) then true
            when bool_or(applicable is null) then null else false end
        from known group by unit
        """,
        {"code": case.code},
    )


def _told(db: Database, requirement: Requirement) -> _Told:
    roles = {role for (role,) in db.rows("select distinct role from feed")}
    if requirement.role == "external" and "external" not in roles:
        return _Told(False, "no feed is declared an outside source (role external)")
    if requirement.role == "ehr" and not roles & {"ehr", ""}:
        return _Told(False, "every feed is declared an outside source (role external)")
    if requirement.role == "ehr" and "ehr" not in roles:
        return _Told(True, "no feed is declared the EHR (role ehr): those without a role are taken")
    return _Told(True, "")


def _none_is_an_answer(requirement: Requirement) -> str:
    """Return the SQL that tells whether "no fact" of a unit means that there is none.

    So it is when a feed that knows the person is declared complete for all types asked for. An
    outside source that does not know the person has answered, too: it has nothing.
    """
    if requirement.needs == "every":
        return "false"
    types = ", ".join(f"'{t}'" for t in requirement.type)
    if requirement.role == "external":
        return f"""exists (
          select c.feed from complete_for c join feed d on d.feed = c.feed
          where c.type in ({types}) and {facts.ROLES[requirement.role]}
          group by c.feed having count(distinct c.type) = {len(requirement.type)})"""
    return f"""u.person in (
          select p.person from complete_for c
          join feed d on d.feed = c.feed join counted_person p on p.feed = c.feed
          where c.type in ({types}) and {facts.ROLES[requirement.role]}
          group by p.person, c.feed having count(distinct c.type) = {len(requirement.type)})"""


def _states(db: Database, case: UseCase, requirement: Requirement, told: _Told) -> None:
    """Judge one requirement for each unit, and keep the causes of those that are unfit.

    Of several facts at the newest instant one usable suffices: a draw is often sent as a panel and
    as a result. A fact without a time may be the newest; then the newest dated one counts too, so
    that its defects are among the causes.
    """
    names = {"case": case.code, "requirement": requirement.code}
    if not told.judged:
        db.run(
            "insert into unit_state select $case, $requirement, unit, 'unknown', true from unit "
            "where use_case = $case and applicable is not false",
            names,
        )
        return
    key = f"{case.code}/{requirement.code}"
    latest = requirement.needs == "latest"
    first = "rank() over (partition by u.unit order by f.at_time desc nulls first) = 1"
    dated = "rank() over (partition by u.unit order by f.at_time desc nulls last) = 1"
    about = "f.rid::varchar = u.unit" if requirement.of_unit else "f.person = u.person"
    db.run(
        f"""
        create temp table met as
        select u.unit, f.rid, f.feed, c.rid is null as usable,
          {first if latest else "true"} as counts
        from unit u join fact f on {about}
        left join (select distinct rid from fact_cause where requirement = '{key}') c
          on c.rid = f.rid
        where u.use_case = '{case.code}' and u.applicable is not false
          and f.requirement = '{key}' and {_window(requirement)}
        {f"qualify {first} or {dated}" if latest else ""}
        """
    )
    usable = "bool_or(usable)" if latest else "bool_and(usable)"
    db.run(
        f"""
        insert into unit_state
        select $case, $requirement, u.unit,
          case when u.applicable is null then 'unknown'
            when m.unit is null and {_none_is_an_answer(requirement)} then 'fit'
            when m.unit is null then 'unknown' when m.usable then 'fit' else 'unfit' end,
          m.unit is null
        from unit u
        left join (select unit, {usable} as usable from met where counts group by unit) m
          using (unit)
        where u.use_case = $case and u.applicable is not false
        """,
        names,
    )
    db.run(
        f"""
        insert into unit_cause
        select $case, $requirement, m.unit, c."check", m.feed, c.fix_key, min(m.rid)
        from met m join unit_state s on s.unit = m.unit and s.use_case = $case
          and s.requirement = $requirement and s.state = 'unfit'
        join fact_cause c on c.rid = m.rid and c.requirement = '{key}'
        group by all
        """,
        names,
    )
    db.run("drop table met")


def _window(requirement: Requirement) -> str:
    """Return the SQL of the look-back. An undated fact may be the newest, but is of no set."""
    if requirement.of_unit:
        return "true"
    if requirement.minutes is not None:
        ends = f"u.anchor + interval {requirement.minutes} minute"
        starts = f"u.anchor - interval {requirement.minutes_before or 0} minute"
        return f"(f.at_time >= {starts} and f.at_time <= {ends})"
    past = "(f.at_time <= u.anchor or f.at_date <= u.anchor::date)"
    if requirement.months is not None:
        starts = f"(u.anchor - interval {requirement.months} month)::date"
        return f"(f.at_date is null or (f.at_date >= {starts} and {past}))"
    return f"(f.at_date is null or {past})"


_STATE = """
select unit, case when bool_or(state = 'unfit') then 'unfit' when bool_or(state = 'unknown')
  then 'unknown' else 'fit' end as state from unit_state where use_case = $case group by unit
"""


def _fitness(
    db: Database, case: UseCase, checks: Mapping[str, Check], told: Mapping[str, _Told]
) -> Fitness:
    names = {"case": case.code}
    counts = dict(db.rows(f"select state, count(*) from ({_STATE}) group by state", names))
    fit, unfit, unknown = (counts.get(s, 0) for s in ("fit", "unfit", "unknown"))
    outside = db.row(
        "select count(*) from unit where use_case = $case and applicable is false", names
    )[0]
    requirements = tuple(_requirement(db, case, r, told[r.code]) for r in case.requirements)
    plan = make_plan(_plan_units(db, case), checks)
    reaches = plan[-1].reaches if plan else fit
    verdict, reason = _verdict(case, (fit, unfit, unknown), reaches, requirements)
    return Fitness(case, fit, unfit, unknown, outside, verdict, reason, requirements, plan)


def _requirement(
    db: Database, case: UseCase, requirement: Requirement, told: _Told
) -> RequirementResult:
    names = [case.code, requirement.code]
    rows = db.rows(
        "select state, count(*), count(*) filter (absent) from unit_state "
        "where use_case = ? and requirement = ? group by state",
        names,
    )
    counts, absent = {s: n for s, n, _ in rows}, sum(n for *_, n in rows)
    fit, unfit, unknown = (counts.get(s, 0) for s in ("fit", "unfit", "unknown"))
    total = fit + unfit + unknown
    reason = told.reason
    if total == 0:
        verdict = "not applicable"
    elif fit >= requirement.threshold * total:
        verdict = "fit"
    elif unknown > case.unknown_limit * total:
        verdict = "cannot tell"
        reason = reason or _why_unknown(requirement)
    else:
        verdict = "unfit"
    return RequirementResult(requirement, fit, unfit, unknown, verdict, reason, absent)


def _why_unknown(requirement: Requirement) -> str:
    types = " or ".join(requirement.type)
    if requirement.needs == "every":
        return f"too many have no such {types} in these data"
    within = "" if requirement.months is None else f" of the last {requirement.months} months"
    return f"too many have no such {types}{within}, and no source is declared complete for it"


def _verdict(
    case: UseCase,
    counts: tuple[int, int, int],
    reaches: int,
    requirements: Sequence[RequirementResult],
) -> tuple[str, str]:
    """Return the verdict and its reason: at risk means that the fix plan reaches the threshold."""
    fit, unfit, unknown = counts
    total = fit + unfit + unknown
    if total == 0:
        return "not applicable", f"the data hold no {case.unit} of this use case"
    if fit >= case.threshold * total:
        return "fit", ""
    if unknown > case.unknown_limit * total:
        open_ones = [r for r in requirements if r.unknown > case.unknown_limit * total]
        worst = max(open_ones or requirements, key=lambda r: r.unknown)
        return "cannot tell", f"{worst.requirement.title}: {worst.reason or 'nothing was found'}"
    return ("at risk" if reaches >= case.threshold * total else "unfit"), ""


def _plan_units(db: Database, case: UseCase) -> list[Unit]:
    """Return the units grouped by their causes and by whether something is unknown beside."""
    rows = db.rows(
        f"""
        with state as ({_STATE}),
        open as (select distinct unit from unit_state where use_case = $case and state = 'unknown'),
        cause as (
          select unit, list_sort(list(distinct [ "check", feed, fix_key ])) as causes
          from unit_cause where use_case = $case group by unit
        )
        select c.causes, o.unit is not null as unknown, count(*)
        from state s left join cause c using (unit) left join open o using (unit)
        group by all order by all
        """,
        {"case": case.code},
    )
    return [Unit(frozenset(map(tuple, causes or ())), unknown, n) for causes, unknown, n in rows]
