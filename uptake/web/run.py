"""One run as it lies on disk. In: its folder; out: the summary, and rows of its Parquet files."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import msgspec

from uptake.engine.duckdb import Database, brief_database, quoted
from uptake.errors import SourceError
from uptake.model import Coverage  # noqa: TC001 -- msgspec reads the annotation

PAGE = 50
"""Findings on a page."""
KEYS_SHOWN = 30
CLUSTERS_SHOWN = 200


class Input(msgspec.Struct, frozen=True):
    """A file that was read."""

    feed: str
    path: str
    records: int
    resources: int
    quarantined: int


class CheckRow(msgspec.Struct, frozen=True):
    """What a check said of the load."""

    code: str
    title: str
    severity: str
    numerator: int
    denominator: int
    not_judged: int
    patients: int
    threshold: float
    verdict: str
    reason: str = ""
    detail: str = ""


class FixRow(msgspec.Struct, frozen=True):
    """A cause that a step of the plan repairs."""

    check: str
    feed: str
    fix_key: str


class StepRow(msgspec.Struct, frozen=True):
    """A step of a fix plan."""

    fixes: tuple[FixRow, ...]
    task: str
    gain: int
    reaches: int
    clears: int


class NeedRow(msgspec.Struct, frozen=True):
    """Fitness of one requirement."""

    code: str
    title: str
    threshold: float
    fit: int
    unfit: int
    unknown: int
    verdict: str
    reason: str = ""


class CaseRow(msgspec.Struct, frozen=True):
    """Fitness of a use case."""

    code: str
    title: str
    unit: str
    threshold: float
    population: int
    fit: int
    unfit: int
    unknown: int
    not_applicable: int
    verdict: str
    reason: str = ""
    requirements: tuple[NeedRow, ...] = ()
    fix_plan: tuple[StepRow, ...] = ()


class Summary(msgspec.Struct, frozen=True):
    """summary.json, as far as pages show it."""

    run: str
    as_of: str
    inputs: tuple[Input, ...]
    checks: tuple[CheckRow, ...]
    use_cases: tuple[CaseRow, ...]
    resources: dict[str, dict[str, int]] = {}
    received: dict[str, datetime] = {}
    """Feed to when its newest resource was at its sender's server; runs of old do not say."""
    notes: tuple[str, ...] = ()
    terminology: tuple[Coverage, ...] = ()
    seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class FindingRow:
    """A finding as a list shows it."""

    fingerprint: str
    feed: str
    type: str
    id: str
    expression: str
    other: str
    evidence: str
    suggestion: str
    fix_key: str


@dataclass(frozen=True, slots=True)
class Group:
    """Findings that share a feed, or a feed and what one person would repair at once."""

    feed: str
    fix_key: str
    key: str
    """The fix key, opaque: it may hold what nobody should find in an address."""
    suggestion: str
    findings: int
    patients: int


