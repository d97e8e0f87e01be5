"""The exported artefacts run by themselves: our view engine stands in for a SQL on FHIR server."""

from __future__ import annotations

import json
import re
from base64 import b64decode
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import uptake
from uptake.cli import main
from uptake.definitions import read_check
from uptake.definitions.reference import shipped_reference_tables
from uptake.engine.duckdb import Database, listed, quoted
from uptake.feeds.files import files_of
from uptake.findings.sql_on_fhir.export import collect
from uptake.findings.sql_on_fhir.tables import inlined
from uptake.model import Check, Feed
from uptake.resources.store import load
from uptake.resources.view import compile_view, transform_spec
from uptake.resources.view.shape import sql_type

CHECKS = Path(uptake.__file__).parent / "content" / "checks"
RUN = ("COD-02", "CTX-08", "DUP-05", "TIM-03", "TIM-04", "TIM-07", "TXT-01", "TXT-02", "TXT-05")
BASE = "http://hl7.org/fhir/uv/sql-on-fhir"


@pytest.fixture(scope="module")
def checks() -> dict[str, Check]:
    return {code: read_check(CHECKS / f"{code}.md") for code in (*RUN, "COD-05")}


@pytest.fixture(scope="module")
def artefacts(checks: dict[str, Check]) -> dict[str, dict[str, Any]]:
    return dict(collect(checks, shipped_reference_tables()).resources)


def sql_of(library: dict[str, Any]) -> str:
    [content] = library["content"]
    return b64decode(content["data"]).decode()


class Server:
    """Loads ViewDefinitions and Libraries by canonical URL, and runs an SQLQuery."""

    def __init__(self, db: Database, artefacts: dict[str, dict[str, Any]]) -> None:
        self.db = db
        self.by_url = {artefact["url"]: artefact for artefact in artefacts.values()}
        self.made: set[str] = set()

    def depend(self, library: dict[str, Any]) -> None:
        for related in library["relatedArtifact"]:
            if related["label"] not in self.made:
                self.made.add(related["label"])
                self.make(related["label"], self.by_url[related["resource"]])

    def make(self, label: str, artefact: dict[str, Any]) -> None:
        if artefact["resourceType"] == "Library":
            self.depend(artefact)
            self.db.run(f"create table {label} as {sql_of(artefact)}")
            return
        if self.db.rows("select 1 from stored where type = ? limit 1", [artefact["resource"]]):
            self.db.run(f"create table {label} as {rows_of(json.dumps(artefact))}")
        else:  # a server without such resources: nothing to read, only the columns
            self.db.run(f"create table {label} ({columns_of(json.dumps(artefact))})")

    def answers(self, query: dict[str, Any]) -> list[bool | None]:
        self.depend(query)
        sql = sql_of(query).replace(":as_of", "'2026-01-01T00:00:00'")
        return [violates for (violates,) in self.db.rows(f"select violates from ({sql})")]


def parts_of(definition: str) -> list[dict[str, Any]]:
    """Return a view a branch of the view's union: together they are its rows, and each is small."""
    whole = json.loads(definition)
    *before, last = whole["select"]
    union = last.get("unionAll")
    return [{**whole, "select": [*before, one]} for one in union] if union else [whole]


@cache
def columns_of(definition: str) -> str:
    columns = compile_view(parts_of(definition)[0]).columns
    return ", ".join(f'"{c.name}" {sql_type(c.type or "string")}' for c in columns)


@cache
def rows_of(definition: str) -> str:
    selects = []
    for part in parts_of(definition):
        view = compile_view(part)
        spec = quoted(transform_spec(view.shape))
        structs = (
            f"(select json_transform(text, {spec}) as r from stored where type = '{view.resource}')"
        )
        selects.append(view.select(structs))
    return " union all ".join(selects)


@pytest.fixture
def stored(tmp_path: Path) -> Any:
    """Give what makes a server of resources, one a line: those the gate lets in."""
    opened: list[Database] = []

    def serve(ndjson: str, artefacts: dict[str, dict[str, Any]]) -> Server:
        folder = tmp_path / str(len(opened))
        folder.mkdir()
        (folder / "example.ndjson").write_text(ndjson, "utf-8")
        feed = Feed("example", folder)
        store = load(files_of([feed]), folder / "store", threads=1, progress=lambda _: None)
        db = Database(threads=1, memory="1GB", spill=folder / "spill")
        opened.append(db)
        parts = store.resource_parts
        rows = f"read_parquet({listed(parts)})" if parts else "(select '' as type, '' as text)"
        db.run(f"create view stored as select type, text from {rows}")
        return Server(db, artefacts)

    yield serve
    for db in opened:
        db.close()


