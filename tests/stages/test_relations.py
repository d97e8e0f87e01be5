"""People, their lists, and ids that stand for two things: small feeds in, rows out."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from relation_cases import RXNORM, SNOMED, Load, Resource, bundle, concept, patient, problem

ROLES = {"ehr": "ehr", "outside": "external"}
ICD_10 = "http://hl7.org/fhir/sid/icd-10-cm"
GOUT = concept(SNOMED, "90560007", "Gout")


@pytest.fixture
def load(tmp_path: Path) -> Iterator[Load]:
    made = Load(tmp_path, ROLES)
    yield made
    made.db.close()


class TestListDifference:
    def kinds(self, load: Load, chart: list[Resource], outside: list[Resource]) -> dict[str, str]:
        load.put("ehr", "a.ndjson", patient("p"), *chart)
        load.put("outside", "a.ndjson", patient("x"), *outside)
        query = "select r.id, d.kind from list_difference d join resource r using (rid)"
        return dict(load.rows(query))

    @pytest.mark.parametrize(
        ("chart", "kind"),
        [
            ([problem("c", "p", GOUT)], "same"),
            ([problem("c", "p", GOUT, "resolved")], "status"),
            ([problem("c", "p", GOUT, "resolved"), problem("d", "p", GOUT)], "same"),
            ([problem("c", "p", concept(SNOMED, "195967001", "Asthma"))], "omission"),
            ([problem("c", "p", concept(SNOMED, "1", "Gouty arthritis"))], "unmapped"),
            ([problem("c", "p", concept(ICD_10, "M10.9"))], "unmapped"),
            ([problem("c", "p", {"text": "Podagra"})], "unmapped"),
            ([problem("c", "p", GOUT) | {"clinicalStatus": None}], "unmapped"),
        ],
    )
    def test_a_problem(self, load: Load, chart: list[Resource], kind: str) -> None:
        assert self.kinds(load, chart, [problem("o", "x", GOUT)]) == {"o": kind}

    def test_names_alike_are_not_told_apart(self, load: Load) -> None:
        chart = [problem("c", "p", concept(SNOMED, "38341003", "Hypertensive disorder"))]
        outside = [problem("o", "x", concept(SNOMED, "59621000", "Essential hypertension"))]
        assert self.kinds(load, chart, outside) == {"o": "unmapped"}

    def test_an_alias_of_a_system_is_that_system(self, load: Load) -> None:
        alias = concept("urn:oid:2.16.840.1.113883.6.96", "90560007")
        assert self.kinds(load, [problem("c", "p", alias)], [problem("o", "x", GOUT)]) == {
            "o": "same"
        }

    def test_a_chart_without_problem_lists_lacks_nothing(self, load: Load) -> None:
        assert self.kinds(load, [], [problem("o", "x", GOUT)]) == {"o": "unmapped"}

    def test_who_is_not_in_the_chart_is_not_compared(self, load: Load) -> None:
        load.put("ehr", "a.ndjson", patient("p"), problem("c", "p", GOUT))
        load.put("outside", "a.ndjson", patient("x", "18"), problem("o", "x", GOUT))
        assert load.rows("from list_difference") == []

    def test_without_roles_nothing_is_compared(self, tmp_path: Path) -> None:
        made = Load(tmp_path)
        made.put("ehr", "a.ndjson", patient("p"), problem("c", "p", GOUT, "resolved"))
        made.put("outside", "a.ndjson", patient("x"), problem("o", "x", GOUT))
        assert made.says("PLA-11") == []
        made.db.close()

    def test_a_drug_is_the_medication_comparisons(self, load: Load) -> None:
        def asked(identity: str, of: str, code: str, name: str) -> Resource:
            return {
                "resourceType": "MedicationRequest", "id": identity, "status": "active",
                "intent": "order", "subject": {"reference": f"Patient/{of}"},
                "authoredOn": "2025-12-01",
                "medicationCodeableConcept": concept(RXNORM, code, name),
            }  # fmt: skip

        chart = [asked("c", "p", "855332", "warfarin sodium 5 MG Oral Tablet")]
        outside = [
            asked("strength", "x", "855288", "warfarin sodium 1 MG Oral Tablet"),
            asked("omission", "x", "314076", "lisinopril 10 MG Oral Tablet"),
        ]
        kinds = self.kinds(load, chart, outside)
        assert kinds == {"strength": "strength", "omission": "omission"}


class TestIngredient:
    def rows(self, load: Load, *codings: Resource) -> list[tuple[Any, ...]]:
        request = {
            "resourceType": "MedicationRequest", "id": "m", "status": "active", "intent": "order",
            "medicationCodeableConcept": {"coding": list(codings)},
        }  # fmt: skip
        load.put("ehr", "a.ndjson", request)
        return sorted(load.rows("select key, ingredient from medication_ingredient"))

    def test_each_component_has_a_row(self, load: Load) -> None:
        name = "hydrochlorothiazide 12.5 MG / lisinopril 10 MG Oral Tablet"
        rows = self.rows(load, {"system": RXNORM, "code": "197885", "display": name})
        assert [ingredient for _, ingredient in rows] == ["hydrochlorothiazide", "lisinopril"]

    def test_the_coding_with_a_name_that_is_read_counts(self, load: Load) -> None:
        local = {"system": "http://local.example/drug", "code": "17", "display": "Zestril 10"}
        read = {"system": RXNORM, "code": "314076", "display": "lisinopril 10 MG Oral Tablet"}
        assert self.rows(load, local, read) == [("lisinopril||by mouth", "lisinopril")]

    def test_a_name_that_is_not_read_is_its_code(self, load: Load) -> None:
        rows = self.rows(load, {"system": RXNORM, "code": "29046", "display": "lisinopril"})
        assert rows == [(f"{RXNORM}|29046", None)]

    def test_a_text_is_no_drug(self, load: Load) -> None:
        assert self.rows(load, {"display": "lisinopril 10 MG Oral Tablet"}) == []


class TestSentAgain:
    def test_only_what_came_again_with_another_text_is_compared(self, load: Load) -> None:
        one = {"resourceType": "Patient", "id": "twice", "gender": "male"}
        again = {
            "id": "twice",
            "resourceType": "Patient",
            "gender": "male",
            "meta": {"source": "b"},
        }
        other = one | {"id": "another", "gender": "female"}
        load.put("ehr", "a.ndjson", one, again, other, other, {"resourceType": "Patient"})
        rows = load.rows("select count(*), count(distinct content) from sent_again")
        assert rows == [(2, 1)]

    def test_two_feeds_meet_by_full_url_only(self, load: Load) -> None:
        for feed, gender in (("ehr", "male"), ("outside", "female")):
            resource = {"resourceType": "Patient", "id": "9", "gender": gender}
            plain = {"resourceType": "Patient", "id": "1", "gender": gender}
            url = "https://hie.example.org/fhir/Patient/9"
            load.put(feed, "a.ndjson", bundle("collection", {"fullUrl": url, "resource": resource}))
            load.put(feed, "b.ndjson", plain)
        found = [row["evidence"] for row in load.says("CNF-09") if row["violates"]]
        assert found == ["another Patient has this id"] * 2
