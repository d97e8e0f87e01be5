"""The flat and the datatype tables: small NDJSON in, rows out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from uptake.engine.duckdb import Database
from uptake.feeds.files import files_of, find_feeds
from uptake.findings.load import prepare, tables_needed
from uptake.resources.datatypes import TABLES
from uptake.resources.flat import view_names
from uptake.resources.store import load

NAMED = ("moment", "period", "reference", "event", "resource")
READ = (name for name in TABLES if not name.startswith("sent_"))
WANTED = frozenset({*READ, *view_names(), *NAMED})
NEEDED = tables_needed([f"select 1 from {name}" for name in WANTED])
Resource = dict[str, Any]
Build = Callable[..., Database]


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    """Return a function from feeds (lists of resources or of lines) to a database."""
    opened = []

    def make(**feeds: list[Resource | str]) -> Database:
        for name, records in feeds.items():
            (tmp_path / "in" / name).mkdir(parents=True)
            lines = [r if isinstance(r, str) else json.dumps(r) for r in records]
            (tmp_path / "in" / name / "a.ndjson").write_text("\n".join(lines))
        found = find_feeds([str(tmp_path / "in")], {})
        store = load(files_of(found), tmp_path / "store", 1, lambda _: None)
        db = Database(threads=1, memory="500MB", spill=tmp_path / "spill")
        opened.append(db)
        prepare(db, store, found, datetime(2026, 1, 1, tzinfo=UTC), NEEDED)
        return db

    yield make
    for db in opened:
        db.close()


def observation(number: int = 1, **fields: Any) -> Resource:
    return {"resourceType": "Observation", "id": f"o{number}", "status": "final", **fields}


PATIENT: Resource = {"resourceType": "Patient", "id": "p"}


class TestMoments:
    @pytest.mark.parametrize(
        ("text", "at", "day", "precision", "offset"),
        [
            ("2026", "2026-01-01T00:00:00", "2026-01-01", "year", None),
            ("2026-02", "2026-02-01T00:00:00", "2026-02-01", "month", None),
            ("2024-02-29", "2024-02-29T00:00:00", "2024-02-29", "day", None),
            ("2026-02-03T23:30:00-05:00", "2026-02-04T04:30:00", "2026-02-03", "second", -300),
            ("2026-02-03T01:30:00+05:45", "2026-02-02T19:45:00", "2026-02-03", "second", 345),
            ("2026-02-03T01:30:00Z", "2026-02-03T01:30:00", "2026-02-03", "second", 0),
            ("2026-02-03T01:30:00.25Z", "2026-02-03T01:30:00.250000", "2026-02-03", "fraction", 0),
            ("2026-02-03T01:30", "2026-02-03T01:30:00", "2026-02-03", "minute", None),
            ("2026-02-03T01:30+01:00", "2026-02-03T00:30:00", "2026-02-03", "minute", 60),
            ("2026-02-03T01:30:00", "2026-02-03T01:30:00", "2026-02-03", "second", None),
            ("2026-02-30", None, None, None, None),
            ("2025-02-29T10:00:00Z", None, None, None, None),
            ("02/03/2026", None, None, None, None),
            ("2026-2-3", None, None, None, None),
            ("20260203", None, None, None, None),
            ("2026-02-03T24:00:00Z", None, None, None, None),
            ("2026-02-03T01:30:00+15:00", None, None, None, None),
            ("2026-02-03 01:30:00Z", None, None, None, None),
            ("", None, None, None, None),
            ("unknown", None, None, None, None),
        ],
    )
    def test_a_date_time(
        self,
        build: Build,
        text: str,
        at: str | None,
        day: str | None,
        precision: str | None,
        offset: int | None,
    ) -> None:
        db = build(ehr=[observation(effectiveDateTime=text)])
        wanted = (
            datetime.fromisoformat(at) if at else None,
            date.fromisoformat(day) if day else None,
            precision,
            offset,
            text,
        )
        assert wanted == db.row(
            "select at_time, at_date, at_precision, at_offset, text from moment "
            "where path = 'Observation.effective'"
        )
        assert wanted == db.row(
            "select effective, effective_date, effective_precision, effective_offset, "
            "effective_text from observation"
        )

    def test_a_period_is_a_period_and_two_moments(self, build: Build) -> None:
        period = {"start": "2026-01-01T10:00:00+02:00", "end": "2026-01"}
        db = build(ehr=[{"resourceType": "Encounter", "id": "e", "period": period}])
        assert db.rows("select path, expression, text from moment order by text") == [
            ("Encounter.period.end", "Encounter.period.end", "2026-01"),
            ("Encounter.period.start", "Encounter.period.start", period["start"]),
        ]
        assert db.row("select start_offset, end_precision, path from period") == (
            120,
            "month",
            "Encounter.period",
        )


class TestReferences:
    def kinds(self, db: Database) -> dict[str, tuple[Any, ...]]:
        rows = db.rows(
            "select x.reference, x.kind, x.target_type, x.target_id, t.id, x.resolved, "
            "x.type_allowed from reference x left join record t on t.rid = x.target_rid"
        )
        return {row[0]: row[1:] for row in rows}

    def test_every_kind(self, build: Build) -> None:
        sent = {
            "Patient/p": ("relative", "Patient", "p", "p", True, True),
            "Patient/p/_history/3": ("relative", "Patient", "p", "p", True, True),
            "Patient/none": ("relative", "Patient", "none", None, False, True),
            "Group/g": ("relative", "Group", "g", None, None, True),
            "Observation/r1": ("relative", "Observation", "r1", "r1", True, False),
            "https://a.org/fhir/Patient/p": ("absolute", "Patient", "p", "p", True, True),
            "https://a.org/fhir/Patient/x": ("absolute", "Patient", "x", None, None, True),
            "#in": ("contained", "Patient", None, None, True, True),
            "#out": ("contained", None, None, None, False, None),
            "#": ("contained", None, None, None, True, None),
            "urn:uuid:1": ("urn", None, None, None, False, None),
            "Patient?identifier=1": ("conditional", None, None, None, None, None),
            "p": ("relative", None, None, None, False, None),
            "": ("relative", None, None, None, False, None),
        }
        inside = [{"resourceType": "Patient", "id": "in"}]
        records = [PATIENT]
        for number, text in enumerate(sent, 1):
            subject = {"reference": text}
            records.append(observation(number, id=f"r{number}", contained=inside, subject=subject))
        assert self.kinds(build(ehr=records)) == sent

    def test_an_identifier_alone_is_logical(self, build: Build) -> None:
        subjects = [{"identifier": {"value": "1"}}, {"display": "somebody"}]
        db = build(ehr=[observation(n, subject=s) for n, s in enumerate(subjects)])
        assert db.rows("select kind, resolved from reference") == [("logical", None)]

    def test_never_across_feeds(self, build: Build) -> None:
        mine = observation(subject={"reference": "Patient/p"})
        db = build(ehr=[PATIENT], lab=[mine, {"resourceType": "Patient", "id": "other"}])
        assert db.rows("select resolved, target_rid from reference") == [(False, None)]
        assert db.rows("select patient_rid from observation") == [(None,)]
        patient = "select patient_rid, patient_id from resource where type = 'Observation'"
        assert db.rows(patient) == [(None, "p")]

    def bundle(self, url: str, number: int, target: Resource = PATIENT) -> str:
        about = observation(number, subject={"reference": url})
        entries = [{"fullUrl": url, "resource": target}, {"resource": about}]
        return json.dumps({"resourceType": "Bundle", "type": "batch", "entry": entries})

    def test_a_urn_resolves_within_its_bundle(self, build: Build) -> None:
        other = {"resourceType": "Patient", "id": "q"}
        same_urn = [self.bundle("urn:uuid:1", 1), self.bundle("urn:uuid:1", 2, other)]
        outside = observation(3, subject={"reference": "urn:uuid:1"})
        db = build(ehr=[*same_urn, outside])
        assert db.rows(
            "select o.id, t.id, x.resolved, x.kind from reference x join record o on o.rid = x.rid "
            "left join record t on t.rid = x.target_rid order by o.id"
        ) == [("o1", "p", True, "urn"), ("o2", "q", True, "urn"), ("o3", None, False, "urn")]

    def test_an_absolute_full_url_resolves_within_its_bundle(self, build: Build) -> None:
        url = "https://a.org/people/17"
        db = build(ehr=[self.bundle(url, 1)])
        assert self.kinds(db)[url] == ("absolute", "Patient", None, "p", True, True)

    def test_a_resource_sent_in_two_bundles_is_found_from_both(self, build: Build) -> None:
        db = build(ehr=[self.bundle("urn:uuid:1", 1), self.bundle("urn:uuid:2", 2)])
        assert db.row("select count(*) from patient") == (1,)
        assert db.rows("select resolved from reference") == [(True,), (True,)]


class TestExtensions:
    def test_two_levels(self, build: Build) -> None:
        race = {
            "url": "race",
            "extension": [
                {"url": "ombCategory", "valueCoding": {"system": "s", "code": "2106-3"}},
                {"url": "text", "valueString": "White"},
                {"url": "deeper", "extension": [{"url": "x", "valueString": "not read"}]},
            ],
        }
        plain = {"url": "when", "valueDateTime": "2026"}
        db = build(ehr=[{**PATIENT, "extension": [plain, race]}])
        nested = "Patient.extension.extension.value"
        assert db.rows("select path, expression, code, concept from coding") == [
            (nested, "Patient.extension[1].extension[0].value", "2106-3", None)
        ]
        assert db.rows("select path, expression, value from text where path like '%value'") == [
            (nested, "Patient.extension[1].extension[1].value", "White")
        ]
        assert db.rows("select path, expression, datatype from moment") == [
            ("Patient.extension.value", "Patient.extension[0].value", "dateTime")
        ]


class TestContained:
    def test_the_code_of_a_contained_medication(self, build: Build) -> None:
        medication = {
            "resourceType": "Medication",
            "id": "m",
            "code": {"text": "Aspirin", "coding": [{"system": "s", "code": "1191"}]},
        }
        request = {
            "resourceType": "MedicationRequest",
            "id": "r",
            "contained": [{"resourceType": "Patient", "id": "x"}, medication],
            "medicationReference": {"reference": "#m"},
        }
        db = build(ehr=[request])
        place = "MedicationRequest.contained[1].code"
        assert db.rows("select path, expression, concept, code from coding") == [
            ("MedicationRequest.contained.code.coding", f"{place}.coding[0]", place, "1191")
        ]
        assert db.rows("select path, expression, text, codings from concept") == [
            ("MedicationRequest.contained.code", place, "Aspirin", 1)
        ]
        assert db.rows("select kind, resolved, target_type from reference") == [
            ("contained", True, "Medication")
        ]

    def test_the_types_allowed_in_a_choice(self, build: Build) -> None:
        request = {"resourceType": "MedicationRequest", "id": "r"}
        reference = {"reference": "Medication/m"}
        db = build(ehr=[{**request, "medicationReference": reference}])
        assert db.rows("select type_allowed from reference") == [(True,)]


class TestRecords:
    def test_entered_in_error(self, build: Build) -> None:
        mark = "entered-in-error"
        verification = {"coding": [{"code": mark}]}
        records = [
            observation(1),
            observation(2, status=mark),
            {"resourceType": "Condition", "id": "c", "verificationStatus": verification},
            PATIENT,
        ]
        db = build(ehr=records)
        assert db.rows("select id, entered_in_error from resource order by id") == [
            ("c", True),
            ("o1", False),
            ("o2", True),
            ("p", False),
        ]
        assert db.rows("select entered_in_error from condition") == [(True,)]

    def test_the_same_record_twice_is_one(self, build: Build) -> None:
        one = json.dumps(observation(1, subject={"reference": "Patient/p"}))
        db = build(ehr=[one, json.dumps(PATIENT), one, one + "\r", f" {one}"], lab=[one])
        rows = db.rows("select feed, line from resource where type = 'Observation' order by feed")
        assert rows == [("ehr", 1), ("lab", 1)]
        assert db.row("select count(*) from observation") == (2,)
        assert db.row("select count(*) from reference") == (2,)

    def test_the_same_id_with_other_content_is_two(self, build: Build) -> None:
        first, second = {**PATIENT, "gender": "male"}, {**PATIENT, "gender": "female"}
        about = observation(subject={"reference": "Patient/p"})
        db = build(ehr=[first, second, about])
        assert db.row("select count(*), count(distinct rid) from patient") == (2, 2)
        assert db.row("select count(*), count(target_rid) from reference") == (1, 1)

    def test_records_without_an_id_are_each_their_own(self, build: Build) -> None:
        db = build(ehr=[{"resourceType": "Patient"}, {"resourceType": "Patient"}])
        assert db.row("select count(*) from patient") == (2,)

    def test_a_load_of_nothing_but_faults(self, build: Build) -> None:
        db = build(ehr=["{bad"])
        assert db.row("select count(*) from resource") == (0,)
        assert db.rows("select feed, file, line, error is null from sent_record") == [
            ("ehr", "a.ndjson", 1, False)
        ]
        for table in WANTED:
            assert db.row(f"select count(*) from {table}") == (0,)

    def test_rids_are_unique_whatever_was_kept_out(self, build: Build) -> None:
        bundle = {"resourceType": "Bundle", "entry": [{}, {}, None, {"resource": PATIENT}, {}]}
        db = build(ehr=["{bad", json.dumps(bundle), json.dumps(PATIENT)])
        assert db.row("select count(*), count(distinct rid) from sent_record") == (6, 6)


class TestDatatypes:
    def test_a_row_an_element_with_its_place(self, build: Build) -> None:
        code = {"text": "BP", "coding": [{"code": "1"}, {"system": "s", "code": "2"}]}
        component = [{"code": {"coding": []}}, {"code": code, "valueQuantity": {"value": 1.5}}]
        db = build(ehr=[observation(component=component, code=None)])
        place = "Observation.component[1].code"
        assert db.rows("select path, expression, concept, code from coding order by code") == [
            ("Observation.component.code.coding", f"{place}.coding[0]", place, "1"),
            ("Observation.component.code.coding", f"{place}.coding[1]", place, "2"),
        ]
        assert db.rows("select expression, text, codings from concept order by 1") == [
            ("Observation.component[0].code", None, 0),
            (place, "BP", 2),
        ]
        assert db.rows("select path, expression, value, unit from quantity") == [
            ("Observation.component.value", "Observation.component[1].value", 1.5, None)
        ]

    def test_flat_columns(self, build: Build) -> None:
        category = [{"coding": [{"code": "laboratory"}]}]
        db = build(
            ehr=[
                PATIENT,
                {"resourceType": "Encounter", "id": "e"},
                observation(
                    category=category,
                    code={"text": "K", "coding": [{"system": "s", "code": "1", "display": "d"}]},
                    subject={"reference": "Patient/p"},
                    encounter={"reference": "Encounter/e"},
                ),
            ]
        )
        row = db.row(
            "select o.category, o.code, o.code_system, o.code_display, o.code_text, p.id, e.id "
            "from observation o join record p on p.rid = o.patient_rid "
            "join record e on e.rid = o.encounter_rid"
        )
        assert row == ("laboratory", "1", "s", "d", "K", "p", "e")
