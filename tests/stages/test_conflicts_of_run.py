"""Conflicts of a load: echoes, whose word it is, what is withheld; as FHIR, on a card."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import pytest
from conflict_cases import (
    ASTHMA,
    GOUT,
    LATEX,
    PENICILLIN,
    Resource,
    allergy,
    condition,
    conflicts,
    patient,
    result,
    row,
)
from conformance_cases import issues
from relation_cases import RXNORM, concept

from uptake.delivery.cases import Case, Judged
from uptake.delivery.services import conflicts as service
from uptake.delivery.services import services
from uptake.reconciliation.conflicts.fhir import as_fhir, detected_issue
from uptake.reconciliation.conflicts.rules import rules
from uptake.report.formats.conflicts import write_conflicts

if TYPE_CHECKING:
    from pathlib import Path

AT = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
SEVERE = allergy("a", PENICILLIN, criticality="high", recordedDate="2025-05-01",
                 recorder={"reference": "Practitioner/d"})  # fmt: skip
DOCTOR = {"resourceType": "Practitioner", "id": "d", "name": [{"family": "Lee", "prefix": ["Dr."]}]}
NUMBER = {"identifier": [{"system": "urn:lab", "value": "77"}]}
SOURCE = {"meta": {"source": "urn:ehr#1"}}


def kinds(rows: list[dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [(r["type"], r["kind"], r["stance"]) for r in rows]


def test_both_sides_with_date_author_source_and_provenance(tmp_path: Path) -> None:
    provenance = {
        "resourceType": "Provenance", "id": "v", "target": [{"reference": "AllergyIntolerance/a"}],
        "recorded": "2025-05-01T10:00:00Z", "agent": [{"who": {"display": "Hospital"}}],
    }  # fmt: skip
    gout = condition("c", GOUT, recordedDate="2024-02-03", recorder={"display": "Dr. May"})
    chart = [gout, allergy("latex", LATEX)]
    outside = [condition("o", GOUT, "resolved"), SEVERE, DOCTOR, provenance]
    missing, over = conflicts(tmp_path, chart, outside)
    assert (missing["stance"], missing["severity"]) == ("news", "high")
    assert (missing["outside_by"], missing["outside_date"]) == ("Dr. Lee", date(2025, 5, 1))
    assert (missing["outside_feed"], missing["outside_provenance"]) == ("hospital", "Provenance/v")
    assert missing["chart_id"] is None
    assert (over["chart_text"], over["outside_text"]) == ("Gout, active", "Gout, over")
    assert (over["chart_by"], over["chart_date"]) == ("Dr. May", date(2024, 2, 3))
    assert (over["patient_id"], over["patient_feed"], over["withheld"]) == ("p", "ehr", "")


def test_drugs_are_the_medication_engines(tmp_path: Path) -> None:
    def asked(name: str, code: str, drug: str) -> Resource:
        return {
            "resourceType": "MedicationRequest", "id": name, "status": "active", "intent": "order",
            "subject": {"reference": "Patient/p"}, "authoredOn": "2025-12-01",
            "medicationCodeableConcept": concept(RXNORM, code, drug),
        }  # fmt: skip

    chart = [asked("c", "855332", "warfarin sodium 5 MG Oral Tablet")]
    outside = [asked("o", "855288", "warfarin sodium 1 MG Oral Tablet")]
    (found,) = conflicts(tmp_path, chart, outside)
    assert (found["type"], found["kind"], found["severity"]) == (
        "MedicationRequest", "strength", "high",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("chart", "outside"),
    [
        (condition("c", GOUT, **NUMBER), [condition("o", GOUT, "resolved", **NUMBER)]),
        (condition("same", GOUT, **SOURCE), [condition("same", GOUT, "resolved", **SOURCE)]),
        (condition("c", GOUT), [condition("o", GOUT, "resolved"), {
            "resourceType": "Provenance", "id": "v", "target": [{"reference": "Condition/o"}],
            "entity": [{"role": "source", "what": {"reference": "http://ehr/fhir/Condition/c"}}],
        }]),
        (result("c", 13.4, **NUMBER), [result("o", 9.1, **NUMBER)]),
    ],
)  # fmt: skip
def test_an_echo_is_no_conflict(tmp_path: Path, chart: Resource, outside: list[Resource]) -> None:
    assert conflicts(tmp_path, [chart], outside) == []


@pytest.mark.parametrize(
    ("chart", "outside"),
    [
        (condition("c", GOUT, **NUMBER),
         condition("o", GOUT, "resolved", identifier=[{"system": "urn:x", "value": "77"}])),
        (condition("same", GOUT), condition("same", GOUT, "resolved")),
        (result("c", 13.4, **NUMBER), result("o", 9.1, status="corrected", **NUMBER)),
    ],
)  # fmt: skip
def test_what_only_looks_like_an_echo(tmp_path: Path, chart: Resource, outside: Resource) -> None:
    (found,) = conflicts(tmp_path, [chart], [outside])
    assert found["kind"] in ("status", "value")


def test_what_the_outside_entered_in_error_says_nothing(tmp_path: Path) -> None:
    error = {"verificationStatus": {"coding": [{"code": "entered-in-error"}]}}
    outside = [allergy("o", PENICILLIN, **error), result("r", 9.1, status="entered-in-error")]
    assert conflicts(tmp_path, [result("c", 13.4)], outside) == []


def test_a_list_that_is_declared_complete(tmp_path: Path) -> None:
    found = conflicts(tmp_path, [condition("c", ASTHMA)], [], ("Condition",))
    assert kinds(found) == [("Condition", "absent-outside", "conflict")]
    assert found[0]["outside_id"] is None


def test_of_somebody_who_is_not_known_for_sure_no_content_is_kept(tmp_path: Path) -> None:
    """Another sex under the same number."""
    chart = [result("c", 13.4), allergy("latex", LATEX)]
    found = conflicts(tmp_path, chart, [result("o", 9.1), SEVERE], other=patient(gender="male"))
    assert kinds(found) == [
        ("AllergyIntolerance", "absent", "news"), ("Observation", "value", "conflict"),
        ("Patient", "sex", "conflict"),
    ]  # fmt: skip
    texts = [r[c] for r in found for c in r if c.endswith(("_text", "name", "evidence"))]
    assert set(texts) == {None}
    assert {r["withheld"] for r in found} == {"its records contradict each other on the sex"}


def test_demographics_in_their_normal_form(tmp_path: Path) -> None:
    other = patient(name=[{"family": "RAY", "given": ["Ánn"]}], deceasedBoolean=True)
    (found,) = conflicts(tmp_path, [], [], other=other)
    assert (found["kind"], found["stance"], found["chart_text"]) == (
        "deceased", "news", "the chart does not say",
    )  # fmt: skip


def test_what_is_known_of_a_patient_stays_where_another_record_may_be_theirs(
    tmp_path: Path,
) -> None:
    """A third record, under no number: what these two say is not in doubt."""
    third = {**patient(), "id": "x", "identifier": []}
    (found,) = conflicts(tmp_path, [result("c", 13.4)], [result("o", 9.1), third])
    assert (found["withheld"], found["outside_text"]) == ("", "9.1 g/dL")


def test_whom_one_side_does_not_know_is_not_compared(tmp_path: Path) -> None:
    stranger = {**patient(), "id": "x", "identifier": [], "birthDate": "1980-01-01",
                "name": [{"family": "Elm", "given": ["Bo"]}]}  # fmt: skip
    entry = {**SEVERE, "patient": {"reference": "Patient/x"}}
    assert conflicts(tmp_path, [], [entry], other=stranger) == []


class TestFhir:
    def made(self, **more: Any) -> list[dict[str, Any]]:
        return list(as_fhir([row(**more)], AT, "0.1.0"))

    @pytest.mark.parametrize("kind", [*rules().kinds, "strength", "duplicate"])
    def test_every_kind_is_valid_r4(self, kind: str) -> None:
        chart = {"chart_text": "Latex, active", "chart_feed": "ehr", "chart_id": "c",
                 "chart_type": "AllergyIntolerance", "chart_date": date(2020, 1, 1)}  # fmt: skip
        drug = {"type": "MedicationRequest"} if kind in ("strength", "duplicate") else {}
        for resource in self.made(kind=kind, outside_provenance="Provenance/v", **chart, **drug):
            assert issues(resource) == []

    def test_both_sides_are_implicated_the_outside_by_its_feed(self) -> None:
        issue, provenance = self.made(
            chart_feed="ehr", chart_id="c", chart_type="AllergyIntolerance", chart_text="none known"
        )
        ours, theirs = issue["implicated"]
        assert ours == {"reference": "AllergyIntolerance/c"}
        assert theirs["identifier"] == {"system": "urn:uptake:feed:hospital", "value": "a1"}
        assert (issue["severity"], issue["status"]) == ("high", "preliminary")
        assert provenance["target"] == [{"reference": f"DetectedIssue/{issue['id']}"}]
        assert [e["what"] for e in provenance["entity"]] == issue["implicated"]
        assert (
            "hospital: Allergy to penicillin, active, criticality high, Dr. Lee, 2025-05-01"
            in (issue["detail"])
        )

    def test_what_is_withheld_is_not_written(self) -> None:
        assert self.made(withheld="one id names two people") == []

    def test_a_repeat_is_equal_and_another_record_is_another_issue(self) -> None:
        assert detected_issue(row(), AT) == detected_issue(row(), AT)
        assert detected_issue(row(), AT)["id"] != detected_issue(row(outside_id="b"), AT)["id"]

    def test_a_run_is_written(self, tmp_path: Path) -> None:
        import duckdb
        import pyarrow as pa

        (tmp_path / "delivery").mkdir()
        (tmp_path / "summary.json").write_text('{"run": "2026-11-01T09:30:00Z-1f2e"}')
        rows = pa.Table.from_pylist([row(), row(patient_id="q", withheld="not sure")])
        path = tmp_path / "delivery" / "conflict.parquet"
        duckdb.sql(f"copy (select * from rows) to '{path}' (format parquet)")
        assert write_conflicts(tmp_path, tmp_path / "out") == {"written": 1, "withheld": 1}
        assert rows.num_rows == 2
        (line,) = (tmp_path / "out" / "DetectedIssue.ndjson").read_text().splitlines()
        assert json.loads(line)["identifiedDateTime"] == "2026-11-01T09:30:00+00:00"


@dataclass(frozen=True)
class Run:
    """What a run knows of one patient."""

    table: list[dict[str, Any]]
    doubt: str = ""
    another: str = ""
    as_of: str = "2026-11-01"

    def rows(self, _: str) -> list[dict[str, Any]]:
        """Return the conflicts."""
        return self.table


class TestCard:
    def judged(self, *rows: dict[str, Any], doubt: str = "") -> Judged | None:
        known = Run(list(rows), doubt)
        return service.judge(Case("patient-view", "p", "Practitioner/d", "", AT, {}, known))

    def test_a_severe_allergy_that_the_chart_lacks_is_one_line(self) -> None:
        judged = self.judged(row())
        assert judged is not None
        (item,) = judged.items
        assert (judged.summary, item.severity, item.withheld) == (
            "1 severe outside allergy is not in the chart", "warning", "",
        )  # fmt: skip
        assert item.context[0].author == "Dr. Lee"
        assert item.about == ("AllergyIntolerance/a1",)
        assert item.lasting

    def test_where_the_chart_says_that_there_is_none_it_is_missing_too(self) -> None:
        chart = {"kind": "none-known", "chart_text": "No known allergy", "chart_feed": "ehr",
                 "chart_id": "c", "chart_type": "AllergyIntolerance"}  # fmt: skip
        denied = {"chart_text": row()["outside_text"], "outside_text": "No known allergy"}
        for more, withheld in (({}, ""), (denied, service.IN_PANEL)):
            judged = self.judged(row(**{**chart, **more}))
            assert judged is not None
            assert [item.withheld for item in judged.items] == [withheld]

    def test_all_else_is_in_the_panel(self) -> None:
        chart = {"chart_text": "13.4 g/dL", "chart_feed": "ehr", "chart_id": "c",
                 "chart_type": "Observation"}  # fmt: skip
        judged = self.judged(
            row(severity="low"), row(type="Observation", kind="value", stance="conflict", **chart)
        )
        assert judged is not None
        assert [item.withheld for item in judged.items] == [service.IN_PANEL] * 2
        assert [item.kind for item in judged.items] == ["value", "absent"]
        assert judged.summary == "Outside records and the chart differ on results, allergies"

    def test_of_whom_it_is_not_sure_who_it_is_nothing_is_told(self) -> None:
        judged = self.judged(row(), doubt="one id names two people")
        assert judged is not None
        (item,) = judged.items
        assert (item.context, item.about, item.withheld) == ((), (), "one id names two people")
        assert not judged.panel

    def test_when_there_is_nothing_to_say(self) -> None:
        assert self.judged() is None
        withheld = {"name": None, "outside_text": None}
        assert self.judged(row(withheld="one id names two people", **withheld)) is None
        assert self.judged(row(type="MedicationRequest", kind="strength")) is None

    def test_the_service_is_offered(self) -> None:
        assert services()["outside-conflicts-patient-view"].needs == ()
