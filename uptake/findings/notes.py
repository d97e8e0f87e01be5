"""What a reader must know before any number. In: a load; out: sentences, most important first."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

STALE_DAYS = 365
"""Data whose newest clinical date is older than this are said to be old."""


def notes(db: Database, as_of: datetime) -> tuple[str, ...]:
    """Return the notes: what was kept out and why, data of another time, codes that were mapped."""
    return (*_lost_files(db), *_kept_out(db), *_stale(db, as_of), *_mapped(db))


def _lost_files(db: Database) -> list[str]:
    """Say which feeds have files that could not be read to their end: no share tells that."""
    rows = db.rows(
        """
        select feed, count(distinct file), min(regexp_replace(error, ' [(].*', ''))
        from sent_record
        where starts_with(error, 'the file cannot be read') or contains(error, 'breaks off')
        group by feed order by feed
        """
    )
    return [
        f"Data of {feed} are missing: {'a file' if n == 1 else f'{n} files'} could not be read to "
        f"the end ({error})."
        for feed, n, error in rows
    ]


def _kept_out(db: Database) -> list[str]:
    """Say of each feed what kept most of its records out, when that is a tenth of it or all."""
    rows = db.rows(
        """
        with shares as (
          select feed, count(*) as records, count(error) as refused from sent_record group by feed
        ),
        reasons as (
          select feed, error, count(*) as n, count(distinct file) as files,
            min(regexp_replace(coalesce(path, ''), '[[][0-9]+[]]', '[]', 'g')) as path
          from sent_record where error is not null group by feed, error
        )
        select s.feed, s.records, s.refused, r.error, r.path, r.n
        from shares s join reasons r using (feed)
        where s.refused * 10 >= s.records
        qualify row_number() over (partition by s.feed order by r.n desc, r.error) = 1
        order by s.refused desc, s.feed
        """
    )
    sentences = []
    for feed, records, refused, error, path, n in rows:
        share = "All" if refused == records else f"{refused:,} of"
        place = f" at {path}" if path and path != "$" else ""
        cause = "" if n == refused else " mostly"
        sentences.append(
            f"{share} {records:,} records of {feed} were kept out,{cause} because of: "
            f"{error}{place}. Nothing else is said of them."
        )
    return sentences


def _stale(db: Database, as_of: datetime) -> list[str]:
    newest = db.row("select max(e.at_date) from event e, run r where e.at_date <= r.as_of_date")[0]
    if newest is None or (as_of.date() - newest).days < STALE_DAYS:
        return []
    return [
        f"The newest clinical date is {newest:%B %Y}: look-backs end at {as_of.date()}, so recent "
        f"facts are missing. Assess as of then with --as-of {newest}."
    ]


def _mapped(db: Database) -> list[str]:
    """Say what the figures owe to approved mappings: the data as sent have no such codes."""
    rows = db.rows(
        "select feed, count(distinct key), count(distinct rid) from mapped_coding where adds "
        "group by feed order by feed"
    )
    return [
        f"{keys:,} local {'code' if keys == 1 else 'codes'} of {feed} "
        f"{'is' if keys == 1 else 'are'} read as the standard code that was approved for "
        f"{'it' if keys == 1 else 'them'}, in {n:,} {'resource' if n == 1 else 'resources'}."
        for feed, keys, n in rows
    ]
