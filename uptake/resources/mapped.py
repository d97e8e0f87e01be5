"""Approved mappings in the tables. In: mappings, tables as sent; out: the standard code beside.

`coding` gets a row more: the target, at the place of the local code, as if both had been sent. A
flat table has one code of a concept: there the target takes the place of the local code. What the
sender said stands: a concept that came with a code of the target's system gets no other one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database
    from uptake.model import CodeMapping
    from uptake.resources.flat import FlatView

TABLES = """
create or replace table code_mapping (feed varchar, key varchar, system varchar, code varchar,
  display varchar);
create or replace table mapped_coding (rid bigint, path varchar, expression varchar,
  concept varchar, feed varchar, key varchar, system varchar, code varchar, display varchar,
  adds boolean);
"""
"""`key` is what findings call a local code: its system, a bar, the code."""

_FOUND = """
insert into mapped_coding
with found as (
  select c.rid, c.path, c.expression, c.concept, coalesce(c.concept, c.expression) as place, m.*
  from coding c join record i using (rid)
  join code_mapping m on m.feed = i.feed and m.key = c.system || '|' || c.code
),
own as (
  select rid, coalesce(concept, expression) as place, system, list(code) as codes from coding
  where rid in (select rid from found) and trim(code) <> '' group by all
)
select f.rid, f.path, f.expression, f.concept, f.feed, f.key, f.system, f.code, f.display,
  o.rid is null and f.expression = min(f.expression) over (
    partition by f.rid, f.place, f.system, f.code) as adds
from found f left join own o on o.rid = f.rid and o.place = f.place and o.system = f.system
where o.rid is null or list_contains(o.codes, f.code)
"""

_CODING = """
insert into coding (rid, path, expression, concept, system, code, display)
select rid, path, expression, concept, system, code, display from mapped_coding where adds
"""

_CONCEPT = """
update concept set codings = codings + a.n
from (select rid, concept, count(*) as n from mapped_coding where adds group by all) a
where a.rid = concept.rid and a.concept = concept.expression
"""


def apply_mappings(
    db: Database, mappings: Iterable[CodeMapping], views: Sequence[FlatView], *, concepts: bool
) -> None:
    """Add the targets to `coding` and put them into the `raw_…` tables of the views.

    `concepts` tells whether the table `concept` was built. Of several mappings of one code the last
    in order of their targets is taken, so that the order they come in does not matter.
    """
    db.run(TABLES)
    chosen = {(m.feed, m.key): m for m in sorted(mappings)}
    if not chosen:
        return
    db.insert(
        "code_mapping",
        ("feed", "key", "system", "code", "display"),
        [
            (m.feed, m.key, m.target_system, m.target_code, m.target_display or None)
            for m in chosen.values()
        ],
    )
    db.run(_FOUND)
    db.run(_CODING)
    if concepts:
        db.run(_CONCEPT)
    for view in views:
        for column, expression in view.codings.items():
            _replace(db, view, column, expression)


def _replace(db: Database, view: FlatView, column: str, expression: str) -> None:
    """Put the targets into the columns of one code; a name that the target lacks stays as sent."""
    names = [c.name for c in view.compiled.columns]
    display = f"{column}_display"
    named = f', "{display}" = coalesce(m.display, "{display}")' if display in names else ""
    db.run(
        f'update raw_{view.name} set "{column}" = m.code, "{column}_system" = m.system{named} '
        f"from mapped_coding m where m.rid = raw_{view.name}.rid and m.expression = '{expression}'"
    )
