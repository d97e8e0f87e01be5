"""Which record of a person is opened: links first, then use, then facts; a sender at a time."""

from __future__ import annotations

from pathlib import Path

import pytest
from identity_cases import Resource, fact, link, number, patient, tables

MR = {"identifier": [number("M17")], "birthDate": "1951-04-17"}


def survivors(folder: Path, **feeds: list[Resource]) -> dict[str, tuple[str, str]]:
    """Return the survivor's id, and why a record is not it, by `feed/id`."""
    with tables(folder, "patient_survivor", **feeds) as db:
        rows = db.rows(
            "select a.feed || '/' || a.id, b.id, how from patient_survivor s "
            "join record a using (rid) join record b on b.rid = s.survivor_rid"
        )
    return {name: (survivor, how) for name, survivor, how in rows}


def linked(folder: Path, *patients: Resource) -> dict[str, tuple[int, bool]]:
    """Return which records are joined, numbered from 0, and whether each is replaced, by id."""
    with tables(folder, "linked_record", ehr=list(patients)) as db:
        rows = db.rows("select id, linked, is_replaced from linked_record join record using (rid)")
    numbers = sorted({linked for _, linked, _ in rows})
    return {identity: (numbers.index(group), gone) for identity, group, gone in rows}


class TestLinks:
    def test_joined_through_others_is_joined(self, tmp_path: Path) -> None:
        found = linked(
            tmp_path,
            patient("a", **link("b", "replaced-by")),
            patient("b", **link("c", "replaced-by")),
            patient("c"),
            patient("d", **link("e", "seealso")),
            patient("e"),
            patient("f"),
        )
        assert found == {
            "a": (0, True), "b": (0, True), "c": (0, False), "d": (1, False), "e": (1, False),
        }  # fmt: skip

    def test_either_side_may_say_it(self, tmp_path: Path) -> None:
        found = linked(tmp_path, patient("new", **link("old", "replaces")), patient("old"))
        assert found == {"new": (0, False), "old": (0, True)}

    @pytest.mark.parametrize("other", ["gone", "a"])
    def test_a_link_to_nowhere_or_to_itself_joins_nothing(self, tmp_path: Path, other: str) -> None:
        assert linked(tmp_path, patient("a", **link(other, "replaced-by")), patient("b")) == {}

    def test_of_a_circle_none_is_left(self, tmp_path: Path) -> None:
        circle = [
            patient("a", **link("b", "replaced-by")),
            patient("b", **link("c", "replaced-by")),
            patient("c", **link("a", "replaced-by")),
        ]
        assert linked(tmp_path, *circle) == {}


class TestSurvivors:
    def test_the_record_that_replaces_the_others(self, tmp_path: Path) -> None:
        sent = [
            patient("old", **link("new", "replaced-by")),
            patient("new", active=False),
            *(fact(f"o{n}", "old") for n in range(3)),
        ]
        assert survivors(tmp_path, ehr=sent) == {
            "ehr/old": ("new", "replaced"), "ehr/new": ("new", ""),
        }  # fmt: skip

    def test_else_the_one_in_use_with_most_facts(self, tmp_path: Path) -> None:
        sent = [
            patient("out-of-use", active=False, **MR),
            patient("few", **MR),
            patient("many", active=True, **MR),
            *(fact(f"x{n}", "out-of-use") for n in range(9)),
            *(fact(f"m{n}", "many") for n in range(3)),
            *(fact(f"f{n}", "few") for n in range(2)),
            *(fact(f"e{n}", "few", status="entered-in-error") for n in range(4)),
        ]
        assert survivors(tmp_path, ehr=sent) == {
            "ehr/out-of-use": ("many", "inactive"),
            "ehr/few": ("many", "fewer facts"),
            "ehr/many": ("many", ""),
        }

    def test_else_the_first_by_id_whatever_the_order_they_came_in(self, tmp_path: Path) -> None:
        sent = [patient("b", **MR), patient("a", **MR)]
        found = {"ehr/a": ("a", ""), "ehr/b": ("a", "as many facts")}
        assert survivors(tmp_path / "one", ehr=sent) == found
        assert survivors(tmp_path / "two", ehr=sent[::-1]) == found

    def test_each_sender_keeps_a_record(self, tmp_path: Path) -> None:
        one, two = patient("1", **MR), patient("2", **MR)
        assert survivors(tmp_path / "apart", ehr=[one], lab=[two]) == {}
        found = survivors(tmp_path, ehr=[one], lab=[one, two, fact("o", "2")])
        assert found == {"lab/1": ("2", "fewer facts"), "lab/2": ("2", "")}

    def test_versions_are_one_record(self, tmp_path: Path) -> None:
        first = patient("p", **MR, meta={"versionId": "1"})
        second = patient("p", **MR, meta={"versionId": "2"}, gender="female")
        assert survivors(tmp_path / "alone", ehr=[first, second]) == {}
        sent = [first, second, patient("q", **MR), fact("o", "p")]
        with tables(tmp_path, "patient_survivor", ehr=sent) as db:
            rows = db.rows(
                "select id, s.rid = s.survivor_rid, how from patient_survivor s "
                "join record using (rid) order by all"
            )
        assert rows == [("p", True, ""), ("p", True, ""), ("q", False, "fewer facts")]

    def test_likeness_counts_where_linkage_is_sure(self, tmp_path: Path) -> None:
        marguerite = {
            "name": [{"family": "Ravnsborg", "given": ["Marguerite", "Solveig"]}],
            "birthDate": "1957-08-23",
            "gender": "female",
            "telecom": [{"system": "phone", "value": "503-555-0147"}],
            "address": [{"line": ["418 Larkspur Lane"], "city": "Bend", "postalCode": "97701"}],
        }
        sent = [patient("a", **marguerite), patient("b", **marguerite), fact("o", "b")]
        assert survivors(tmp_path, ehr=sent) == {
            "ehr/a": ("b", "fewer facts"), "ehr/b": ("b", ""),
        }  # fmt: skip
