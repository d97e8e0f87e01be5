"""Assess feeds. In: feeds and definitions; out: an Assessment, and the run's files on disk."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from uptake.conformance.results import write_results
from uptake.definitions.elements import flat_name
from uptake.engine.duckdb import Database, in_utc, quoted
from uptake.errors import SourceError, StorageError
from uptake.feeds.files import files_of
from uptake.findings import (
    authorizations,
    care_gaps,
    evidence,
    facts,
    local_codes,
    opportunities,
    piqi,
)
from uptake.findings.checks import run_checks, strata, write_findings, write_strata
from uptake.findings.fitness import judge_fitness, untold
from uptake.findings.history import compare, write_history
from uptake.findings.knowledge import SHIPPED, Knowledge
from uptake.findings.load import prepare, tables_needed
from uptake.findings.notes import notes
from uptake.identity import merges
from uptake.identity.doubts import build_doubts
from uptake.identity.lookup import FOLDER, write_index
from uptake.identity.results import HARM_READS, read_linkage, write_duplicates
from uptake.model import (
    Assessment,
    Check,
    CheckResult,
    CodeMapping,
    ExampleFinding,
    Feed,
    Fitness,
    Measure,
    Surface,
    UseCase,
)
from uptake.resources.store import Store, load
from uptake.terminology import coverage

if TYPE_CHECKING:
    import pyarrow as pa

    from uptake.authorization.rules import Payer
    from uptake.care_gaps.rules import GapRule
    from uptake.identity.decisions import Decided


QUARANTINE = "quarantine.parquet"


class Watch(Protocol):
    """Hears how far a run is."""

    def begin(self, phase: str, total: int) -> None:
        """A phase begins that has `total` steps."""

    def advance(self, steps: int, at: str = "") -> None:
        """Some steps are done; `at` names what comes next."""


@dataclass(frozen=True, slots=True)
class Request:
    """What to assess, against what, and with which means."""

    feeds: tuple[Feed, ...]
    checks: Mapping[str, Check]
    use_cases: Mapping[str, UseCase]
    as_of: datetime
    run: str
    """The run's id: when it began, and four letters."""
    threads: int = 2
    memory: str = "2GB"
    partial: bool = False
    """True when checks were left out by choice: then no fitness can be told."""
    form: tuple[str, ...] = ()
    mappings: tuple[CodeMapping, ...] = ()
    """What was approved of local codes: tables hold the standard code beside."""
    measures: Mapping[str, Measure] = field(default_factory=dict)
    gaps: Mapping[str, GapRule] = field(default_factory=dict)
    """The care-gap rules; judged where fitness is, since findings say what hides evidence."""
    payers: tuple[Payer, ...] = ()
    """What payers want authorized, as the project knows it."""
    events: pa.Table | None = None
    """The event log, for opportunities and measures; None: there is none."""
    surfaces: Mapping[str, Surface] = field(default_factory=dict)
    """What each surface of the log is for."""
    knowledge: Knowledge = SHIPPED
    """What checks know of medicine, whom they ask about codes, what resources are judged by."""
    decided: tuple[Decided, ...] = ()
    """What reviewers decided of pairs of Patients that may be one person."""
    keeps_history: bool = False
    """True within a project: what became of every finding is kept from run to run."""
    before: Path | None = None
    """The folder of the project's run before this one."""
    compare: Path | None = None
    """The folder of the run to compare with; None: the one before."""


def assess(request: Request, out: Path, store_folder: Path, watch: Watch) -> Assessment:
    """Load the feeds, run every check, judge fitness, and write findings and quarantine to `out`.

    Raises SourceError when no file holds anything, StorageError when `out` cannot be written.
    """
    began = time.monotonic()
    files = files_of(request.feeds)
    watch.begin("Reading", sum(max(f.size, 0) for f in files))
    store = load(files, store_folder, request.threads, watch.advance)
    if not any(f.records for f in store.files):
        names = ", ".join(f.name for f in files[:3])
        raise SourceError(f"nothing could be read: no records in {names}{' …' * (len(files) > 3)}")
    spill = Path(tempfile.mkdtemp(prefix="uptake-"))
    db = Database(request.threads, request.memory, spill)
    try:
        return _assess(db, store, request, out, watch, began)
    finally:
        db.close()
        shutil.rmtree(spill, ignore_errors=True)


def _assess(
    db: Database, store: Store, request: Request, out: Path, watch: Watch, began: float
) -> Assessment:
    checks = list(request.checks.values())
    watch.begin("Tables", len(store.fields))
    prepare(
        db,
        store,
        request.feeds,
        request.as_of,
        _wanted(request),
        lambda t: watch.advance(1, t),
        request.mappings,
        request.knowledge,
        request.use_cases.values() or None,
        request.decided,
    )
    watch.begin("Checks", len(checks))
    results = run_checks(db, checks, lambda code: watch.advance(1, code))
    fitness, faults = _judge(db, request, watch)
    is_judged = bool(fitness) and not request.partial
    _write(db, request, results, out, is_judged=is_judged)
    if is_judged:
        known = request.checks.values()
        faults = (*faults, *care_gaps.write_care_gaps(db, request.gaps.values(), known, out))
        authorizations.write_authorizations(db, request.payers, request.as_of, out)
    since = request.compare or request.before
    return Assessment(
        run=request.run,
        as_of=request.as_of,
        as_of_date=request.as_of.date(),
        inputs=tuple(store.files),
        checks=results,
        strata=strata(db),
        fitness=fitness,
        resources=_resources(db),
        received=_received(db, request.as_of),
        notes=(*faults, *coverage.read_notes(db), *notes(db, request.as_of)),
        examples=_examples(db),
        terminology=coverage.read_coverage(db),
        changes=compare(db, results, since) if since else None,
        seconds=round(time.monotonic() - began, 3),
    )


