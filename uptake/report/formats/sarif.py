"""Findings for code scanning. In: a run; out: results.sarif (SARIF 2.1.0).

The file is shared with build servers: it names no patient, no record and no value, and a file only
where its name begins with a resource type; other names may be a patient's.
https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import hashlib
import json
import re
from importlib.metadata import version
from pathlib import PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from uptake import r4
from uptake.model import Severity, Verdict
from uptake.report import figures, sentences
from uptake.report.formats.lines import findings_of, write_lines

if TYPE_CHECKING:
    from uptake.model import Assessment, Check, CheckResult, InputFile
    from uptake.report.formats import Run

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
LEVELS = {
    Severity.BLOCKER: "error",
    Severity.HIGH: "error",
    Severity.MEDIUM: "warning",
    Severity.LOW: "note",
    Severity.INFO: "note",
}
SHOWN = 12
"""Letters of a fingerprint: they find it in the run, and tell no id by trying all."""

_LINES = f"""
select json_merge_patch('{{}}', to_json({{
  'ruleId': f."check", 'ruleIndex': r.n, 'level': r.level,
  'message': {{'text': r.title || coalesce(': ' || case when r.keyed then f.fix_key end, '')}},
  'locations': [json_merge_patch('{{}}', to_json({{
    'physicalLocation': case when a.uri is not null then {{
      'artifactLocation': {{'uri': a.uri, 'index': a.n}},
      'region': case when f.source_line > 0 then {{'startLine': f.source_line}} end}} end,
    'logicalLocations': case when f.expression is not null
      then [{{'fullyQualifiedName': f.expression, 'kind': 'element'}}]
      when a.uri is null then [{{'fullyQualifiedName': f.feed, 'kind': 'feed'}}] end}}))],
  'partialFingerprints': {{'uptakeFinding/v1': left(f.fingerprint, {SHOWN})}},
  'properties': {{'feed': f.feed, 'resourceType': nullif(f.resource_type, ''),
    'fixKey': case when r.keyed then f.fix_key end}}
}}))::varchar
from finding f join rule r on r.code = f."check"
left join artifact a on a.feed = f.feed and a.file = f.source_file
order by f."check", f.feed, f.resource_type, f.resource_id nulls first,
  f.expression nulls first, f.other nulls first, f.fingerprint, f.source_file, f.source_line
"""


def write(run: Run) -> None:
    """Write results.sarif; raises StorageError."""
    assessment = run.assessment
    rules = [result.check for result in assessment.checks]
    uris = {(file.feed, file.path): uri(file) for file in assessment.inputs}
    head, end = json.dumps(_document(assessment, rules, list(uris.values()))).split('"@results"')
    with findings_of(run) as db:
        db.run(
            "create table rule (code varchar, n bigint, level varchar, title varchar, "
            "keyed boolean)"
        )
        db.run("create table artifact (feed varchar, file varchar, uri varchar, n bigint)")
        db.insert(
            "rule",
            ("code", "n", "level", "title", "keyed"),
            # What to fix in free text is what somebody typed: it may be about a patient.
            [
                (c.code, n, LEVELS[c.severity], c.title, c.category != "free-text")
                for n, c in enumerate(rules)
            ],
        )
        db.insert(
            "artifact",
            ("feed", "file", "uri", "n"),
            [(*place, named, n) for n, (place, named) in enumerate(uris.items())],
        )
        write_lines(
            db,
            _LINES,
            run.folder / "results.sarif",
            head=f"{head}[\n",
            end=f"]{end}\n",
            between=",",
        )


def uri(file: InputFile) -> str:
    """Return a file as a shared page may name it: the feed, and the name if it is a type's."""
    name = PurePath(file.path).name
    kind = re.match("[A-Za-z]+", name)
    if not (kind and kind[0] in r4.resource_types()):
        digest = hashlib.sha256(file.path.encode("utf-8", "surrogateescape")).hexdigest()
        name = f"file-{digest[:SHOWN]}"
    return quote(f"{file.feed}/{name}")


def _document(assessment: Assessment, rules: list[Check], uris: list[str]) -> dict[str, Any]:
    """Return the whole but for its results, whose place is held."""
    run = {
        "tool": {
            "driver": {
                "name": "Uptake",
                "semanticVersion": version("uptake"),
                "rules": [_rule(check) for check in rules],
            }
        },
        "automationDetails": {"id": f"uptake/{assessment.run}"},
        "columnKind": "unicodeCodePoints",
        "invocations": [_invocation(assessment)],
        "artifacts": [{"location": {"uri": place}} for place in uris],
        "results": "@results",
    }
    return {"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(check: Check) -> dict[str, Any]:
    parts = [
        ("What it finds", check.finds),
        ("Why it matters", check.matters),
        ("How to fix", check.fix),
    ]
    told = [(title, text) for title, text in parts if text]
    return {
        "id": check.code,
        "shortDescription": {"text": check.title},
        "fullDescription": {"text": check.finds or check.title},
        "help": {
            "text": "\n\n".join(f"{title}: {text}" for title, text in told) or check.title,
            "markdown": "\n\n".join(f"## {title}\n\n{text}" for title, text in told) or check.title,
        },
        "defaultConfiguration": {"level": LEVELS[check.severity]},
        "properties": {
            "tags": [check.category, check.dimension, check.effect],
            "severity": check.severity.value,
        },
    }


def _invocation(assessment: Assessment) -> dict[str, Any]:
    """Return how the run went; checks that failed to run are errors of the tool, not results."""
    idle = [r for r in assessment.checks if r.verdict == Verdict.NOT_RUN]
    return {
        "executionSuccessful": not any(r.reason == "error" for r in idle),
        "toolExecutionNotifications": [_notification(r, assessment) for r in idle],
    }


def _notification(result: CheckResult, assessment: Assessment) -> dict[str, Any]:
    figures_ = figures.shared(assessment).records
    return {
        "level": "error" if result.reason == "error" else "note",
        "message": {"text": sentences.check_sentence(result, figures_)},
        "associatedRule": {"id": result.check.code},
    }
