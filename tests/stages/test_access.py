"""Access lists: who has access, counted once; what cannot be kept of them."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from usage_cases import NOW, SURFACES, new_state, write

from uptake.adoption import import_log
from uptake.adoption.access import Access, import_access, read_access
from uptake.adoption.rows import digest
from uptake.errors import SourceError

if TYPE_CHECKING:
    from uptake.adoption.import_log import Imported
    from uptake.state.database import State

HEADER = "practitioner,name,role,unit,surfaces"
DAY = date(2026, 11, 1)


@pytest.fixture
def state(tmp_path: Path) -> State:
    return new_state(tmp_path)


def take(state: State, path: Path, day: date = DAY) -> Imported:
    return import_access(state, SURFACES, path, as_of=day, now=NOW)


def people(state: State) -> Access:
    found = read_access(state)
    assert found is not None
    return found


def test_nobody_is_listed_before_a_list_is_there(state: State) -> None:
    assert read_access(state) is None


def test_a_person_in_two_units_is_one_person(state: State, tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv",
        "pr-1,Ada Bell,physician,4 East,portal;list",
        "pr-2,Bo Chen,nurse,4 East,portal",
        "pr-1,Ada Bell,physician,5 West,alert",
        "pr-2,Bo Chen,nurse,4 East,portal",
        "pr-3,Cy Diaz,clerk,Access,",
        header=HEADER,
    )
    done = take(state, path)
    assert (done.accepted, done.repeated, done.refused) == (4, 1, 0)
    found = people(state)
    assert found.as_of == DAY
    assert [p.practitioner for p in found.people] == ["pr-1", "pr-2", "pr-3"]
    assert found.people[0].units == ("4 East", "5 West")
    assert found.people[0].surfaces == {"portal", "list", "alert"}
    assert (found.people[0].name, found.people[0].role) == ("Ada Bell", "physician")
    assert found.people[2].surfaces == frozenset()


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("USER_ID,Department, Systems ,Job Title", "pr-1,4 East,portal|list,RN"),
        ("\ufeffUser ID;Ward;Access;Role", "pr-1;4 East;portal,list;RN"),
        ("login\tunit\tsurface\trole", "pr-1\t4 East\tportal; list\tRN"),
        ("Note,Staff ID,Unit,Surfaces,Title", ',pr-1,4 East,"portal;list",RN'),
    ],
)
def test_a_header_may_be_written_in_many_ways(
    state: State, tmp_path: Path, header: str, row: str
) -> None:
    take(state, write(tmp_path / "a.csv", row, header=header))
    (person,) = people(state).people
    assert (person.practitioner, person.units, person.role) == ("pr-1", ("4 East",), "RN")
    assert person.surfaces == {"portal", "list"}


def test_a_faulty_row_is_kept_out_with_its_bytes(state: State, tmp_path: Path) -> None:
    path = write(
        tmp_path / "a.csv",
        "pr-1,Ada,physician,4 East,portal",
        ",Bo,nurse,4 East,portal",
        "pr-3,Cy,nurse,4 East,portal;tablet",
        b"pr-4,Ren\xe9e,nurse,4 East,portal",
        "pr-5,Di,nurse,4 East",
        header=HEADER,
    )
    done = take(state, path)
    assert (done.accepted, done.refused) == (1, 4)
    rows = import_log.refused(state, digest(path))
    assert [(r.line, r.reason) for r in rows] == [
        (3, "no practitioner id"),
        (4, "a surface that is not defined"),
        (5, "bytes that are no UTF-8"),
        (6, "the wrong number of columns"),
    ]
    assert rows[2].raw == b"pr-4,Ren\xe9e,nurse,4 East,portal\n"
    assert [p.practitioner for p in people(state).people] == ["pr-1"]


def test_the_newest_list_counts_whole(state: State, tmp_path: Path) -> None:
    old = write(tmp_path / "a.csv", "pr-1,A,nurse,4 East,portal", header=HEADER)
    new = write(tmp_path / "b.csv", "pr-2,B,nurse,4 East,portal", header=HEADER)
    take(state, new, DAY)
    late = take(state, old, DAY - timedelta(days=30))
    assert late.notes == ("a newer list is there, of 2026-11-01; that one counts",)
    assert [p.practitioner for p in people(state).people] == ["pr-2"]
    assert take(state, new, DAY).earlier == NOW
    assert take(state, old, DAY + timedelta(days=1)).accepted == 1  # unchanged, of another day
    assert people(state).as_of == DAY + timedelta(days=1)
    assert [p.practitioner for p in people(state).people] == ["pr-1"]


def test_a_list_of_nobody_does_not_replace_one(state: State, tmp_path: Path) -> None:
    take(state, write(tmp_path / "a.csv", "pr-1,A,nurse,4 East,portal", header=HEADER))
    with pytest.raises(SourceError, match="nobody is on this list"):
        take(state, write(tmp_path / "b.csv", header=HEADER))
    with pytest.raises(SourceError, match="line 2: no practitioner id"):
        take(state, write(tmp_path / "c.csv", ",A,nurse,4 East,portal", header=HEADER))
    assert len(people(state).people) == 1


def test_a_list_that_cannot_be_read_is_refused_without_its_words(
    state: State, tmp_path: Path
) -> None:
    headless = write(tmp_path / "a.csv", header="pr-1,Quicksilver,nurse,4 East,portal")
    with pytest.raises(SourceError, match="no column for practitioner, unit, surfaces") as error:
        take(state, headless)
    assert "Quicksilver" not in str(error.value)
    twice = write(tmp_path / "b.csv", header="user,login,unit,surfaces")
    with pytest.raises(SourceError, match="two columns may be the practitioner"):
        take(state, twice)
    with pytest.raises(SourceError, match="still to come"):
        take(state, twice, DAY + timedelta(days=400))
