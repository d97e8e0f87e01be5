"""Two people in one record: who is compared, how far apart they are, what else speaks for it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from identity_cases import Resource, number, patient, tables

COLUMNS = "a.id, o.shared, o.days_apart, o.most_days_apart, o.likeness_value, o.signs"


def overlays(folder: Path, **feeds: list[Resource]) -> list[tuple[Any, ...]]:
    """Return the rows of `patient_overlay`, each with the id of its Patient."""
    with tables(folder, "patient_overlay", **feeds) as db:
        return db.rows(
            f"select {COLUMNS} from patient_overlay o join resource a using (rid) order by all"
        )


def pair(folder: Path, first: Resource, second: Resource) -> tuple[Any, ...]:
    """Return days apart, at least and at most, and the likeness of two versions of a Patient."""
    sent = [first | version(1), second | version(2)]
    ((identity, shared, least, most, likeness, _),) = overlays(folder, ehr=sent)
    assert (identity, shared) == ("p", "versions")
    return least, most, likeness


def version(n: int) -> Resource:
    """Return the meta of a version, a day each."""
    return {"meta": {"versionId": str(n), "lastUpdated": f"2025-03-0{n}T08:00:00Z"}}


def named(given: str, born: str = "1960-05-05", family: str = "Amato", **more: Any) -> Resource:
    """Return a Patient of this name."""
    name = {"family": family, "given": given.split()}
    return patient("p", name=[name], birthDate=born, **more)


class TestWhoIsCompared:
    def test_the_newest_version_with_each_older_one(self, tmp_path: Path) -> None:
        sent = [named("Ana") | version(2), named("Eva") | version(3), named("Ida") | version(1)]
        with tables(tmp_path, "patient_overlay", ehr=sent) as db:
            rows = db.rows(
                "select a.text->>'$.name[0].given[0]', b.text->>'$.name[0].given[0]' "
                "from patient_overlay o join stored a using (rid) "
                "join stored b on b.rid = o.other_rid order by all"
            )
        assert rows == [("Eva", "Ana"), ("Eva", "Ida")]

    def test_both_records_with_one_number_whoever_sent_them(self, tmp_path: Path) -> None:
        numbered = {"identifier": [number("M17")]}
        rows = overlays(tmp_path, ehr=[patient("a", **numbered)], lab=[patient("b", **numbered)])
        assert [row[:2] for row in rows] == [("a", "MR"), ("b", "MR")]

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            (number("M17"), number("M18")),
            (number("M17"), number("M17", system="urn:other")),
            (number("M17", "MC"), number("M17", "MC")),
            (number("M17", ""), number("M17", "")),
            (number("000000"), number("000000")),
            (number("unknown"), number("unknown")),
            (number("123-45-6789", "SS"), number("123456789", "SS")),
        ],
    )
    def test_nobody_else(self, tmp_path: Path, first: Resource, second: Resource) -> None:
        sent = [patient("a", identifier=[first]), patient("b", identifier=[second])]
        assert overlays(tmp_path, ehr=sent) == []

    def test_a_number_that_many_have_is_nobodys(self, tmp_path: Path) -> None:
        sent = [patient(f"p{n}", identifier=[number("M17")]) for n in range(13)]
        assert overlays(tmp_path, ehr=sent) == []
        assert len(overlays(tmp_path / "fewer", ehr=sent[:12])) == 12 * 11

    def test_the_same_id_of_two_senders_is_nothing(self, tmp_path: Path) -> None:
        assert overlays(tmp_path, ehr=[named("Ana")], lab=[named("Peter")]) == []


class TestDistance:
    @pytest.mark.parametrize(
        ("first", "second", "days"),
        [
            ("1960-05-05", "1960-05-05", (0, 0)),
            ("1960-05-05", "1961-05-05", (365, 365)),
            ("1960", "1962-05-05", (490, 855)),
            ("1961-01-01", "1963-05-05", (490, 854)),
            ("1960-05", "1960-05-20", (0, 19)),
            ("1960-05-05", "1900-01-01", (None, None)),
            ("1960-05-05", "about 1990", (None, None)),
        ],
    )
    def test_days_between_birth_dates(
        self, tmp_path: Path, first: str, second: str, days: tuple[int | None, int | None]
    ) -> None:
        least, most, _ = pair(tmp_path, named("Ana", first), named("Ana", second))
        assert (least, most) == days

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ("Robert", "Bob"),
            ("Dmitri", "Дмитрий"),
            ("José", "JOSE"),
            ("Jean-Pierre", "Jeanpierre"),
            ("Anna Beatrix", "Beatrix"),
            ("Anna", "Beatrix Anna"),
        ],
    )
    def test_given_names_that_are_alike(self, tmp_path: Path, first: str, second: str) -> None:
        assert pair(tmp_path, named(first, family="A"), named(second, family="B"))[2] == 1

    def test_given_and_family_name_in_each_others_place(self, tmp_path: Path) -> None:
        swapped = pair(tmp_path, named("Moreno", family="Carla"), named("Carla", family="Moreno"))
        assert swapped[2] == 1

    @pytest.mark.parametrize(
        ("first", "second"),
        [
            ("Margaret", "Tobias"),
            ("Anna Marie", "Julia Marie"),
            ("Rosalind", "Baby Girl"),
            ("J", "Tobias"),
        ],
    )
    def test_given_names_that_are_not(self, tmp_path: Path, first: str, second: str) -> None:
        assert pair(tmp_path, named(first), named(second))[2] < 0.7

    @pytest.mark.parametrize(
        ("given", "family"),
        [("", "A"), ("Unknown", "A"), ("-", "A"), ("17", "A"), ("Trauma 17", "A"), ("John", "Doe")],
    )
    def test_no_name_is_like_none(self, tmp_path: Path, given: str, family: str) -> None:
        assert pair(tmp_path, named("Margaret"), named(given, family=family))[2] is None


def group(identity: str, subject: str, answer: str, loinc: str = "882-1") -> Resource:
    """Return a blood group."""
    return {
        "resourceType": "Observation", "id": identity, "status": "final",
        "subject": {"reference": f"Patient/{subject}"},
        "code": {"coding": [{"system": "http://loinc.org", "code": loinc}]},
        "valueCodeableConcept": {"text": answer},
    }  # fmt: skip


def stay(identity: str, place: str, start: str, end: str, **more: Any) -> Resource:
    """Return a hospital stay of the Patient `p`."""
    return {
        "resourceType": "Encounter", "id": identity, "status": "finished",
        "class": {"code": "IMP"}, "subject": {"reference": "Patient/p"},
        "period": {"start": start, "end": end},
        "serviceProvider": {"reference": f"Organization/{place}"}, **more,
    }  # fmt: skip


class TestSigns:
    def signs(self, folder: Path, *facts: Resource, **changes: Any) -> str | None:
        """Return what speaks for two people in a Patient whose version became another's."""
        first, second = named("Margaret", "1951-04-17"), named("Tobias", "1983-09-02")
        places = [{"resourceType": "Organization", "id": place} for place in ("a", "b")]
        sent = [first | version(1), second | version(2) | changes, *facts, *places]
        ((*_, signs),) = overlays(folder, ehr=sent)
        assert signs is None or isinstance(signs, str)
        return signs

    def test_none(self, tmp_path: Path) -> None:
        assert self.signs(tmp_path) is None

    def test_details_that_differ(self, tmp_path: Path) -> None:
        other = {"name": [{"family": "Lindqvist", "given": ["Tobias"]}], "gender": "male"}
        assert self.signs(tmp_path, **other) == "family names differ"

    @pytest.mark.parametrize(
        ("first", "second", "differ"),
        [
            ("A Rh positive", "O Rh positive", True),
            ("Group A", "Blood group A", False),
            ("A POS", "A+", False),
            ("A+", "A NEG", True),
            ("not typed", "B", False),
            ("0 Rh negativ", "O neg", False),
        ],
    )
    def test_blood_groups(self, tmp_path: Path, first: str, second: str, *, differ: bool) -> None:
        told = self.signs(tmp_path, group("x", "p", first), group("y", "p", second))
        assert told == ("blood groups differ" if differ else None)

    @pytest.mark.parametrize(
        ("place", "start", "more", "found"),
        [
            ("b", "2025-02-02T08:00:00Z", {}, True),
            ("a", "2025-02-02T08:00:00Z", {}, False),
            ("b", "2025-02-03T08:00:00Z", {}, False),
            ("b", "2025-02-02", {}, False),
            ("b", "2025-02-02T08:00:00Z", {"partOf": {"reference": "Encounter/x"}}, False),
            ("b", "2025-02-02T08:00:00Z", {"status": "cancelled"}, False),
        ],
    )
    def test_two_stays_at_once(
        self, tmp_path: Path, place: str, start: str, more: Resource, *, found: bool
    ) -> None:
        first = stay("x", "a", "2025-02-01T08:00:00Z", "2025-02-03T08:00:00Z")
        second = stay("y", place, start, "2025-02-05T08:00:00Z", **more)
        told = self.signs(tmp_path, first, second)
        assert told == ("two hospital stays at once" if found else None)

    def test_diagnoses_of_women_and_of_men(self, tmp_path: Path) -> None:
        told = self.signs(
            tmp_path,
            *(
                {
                    "resourceType": "Condition", "id": code, "subject": {"reference": "Patient/p"},
                    "code": {"coding": [
                        {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": code}
                    ]},
                }
                for code in ("O80", "N40.1")
            ),
        )  # fmt: skip
        assert told == "diagnoses or results of women and of men"

    def test_facts_of_both_records_with_one_number(self, tmp_path: Path) -> None:
        sent = [
            patient("a", identifier=[number("M17")], birthDate="1951-04-17", gender="female",
                    name=[{"family": "Okafor", "given": ["Margaret"]}]),
            patient("b", identifier=[number("M17")], birthDate="1983-09-02", gender="male",
                    name=[{"family": "Lindqvist", "given": ["Tobias"]}]),
            group("x", "a", "A"), group("y", "b", "B", "883-9"),
        ]  # fmt: skip
        rows = overlays(tmp_path, ehr=sent)
        assert {row[-1] for row in rows} == {
            "family names differ; sexes differ; blood groups differ"
        }