@dataclass(frozen=True, slots=True)
class Listing:
    """A page of findings and how many there are."""

    rows: tuple[FindingRow, ...]
    count: int
    page: int

    @property
    def pages(self) -> int:
        """Return how many pages there are, at least one."""
        return max(1, -(-self.count // PAGE))


@dataclass(frozen=True, slots=True)
class Held:
    """Records kept out for one reason: nobody's values, only where they stand."""

    feed: str
    error: str
    records: int
    places: tuple[str, ...]
    """A few, as `Observation.ndjson.gz line 12`."""


@dataclass(frozen=True, slots=True)
class Pair:
    """Records of one feed that name each other as the same."""

    check: str
    feed: str
    evidence: str
    records: tuple[tuple[str, str], ...]
    """Fingerprint, and `Patient/1`; sorted."""


def read_summary(run: Path) -> Summary:
    """Return the summary of a run; raises SourceError when it cannot be read."""
    path = run / "summary.json"
    try:
        return msgspec.json.decode(path.read_bytes(), type=Summary)
    except (OSError, msgspec.DecodeError) as error:
        raise SourceError(f"{path}: cannot be read; run `uptake assess` again") from error


def opaque(text: str) -> str:
    """Return a text as addresses hold it."""
    return hashlib.sha256(text.encode("utf-8", "replace")).hexdigest()[:16]


def groups(run: Path, check: str) -> tuple[tuple[Group, ...], tuple[Group, ...]]:
    """Return the findings of a check by feed, and by feed and fix key: most patients first."""
    sql = """
        select feed, coalesce({key}, ''), min(suggestion), count(*), count(distinct patient_id)
        from finding where "check" = ? group by all order by 5 desc, 4 desc, 1, 2 limit {limit}
    """
    with_key = ('"fix_key"', KEYS_SHOWN)
    found = []
    for key, limit in (("null", 1000), with_key):
        with findings(run) as db:
            rows = db.rows(sql.format(key=key, limit=limit), [check])
        found.append(tuple(Group(f, k, opaque(k), s or "", n, p) for f, k, s, n, p in rows))
    by_feed, by_key = found
    return by_feed, by_key if any(g.fix_key for g in by_key) else ()


def listing(run: Path, check: str, feed: str, key: str, page: int) -> Listing:
    """Return a page of a check's findings, of one feed and one opaque fix key where they are given.

    A page beyond the last is the last.
    """
    where, given = '"check" = ?', [check]
    if feed:
        where, given = f"{where} and feed = ?", [*given, feed]
    if key:
        where += " and substr(sha256(coalesce(fix_key, '')), 1, 16) = ?"
        given = [*given, key]
    names = (
        "fingerprint", "feed", "resource_type", "resource_id", "expression", "other", "evidence",
        "suggestion", "fix_key",
    )  # fmt: skip
    columns = ", ".join(f"coalesce({name}, '')" for name in names)
    order = "feed, fix_key, resource_type, resource_id, expression, other, fingerprint"
    with findings(run) as db:
        (count,) = db.row(f"select count(*) from finding where {where}", given)
        page = min(max(page, 1), max(1, -(-count // PAGE)))
        rows = db.rows(
            f"select {columns} from finding where {where} order by {order} "
            f"limit {PAGE} offset {(page - 1) * PAGE}",
            given,
        )
    return Listing(tuple(FindingRow(*row) for row in rows), count, page)


def held(run: Path) -> tuple[Held, ...]:
    """Return what was quarantined, by feed and reason."""
    query = """
        with one as (
            select feed, regexp_replace(error, ' ?\\(byte \\d+\\)', '') as error, file, line
            from finding),
        placed as (
            select *, row_number() over (partition by feed, error order by file, line) as k
            from one)
        select feed, error, max(k),
            string_agg(file || ' line ' || line, chr(10) order by k) filter (k <= 5)
        from placed group by all order by 3 desc, 1, 2
        """
    with findings(run, "quarantine") as db:
        rows = db.rows(query)
    return tuple(Held(f, error, n, tuple(p.split("\n"))) for f, error, n, p in rows)


def pairs(run: Path) -> tuple[Pair, ...]:
    """Return the records of patients that may be the same, as the DUP checks found them."""
    query = """
        select "check", feed, coalesce(evidence, ''), fingerprint,
            resource_type || '/' || coalesce(resource_id, ''), coalesce(other, '')
        from finding
        where starts_with("check", 'DUP-') and resource_type = 'Patient' and other is not null
        order by "check", feed, 5, 6
        """
    with findings(run) as db:
        rows = db.rows(query)
    found: dict[tuple[str, str, frozenset[str]], dict[str, str]] = {}
    told: dict[tuple[str, str, frozenset[str]], str] = {}
    for check, feed, evidence, fingerprint, record, other in rows:
        key = (check, feed, frozenset({record, other}))
        found.setdefault(key, {})[record] = fingerprint
        told.setdefault(key, evidence)
    return tuple(
        Pair(check, feed, told[check, feed, both], tuple(
            (records.get(name, ""), name) for name in sorted(both)
        ))
        for (check, feed, both), records in found.items()
    )  # fmt: skip


@contextmanager
def findings(run: Path, file: str = "findings") -> Iterator[Database]:
    """Give a database with the view `finding`: one Parquet file of a run."""
    path = run / f"{file}.parquet"
    if not path.is_file():
        raise SourceError(f"{path}: no such file; run `uptake assess` again")
    with brief_database() as db:
        db.run(f"create view finding as select * from read_parquet({quoted(str(path))})")
        yield db
