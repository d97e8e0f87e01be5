"""In: a database with linked records and their truth. Out: how well they were linked.

A pair of records is true when both are of one person. A pair is not judged where the set does not
say whose records they are.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

AUTO, REVIEW, RELATED = "auto", "review", "related"
BANDS = ((0.1, 0.5), (0.5, 0.9), (0.9, 0.99), (0.99, 0.999), (0.999, 1.0))
"""Bands of the stated probability, the lower end included; the last holds 1."""

VERDICT = """
case g.expected when 'match' then true when 'no_match' then false when 'possible_match' then null
  else l.person_id = r.person_id end
"""

TRUE_PAIRS = """
select l.rid as rid_l, r.rid as rid_r
from truth l join truth r on l.person_id = r.person_id and l.rid < r.rid
union select rid_l, rid_r from graded_pair where expected = 'match'
"""

JUDGED = """
create or replace temp table true_pair as
select t.rid_l, t.rid_r, l.culture as culture,
  list_distinct(list_filter(string_split(l.noise || '+' || r.noise, '+'), lambda x: x <> ''))
    as noises,
  coalesce(k.outcome, '') as outcome, c.rid_l is not null as candidate
from ({true_pairs}) t join truth l on l.rid = t.rid_l join truth r on r.rid = t.rid_r
left join (select distinct rid_l, rid_r from candidate_pair) c
  on c.rid_l = t.rid_l and c.rid_r = t.rid_r
left join patient_link k on k.rid_l = t.rid_l and k.rid_r = t.rid_r;

create or replace temp table judged_link as
select k.rid_l, k.rid_r, k.outcome, {verdict} as same,
  coalesce(nullif(g.kind, ''), nullif(greatest(l.kind, r.kind), ''),
    case when g.expected = 'no_match' then 'graded no match' end, '') as kind
from patient_link k join truth l on l.rid = k.rid_l join truth r on r.rid = k.rid_r
left join graded_pair g on g.rid_l = k.rid_l and g.rid_r = k.rid_r;

