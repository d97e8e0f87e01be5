"""Facts a use case rests on. In: a requirement; out: its facts, and why each cannot be used.

A fact is usable when its code is one the requirement names, the elements it needs are there, and no
defect check of severity blocker or high is violated on them. A fact under a local name that only
sounds right is a candidate: it is never accepted, but its defects say what blocks it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from uptake import r4
from uptake.definitions.elements import flat_name, json_path
from uptake.engine.duckdb import quoted
from uptake.model import SERIOUS
from uptake.resources.view.shape import Tree, from_tree, transform_spec

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database
    from uptake.model import Requirement

ABSENT = "CTX-16"
"""Fitness itself: the cause of an element that was not sent, where no other check explains it."""

_SEVERE = tuple(map(str, SERIOUS))
TABLES = f"""
create table fact (requirement varchar, rid bigint, type varchar, feed varchar, person bigint,
  at_time timestamp, at_date date, exact boolean, matched varchar);
create table fact_cause (requirement varchar, rid bigint, "check" varchar, fix_key varchar);
create table drug as
  select rid, 'MedicationRequest' as type, medication_rid from medication_request
  where medication_rid is not null
  union all select rid, 'MedicationStatement', medication_rid from medication_statement
  where medication_rid is not null
  union all select rid, 'MedicationDispense', medication_rid from medication_dispense
  where medication_rid is not null;
create table violation as
  with own as (
    select rid, "check", severity in {_SEVERE} as severe,
      coalesce(fix_key, '') as fix_key,
      regexp_replace(coalesce(expression, resource_type),
        '[.]contained[[][0-9]+[]][.]code', '.medication') as expression
    from finding where "check" in (select code from defect) and "check" <> '{ABSENT}'
  ),
  every as (
    from own union all
    select d.rid, o."check", o.severe, o.fix_key,
      replace(o.expression, 'Medication.code', d.type || '.medication')
    from own o join drug d on d.medication_rid = o.rid
    where starts_with(o.expression, 'Medication.code')
  )
  select *, regexp_replace(expression, '[[][0-9]+[]]', '', 'g') as element from every;
"""
"""A drug's code often stands in a Medication, its own resource or one inside the request: what is
wrong with it is wrong with the request's `medication`."""
READS = frozenset(
    [
        "event",
        "patient",
        "counted_person",
        "concept",
        "coding",
        "system_status",
        "medication_request",
        "medication_statement",
        "medication_dispense",
    ]
)
"""Tables read for any requirement, beside the flat tables of its types."""


@dataclass(frozen=True, slots=True)
class Element:
    """An element a fact must have: its FHIRPath and the JSON properties that lead to it."""

    path: str
    """Without indexes and types: `Observation.value.value`."""
    steps: tuple[tuple[tuple[str, bool], ...], ...]
    """One chain of (JSON name, is an array) for each type the path stands for."""
    concept: bool
    label: str
    """As people write it in an interface: `Observation.valueQuantity.value`."""
    choices: tuple[str, ...]
    """Choices on the way: what is wrong with `Observation.value` explains an absent quantity."""

    @property
    def of_component(self) -> bool:
        """Tell whether it stands in a component: then only the component meant counts."""
        return bool(self.steps) and all(c[0] == ("component", True) for c in self.steps)


def element(text: str) -> Element:
    """Return the element of a path as definitions write it: `Observation.value.ofType(Range)`."""
    first, *names = json_path(text).split(".")
    chains: list[tuple[tuple[tuple[str, bool], ...], str]] = [((), first)]
    elements = [first]
    choices = []
    for name in names:
        grown = [
            ((*chain, (f.json_name, f.many)), f.type, f.element)
            for chain, type_name in chains
            for f in r4.node(type_name).fields
            if name.removesuffix("[x]") in (f.element, f.json_name)
        ]
        chains = [(chain, type_name) for chain, type_name, _ in grown]
        elements.append(grown[0][2])
        if any(chain[-1][0] != grown[0][2] for chain, _, _ in grown):
            choices.append(".".join(elements))
    concept = any(type_name == "CodeableConcept" for _, type_name in chains)
    steps = tuple(chain for chain, _ in chains)
    return Element(".".join(elements), steps, concept, json_path(text), tuple(choices))


