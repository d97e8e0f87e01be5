"""Which Patients are one person. In: the `sent_…` tables; out: `patient_link`, `patient_cluster`.

normal forms → candidates → scores → outcomes → the sanity gate. Nothing is merged: a link is a row
that the next run makes anew.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from uptake.identity.keys import KeyCount, find_candidates
from uptake.identity.model import Model, fitted, shipped_model
from uptake.identity.normal import build_records
from uptake.identity.outcomes import cluster, decide_outcomes
from uptake.identity.sanity import Sanity, judge_sanity
from uptake.identity.scoring import score

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database
    from uptake.identity.decisions import Decided


@dataclass(frozen=True, slots=True)
class Linkage:
    """What linking a load came to."""

    model: Model
    records: int
    keys: tuple[KeyCount, ...]
    candidates: int
    outcomes: Mapping[str, int]
    """auto, review, related: pairs."""
    clusters: int
    sanity: Sanity
    seconds: Mapping[str, float]
    """By step."""


def link(db: Database, decided: Iterable[Decided] = (), model: Model | None = None) -> Linkage:
    """Make `person_record`, `compared`, `scored`, `patient_link`, `patient_cluster`, `linkage`.

    `decided` is what reviewers said of pairs: it goes before what the model says.
    """
    seconds: dict[str, float] = {}
    began = time.monotonic()

    def took(step: str) -> None:
        nonlocal began
        now = time.monotonic()
        seconds[step] = round(now - began, 3)
        began = now

    model = model or shipped_model()
    build_records(db, model.settings["most"])
    _doubt_names(db, model.settings["names_known"])
    took("records")
    keys = find_candidates(db, model.settings["whole"])
    took("keys")
    model = fitted(db, model)
    took("counts")
    model = score(db, model)
    took("scores")
    decide_outcomes(db, model)
    sanity = judge_sanity(db, model)
    _read_decisions(db, decided)
    cluster(db, model, trusted=sanity.passed)
    _publish(db)
    took("outcomes")
    (records,) = db.row("select count(*) from person_record")
    (candidates,) = db.row("select count(*) from compared")
    (clusters,) = db.row("select count(distinct cluster) from patient_cluster")
    outcomes = dict(db.rows("select outcome, count(*) from patient_link group by outcome"))
    found = {name: outcomes.get(name, 0) for name in ("auto", "review", "related")}
    linkage = Linkage(model, records, tuple(keys), candidates, found, clusters, sanity, seconds)
    db.run("create or replace table linkage (told varchar)")
    db.insert("linkage", ("told",), [(msgspec.json.encode(linkage).decode(),)])
    return linkage


def _doubt_names(db: Database, least: float) -> None:
    """Take every given name for one that is known, where less than this share of them is.

    Of a language that the list does not know, a rare name is no slip of the pen.
    """
    (known,) = db.row("select avg(given_known::integer) from person_record where given is not null")
    if known is not None and known < least:
        db.run("update person_record set given_known = true")


def _read_decisions(db: Database, decided: Iterable[Decided]) -> None:
    """Make `decided_pair` (l < r, decision): of records that are in this load."""
    db.run(
        "create or replace temp table told_decision (feed_l varchar, id_l varchar, "
        "feed_r varchar, id_r varchar, decision varchar)"
    )
    columns = ("feed_l", "id_l", "feed_r", "id_r", "decision")
    rows = [tuple(getattr(d, name) for name in columns) for d in decided]
    db.insert("told_decision", columns, rows)
    db.run(
        "create or replace temp table decided_pair as select least(a.n, b.n) as l, "
        "greatest(a.n, b.n) as r, d.decision from told_decision d "
        "join person_record a on a.feed = d.feed_l and a.id = d.id_l "
        "join person_record b on b.feed = d.feed_r and b.id = d.id_r"
    )


_VIEWS = """
create or replace view candidate_pair as
select least(a.rid, b.rid) as rid_l, greatest(a.rid, b.rid) as rid_r
from compared c join person_record a on a.n = c.l join person_record b on b.n = c.r;
create or replace view scored_pair as
select least(a.rid, b.rid) as rid_l, greatest(a.rid, b.rid) as rid_r, weight, probability
from scored c join person_record a on a.n = c.l join person_record b on b.n = c.r;
"""
"""Of all pairs that were compared, and of those that scored at all: what is measured."""


def _publish(db: Database) -> None:
    """Make `patient_link` from the judged pairs."""
    db.run(
        "create or replace table patient_link as select rid_l, rid_r, outcome, probability, "
        "weight, veto, levels, coalesce(d.decision, '') as decided "
        "from judged_pair left join decided_pair d using (l, r)"
    )
    db.run(_VIEWS)
