"""Does a display name what its code means? In: what was sent, what a release holds; out: a verdict.

Only a name that clearly belongs to another concept contradicts its code. A name that no concept is
called by may be a synonym, an abbreviation or another language: that cannot be told.
"""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Iterable, Sequence
from importlib import resources
from typing import TYPE_CHECKING, Any

from uptake.engine.duckdb import listed, quoted
from uptake.terminology.sources import Answer, concepts

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

_SENT = """
create temp table sent_display as
select row_number() over (order by system, code, display) as n, *, {words} as words
from (
  select c.system, c.code, c.display, s.rules, k.code as known, k.display as name,
    k.code is null and t.status <> 'invalid' as untold
  from sent c
  join sought s on s.system = c.system and s.code = c.code
  join code_status t on t.system = c.system and t.code = c.code
  left join known_code k on k.sent_system = c.system and k.sent_code = c.code
  where s.standard and trim(c.display) <> '' and trim(c.code) <> ''
)
"""

_NAMES = """
create temp table own_name as
select n, max(case when held is null then 0.0 when words = held then 1.0
    else len(list_intersect(words, held)) / greatest(least(len(words), len(held)), 1)
    end) as alike
from (
  select d.n, d.words, {words} as held from sent_display d
  left join (
    select k.sent_system as system, k.sent_code as code, k.display from known_code k
    union all
    select k.sent_system, k.sent_code, o.display from other_name o
    join known_code k on k.system = o.system and k.code = o.code
  ) as x on x.system = d.system and x.code = d.code
) group by n
"""
"""How alike a display is to the names of its own concept: the share of the shorter name's words."""

_DOUBTED = """
create temp table doubted as
select d.n, d.rules, d.known, list_sort(d.words) as words,
  list_max(list_transform(d.words, lambda w: lpad(length(w)::varchar, 3, '0') || w))[4:] as longest
from sent_display d join own_name o using (n)
where not d.untold and o.alike < {similar} and len(d.words) > 0
"""
"""Displays that are no name of their code; the longest word is mostly the rarest."""

_BETTER = """
create temp table better_name as
select d.n, p.code, p.display from doubted d
join (select system, code, display, list_sort({words}) as words from pool) p
  on p.system = d.rules and p.words = d.words and p.code is distinct from d.known
qualify row_number() over (partition by d.n order by p.code, p.display) = 1
"""
"""The other concept whose name a display is, word for word in any order."""

_STATUS = """
create table display_status as
select d.system, d.code, d.display,
  case when o.alike >= {similar} then true
    when d.known is not null and b.n is not null then false end as display_ok,
  d.name as meant, b.code as better_code, b.display as better_display
from sent_display d join own_name o using (n) left join better_name b using (n)
"""


def build_display_status(db: Database, asked: Sequence[Answer]) -> None:
    """Make `display_status` from `sought`, `code_status` and `known_code`; `asked` made those.

    A code that its system does not have is looked up by its display alone.
    """
    similar = float(_settings()["similar"])
    db.run(_SENT.format(words=_words("display")))
    _other_names(db, asked)
    db.run(_NAMES.format(words=_words("x.display")))
    db.run(_DOUBTED.format(similar=similar))
    _pool(db, asked)
    db.run(_BETTER.format(words=_words("display")))
    db.run(_STATUS.format(similar=similar))
    for table in ("sent_display", "other_name", "own_name", "doubted", "pool", "better_name"):
        db.run(f"drop table {table}")


@functools.cache
def _settings() -> dict[str, Any]:
    path = resources.files("uptake") / "content" / "terminology" / "displays.toml"
    return tomllib.loads(path.read_text("utf-8"))


def _words(column: str) -> str:
    """Return the SQL of a name's words, each once, without those that say nothing."""
    split = f"string_split_regex(lower(strip_accents({column})), '[^a-z0-9]+')"
    empty = listed(["", *_settings()["empty"]])
    return f"list_distinct(list_filter({split}, lambda w: not list_contains({empty}, w)))"


def _other_names(db: Database, asked: Iterable[Answer]) -> None:
    """Make `other_name`: what else the concepts of the load are called."""
    db.run("create temp table other_name (system varchar, code varchar, display varchar)")
    for path in sorted({a.release.folder / "designation.parquet" for a in asked}):
        if path.is_file():
            db.run(
                f"insert into other_name select o.* from read_parquet({quoted(str(path))}) o "
                "semi join known_code k on k.system = o.system and k.code = o.code"
            )


def _pool(db: Database, asked: Iterable[Answer]) -> None:
    """Make `pool`: the names in use that hold the longest word of a doubted display.

    A release has a million names: what cannot be the display is left out before words are taken
    apart.
    """
    db.run("create temp table pool (system varchar, code varchar, display varchar)")
    wanted: dict[str, list[str]] = {}
    for system, word in db.rows("select distinct rules, longest from doubted order by all"):
        wanted.setdefault(system, []).append(word)
    for answer in asked:
        if answer.system not in wanted:
            continue
        told = [answer.system, "|".join(wanted[answer.system])]
        held = "system = ? and regexp_matches(lower(strip_accents(display)), ?)"
        active = f"(select system, code, display from ({concepts(answer.release)}) where active)"
        db.run(f"insert into pool select * from {active} where {held}", told)
        path = answer.release.folder / "designation.parquet"
        if path.is_file():
            names = f"(select * from read_parquet({quoted(str(path))}) where {held})"
            db.run(f"insert into pool select n.* from {names} n semi join {active} c "
                   "on c.system = n.system and c.code = n.code", told)  # fmt: skip
