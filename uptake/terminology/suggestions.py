"""What a local code may stand for. In: what is known of local codes; out: ranked standard codes.

Names are compared by their letters (BM25, Robertson and Zaragoza 2009, over pieces of three and
four), with the names that are asked about in the index, so that what all of them say weighs little.
Where it is measured, and in what unit, are vetoes: what contradicts them is no suggestion. Nothing
is applied by itself: a person decides.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from uptake.engine.duckdb import Database, brief_database
from uptake.terminology.check_digits import LOINC
from uptake.terminology.lab_words import (
    agreement,
    fold,
    ranking,
    read_name,
    specimen_said,
    usual_system,
)
from uptake.terminology.loinc import load_terms
from uptake.terminology.properties import property_fits, same_scale

if TYPE_CHECKING:
    from uptake.model import CodeMapping

LISTED = 5
_NAMED = "a use case looks for this name"
_RAREST, _CANDIDATE_DOCUMENTS, _SHORTLIST = 12, 900, 300
"""Pieces of a name, documents with them, codes that are ranked: what bounds the work."""
_SHARE_OF = re.compile(r"/(100 .*|[^/]*[.]total)\Z")
_PANEL, _WORDS, _NUMBERS = "-", frozenset({"Ord", "Nom", "Nar", "Doc", "OrdQn"}), "Qn"


@dataclass(frozen=True, slots=True)
class Asked:
    """What is known of a local code."""

    name: str
    specimen: str = ""
    """As sent, in words."""
    unit: str = ""
    """A UCUM code; empty where none is sent."""
    numeric: bool | None = None
    """Whether its values are numbers; None where that is not known."""
    named: tuple[str, str] | None = None
    """The system and code that a use case looks for under this name."""


@dataclass(frozen=True, slots=True, order=True)
class Suggestion:
    """A standard code that a local one may stand for."""

    system: str
    code: str
    display: str
    reasons: tuple[str, ...]
    """Why, in words, as in `unit mg/dL fits`."""

    @property
    def target(self) -> str:
        """Return how people write it: the system, a bar, the code."""
        return f"{self.system}|{self.code}"


@dataclass(frozen=True, slots=True)
class _Term:
    """A code of the shortlist and how its name was found."""

    system: str
    code: str
    name: str
    component: str
    property: str
    specimen: str
    scale: str
    method: str
    units: str
    """LOINC's examples, between semicolons; empty where it gives none."""
    likeness: float
    """BM25 of the name against what it could be at most; 1 and more is a good one."""
    share: float
    """Of the letters asked for that it has, weighed by how telling they are; 0 to 1."""
    remembered: str
    """What it was approved for; empty: found by its own name."""


def suggest(
    asked: Sequence[Asked], pool: Path, remembered: Iterable[CodeMapping] = ()
) -> list[tuple[Suggestion, ...]]:
    """Return up to five codes for each local code, the likeliest first.

    `pool` is a table with LOINC's columns. `remembered` are mappings approved elsewhere: their
    local names lead to their targets.
    """
    found: list[tuple[Suggestion, ...]] = [()] * len(asked)
    if not asked:
        return found
    with brief_database("1GB", threads=2) as db:
        load_terms(db, pool)
        _load_documents(db, remembered, asked)
        _load_asked(db, asked)
        for number, terms in _shortlists(db):
            found[number] = tuple(_ranked(asked[number], terms))
        held = {(LOINC, code) for (code,) in db.rows("select code from term")}
    for number, one in enumerate(asked):
        if one.named and one.named not in held:
            found[number] = (Suggestion(*one.named, "", (_NAMED,)), *found[number][: LISTED - 1])
    return found


def _load_documents(
    db: Database, remembered: Iterable[CodeMapping], asked: Iterable[Asked]
) -> None:
    """Make `document`: a name a row, a term's own or that of a local code that it stands for."""
    rows = set()
    for term, component, related, method in db.rows(
        "select term, component, related, method from term"
    ):
        measured = _measured(component)
        rows |= {(term, fold(name), "") for name in (measured, f"{measured} {method}", related)}
    terms = {(LOINC, code): term for code, term in db.rows("select code, term from term")}
    for m in remembered:
        if m.display and (term := terms.get((m.target_system, m.target_code))):
            known = _known_by(m.display, m.specimen, m.unit)
            rows.add((term, read_name(m.display).written, known))
    for one in asked:
        if one.named and (term := terms.get(one.named)):
            rows.add((term, read_name(one.name).written, _NAMED))
    db.run("create table document (doc bigint, term bigint, text varchar, remembered varchar)")
    numbered = [(doc, *row) for doc, row in enumerate(sorted(rows))]
    db.insert("document", ("doc", "term", "text", "remembered"), numbered)