def groups(requirement: Requirement, resource_type: str) -> list[list[Element]]:
    """Return the elements of one type, each with its alternatives."""
    found = [[element(part.strip()) for part in e.split("|")] for e in requirement.elements]
    return [g for g in found if g[0].path.split(".")[0] == resource_type]


def find_facts(db: Database, case: str, requirement: Requirement) -> None:
    """Add the facts of a requirement about the units of a use case to the table `fact`."""
    key = f"{case}/{requirement.code}"
    for resource_type in requirement.type:
        condition = f"({requirement.where})" if requirement.where else "true"
        of, of_units = ("f.rid::varchar", "unit") if requirement.of_unit else ("p.person", "person")
        db.run(
            f"""
            create temp table candidate as
            select f.rid, i.feed, p.person,
              {TIMES.get(resource_type, "null::timestamp")} as own_time
            from {flat_name(resource_type)} f
            left join counted_person p on p.rid = f.patient_rid
            join record i on i.rid = f.rid
            join feed d on d.feed = i.feed
            where not f.entered_in_error and {condition} and {ROLES[requirement.role]}
              and {of} in (select {of_units} from unit
                           where use_case = '{case}' and applicable is not false)
            """
        )
        db.run(
            f"""
            insert into fact
            select '{key}', f.rid, '{resource_type}', f.feed, f.person,
              coalesce(e.at_time, f.own_time), coalesce(e.at_date, f.own_time::date),
              coalesce(k.exact, not {bool(requirement.codes)}),
              replace(regexp_replace(k.matched, '[.]contained[[][0-9]+[]][.]code', '.medication'),
                'Medication.code', '{resource_type}.medication')
            from candidate f
            left join event e on e.rid = f.rid
            {_codes_sql(requirement, resource_type)}
            """
        )
        db.run("drop table candidate")


TIMES = {
    "Claim": "f.created",
    "ClaimResponse": "f.created",
    "Coverage": "f.period_start",
    "DeviceRequest": "f.authored_on",
}
"""The clinical time of types that `event` does not hold."""
ROLES = {
    "": "true",
    "external": "d.role = 'external'",
    "ehr": "(d.role = 'ehr' or (d.role = '' and not exists "
    "(select 1 from feed where feed.role = 'ehr')))",
}
"""Which feeds count; where nobody said which is the EHR, all that are not outside sources."""


def _codes_sql(requirement: Requirement, resource_type: str) -> str:
    """Return the join that keeps the facts whose code, or whose name, is meant."""
    if not requirement.codes:
        return "left join (select null::boolean as exact, null as matched) k on false"
    paths = [e.path for g in groups(requirement, resource_type) for e in g if e.concept]
    drugs = any(p.endswith(".medication") for p in paths)
    here = [*paths, f"{resource_type}.contained.code"] if drugs else paths
    source = (
        f"(select rid as fact, * from concept where path in ({_listed(here)}) "
        "and rid in (select rid from candidate)"
    )
    if drugs:
        source += (
            " union all select g.rid as fact, c.* from concept c "
            "join drug g on g.medication_rid = c.rid where c.path = 'Medication.code' "
            "and g.rid in (select rid from candidate)"
        )
    source += ")"
    sent = _matches("c.system", requirement)
    meant = _matches("s.canonical", requirement)
    listed = [c for codes in requirement.codes.values() for c in codes if "*" not in c]
    bare = f"(c.system is null and c.code in ({_listed(listed)}))" if listed else "false"
    words = "|".join(re.escape(w.lower()) for w in requirement.words)
    named = (
        f"(regexp_matches(lower(t.text), {quoted(words)}) "
        f"or regexp_matches(lower(c.display), {quoted(words)}))"
        if words
        else "false"
    )
    every = all(codes == ("*",) for codes in requirement.codes.values())
    kept = "true" if every else "(k.exact or k.meant or (k.named and not k.standard))"
    return f"""
        join (
          select t.fact, coalesce(bool_or({sent}), false) as exact,
            min(c.expression) filter ({sent}) as matched,
            coalesce(bool_or({meant} or {bare}), false) as meant,
            coalesce(bool_or({named}), false) as named,
            coalesce(bool_or(s.standard), false) as standard
          from {source} t
          left join coding c on c.rid = t.rid and c.concept = t.expression
          left join system_status s on s.system = c.system
          group by t.fact
        ) k on k.fact = f.rid where {kept}"""


