"""Mappings of local codes: what is refused, what the tables then hold, what the newest decides."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from uptake.engine.duckdb import Database
from uptake.errors import StorageError
from uptake.feeds.files import files_of, find_feeds
from uptake.findings.load import prepare, tables_needed
from uptake.findings.worklist import suggested
from uptake.model import CodeMapping, Requirement, UseCase
from uptake.resources.flat import shipped_view, view_names
from uptake.resources.store import load
from uptake.state.database import State, open_state
from uptake.terminology.mappings import MappingError, decide, decisions, read_mappings

LOCAL, LOINC, SNOMED = "http://lab.example/codes", "http://loinc.org", "http://snomed.info/sct"
NOW = datetime(2026, 11, 1, 12, tzinfo=UTC)
A1C = CodeMapping("lab", LOCAL, "GHB", LOINC, "4548-4")
Resource = dict[str, Any]
Build = Callable[..., Database]


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = open_state(f"sqlite:///{tmp_path / 'state.db'}")
    yield opened
    opened.close()


def target(system: str, code: str) -> CodeMapping:
    return CodeMapping("lab", LOCAL, "GHB", system, code)


class TestDecisions:
    def test_an_approved_one_is_read_with_its_canonical_system(self, state: State) -> None:
        (kept,) = decide(state, [target("LOINC", " 4548-4 ")], "approved", by=" Ada ", at=NOW)
        assert kept == A1C
        assert read_mappings(state) == (A1C,)
        (said,) = decisions(state)
        assert (said.by, said.at, said.decision) == ("Ada", NOW, "approved")

    @pytest.mark.parametrize("later", ["rejected", "flagged"])
    def test_the_newest_decides(self, state: State, later: str) -> None:
        decide(state, [A1C], "approved", by="Ada", at=NOW)
        decide(state, [CodeMapping("lab", LOCAL, "GHB")], later, by="Bo", at=NOW)
        assert read_mappings(state) == ()
        assert [d.decision for d in decisions(state)] == [later]
        decide(state, [target(LOINC, "17856-6")], "approved", by="Ada", at=NOW)
        assert [m.target_code for m in read_mappings(state)] == ["17856-6"]

    def test_codes_of_other_feeds_and_systems_are_others(self, state: State) -> None:
        others = [A1C, CodeMapping("east", LOCAL, "GHB"), CodeMapping("lab", "urn:x", "GHB")]
        decide(state, others[:1], "approved", by="Ada", at=NOW)
        decide(state, others[1:], "rejected", by="Ada", at=NOW)
        assert read_mappings(state) == (A1C,)
        assert len(decisions(state)) == 3

    @pytest.mark.parametrize(
        ("wrong", "said"),
        [
            (target(LOINC, "4548-5"), "4548-5 has a wrong check digit.*was 4548-4 meant"),
            (target(SNOMED, "44054007"), "wrong check digit.*was 44054006 meant"),
            (target(LOINC, "A1C"), "does not look like a code of http://loinc.org"),
            (target("http://hl7.org/fhir/sid/icd-10-cm", "250.00"), "does not look like"),
            (target("http://lab.example/other", "1"), "no standard system that is known"),
            (target("", ""), "has no target; write SYSTEM"),
            (CodeMapping("lab", "LN", "4548-5", LOINC, "4548-4"), "LN is a standard system"),
            (CodeMapping("lab", "", "GHB", LOINC, "4548-4"), "one is missing"),
        ],
    )
    def test_a_wrong_one_is_refused_and_all_with_it(
        self, state: State, wrong: CodeMapping, said: str
    ) -> None:
        with pytest.raises(MappingError, match=said):
            decide(state, [A1C, wrong], "approved", by="Ada", at=NOW)
        assert decisions(state) == ()

    def test_nobody_or_no_decision_is_refused(self, state: State) -> None:
        with pytest.raises(MappingError, match="say who decides"):
            decide(state, [A1C], "approved", by=" ", at=NOW)
        with pytest.raises(MappingError, match="no decision"):
            decide(state, [A1C], "perhaps", by="Ada", at=NOW)
        with pytest.raises(StorageError):
            decide(state, [A1C], "approved", by="Ada", at=NOW.replace(tzinfo=None))
        assert decisions(state) == ()

    def test_what_people_typed_is_kept_as_it_is(self, state: State) -> None:
        name = "<script>alert(1)</script> '; drop table mapping; --"
        sent = CodeMapping("lab", LOCAL, "GHB'", LOINC, "4548-4", "", name)
        decide(state, [sent], "approved", by=name, at=NOW)
        assert read_mappings(state) == (sent,)
        assert decisions(state)[0].by == name


WANTED = tables_needed(f"select 1 from {t}" for t in ("concept", "coding", "event", "code_status"))


@pytest.fixture
def build(tmp_path: Path) -> Iterator[Build]:
    """Return a function from mappings and feeds to a database."""
    opened = []
    numbers = itertools.count()

    def make(mappings: list[CodeMapping], **feeds: list[Resource]) -> Database:
        here = tmp_path / str(next(numbers))
        for name, records in feeds.items():
            (here / "in" / name).mkdir(parents=True)
            lines = "\n".join(map(json.dumps, records))
            (here / "in" / name / "a.ndjson").write_text(lines)
        found = find_feeds([str(here / "in")], {})
        store = load(files_of(found), here / "store", 1, lambda _: None)
        db = Database(threads=2, memory="500MB", spill=tmp_path / "spill")
        opened.append(db)
        wanted = WANTED | view_names()
        prepare(db, store, found, NOW, wanted, mappings=mappings)
        return db

    yield make
    for db in opened:
        db.close()


def observation(*codings: tuple[str, str], **fields: Any) -> Resource:
    coded = [{"system": s, "code": c, "display": f"name of {c}"} for s, c in codings]
    code = {"coding": coded, "text": "HbA1c"}
    return {"resourceType": "Observation", "id": "o", "status": "final", "code": code, **fields}


CODINGS = "select expression, concept, system, code, display from coding order by all"


class TestTables:
    def test_the_target_stands_beside_the_local_code(self, build: Build) -> None:
        db = build([A1C], lab=[observation((LOCAL, "GHB"), effectiveDateTime="2026-01-01")])
        place = ("Observation.code.coding[0]", "Observation.code")
        assert db.rows(CODINGS) == [
            (*place, LOCAL, "GHB", "name of GHB"),
            (*place, LOINC, "4548-4", None),
        ]
        assert db.rows("select path from coding") == [("Observation.code.coding",)] * 2
        assert db.rows("select codings from concept") == [(2,)]
        flat = "select code_system, code, code_text"
        assert db.row(f"{flat}, code_display from observation") == (
            LOINC, "4548-4", "HbA1c", "name of GHB",
        )  # fmt: skip
        assert db.row(f"{flat} from event") == (LOINC, "4548-4", "HbA1c")
        assert db.rows("select code from code_status where check_digit_ok") == [("4548-4",)]

    def test_the_target_s_name_takes_the_place_of_the_local_one(self, build: Build) -> None:
        named = CodeMapping("lab", LOCAL, "GHB", LOINC, "4548-4", "Hemoglobin A1c")
        db = build([named], lab=[observation((LOCAL, "GHB"))])
        assert db.row("select code_display from observation") == ("Hemoglobin A1c",)

    def test_only_this_feed_system_and_code(self, build: Build) -> None:
        records = [observation((LOCAL, "ghb"), ("urn:x", "GHB"))]
        db = build([A1C], lab=records, east=[observation((LOCAL, "GHB"))])
        assert db.row("select count(*) from coding where system = 'http://loinc.org'") == (0,)
        codes = db.rows("select code from observation order by code")
        assert codes == [("GHB",), ("ghb",)]

    def test_a_code_that_is_there_is_not_added_again(self, build: Build) -> None:
        db = build([A1C], lab=[observation((LOCAL, "GHB"), (LOINC, "4548-4"))])
        assert db.rows("select system, code from coding order by all") == [
            (LOCAL, "GHB"),
            (LOINC, "4548-4"),
        ]
        assert db.rows("select codings from concept") == [(2,)]
        assert db.row("select code from observation") == ("4548-4",)

    def test_another_code_that_the_sender_gave_stands(self, build: Build) -> None:
        """A sender who says both knows what was measured better than a mapping does."""
        db = build([A1C], lab=[observation((LOCAL, "GHB"), (LOINC, "17856-6"))])
        assert db.row("select count(*) from coding where code = '4548-4'") == (0,)
        assert db.row("select code from observation") == ("GHB",)

    def test_two_local_codes_of_one_meaning_give_one(self, build: Build) -> None:
        two = [A1C, CodeMapping("lab", LOCAL, "GHB2", LOINC, "4548-4")]
        db = build(two, lab=[observation((LOCAL, "GHB2"), (LOCAL, "GHB"))])
        assert db.row("select count(*) from coding") == (3,)
        assert db.rows("select codings from concept") == [(3,)]
        assert db.row("select code from observation") == ("4548-4",)

    def test_components_answers_drugs_and_bare_codings(self, build: Build) -> None:
        def means(code: str, system: str, target_code: str) -> CodeMapping:
            return CodeMapping("ehr", LOCAL, code, system, target_code)

        answer = {"coding": [{"system": LOCAL, "code": "S"}]}
        component = [
            {"code": {"coding": []}},
            {"code": {"coding": [{"system": LOCAL, "code": "D"}]}},
        ]
        drug = {"coding": [{"system": LOCAL, "code": "M"}]}
        inside = {"resourceType": "Medication", "id": "m", "code": drug}
        in_it = {"reference": "#m"}
        request = {"resourceType": "MedicationRequest", "status": "active", "intent": "order"}
        records = [
            observation((LOINC, "72166-2"), valueCodeableConcept=answer, component=component),
            {**request, "id": "own", "medicationCodeableConcept": drug},
            {
                **request,
                "id": "in",
                "contained": [inside],
                "medicationReference": in_it,
            },
            {"resourceType": "Encounter", "id": "e", "class": {"system": LOCAL, "code": "IN"}},
        ]
        act = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
        rxnorm = "http://www.nlm.nih.gov/research/umls/rxnorm"
        mappings = [
            means("S", SNOMED, "77176002"), means("D", LOINC, "8462-4"),
            means("M", rxnorm, "860975"), means("IN", act, "IMP"),
        ]  # fmt: skip
        db = build(mappings, ehr=records)
        added = "select expression, code from mapped_coding where adds order by all"
        assert db.rows(added) == [
            ("Encounter.class", "IMP"),
            ("MedicationRequest.contained[0].code.coding[0]", "860975"),
            ("MedicationRequest.medication.coding[0]", "860975"),
            ("Observation.component[1].code.coding[0]", "8462-4"),
            ("Observation.value.coding[0]", "77176002"),
        ]
        assert db.row("select class, class_system from encounter") == ("IMP", act)
        answers = "select code, value_code, value_code_system from observation"
        assert db.row(answers) == ("72166-2", "77176002", SNOMED)
        assert db.rows("select code from medication_request order by code") == [
            ("860975",),
            (None,),
        ]

    def test_order_and_repeats_change_nothing(self, build: Build) -> None:
        mappings = [
            A1C,
            CodeMapping("lab", LOCAL, "GHB", LOINC, "17856-6"),
            CodeMapping("lab", LOCAL, "K", LOINC, "2823-3"),
        ]
        records = [observation((LOCAL, "K"), (LOCAL, "GHB")), observation((LOCAL, "GHB"), id="o2")]
        seen = set()
        for order in itertools.permutations(mappings):
            db = build([*order, order[0]], lab=records)
            flat = "select code_system, code from observation order by all"
            seen.add((*db.rows(CODINGS), *db.rows(flat), *db.rows("select codings from concept")))
        assert len(seen) == 1

    def test_the_codes_of_every_view_are_known(self) -> None:
        found = {
            column.removesuffix("_system")
            for name in view_names()
            for column in [c.name for c in shipped_view(name).compiled.columns]
            if column.endswith("_system") and "unit" not in column
        }
        assert found == {c for name in view_names() for c in shipped_view(name).codings}
        assert shipped_view("encounter").codings == {
            "class": "Encounter.class",
            "type": "Encounter.type[0].coding[0]",
        }


class TestSuggestions:
    @staticmethod
    def use_case(*requirements: Requirement) -> UseCase:
        return UseCase("u", "U", "patients", 0.9, 0.1, "", "", "", requirements, Path())

    @staticmethod
    def needs(words: list[str], *codes: str, element: str = "Observation.code") -> Requirement:
        elements = (f"{element} | Observation.component.code", "Observation.value")
        named = {LOINC: codes}
        return Requirement("r", "R", ("Observation",), elements, "latest", 0.9, named, tuple(words))

    def test_the_first_code_of_the_requirement_whose_word_is_in_the_name(self) -> None:
        case = self.use_case(self.needs(["hgb a1c", "pulse"], "4548-4", "17856-6"))
        for name in ("HGB A1C", "hgb a1c (NGSP)", "Pulse"):
            assert suggested(name, ["Observation.code"], [case]) == (LOINC, "4548-4")
        for name in ("impulse", "HGBA1C", "", "glucose"):
            assert suggested(name, ["Observation.code"], [case]) is None
        assert suggested("pulse", ["Observation.component.code"], [case]) == (LOINC, "4548-4")

    def test_nothing_is_guessed(self) -> None:
        one, other = self.needs(["pulse"], "8867-4"), self.needs(["pulse ox"], "59408-5")
        whole = self.needs(["flu"], "*")
        cases = [self.use_case(one), self.use_case(other, whole)]
        assert suggested("Pulse", ["Observation.code"], cases) == (LOINC, "8867-4")
        assert suggested("Pulse ox", ["Observation.code"], cases) is None, "two are meant"
        assert suggested("flu", ["Observation.code"], cases) is None, "no code is listed"
        assert suggested("Pulse", ["Observation.value"], cases) is None, "an answer"
        assert suggested("Pulse", ["Condition.code"], cases) is None, "another element"