def _judge(
    db: Database, request: Request, watch: Watch
) -> tuple[tuple[Fitness, ...], Sequence[str]]:
    """Return what the data are fit for, and what went wrong with opportunities and measures."""
    cases = request.use_cases.values()
    if request.partial:
        return untold(cases, "only some of the checks were run"), ()
    if not cases:
        return (), ()
    watch.begin("Fitness", 2)
    fitness = judge_fitness(db, cases, request.checks)
    watch.advance(1)
    faults = opportunities.find_opportunities(
        db, cases, request.measures, request.events, request.surfaces
    )
    watch.advance(1)
    return fitness, faults


def _write(
    db: Database, request: Request, results: Sequence[CheckResult], out: Path, *, is_judged: bool
) -> None:
    """Write every file of the run that comes from its tables."""
    write_files(db, out, request.form)
    if "piqi" in request.form:
        piqi.write_piqi(db, out, run=request.run, as_of=request.as_of)
    write_results(db, out)
    write_duplicates(db, out)
    if request.keeps_history and read_linkage(db):
        write_index(db, out / FOLDER)
        found = merges.find_merges(db, request.decided, request.as_of, request.before)
        merges.write_merges(db, found, out)
    if is_judged:
        build_doubts(db)
        evidence.write_evidence(db, out)
    if request.keeps_history:
        write_history(db, results, request.before, out, request.as_of)


def _wanted(request: Request) -> frozenset[str]:
    """Return the tables that the checks and use cases of a run read, directly or not."""
    cases = list(request.use_cases.values())
    named = {"event", coverage.TABLE}
    if "piqi" in request.form:
        named |= piqi.reads()
    if cases:
        named |= facts.READS | opportunities.READS | HARM_READS | evidence.READS
        named |= {"person", "medication_difference"} | care_gaps.READS
        named |= authorizations.READS
        named |= local_codes.READS
        named |= {flat_name(t) for u in cases for r in u.requirements for t in r.type}
    queries = [c.query for c in request.checks.values() if not c.options.get("unavailable")]
    queries += [q for u in cases for q in (u.population, u.opportunity, u.acted) if q]
    queries += [m.query for m in request.measures.values()] if cases else []
    queries += [q for g in request.gaps.values() for q in (g.population, g.closed)] if cases else []
    return tables_needed([*queries, *(f"select 1 from {name}" for name in sorted(named))])


def write_files(db: Database, out: Path, form: Sequence[str]) -> None:
    """Write `findings.parquet`, `stratum.parquet` and `quarantine.parquet`, each whole."""
    try:
        out.mkdir(parents=True, exist_ok=True)
        draft = out / "findings.parquet.tmp"
        write_findings(db, str(draft))
        draft.replace(out / "findings.parquet")
        if "ndjson" in form:
            draft = out / "findings.ndjson.tmp"
            write_findings(db, str(draft), form="ndjson")
            draft.replace(out / "findings.ndjson")
        draft = out / "stratum.parquet.tmp"
        write_strata(db, str(draft))
        draft.replace(out / "stratum.parquet")
        write_quarantine(db, out)
    except OSError as error:
        raise StorageError(f"{out}: cannot be written: {error.strerror or error}") from error


def write_quarantine(db: Database, out: Path) -> None:
    """Write `quarantine.parquet` whole: what was kept out, with its raw bytes; raises OSError."""
    draft = out / f"{QUARANTINE}.tmp"
    db.run(
        "copy (select feed, file, line, byte_offset, raw, error, path from quarantine "
        f"order by feed, file, byte_offset) to {quoted(str(draft))} "
        "(format parquet, compression zstd)"
    )
    draft.replace(out / QUARANTINE)


def _resources(db: Database) -> Mapping[str, Mapping[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for feed, kind, count in db.rows(
        "select feed, type, count(*) from record group by all order by all"
    ):
        found.setdefault(feed, {})[kind] = count
    return found


def _received(db: Database, as_of: datetime) -> Mapping[str, datetime]:
    """Return when each feed's newest resource was at its sender's server; none in the future."""
    rows = db.rows(
        "select feed, max(received_at) from resource where received_at <= ? "
        "group by feed order by feed",
        [in_utc(as_of)],
    )
    return {feed: at.replace(tzinfo=UTC) for feed, at in rows}


def _examples(db: Database) -> Mapping[str, tuple[ExampleFinding, ...]]:
    """Return a few findings of each check, one a fix first: what a shared report may show."""
    found: dict[str, list[ExampleFinding]] = {}
    for code, *rest in db.rows(
        """
        select "check", fingerprint, feed, resource_type, coalesce(expression, ''),
          coalesce(fix_key, '') from (
            select *, row_number() over (partition by "check", feed, fix_key
                                         order by fingerprint, rid) as k from finding)
        qualify row_number() over (partition by "check" order by k, fingerprint, rid) <= 5
        order by "check", k, fingerprint
        """
    ):
        found.setdefault(code, []).append(ExampleFinding(*rest))
    return {code: tuple(examples) for code, examples in found.items()}