@pytest.mark.parametrize("code", RUN)
def test_an_exported_check_says_what_its_examples_say(
    code: str, checks: dict[str, Check], artefacts: dict[str, dict[str, Any]], stored: Any
) -> None:
    for example in checks[code].examples:
        server = stored(with_ids(example.ndjson), artefacts)
        said = server.answers(artefacts[f"check-{code}"])
        where = f"{code}:{example.line}"
        if example.kind == "violates":
            assert True in said, where
        elif example.kind == "passes":
            assert False in said, where
            assert True not in said, where
        else:
            assert not {True, False} & set(said), where


def with_ids(ndjson: str) -> str:
    """Return resources that a server could hold: each with an id."""
    lines = [json.loads(line) for line in ndjson.split("\n") if line.strip()]
    return "\n".join(json.dumps({"id": f"x{n}", **line}) for n, line in enumerate(lines))


def test_every_artefact_has_the_shape_of_its_profile(
    artefacts: dict[str, dict[str, Any]],
) -> None:
    kinds = {"check": ("SQLQuery", "sql-query"), "table": ("SQLView", "sql-view")}
    urls = {artefact["url"] for artefact in artefacts.values()}
    assert len(urls) == len(artefacts)
    for name, artefact in artefacts.items():
        assert re.fullmatch(r"[A-Za-z0-9\-.]{1,64}", artefact["id"])
        if name.startswith("view-"):
            assert artefact["resourceType"] == "ViewDefinition"
            continue
        profile, code = kinds[name.partition("-")[0]]
        assert artefact["meta"] == {"profile": [f"{BASE}/StructureDefinition/{profile}"]}
        assert artefact["type"]["coding"][0]["code"] == code
        assert ("parameter" in artefact) <= (profile == "SQLQuery")
        [content] = artefact["content"]
        assert content["contentType"] == "application/sql;dialect=duckdb"
        assert content["extension"][0]["valueString"] == sql_of(artefact)
        for related in artefact["relatedArtifact"]:
            assert related["type"] == "depends-on"
            assert re.fullmatch("[A-Za-z][A-Za-z0-9_]*", related["label"])
            assert related["resource"] in urls


def test_our_own_gate_lets_every_library_in(
    artefacts: dict[str, dict[str, Any]], tmp_path: Path
) -> None:
    lines = [json.dumps(a) for a in artefacts.values() if a["resourceType"] == "Library"]
    (tmp_path / "Library.ndjson").write_text("\n".join(lines), "utf-8")
    feed = Feed("artefacts", tmp_path)
    store = load(files_of([feed]), tmp_path / "store", threads=1, progress=lambda _: None)
    assert [(f.resources, f.quarantined) for f in store.files] == [(len(lines), 0)]


def test_now_is_a_parameter(artefacts: dict[str, dict[str, Any]]) -> None:
    query = artefacts["check-TIM-04"]
    assert query["parameter"] == [{"name": "as_of", "use": "in", "type": "dateTime"}]
    assert ":as_of" in sql_of(query)
    assert "run" not in {related["label"] for related in query["relatedArtifact"]}


def test_what_sql_cannot_say_is_left_out_with_its_reason(checks: dict[str, Check]) -> None:
    made = collect(checks, {})
    assert "code_status" in made.left_out["COD-05"]
    assert "result_unit" in made.left_out["TXT-02"]
    assert "check-COD-05" not in made.resources


def test_macros_are_written_out() -> None:
    assert "fhir_moment" not in inlined("select fhir_moment_at(m.text) from m")


def test_the_command_writes_every_file_and_says_what_is_not_there(tmp_path: Path) -> None:
    done = CliRunner().invoke(main, ["export", "sql-on-fhir", str(tmp_path / "out")])
    assert done.exit_code == 0, done.output
    names = {path.name for path in (tmp_path / "out").iterdir()}
    assert {"check-COD-02.json", "table-coding.json", "view-raw-observation.json"} <= names
    assert "COD-05" in done.output
    assert not [name for name in names if name.endswith(".tmp")]
