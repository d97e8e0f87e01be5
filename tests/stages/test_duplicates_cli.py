"""`uptake duplicates`: what it writes, what it says, and what it never says."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
from click.testing import CliRunner, Result
from identity_cases import Resource, patient
from linkage_cases import people

from uptake.cli import main
from uptake.identity.decisions import decide, pair
from uptake.identity.explain import probability
from uptake.state.database import open_state

PAIR_COLUMNS = {
    "feed_l": "VARCHAR", "id_l": "VARCHAR", "feed_r": "VARCHAR", "id_r": "VARCHAR",
    "probability": "DOUBLE", "outcome": "VARCHAR", "veto": "VARCHAR", "weight": "DOUBLE",
    "levels": "STRUCT(comparison VARCHAR, \"label\" VARCHAR, weight DOUBLE)[]",
    "harm": "INTEGER", "harm_reason": "VARCHAR", "decided": "VARCHAR",
}  # fmt: skip
CLUSTER_COLUMNS = {"cluster": "BIGINT", "feed": "VARCHAR", "id": "VARCHAR"}
PERSONS, AGAIN = 60, 25


def sent(row: dict[str, str | None], identity: str, **more: Any) -> Resource:
    """Return a row as a Patient."""
    home = {"line": [row["line"]], "city": row["city"], "postalCode": row["zip"]}
    return patient(
        identity, name=[{"family": row["family"], "given": [row["given"]]}], address=[home],
        birthDate=row["birth_date"], gender=row["gender"],
        telecom=[{"system": "phone", "value": row["phone"]}], **more,
    )  # fmt: skip


def request(identity: str, subject: str, drug: str) -> Resource:
    """Return an active prescription."""
    return {
        "resourceType": "MedicationRequest", "id": identity, "status": "active", "intent": "order",
        "subject": {"reference": f"Patient/{subject}"}, "medicationCodeableConcept": {"text": drug},
    }  # fmt: skip


ROWS = people(PERSONS + 2)
TWIN = ROWS[-1] | {"birth_date": "2019-05-05", "given": "Jon", "gender": "male"}
OTHER = TWIN | {"given": "Jonathan"}
ZOE = [sent(row, f"zoe-{n}") for n, row in enumerate(ROWS[:PERSONS])]
ABE = [
    *(sent(row, f"abe-{n}") for n, row in enumerate(ROWS[:AGAIN])),
    sent(TWIN, "twin-1", multipleBirthInteger=1), sent(OTHER, "twin-2", multipleBirthInteger=2),
    request("m1", "abe-0", "Metformin"), request("m2", "abe-0", "Lisinopril"),
]  # fmt: skip
"""Two feeds; the one that is first in text order came later."""


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(main, ["duplicates", *map(str, words)])


def write(folder: Path, resources: list[Resource], parts: int = 1) -> Path:
    """Write a feed, in so many files."""
    folder.mkdir(parents=True)
    for k in range(parts):
        lines = "".join(json.dumps(r, ensure_ascii=False) + "\n" for r in resources[k::parts])
        (folder / f"part{k}.ndjson").write_text(lines, "utf-8")
    return folder


def table(path: Path) -> list[dict[str, Any]]:
    relation = duckdb.sql(f"from read_parquet('{path}')")
    return [dict(zip(relation.columns, row, strict=True)) for row in relation.fetchall()]


def columns(path: Path) -> dict[str, str]:
    described = duckdb.sql(f"describe from read_parquet('{path}')").fetchall()
    return {name: kind for name, kind, *_ in described}


@pytest.fixture(scope="module")
def feeds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("feeds")
    write(folder / "zoe", ZOE)
    write(folder / "abe", ABE)
    return folder


@pytest.fixture(scope="module")
def searched(feeds: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Result]:
    out = tmp_path_factory.mktemp("out")
    done = run(feeds / "zoe", feeds / "abe", "--out", out, "--threads", "1")
    assert done.exit_code == 0, done.output
    return out, done


def test_the_pairs_have_the_columns_of_the_contract(searched: tuple[Path, Result]) -> None:
    out, _ = searched
    assert columns(out / "pairs.parquet") == PAIR_COLUMNS
    assert columns(out / "clusters.parquet") == CLUSTER_COLUMNS


def test_each_pair_is_listed_once_in_text_order(searched: tuple[Path, Result]) -> None:
    rows = table(searched[0] / "pairs.parquet")
    keys = [(row["feed_l"], row["id_l"], row["feed_r"], row["id_r"]) for row in rows]
    assert len(keys) >= AGAIN
    assert all(key[:2] < key[2:] for key in keys)
    assert keys == sorted(keys)
    assert len(set(map(frozenset, ((key[:2], key[2:]) for key in keys)))) == len(keys)


def test_a_pair_says_all_of_itself(searched: tuple[Path, Result]) -> None:
    for row in table(searched[0] / "pairs.parquet"):
        assert row["outcome"] in {"auto", "review", "related"}
        assert row["probability"] == pytest.approx(probability(row["weight"]), abs=1e-9)
        certain = row["probability"] >= 0.99
        assert row["veto"] or not certain or row["outcome"] == "auto"
        assert (not row["veto"] and certain) or row["outcome"] != "auto"
        assert {level["comparison"] for level in row["levels"]} >= {"given name", "birth date"}
        assert row["decided"] == ""


def test_those_registered_twice_are_linked_and_twins_are_not(
    searched: tuple[Path, Result],
) -> None:
    out, _ = searched
    rows = table(out / "pairs.parquet")
    linked = {(row["id_l"], row["id_r"]) for row in rows if row["outcome"] == "auto"}
    assert linked == {(f"abe-{n}", f"zoe-{n}") for n in range(AGAIN)}
    assert [row["outcome"] for row in rows if row["id_l"] == "twin-1"] == ["related"]
    members: dict[int, set[tuple[str, str]]] = {}
    for row in table(out / "clusters.parquet"):
        members.setdefault(row["cluster"], set()).add((row["feed"], row["id"]))
    assert sorted(map(sorted, members.values())) == sorted(
        [("abe", f"abe-{n}"), ("zoe", f"zoe-{n}")] for n in range(AGAIN)
    )


def test_the_harm_is_what_stands_on_one_record_only(searched: tuple[Path, Result]) -> None:
    harm = {row["id_l"]: (row["harm"], row["harm_reason"])
            for row in table(searched[0] / "pairs.parquet")}  # fmt: skip
    assert harm["abe-0"] == (2, "2 active medicines stand on one record only")
    assert harm["abe-1"] == (0, "")


def test_the_summary_says_the_figures(searched: tuple[Path, Result]) -> None:
    told = json.loads((searched[0] / "summary.json").read_text("utf-8"))
    records = PERSONS + AGAIN + 2
    assert told["records"] == records
    assert told["candidate_pairs"] == records * (records - 1) // 2
    assert told["outcomes"] == {"auto": AGAIN, "review": 0, "related": 1}
    assert told["clusters"] == AGAIN
    assert told["sanity"]["passed"] is True
    assert {frozenset(figure) for figure in told["sanity"]["figures"]} == {
        frozenset(("name", "value", "bound", "passed"))
    }
    assert 0 < told["prevalence"] < 1
    assert told["seconds"] >= 0
    assert told["model"] == "1"


def test_no_draft_and_no_copy_of_the_records_stay_behind(searched: tuple[Path, Result]) -> None:
    names = {path.name for path in searched[0].iterdir()}
    assert names == {
        "pairs.parquet", "clusters.parquet", "persons.parquet", "summary.json", "duplicates.csv",
        "duplicates.ndjson", "patient-index", "quarantine.parquet",
    }  # fmt: skip


def identifiers() -> list[str]:
    """Return what names a patient here: ids, names, birth dates, phones, streets."""
    kinds = ("given", "family", "birth_date", "phone", "line")
    told = [text for row in ROWS[:PERSONS] for kind in kinds if (text := row[kind])]
    return [*told, "zoe-1", "abe-1", "twin-1", "Metformin"]


def test_a_terminal_sees_numbers_only(searched: tuple[Path, Result]) -> None:
    _, done = searched
    assert f"pairs linked: {AGAIN} (groups: {AGAIN})" in done.output
    assert [word for word in identifiers() if word in done.output] == []


def test_the_order_of_files_and_threads_change_nothing(
    searched: tuple[Path, Result], tmp_path: Path
) -> None:
    zoe = write(tmp_path / "zoe", ZOE[::-1], parts=3)
    abe = write(tmp_path / "abe", ABE[::-1], parts=2)
    done = run(abe, zoe, "--out", tmp_path / "out", "--threads", "2", "--quiet")
    assert (done.exit_code, done.output) == (0, "")
    for name in ("pairs", "clusters", "persons"):
        one, other = (folder / f"{name}.parquet" for folder in (searched[0], tmp_path / "out"))
        assert table(one) == table(other), name


def test_json_is_printed_and_nothing_else(feeds: Path, tmp_path: Path) -> None:
    done = run(feeds / "abe", "--out", tmp_path / "out", "--json")
    assert json.loads(done.output)["records"] == AGAIN + 2
    assert [word for word in identifiers() if word in done.output] == []


def test_new_records_are_held_against_an_earlier_search(
    searched: tuple[Path, Result], tmp_path: Path
) -> None:
    new = [sent(ROWS[30], "new-30"), sent(ROWS[PERSONS], "new-stranger")]
    feed = write(tmp_path / "desk", new)
    done = run(feed, "--against", searched[0], "--out", tmp_path / "found")
    assert done.exit_code == 0, done.output
    assert "Of a new and a known record, pairs linked: 1" in done.output
    (row,) = table(tmp_path / "found" / "new-pairs.parquet")
    assert (row["feed"], row["id"]) == ("desk", "new-30")
    assert (row["known_feed"], row["known_id"]) == ("zoe", "zoe-30")
    assert row["outcome"] == "auto"
    told = run(feed, "--against", searched[0], "--out", tmp_path / "found", "--json")
    assert json.loads(told.output) == {"auto": 1}


def test_within_a_project_decisions_count(feeds: Path, tmp_path: Path) -> None:
    (tmp_path / "uptake.toml").write_text(
        f'[feeds.zoe]\npath = "{feeds}/zoe"\nrole = "ehr"\n[feeds.abe]\npath = "{feeds}/abe"\n'
    )
    state = open_state(f"sqlite:///{tmp_path / 'state.db'}")
    at = datetime(2026, 11, 1, tzinfo=UTC)
    try:
        for n, said in ((3, "different"), (4, "same")):
            of = pair(("abe", f"abe-{n}"), ("zoe", f"zoe-{n}"))
            decide(state, of, said, by="Dr. Reviewer", at=at)
    finally:
        state.close()
    done = run("--project", tmp_path, "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["outcomes"]["auto"] == AGAIN - 1
    out = tmp_path / "uptake-duplicates"
    rows = {row["id_l"]: row for row in table(out / "pairs.parquet")}
    assert (rows["abe-3"]["outcome"], rows["abe-3"]["decided"]) == ("review", "different")
    assert (rows["abe-4"]["outcome"], rows["abe-4"]["decided"]) == ("auto", "same")
    linked = {row["id"] for row in table(out / "clusters.parquet")}
    assert "abe-4" in linked
    assert not {"abe-3", "zoe-3"} & linked


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ([], "nothing to read; give a folder"),
        (["nowhere"], "nowhere"),
        (["feed", "--feed", "lab"], "write NAME=PATH"),
        (["feed", "--feed", "a=feed", "--feed", "a=feed"], "two sources are named 'a'"),
        (["empty"], "no FHIR in this folder"),
        (["feed", "--against", "empty"], "empty"),
        (["feed", "--out", "taken"], "taken"),
        (["feed", "--memory", "much"], "--memory much: no size; write it as in 4GB"),
    ],
    ids=lambda told: " ".join(told) or "nothing" if isinstance(told, list) else "",
)
def test_wrong_usage_is_one_line(
    words: list[str], told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write(tmp_path / "feed", ZOE[:2])
    (tmp_path / "empty").mkdir()
    (tmp_path / "taken").write_text("a file")
    done = run(*words, "--quiet", *([] if "--out" in words else ["--out", "out"]))
    assert done.exit_code not in (0, 1), done.output
    assert told in done.output
    assert len(done.output.strip().splitlines()) == 1, done.output
    assert [word for word in identifiers() if word in done.output] == []


def test_records_that_were_kept_out_are_told(tmp_path: Path) -> None:
    feed = write(tmp_path / "feed", [*ZOE[:3], {**ZOE[3], "name": ["secret"]}])
    done = run(feed, "--out", tmp_path / "out")
    assert done.exit_code == 3, done.output
    assert "records kept out: 1;" in done.output
    (kept,) = table(tmp_path / "out" / "quarantine.parquet")
    assert b"secret" in kept["raw"]
    assert "secret" not in done.output


def test_a_feed_without_patients_has_no_pairs(tmp_path: Path) -> None:
    feed = write(tmp_path / "feed", [request("m1", "nobody", "Metformin")])
    done = run(feed, "--out", tmp_path / "out", "--json")
    assert done.exit_code == 0, done.output
    assert json.loads(done.output)["records"] == 0
    assert columns(tmp_path / "out" / "pairs.parquet") == PAIR_COLUMNS
    assert table(tmp_path / "out" / "pairs.parquet") == []
