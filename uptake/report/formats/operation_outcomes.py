"""Findings as FHIR. In: a run; out: operation-outcomes.ndjson, an OperationOutcome a record.

A repair is a contained Binary of `application/json-patch+json`: what FHIR's own PATCH takes, in a
request's body or in the entry of a transaction. It tests what was judged before it changes
anything; FHIRPath Patch has no such test.
https://hl7.org/fhir/R4/http.html#patch
"""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from uptake.engine.duckdb import Database, listed
from uptake.findings.repairs import NoRepairError, repair_of
from uptake.report.formats.lines import findings_of, write_lines
from uptake.resources.store import OFFSET_BITS, Store, open_store

if TYPE_CHECKING:
    from uptake.report.formats import Run

SEVERITIES = {
    "blocker": "error", "high": "error", "medium": "warning", "low": "information",
    "info": "information",
}  # fmt: skip
ISSUE_TYPES = {
    "duplicates": "duplicate", "coding": "code-invalid", "context": "required", "time": "value",
    "free-text": "value", "conformance": "structure", "plausibility": "business-rule",
    "migration": "processing",
}  # fmt: skip
"""A check's category as a code of FHIR's IssueType value set, which is a required binding."""
BATCH = 10_000
"""Repairs made at once: each holds its record while it is made."""

_ISSUES = """
create table issue as
select f.feed, f.resource_type, f.resource_id, f.source_file, f.source_line, f.fingerprint,
  case when f.source_file is null then f.fingerprint
    else coalesce(f.resource_type || '/' || f.resource_id, f.source_file || ':' || f.source_line)
    end as about,
  p.patch, 'repair-' || row_number() over (
    partition by f.feed, about order by f."check", f.expression nulls first, f.fingerprint
    ) as anchor,
  json_merge_patch('{}', to_json({
    'extension': case when p.patch is not null then
      [{'url': 'urn:uptake:repair', 'valueReference': {'reference': '#' || anchor}}] end,
    'severity': case when f.resource_type = '' and f.source_file is not null then 'fatal'
      else c.severity end,
    'code': c.issue_type,
    'details': {'coding': [{'system': 'urn:uptake:check', 'code': c.code, 'display': c.title}],
      'text': c.title},
    'diagnostics': nullif(concat_ws('; ',
      case when f.resource_id is null then f.source_file || ' line ' || f.source_line end,
      f.evidence, 'should be: ' || f.suggestion), ''),
    'expression': case when f.expression is not null then [f.expression] end
  })) as said
from finding f join check_word c on c.code = f."check"
left join json_patch p on p.fingerprint = f.fingerprint
"""
_LINES = """
select json_merge_patch('{}', to_json({
  'resourceType': 'OperationOutcome',
  'id': left(sha256(feed || chr(31) || about), 32),
  'meta': {'source': 'urn:uptake:feed:' || url_encode(feed)},
  'contained': list({'resourceType': 'Binary', 'id': anchor,
    'contentType': 'application/json-patch+json', 'data': patch} order by fingerprint)
    filter (patch is not null),
  'extension': case when min(resource_id) is not null then [{'url': 'urn:uptake:about',
    'valueReference': {'reference': min(resource_type) || '/' || min(resource_id)}}] end,
  'issue': list(said order by said->>'$.details.coding[0].code', fingerprint)
}))::varchar
from issue group by feed, about order by feed, about
"""


def write(run: Run) -> None:
    """Write operation-outcomes.ndjson; raises StorageError."""
    with findings_of(run) as db:
        db.run("create table check_word (code varchar, title varchar, severity varchar, "
               "issue_type varchar)")  # fmt: skip
        checks = [result.check for result in run.assessment.checks]
        db.insert(
            "check_word",
            ("code", "title", "severity", "issue_type"),
            [
                (c.code, c.title, SEVERITIES[c.severity.value], ISSUE_TYPES[c.category])
                for c in checks
            ],
        )
        _make_patches(db, open_store(run.store))
        db.run(_ISSUES)
        write_lines(db, _LINES, run.folder / "operation-outcomes.ndjson")


def _make_patches(db: Database, store: Store) -> None:
    """Make `json_patch`: fingerprint and the repair as base64; none where it cannot be made."""
    db.run("create table json_patch (fingerprint varchar, patch varchar)")
    if not store.resource_parts:
        return
    db.run("create table source_file (file_index bigint, feed varchar, file varchar)")
    files = [(at, file.feed, file.path) for at, file in enumerate(store.files)]
    db.insert("source_file", ("file_index", "feed", "file"), files)
    db.run(
        "create table repairable as select row_number() over (order by f.fingerprint) as n, "
        "f.fingerprint, f.expression, f.repair, s.file_index, f.source_line as line, "
        "f.resource_type as type, f.resource_id as id from finding f "
        "join source_file s on s.feed = f.feed and s.file = f.source_file "
        "where f.repair is not null and f.resource_type <> ''"
    )
    whole = db.row("select count(*) from repairable")[0]
    for start in range(0, whole, BATCH):
        rows = db.rows(
            "select r.fingerprint, r.expression, r.repair, min(t.text) from repairable r "
            f"join read_parquet({listed(store.resource_parts)}) t "
            f"on t.rid >> {OFFSET_BITS} = r.file_index and t.line = r.line and t.type = r.type "
            "and t.id is not distinct from r.id where r.n > ? and r.n <= ? "
            # One line may hold a Bundle with two records of one id: then it is not known which.
            "group by all having count(distinct t.text) = 1 order by r.fingerprint",
            [start, start + BATCH],
        )
        made = [(mark, _patch(text, expression, merge)) for mark, expression, merge, text in rows]
        db.insert("json_patch", ("fingerprint", "patch"), [row for row in made if row[1]])


def _patch(raw: str, expression: str | None, merge_patch: str) -> str:
    """Return the JSON Patch of a record as base64, empty where it cannot be made."""
    try:
        return b64encode(repair_of(raw, expression, merge_patch).json_patch).decode()
    except NoRepairError:
        return ""
