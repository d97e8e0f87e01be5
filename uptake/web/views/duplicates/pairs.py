"""The pairs of a run. In: its files, and what was decided since; out: queues, one pair, its group.

A pair waits in `review`, or is `auto` (linked in figures), `related` or `decided`. The newest
decision counts, also one that is newer than the run; a pair that only a decision knows is listed
as decided, so that it can be taken back. Addresses hold a pair's key, which names nobody.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from uptake.engine.duckdb import Database, brief_database, quoted
from uptake.errors import SourceError
from uptake.identity.decisions import UNSURE, Decided, Pair, Record
from uptake.identity.explain import Level
from uptake.web.run import opaque

PAGE = 50
"""Pairs on a page."""
REVIEW, AUTO, RELATED, DECIDED = "review", "auto", "related", "decided"
QUEUES = (REVIEW, AUTO, RELATED, DECIDED)
_MEMORY = "512MB"
_PRIOR = "prior"
_ORDER = {
    DECIDED: "said_at desc, feed_l, id_l, feed_r, id_r",
    "": f"decision = '{UNSURE}', harm * probability desc, probability desc, "
    "feed_l, id_l, feed_r, id_r",
}
"""What nobody was sure of comes last: somebody has looked at it."""
_LISTED = f"""
create table listed as
select q.*, case when l.person is null or r.person is null or q.queue = '{DECIDED}' then q.key
    else concat_ws(' ', least(l.person, r.person), greatest(l.person, r.person)) end as people
from (
select *, substr(sha256(concat_ws(chr(31), feed_l, id_l, feed_r, id_r)), 1, 16) as key from (
select coalesce(p.feed_l, d.feed_l) as feed_l, coalesce(p.id_l, d.id_l, '') as id_l,
  coalesce(p.feed_r, d.feed_r) as feed_r, coalesce(p.id_r, d.id_r, '') as id_r,
  coalesce(p.outcome, '') as outcome, coalesce(p.probability, d.probability) as probability,
  coalesce(p.veto, '') as veto, coalesce(p.harm, 0) as harm,
  coalesce(p.harm_reason, '') as harm_reason, coalesce(d.decision, '') as decision, d.said_at,
  case when d.decision in ('unsure', 'unlinked') then '{REVIEW}'
    when d.decision is not null then '{DECIDED}' else p.outcome end as queue,
  d.decision is not null and d.decision is distinct from nullif(p.decided, '') as new
from scored p full join said d using (feed_l, id_l, feed_r, id_r))) q
left join person_of l on l.feed = q.feed_l and l.id = q.id_l
left join person_of r on r.feed = q.feed_r and r.id = q.id_r
"""
"""People are one row of a queue, however many of their records are alike: a number that their
records share joins them already, and one decision is meant for all."""


class Figure(msgspec.Struct, frozen=True):
    """One figure of the sanity gate."""

    name: str
    value: float | None = None
    bound: float | None = None
    passed: bool = True


class Sanity(msgspec.Struct, frozen=True):
    """What the gate says of a load: whether its figures are those of people."""

    passed: bool = True
    figures: tuple[Figure, ...] = ()


class Linkage(msgspec.Struct, frozen=True):
    """duplicates.json, as far as pages show it."""

    records: int = 0
    candidate_pairs: int = 0
    model: str = ""
    sanity: Sanity = Sanity()


@dataclass(frozen=True, slots=True)
class Row:
    """A pair as a queue shows it."""

    pair: Pair
    queue: str
    outcome: str
    """Empty: the run does not find it."""
    probability: float | None
    veto: str
    harm: int
    harm_reason: str
    decision: str
    more: int = 0
    """Other pairs of the same people that wait in the same queue."""
    names: tuple[str, str] = ("", "")
    """As they were compared; empty: not known."""
    born: tuple[str, str] = ("", "")

    @property
    def key(self) -> str:
        """Return the pair as addresses hold it."""
        return key_of(self.pair)

    @property
    def called(self) -> tuple[str, str]:
        """Return what each record is called, by its id where nothing else is known."""
        told = zip(self.pair.records, self.names, self.born, strict=True)
        one, other = (
            ", ".join(filter(None, (name, born))) or f"{record.id} of {record.feed}"
            for record, name, born in told
        )
        return one, other


@dataclass(frozen=True, slots=True)
class Queue:
    """A page of one queue, and how many pairs of people are in each."""

    rows: tuple[Row, ...]
    counts: dict[str, int]
    harmful: int
    """Pairs that wait and of which something stands on one record only."""
    new: int
    """Decisions that the run did not know yet."""
    page: int
    pages: int
    feeds: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a pair stands in its queue, from 1; 0: it is not in it. Empty keys: there is none."""

    number: int
    of: int
    before: str
    after: str