def _known_by(name: str, specimen: str, unit: str) -> str:
    """Return what local codes of one meaning have in common, whoever sends them."""
    return "|".join((fold(name), fold(specimen), unit))


def _measured(component: str) -> str:
    """Return a component without what it is a share of: `/100 leukocytes`, `/Hemoglobin.total`."""
    return _SHARE_OF.sub("", component)


def _load_asked(db: Database, asked: Sequence[Asked]) -> None:
    """Make `asked`: the words of each name, as written and as meant."""
    rows = []
    for number, one in enumerate(asked):
        name = read_name(one.name)
        said = f"{name.unread} {name.meant}" if name.meant else name.written
        rows += [(number, said, 1.0, True), (number, name.written, ranking()["read"], False)]
    db.run("create table asked (number bigint, text varchar, weight double, counts boolean)")
    db.insert("asked", ("number", "text", "weight", "counts"), rows)


_PIECES = """
create macro pieces(word) as list_concat(
  list_transform(range(1, length(word) + 1), lambda i: substr(' ' || word || ' ', i, 3)),
  list_transform(range(1, length(word)), lambda i: substr(' ' || word || ' ', i, 4)),
  if(length(word) < 3, [' ' || word || ' '], []));
create table asked_piece as
  select number, piece, max(weight) as weight, bool_or(counts) as counts from (
    select number, weight, counts, unnest(pieces(word)) as piece
    from (select number, weight, counts, unnest(string_split(text, ' ')) as word from asked)
    where word <> '')
  group by number, piece;
create table found_piece as
  select doc, piece, count(*) as times from (
    select doc, unnest(pieces(word)) as piece
    from (select doc, unnest(string_split(text, ' ')) as word from document) where word <> '')
  where piece in (select piece from asked_piece)
  group by doc, piece;
"""

_CANDIDATES = """
create table telling as
with seen as (
  select piece, sum(n) as n from (
    select piece, count(*) as n from found_piece group by piece
    union all
    select piece, count(*) from asked_piece group by piece)
  group by piece
)
select s.piece, ln(1 + (z.n - s.n + 0.5) / (s.n + 0.5)) as weight
from seen s, (select (select count(*) from document)
  + (select count(distinct number) from asked) as n) z;
create table candidate as
select number, doc from (
  select a.number, f.doc, sum(round(1e6 * a.weight)::bigint) as score from (
    select p.number, p.piece, p.weight * t.weight as weight
    from asked_piece p join telling t using (piece)
    qualify row_number() over (
      partition by p.number order by p.weight * t.weight desc, p.piece) <= $rarest) a
  join found_piece f using (piece) group by a.number, f.doc)
qualify row_number() over (partition by number order by score desc, doc) <= $candidates;
"""
"""The rarest pieces of a name lead to the documents that are looked at: the others are in most."""

_SCORED = """
with most as (
  select a.number, sum(round(1e6 * t.weight)::bigint) as weight
  from asked_piece a join telling t using (piece) where a.counts group by a.number
),
likeness as (
  select c.number, c.doc,
    sum(round(1e6 * a.weight * t.weight * f.times * ($k + 1)
      / (f.times + $k * (1 - $b + $b * length(d.text) / z.letters)))::bigint) as score,
    sum(case when a.counts then round(1e6 * t.weight)::bigint else 0 end) as share
  from candidate c join found_piece f using (doc)
  join asked_piece a on a.number = c.number and a.piece = f.piece
  join telling t on t.piece = f.piece join document d on d.doc = c.doc,
    (select avg(length(text)) as letters from document) z
  group by c.number, c.doc
)
select l.number, t.code, t.name, t.component, t.property, t.system, t.scale, t.method,
  t.units, l.score / m.weight, l.share / m.weight, d.remembered
from likeness l join most m using (number) join document d using (doc) join term t using (term)
qualify row_number() over (partition by l.number order by l.score desc, l.doc) <= $shortlist
order by l.number, l.score desc, l.doc
"""
"""Weights are whole numbers, so that their sums do not depend on the order of rows."""


