"""The tables of conformance. In: a load and definitions; out: what checks and reports read.

Everything is worked out by shape and joined to the resources when it is read.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from uptake.conformance.bindings import ValueSets
from uptake.conformance.coverage import must_support
from uptake.conformance.issues import Rule
from uptake.conformance.packages import Profiles, read_definitions
from uptake.conformance.rules import rules_of
from uptake.conformance.shapes import Shapes
from uptake.conformance.verdicts import Verdict, Verdicts, any_profile
from uptake.terminology.value_sets import expansion

if TYPE_CHECKING:
    from uptake.conformance.definitions import Definitions
    from uptake.conformance.judge import Judge
    from uptake.engine.duckdb import Database

NAMES = frozenset(
    ["conformance_issue", "conformance_judged", "conformance_rule", "element_coverage"]
)

_TABLES = """
create table shape_issue (shape bigint, profile varchar, claimed boolean, best_fit boolean,
  kind varchar, rule varchar, severity varchar, expression varchar, evidence varchar,
  suggestion varchar);
create table shape_verdict (shape bigint, profile varchar, claimed boolean, best_fit boolean,
  judged boolean);
create table shape_element (shape bigint, profile varchar, element varchar);
create table must_support_element (profile varchar, number bigint, element varchar);
create table conformance_rule (profile varchar, element varchar, kind varchar, rule varchar,
  judged boolean, reason varchar);
"""
_VIEWS = """
create view conformance_issue as
  select s.rid, i.* exclude (shape) from shape_issue i join resource_shape s using (shape);
create table rule_count as
  select profile, count(*) filter (judged) as rules_judged,
    count(*) filter (not judged) as rules_skipped from conformance_rule group by profile;
create view conformance_judged as
  select s.rid, v.profile, v.claimed, v.best_fit,
    case when v.judged then coalesce(c.rules_judged, 0) else 0 end as rules_judged,
    coalesce(c.rules_skipped, 0) as rules_skipped
  from shape_verdict v join resource_shape s using (shape) left join rule_count c using (profile);
create table element_coverage as
with carried as (
  select r.feed, v.profile, s.shape, count(*) as resources
  from shape_verdict v join resource_shape s using (shape) join record r using (rid)
  where v.best_fit and v.judged group by all
)
select c.feed, c.profile, m.number, m.element, true as must_support,
  sum(c.resources)::bigint as resources,
  coalesce(sum(case when e.shape is not null then c.resources end), 0)::bigint as populated
from carried c join must_support_element m using (profile)
left join shape_element e
  on e.shape = c.shape and e.profile = c.profile and e.element = m.element
group by c.feed, c.profile, m.number, m.element;
"""


@dataclass(slots=True)
class _Rows:
    """What is inserted when all shapes are judged."""

    issues: list[tuple[object, ...]] = field(default_factory=list)
    verdicts: list[tuple[object, ...]] = field(default_factory=list)
    elements: list[tuple[object, ...]] = field(default_factory=list)

    def add(self, shape: int, verdict: Verdict) -> None:
        """Add what one definition says of a shape."""
        place = (shape, verdict.profile, verdict.claimed, verdict.best_fit)
        self.verdicts.append((*place, verdict.judged))
        self.elements += [(shape, verdict.profile, e) for e in sorted(verdict.populated)]
        self.issues += [
            (*place, i.kind, i.key, i.severity, i.expression, i.evidence, i.suggestion)
            for i in dict.fromkeys(verdict.issues)
        ]


def build_conformance(db: Database, profiles: Profiles) -> None:
    """Make `conformance_issue`, `conformance_judged`, `conformance_rule` and `element_coverage`.

    The tables `stored` and `record` must exist. Raises SourceError for a package that is none.
    """
    db.run(_TABLES)
    definitions = read_definitions(profiles.packages)
    value_sets = ValueSets(lambda url: expansion(url, profiles.releases))
    shapes = _group(db, definitions)
    verdicts, rows = Verdicts(definitions, value_sets), _Rows()
    for own, fields, number in shapes:
        for verdict in verdicts.on(own, fields):
            rows.add(number, verdict)
    db.insert(
        "shape_issue",
        ("shape", "profile", "claimed", "best_fit", "kind", "rule", "severity", "expression",
         "evidence", "suggestion"),
        rows.issues,
    )  # fmt: skip
    db.insert("shape_verdict", ("shape", "profile", "claimed", "best_fit", "judged"), rows.verdicts)
    db.insert("shape_element", ("shape", "profile", "element"), rows.elements)
    _rules(db, verdicts)
    db.run(_VIEWS)


def _group(db: Database, definitions: Definitions) -> Shapes:
    """Read every resource once and note its shape."""
    import pyarrow as pa

    shapes = Shapes(definitions)
    rids: list[pa.Array[Any]] = [pa.array([], pa.int64())]
    numbers: list[pa.Array[Any]] = [pa.array([], pa.int64())]
    for batch in db.batches(
        "select s.rid, s.type, s.text from stored s semi join record r using (rid)"
    ):
        texts = batch.column("text").cast(pa.binary()).to_pylist()
        kinds = batch.column("type").to_pylist()
        rids.append(batch.column("rid"))
        found = [shapes.shape_of(str(k), t or b"") for k, t in zip(kinds, texts, strict=True)]
        numbers.append(pa.array(found, pa.int64()))
    columns = [pa.chunked_array(rids), pa.chunked_array(numbers)]
    db.load("resource_shape", pa.table(columns, names=["rid", "shape"]), "rid, shape")
    return shapes


def _row(rule: Rule) -> tuple[object, ...]:
    return rule.element, rule.kind, rule.key, not rule.reason, rule.reason or None


def _seen(rule: Rule, judge: Judge) -> Rule:
    """Return a rule as it was met: one that a record could not be judged by is not judged."""
    met = judge.not_judged.get(rule.key) if rule.kind == "invariant" else None
    return replace(rule, reason=f"not in every record: {met}") if met and not rule.reason else rule


def _rules(db: Database, verdicts: Verdicts) -> None:
    """List the rules of every definition that judged something."""
    rules: list[tuple[object, ...]] = []
    elements: list[tuple[object, ...]] = []
    for url, judge in sorted(verdicts.judges.items()):
        own = rules_of(judge.definition, verdicts.definitions, verdicts.value_sets)
        rules += [(url, *_row(_seen(rule, judge))) for rule in dict.fromkeys(own)]
        if judge.definition.derived:
            elements += [(url, n, e) for n, e in enumerate(must_support(judge.definition))]
    for kind, keys in verdicts.common.items():
        shared = [Rule(key.partition(" ")[0], "cardinality", key) for key in sorted(keys)]
        rules += [(any_profile(kind), *_row(rule)) for rule in shared]
    db.insert("conformance_rule", ("profile", "element", "kind", "rule", "judged", "reason"), rules)
    db.insert("must_support_element", ("profile", "number", "element"), elements)