create or replace temp table judged_score as
select round(s.weight, 2) as weight, s.probability, {verdict} as same
from scored_pair s join truth l on l.rid = s.rid_l join truth r on r.rid = s.rid_r
left join graded_pair g on g.rid_l = s.rid_l and g.rid_r = s.rid_r
"""


@dataclass(frozen=True)
class Share:
    """A numerator of a denominator; the value is None of nothing."""

    of: int
    hits: int

    @property
    def value(self) -> float | None:
        """The share."""
        return self.hits / self.of if self.of else None


@dataclass(frozen=True)
class Band:
    """The pairs whose stated probability lies from `low` to below `high`, and what is true."""

    low: float
    high: float
    pairs: int
    stated: float | None
    true: float | None


@dataclass(frozen=True)
class Slice:
    """True pairs of one kind of noise or culture, and what became of them."""

    name: str
    pairs: int
    candidates: int
    auto: int
    review: int
    related: int

    @property
    def missed(self) -> int:
        """True pairs that nobody would see."""
        return self.pairs - self.auto - self.review


@dataclass(frozen=True)
class Figures:
    """How well one set was linked. Precision and recall are of pairs of records."""

    records: int
    true_pairs: int
    candidates: int
    candidate_recall: Share
    auto_precision: Share
    auto_recall: Share
    traps_linked: int
    found: Share
    """Auto and review together: recall."""
    review_true: Share
    related: int
    related_true: int
    cluster_precision: Share
    cluster_recall: Share
    best_f1: float | None
    best_weight: float | None
    half_f1: float | None
    """F1 at a probability of .5."""
    calibration: tuple[Band, ...]
    by_noise: tuple[Slice, ...]
    by_culture: tuple[Slice, ...]
    false_auto: tuple[tuple[str, int], ...]
    """Pairs of two people that were linked, by kind of trap; '' is no trap."""
    graded: tuple[tuple[str, str, str, int], ...]
    """Expected, kind, outcome ('' for none), pairs."""

    @property
    def review_load(self) -> float:
        """Pairs to review for 100 records."""
        return 100 * self.review_true.of / self.records if self.records else 0.0

    def data(self) -> dict[str, Any]:
        """The figures as JSON takes them."""
        return {**asdict(self), "review_load": self.review_load}


def figures(db: Database) -> Figures:
    """Judge `candidate_pair`, `scored_pair`, `patient_link` and `patient_cluster` by `truth`."""
    for statement in JUDGED.format(verdict=VERDICT, true_pairs=TRUE_PAIRS).split(";"):
        db.run(statement)
    (whole,) = slices(db, "''") or (Slice("", 0, 0, 0, 0, 0),)
    pairs = whole.pairs
    counted = {
        outcome: Share(judged, true)
        for outcome, judged, true in db.rows(
            "select outcome, count(same), count(*) filter (same) from judged_link group by outcome"
        )
    }
    none = Share(0, 0)
    auto, review, related = (counted.get(o, none) for o in (AUTO, REVIEW, RELATED))
    false_auto = db.rows(
        f"select kind, count(*) from judged_link where outcome = '{AUTO}' and not same "
        "group by kind order by 2 desc, 1"
    )
    clustered = in_clusters(db)
    best, best_weight = best_f1(db, pairs)
    return Figures(
        records=db.row("select count(*) from truth")[0],
        true_pairs=pairs,
        candidates=db.row("select count(*) from candidate_pair")[0],
        candidate_recall=Share(pairs, whole.candidates),
        auto_precision=auto,
        auto_recall=Share(pairs, whole.auto),
        traps_linked=sum(count for kind, count in false_auto if kind),
        found=Share(pairs, whole.auto + whole.review),
        review_true=review,
        related=related.of,
        related_true=related.hits,
        cluster_precision=clustered,
        cluster_recall=Share(pairs, clustered.hits),
        best_f1=best,
        best_weight=best_weight,
        half_f1=f1_at_half(db, pairs),
        calibration=calibration(db),
        by_noise=slices(db, "unnest(if(len(noises) = 0, [''], noises))"),
        by_culture=slices(db, "culture"),
        false_auto=tuple(false_auto),
        graded=graded(db),
    )


def slices(db: Database, by: str) -> tuple[Slice, ...]:
    """The true pairs by an expression, most missed first; a pair with two noises counts in both."""
    rows = db.rows(f"""
        select name, count(*), count(*) filter (candidate), count(*) filter (outcome = '{AUTO}'),
          count(*) filter (outcome = '{REVIEW}'), count(*) filter (outcome = '{RELATED}')
        from (select {by} as name, candidate, outcome from true_pair)
        group by name
    """)
    return tuple(sorted((Slice(*row) for row in rows), key=lambda s: (-s.missed, s.name)))


def in_clusters(db: Database) -> Share:
    """Pairs that stand in one cluster, whether or not they were linked themselves."""
    return Share(
        *db.row(f"""
            select count(same), count(*) filter (same)
            from (
              select {VERDICT} as same
              from patient_cluster a join patient_cluster b
                on a.cluster = b.cluster and a.rid < b.rid
              join truth l on l.rid = a.rid join truth r on r.rid = b.rid
              left join graded_pair g on g.rid_l = a.rid and g.rid_r = b.rid
            )
        """)
    )


def best_f1(db: Database, pairs: int) -> tuple[float | None, float | None]:
    """The best F1 over every threshold of the weight, and that weight; None without true pairs."""
    found = db.rows(
        """
        with cut as (select weight, count(same) as n, count(*) filter (same) as hits
          from judged_score group by weight),
        kept as (select weight, sum(n) over (order by weight desc) as n,
          sum(hits) over (order by weight desc) as hits from cut)
        select 2 * hits / (n + $pairs), weight from kept
        order by 1 desc, weight desc limit 1
        """,
        {"pairs": pairs},
    )
    return found[0] if pairs and found else (None, None)


def f1_at_half(db: Database, pairs: int) -> float | None:
    """F1 of the scored pairs at a probability of .5; None without true pairs."""
    n, hits = db.row(
        "select count(same), count(*) filter (same) from judged_score where probability >= .5"
    )
    return 2 * hits / (n + pairs) if pairs else None


def calibration(db: Database) -> tuple[Band, ...]:
    """What the probabilities say against what is true."""
    return tuple(
        Band(
            low,
            high,
            *db.row(
                "select count(*), avg(probability), avg(same::integer) from judged_score "
                "where same is not null and probability >= $low "
                "and (probability < $high or $high = 1.0)",
                {"low": low, "high": high},
            ),
        )
        for low, high in BANDS
    )


def graded(db: Database) -> tuple[tuple[str, str, str, int], ...]:
    """What became of the pairs that the set itself names."""
    rows = db.rows("""
        select g.expected, g.kind, coalesce(k.outcome, '') as outcome, count(*)
        from graded_pair g left join patient_link k using (rid_l, rid_r)
        group by all order by all
    """)
    return tuple(rows)