def _matches(system: str, requirement: Requirement) -> str:
    tests = []
    for uri, codes in requirement.codes.items():
        plain = [c for c in codes if not c.endswith("*")]
        tests += [f"({system} = {quoted(uri)} and c.code in ({_listed(plain)}))"] if plain else []
        tests += [
            f"({system} = {quoted(uri)} and starts_with(c.code, {quoted(c[:-1])}))"
            for c in codes
            if c.endswith("*")
        ]
    return f"({' or '.join(tests)})"


def judge_facts(db: Database, requirements: Sequence[tuple[str, Requirement]]) -> None:
    """Fill `fact_cause`: one row a reason why a fact cannot be used."""
    with_facts = set(db.rows("select distinct requirement, type from fact"))

    def judge(own: Database, resource_type: str) -> None:
        of_type = [(k, r) for k, r in requirements if (k, resource_type) in with_facts]
        needed = {e for _, r in of_type for g in groups(r, resource_type) for e in g}
        _read_presence(own, resource_type, sorted(needed, key=lambda e: e.path))
        for key, requirement in of_type:
            _code_causes(own, key, requirement, resource_type)
            for group in groups(requirement, resource_type):
                _element_causes(own, key, resource_type, group)
        own.run("drop table present")

    db.each(judge, sorted({kind for _, kind in with_facts}))


def _read_presence(db: Database, resource_type: str, elements: Sequence[Element]) -> None:
    """Make `present`: one row a fact of the type, one boolean an element."""
    tree: Tree = {}
    for one in elements:
        for chain in one.steps:
            branch = tree
            for name, _ in chain:
                branch = branch.setdefault(name, {})
    columns = "".join(f', {_presence(e)} as "{_column(e)}"' for e in elements)
    spec = transform_spec(from_tree(resource_type, tree))
    db.run(
        f"create temp table present as select rid{columns} from ("
        f"select rid, json_transform(text, '{spec}') as r from stored where type = "
        f"'{resource_type}' and rid in (select rid from fact where type = '{resource_type}'))"
    )


def _presence(one: Element) -> str:
    """Return the SQL of whether an element is there; of a component's, one answer a component."""
    if not one.of_component:
        return f"({' or '.join(_present('r', chain) for chain in one.steps)})"
    inside = " or ".join(_present("e0", chain[1:], 1) for chain in one.steps)
    return f'list_transform(r."component", lambda e0: ({inside}))'


def _is_present(one: Element) -> str:
    """Return the SQL of whether the element is there in the component that the code matched."""
    column = f'p."{_column(one)}"'
    if not one.of_component:
        return f"bool_and({column})"
    at = "try_cast(regexp_extract(f.matched, 'component[[]([0-9]+)[]]', 1) as integer)"
    return (
        f"bool_and(case when {at} is null then list_contains({column}, true) "
        f"else {column}[{at} + 1] end is true)"
    )


def _column(one: Element) -> str:
    return f"{one.path}/{'|'.join('.'.join(n for n, _ in c) for c in one.steps)}"