def _shortlists(db: Database) -> Iterator[tuple[int, list[_Term]]]:
    """Yield each asked name's number and the terms whose letters are most like it."""
    db.run(_PIECES)
    db.run(_CANDIDATES, {"rarest": _RAREST, "candidates": _CANDIDATE_DOCUMENTS})
    weights = ranking()
    found: dict[int, list[_Term]] = defaultdict(list)
    for number, *term in db.rows(
        _SCORED, {"k": weights["saturation"], "b": weights["length"], "shortlist": _SHORTLIST}
    ):
        found[number].append(_Term(LOINC, *term))
    yield from found.items()


def _ranked(asked: Asked, terms: Iterable[_Term]) -> list[Suggestion]:
    """Return the best of a shortlist, one row a code."""
    best: dict[str, tuple[float, Suggestion]] = {}
    for term in terms:
        score = _score(asked, term, ranking())
        if score is None:
            continue
        known = best.get(term.code)
        if known is None or score > known[0]:
            reasons = tuple(_reasons(asked, term))
            best[term.code] = score, Suggestion(term.system, term.code, term.name, reasons)
    ordered = sorted(best.values(), key=lambda found: (-found[0], found[1].code))
    return [suggestion for _, suggestion in ordered[:LISTED]]


def _score(asked: Asked, term: _Term, weights: Mapping[str, float]) -> float | None:
    """Return how likely a term is; None for what contradicts the specimen, the unit or the name."""
    name = read_name(asked.name)
    held = _held(asked, term)
    fits = property_fits(term.property, asked.unit) if asked.unit else None
    if held is None or fits is False or term.share < weights["least"]:
        return None
    words = set(f"{name.written} {name.meant}".split())
    component = set(fold(_measured(term.component)).split())
    score = term.likeness + weights["whole"] * len(component & words) / max(len(component), 1)
    score += weights["specimen"] * (held == 1) + weights["specimen_held"] * (held == 0.5)
    score += weights["unit"] * (fits is True)
    score += weights["hint"] * (not asked.unit and term.property in name.hints)
    score += _said(term.method, words) * weights["method"]
    score += weights["usual"] * (usual_system(term.property) == term.specimen)
    score += weights["kind"] * _other_kind(asked, term)
    if asked.named == (term.system, term.code):
        score += weights["named"]
    elif term.remembered:
        score += weights["remembered"] if _same(asked, term) else weights["resembled"]
    return score


def _same(asked: Asked, term: _Term) -> bool:
    """Tell whether a term was approved for this name, specimen and unit."""
    return term.remembered == _known_by(asked.name, asked.specimen, asked.unit)


def _held(asked: Asked, term: _Term) -> float | None:
    """Return how the specimens agree; 0 where one of them is not told, None where they do not."""
    return agreement(specimen_said(asked.specimen, asked.name), term.specimen)


def _said(method: str, words: set[str]) -> int:
    """Return 1 for a method that the words say, -1 for one that they do not, 0 for none."""
    if not method:
        return 0
    return -1 if words.isdisjoint(fold(method).split()) else 1


def _other_kind(asked: Asked, term: _Term) -> bool:
    """Tell whether a term is of another kind of value or unit than the local code's are."""
    examples = [same_scale(asked.unit, unit.strip()) for unit in term.units.split(";")]
    if False in examples and True not in examples:
        return True
    if term.scale == _PANEL:
        return asked.numeric is not None or bool(asked.unit)
    if asked.numeric is None:
        return bool(asked.unit) and term.scale in _WORDS
    return term.scale in _WORDS if asked.numeric else term.scale == _NUMBERS


def _reasons(asked: Asked, term: _Term) -> Iterator[str]:
    """Yield why a term is suggested, the strongest first."""
    if asked.named == (term.system, term.code):
        yield _NAMED
    if _same(asked, term):
        yield "approved for this name before"
    if asked.unit and property_fits(term.property, asked.unit):
        yield f"unit {asked.unit} fits"
    if _held(asked, term) == 1:
        yield str(specimen_said(asked.specimen, asked.name))
    yield f"name {min(term.share, 1):.0%}".replace("%", " %")