def key_of(pair: Pair) -> str:
    """Return a pair as addresses hold it."""
    return opaque("\x1f".join((pair.feed_l, pair.id_l, pair.feed_r, pair.id_r)))


def compared(run: Path) -> bool:
    """Tell whether the run compared patients with each other."""
    return (run / "pairs.parquet").is_file()


def read_linkage(run: Path) -> Linkage:
    """Return what the run says of the comparison; raises SourceError when it cannot be read."""
    path = run / "duplicates.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=Linkage)
    except (OSError, msgspec.DecodeError) as error:
        raise SourceError(f"{path}: cannot be read; run `uptake assess` again") from error


class Pairs:
    """The pairs of a run with what was decided since, open for a few questions."""

    def __init__(self, db: Database, run: Path) -> None:
        self._db, self._run = db, run

    def queue(self, name: str, feed: str, page: int) -> Queue:
        """Return a page of a queue, of one feed where it is given; beyond the last: the last.

        What waits is ranked by clinical harm, then by how likely it is one person; of people with
        several pairs the first stands for all.
        """
        where, given = _of_feed(feed)
        counted = self._db.rows(
            f"select queue, count(distinct people) from listed where {where} group by 1", given
        )
        counts = dict.fromkeys(QUEUES, 0) | dict(counted)
        harmful, new = self._db.row(
            f"select count(distinct people) filter (queue = '{REVIEW}' and harm > 0), "
            f"count(*) filter (new) from listed where {where}",
            given,
        )
        pages = max(1, -(-counts[name] // PAGE))
        page = min(max(page, 1), pages)
        rows = self._rows(
            f"queue = ? and {where} qualify {_first(name)} order by {_order(name)} limit {PAGE} "
            f"offset {(page - 1) * PAGE}",
            [name, *given],
            more="count(*) over (partition by people) - 1",
        )
        feeds = self._db.rows(
            "select feed_l from listed union select feed_r from listed order by 1"
        )
        return Queue(rows, counts, harmful, new, page, pages, tuple(name for (name,) in feeds))

    def find(self, key: str) -> Row | None:
        """Return the pair with this key; None where there is none."""
        return next(iter(self._rows("key = ?", [key])), None)

    def levels(self, pair: Pair) -> tuple[Level, ...]:
        """Return what was found of each comparison, the prior first; none where none was made.

        The prior is what the pair's weight has beside its comparisons.
        """
        rows = self._db.rows(
            "select weight, levels from scored where feed_l = ? and id_l = ? and feed_r = ? "
            "and id_r = ?",
            [*pair.left, *pair.right],
        )
        if not rows:
            return ()
        weight, told = rows[0]
        compared = tuple(
            Level(one["comparison"], one["label"], one["weight"])
            for one in told
            if one["comparison"] != _PRIOR
        )
        prior = weight - math.fsum(level.weight for level in compared)
        return (Level(_PRIOR, "", prior), *compared)

    def place(self, name: str, feed: str, key: str, without: Iterable[str] = ()) -> Place:
        """Return where a pair, or that of its people, stands in a queue, and the keys beside it.

        Pairs of `without` are none.
        """
        where, given = _of_feed(feed)
        rows = self._db.rows(
            f"with first as (select * from listed where queue = ? and {where} "
            f"qualify {_first(name)}), ranked as ("
            f"select key, people, row_number() over (order by {_order(name)}) as number "
            "from first), here as (select number from ranked "
            "where people in (select people from listed where key = ?)) "
            "select here.number, (select count(*) from ranked), "
            "coalesce(arg_max(r.key, r.number) filter (r.number < here.number), ''), "
            "coalesce(arg_min(r.key, r.number) filter (r.number > here.number), '') "
            "from here left join ranked r on r.key not in (select unnest(?::varchar[])) group by 1",
            [name, *given, key, list(without)],
        )
        return Place(*rows[0]) if rows else Place(0, 0, "", "")

    def beside(self, pair: Pair, group: Iterable[Record]) -> tuple[Row, ...]:
        """Return the other pairs that either record is in, and those within their group."""
        members = [(*record, record in pair.records) for record in {*group, *pair.records}]
        self._db.run("create temp table member (feed varchar, id varchar, own boolean)")
        self._db.insert("member", ("feed", "id", "own"), members)
        return self._rows(
            "key <> ? and ("
            "(feed_l, id_l) in (select (feed, id) from member where own) or "
            "(feed_r, id_r) in (select (feed, id) from member where own) or "
            "(feed_l, id_l) in (select (feed, id) from member) and "
            "(feed_r, id_r) in (select (feed, id) from member)) "
            f"order by probability desc nulls last, feed_l, id_l, feed_r, id_r limit {PAGE}",
            [key_of(pair)],
        )

    def cluster(self, record: Record) -> frozenset[Record]:
        """Return the records that the run links in figures with this one; itself among them."""
        path = self._run / "clusters.parquet"
        if not path.is_file():
            return frozenset({record})
        rows = self._db.rows(
            f"with linked as (select * from read_parquet({quoted(str(path))})) "
            "select distinct feed, id from linked where cluster in (select cluster from linked "
            "where feed = ? and id = ?) and id is not null",
            [*record],
        )
        return frozenset({record, *(Record(feed, name) for feed, name in rows)})

    def normal_forms(self, pair: Pair) -> dict[Record, dict[str, Any]]:
        """Return the two records as they were compared; one that is not there is left out."""
        path = self._run / "persons.parquet"
        if not path.is_file():
            return {}
        source = f"read_parquet({quoted(str(path))})"
        names = [name for name, *_ in self._db.rows(f"describe select * from {source}")]
        rows = self._db.rows(
            f"select * from {source} where (feed = ? and id = ?) or (feed = ? and id = ?)",
            [*pair.left, *pair.right],
        )
        told = [dict(zip(names, row, strict=True)) for row in rows]
        return {Record(person["feed"], person["id"]): person for person in told}

    def _rows(self, where: str, given: list[str], more: str = "0") -> tuple[Row, ...]:
        """Return pairs with what their records are called."""
        found = self._db.rows(
            "select feed_l, id_l, feed_r, id_r, queue, outcome, probability, veto, harm, "
            f"harm_reason, decision, {more} from listed where {where}",
            given,
        )
        rows = [Row(Pair(*row[:4]), *row[4:]) for row in found]
        path = self._run / "persons.parquet"
        if not path.is_file() or not rows:
            return tuple(rows)
        told = self._db.rows(
            "select feed, id, concat_ws(' ', given, family), coalesce(birth_date, '') "
            f"from read_parquet({quoted(str(path))}) where id in (select unnest(?))",
            [sorted({record.id for row in rows for record in row.pair.records})],
        )
        people = {Record(feed, name): (called, born) for feed, name, called, born in told}
        return tuple(_called(row, people) for row in rows)


@contextmanager
def opened(run: Path, decided: Iterable[Decided]) -> Iterator[Pairs]:
    """Give the pairs of a run; `decided` is the newest decision of each pair."""
    with _scored(run) as db:
        db.run(
            "create table said (feed_l varchar, id_l varchar, feed_r varchar, id_r varchar, "
            "decision varchar, probability double, said_at timestamp)"
        )
        columns = ("feed_l", "id_l", "feed_r", "id_r", "decision", "probability", "said_at")
        rows = [
            (*d.left, *d.right, d.decision, d.probability, d.at.replace(tzinfo=None))
            for d in decided
        ]
        db.insert("said", columns, rows)
        keys = run / "person_key.parquet"
        source = (
            "select feed, value as id, min(person) as person "
            f"from read_parquet({quoted(str(keys))}) where kind = 'id' group by all"
            if keys.is_file()
            else "select '' as feed, '' as id, 0 as person where false"
        )
        db.run(f"create view person_of as {source}")
        db.run(_LISTED)
        yield Pairs(db, run)


def weights(run: Path) -> dict[tuple[str, str], float]:
    """Return the weight that each level of a comparison mostly has in this run."""
    with _scored(run) as db:
        rows = db.rows(
            "select level.comparison, level.label, median(level.weight) "
            "from (select unnest(levels) as level from scored) group by all"
        )
    return {(comparison, label): weight for comparison, label, weight in rows}


def _of_feed(feed: str) -> tuple[str, list[str]]:
    return ("(feed_l = ? or feed_r = ?)", [feed, feed]) if feed else ("true", [])


def _first(name: str) -> str:
    """Return the SQL of whether a pair is the first one of its people in a queue."""
    return f"row_number() over (partition by people order by {_order(name)}) = 1"


def _order(name: str) -> str:
    return _ORDER.get(name, _ORDER[""])


def _called(row: Row, people: dict[Record, tuple[str, str]]) -> Row:
    (one, born), (other, also) = (people.get(record, ("", "")) for record in row.pair.records)
    return replace(row, names=(one, other), born=(born, also))


@contextmanager
def _scored(run: Path) -> Iterator[Database]:
    path = run / "pairs.parquet"
    if not path.is_file():
        raise SourceError(f"{path}: no such file; run `uptake assess` again")
    with brief_database(_MEMORY) as db:
        db.run(f"create view scored as select * from read_parquet({quoted(str(path))})")
        yield db
