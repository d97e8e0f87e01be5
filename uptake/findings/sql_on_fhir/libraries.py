"""SQL as FHIR Libraries. In: a query and the tables it reads; out: an SQLView or an SQLQuery.

Profiles of SQL on FHIR 3.0.0-ballot:
https://build.fhir.org/ig/HL7/sql-on-fhir/en/StructureDefinition-SQLQuery.html
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from uptake.definitions.checks import UNITS
from uptake.findings.sql_on_fhir.views import Json, url

if TYPE_CHECKING:
    from uptake.model import Check

BASE = "http://hl7.org/fhir/uv/sql-on-fhir"
DIALECT = "application/sql;dialect=duckdb"
_NOW = "run as (select cast(:as_of as timestamp) as as_of, cast(:as_of as date) as as_of_date)"
_WITH = re.compile(r"\s*with\s", re.IGNORECASE)


def sql_view(name: str, sql: str, reads: Mapping[str, str]) -> Json:
    """Return the SQLView of a table; `reads` is each table it reads, and its canonical URL."""
    return {**_library("table", name, "SQLView", "sql-view", sql, reads), "name": name}


def sql_query(check: Check, reads: Mapping[str, str]) -> Json:
    """Return the SQLQuery of a check: its rows, without those of resources entered in error.

    A check that asks what "now" is has the parameter `as_of`.
    """
    sql = check.query
    if _needs_now(reads):
        sql = (
            f"with {_NOW},\n{_WITH.sub('', sql, count=1)}"
            if _WITH.match(sql)
            else f"with {_NOW}\n{sql}"
        )
    if "rid" in UNITS[check.unit] and not check.options.get("entered_in_error"):
        sql = (
            f"select found.* from (\n{sql}\n) as found\n"
            "join resource_meta as meta on meta.rid = found.rid\n"
            "where not meta.entered_in_error"
        )
    others = {name: place for name, place in reads.items() if name != "run"}
    library = {
        **_library("check", check.code, "SQLQuery", "sql-query", sql, others),
        "name": re.sub("[^A-Za-z0-9]", "_", check.code),
        "title": check.title,
        "description": check.finds,
        "purpose": check.matters,
    }
    if _needs_now(reads):
        library["parameter"] = [{"name": "as_of", "use": "in", "type": "dateTime"}]
    return library


def _needs_now(reads: Iterable[str]) -> bool:
    return "run" in reads


def _library(
    kind: str, name: str, profile: str, code: str, sql: str, reads: Mapping[str, str]
) -> Json:
    return {
        "resourceType": "Library",
        "id": f"{kind}-{name.replace('_', '-')}",
        "meta": {"profile": [f"{BASE}/StructureDefinition/{profile}"]},
        "url": url(kind, name),
        "status": "active",
        "type": {
            "coding": [{"system": f"{BASE}/CodeSystem/LibraryTypesCodes", "code": code}]
        },
        "relatedArtifact": [
            {"type": "depends-on", "label": label, "resource": place}
            for label, place in sorted(reads.items())
        ],
        "content": [
            {
                "extension": [
                    {"url": f"{BASE}/StructureDefinition/sql-text", "valueString": sql}
                ],
                "contentType": DIALECT,
                "data": b64encode(sql.encode()).decode(),
            }
        ],
    }  # fmt: skip