def _present(value: str, chain: Sequence[tuple[str, bool]], depth: int = 0) -> str:
    if not chain:
        return f"{value} is not null"
    (name, many), *rest = chain
    field = f'{value}."{name}"'
    if not many:
        return _present(field, rest, depth)
    inner = _present(f"e{depth}", rest, depth + 1)
    return f"coalesce(len(list_filter({field}, lambda e{depth}: {inner})) > 0, false)"


def _code_causes(db: Database, key: str, requirement: Requirement, resource_type: str) -> None:
    """A fact that is not under a code named is blocked by whatever is wrong with its code."""
    if not requirement.codes:
        return
    concepts = [e for g in groups(requirement, resource_type) for e in g if e.concept]
    related = " or ".join(_related("v.element", e.path) for e in concepts)
    db.run(
        f"""
        insert into fact_cause
        with blocked as (select * from fact where requirement = '{key}'
                         and type = '{resource_type}' and not exact)
        select '{key}', f.rid, coalesce(v."check", '{ABSENT}'),
          coalesce(v.fix_key, '{concepts[0].label}')
        from blocked f left join violation v on v.rid = f.rid and ({related})
        """
    )


def _element_causes(db: Database, key: str, resource_type: str, group: Sequence[Element]) -> None:
    """A fact whose element is absent or violated, in every alternative, is blocked by that.

    An absent element is its own cause, unless a check explains it: one that is violated on the
    element or on the choice it belongs to, or one that names the element among those it tests.
    What the list of components lacks is no fault of the component meant.
    """
    tests = []
    for one in group:
        violated = f"bool_or(coalesce({_related('v.element', one.path)}, false))"
        tests.append(f"({_is_present(one)} and not {violated})")
    absent = " and ".join(f"not {_is_present(one)}" for one in group)
    paths = _listed([one.path for one in group])
    explains = " or ".join(
        f"v.element = '{one.path}' or starts_with(v.element, '{one.path}.')" for one in group
    )
    choices = _listed([path for one in group for path in one.choices])
    related = " or ".join(_related("v.element", e.path) for e in group)
    concept = any(e.concept for e in group)
    skip_code = "and f.exact" if concept else ""
    db.run(
        f"""
        insert into fact_cause
        with severe as (
          select v.* from fact f join violation v using (rid)
          where f.requirement = '{key}' and f.type = '{resource_type}' and v.severe
            and ({related})
            and (f.matched is null or not contains(v.expression, '.coding[')
                 or starts_with(v.expression, f.matched) or {str(not concept).lower()})
            and not (v.expression = '{resource_type}.component'
                     and coalesce(contains(f.matched, 'component['), false))
            and (not contains(v.expression, 'component[')
                 or coalesce(regexp_extract(f.matched, '^.*component[[][0-9]+[]]'), '') = ''
                 or starts_with(v.expression,
                                regexp_extract(f.matched, '^.*component[[][0-9]+[]]')))
        ),
        blocked as (
          select f.rid, {absent} as absent,
            bool_or(v.rid is not null and ({explains} or v.element in ({choices})
              or exists (select 1 from declares d
                         where d.code = v."check" and d.path in ({paths})))) as explained
          from fact f join present p using (rid)
          left join severe v using (rid)
          where f.requirement = '{key}' and f.type = '{resource_type}' {skip_code}
          group by f.rid having not ({" or ".join(tests)})
        )
        select distinct '{key}', b.rid, v."check", v.fix_key
        from blocked b join severe v using (rid)
        union
        select '{key}', rid, '{ABSENT}', '{group[0].label}' from blocked
        where absent and explained is not true
        """
    )


def _related(element_sql: str, path: str) -> str:
    """Return the SQL that tells whether a finding is on the element, above it or below it."""
    return (
        f"({element_sql} = '{path}' or starts_with({element_sql}, '{path}.') "
        f"or starts_with('{path}', {element_sql} || '.'))"
    )


def _listed(texts: Sequence[str]) -> str:
    return ", ".join(quoted(t) for t in texts) or "''"
