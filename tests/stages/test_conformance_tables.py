"""The tables of conformance: what they count, what is not judged, whose packages count."""

from __future__ import annotations

import io
import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from tests.stages.conformance_cases import R4, US_CORE, Json, laboratory, loaded, patient
from uptake.conformance.packages import Profiles, read_definitions, read_package, read_profiles
from uptake.errors import DefinitionError, SourceError
from uptake.project import read_project

VENDOR = "http://hospital.example.org/fhir/StructureDefinition/vip"


def vip(**more: Any) -> Json:
    """A profile of Patient that wants a birth date."""
    return {
        "resourceType": "StructureDefinition",
        "url": VENDOR,
        "name": "Vip",
        "type": "Patient",
        "kind": "resource",
        "derivation": "constraint",
        "baseDefinition": f"{R4}Patient",
        "snapshot": {
            "element": [
                {"id": "Patient", "path": "Patient", "min": 0, "max": "*"},
                {
                    "id": "Patient.birthDate",
                    "path": "Patient.birthDate",
                    "min": 1,
                    "max": "1",
                    "type": [{"code": "date"}],
                },
            ]
        },
    } | more


def package(path: Path, *definitions: Json, name: str = "example.vip") -> Path:
    """A FHIR package as the registry has it."""
    files = {"package/package.json": {"name": name, "version": "1.0.0"}}
    for number, definition in enumerate(definitions):
        files[f"package/StructureDefinition-{number}.json"] = definition
    with tarfile.open(path, "w:gz") as archive:
        for member, content in files.items():
            text = json.dumps(content).encode()
            entry = tarfile.TarInfo(member)
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text))
    return path


def test_equal_resources_are_counted_each(tmp_path: Path) -> None:
    people = [patient(id=f"p{n}", gender="F", name=[{"family": f"Ray {n}"}]) for n in range(40)]
    with loaded(tmp_path, [*people, patient(id="good")]) as db:
        assert db.rows(
            "select kind, rule, count(distinct rid) from conformance_issue "
            "where severity = 'error' group by all"
        ) == [("binding", "Patient.gender", 40)]
        assert db.row("select count(distinct shape) from resource_shape") == (2,)


def test_who_was_judged_by_what_is_a_row_each(tmp_path: Path) -> None:
    claims = patient(meta={"profile": ["http://x.org/p"]})
    with loaded(tmp_path, [claims]) as db:
        rows = db.rows(
            "select profile, claimed, best_fit, rules_judged > 0 from conformance_judged order by 1"
        )
    assert rows == [
        (f"{R4}Patient", False, False, True),
        (f"{US_CORE}patient", False, True, True),
        ("http://x.org/p", True, False, False),
    ]


def test_a_rule_that_is_not_judged_says_why(tmp_path: Path) -> None:
    with loaded(tmp_path, [laboratory()]) as db:
        skipped = dict(
            db.rows(
                "select rule, reason from conformance_rule where not judged and profile = ?",
                [f"{R4}Observation"],
            )
        )
        judged = db.row(
            "select count(*) from conformance_rule where judged and profile = ?",
            [f"{R4}Observation"],
        )[0]
    assert skipped["txt-1"] == "htmlChecks() is not known here"
    assert judged > 20 * len(skipped)
    assert all(skipped.values())


def test_coverage_counts_the_resources_that_carry_an_element(tmp_path: Path) -> None:
    people = [patient(id="a"), patient(id="b", birthDate="2000"), patient(id="c", name=[{}])]
    with loaded(tmp_path, people) as db:
        rows = db.rows(
            "select element, resources, populated from element_coverage where profile = ?",
            [f"{US_CORE}patient"],
        )
    found = {element: (resources, populated) for element, resources, populated in rows}
    assert found["Patient.birthDate"] == (3, 1)
    assert found["Patient.name"] == (3, 2)
    assert found["Patient.name.given"] == (3, 2)
    assert found["Patient.telecom"] == (3, 0)


def test_an_empty_load_has_the_tables_and_no_rows(tmp_path: Path) -> None:
    with loaded(tmp_path, []) as db:
        for name in ("issue", "judged", "rule"):
            assert db.row(f"select count(*) from conformance_{name}") == (0,)
        assert db.row("select count(*) from element_coverage") == (0,)


def test_a_package_of_the_project_is_judged_beside_what_ships(tmp_path: Path) -> None:
    own = Profiles((package(tmp_path / "vip.tgz", vip()),))
    claims = patient(meta={"profile": [VENDOR]})
    with loaded(tmp_path, [claims], own) as db:
        rows = db.rows(
            "select profile, rule, claimed, best_fit from conformance_issue "
            "where severity = 'error'"
        )
    assert rows == [(VENDOR, "Patient.birthDate min 1", True, False)]


def test_a_us_core_of_the_project_takes_the_place_of_ours(tmp_path: Path) -> None:
    stricter = vip(url=f"{US_CORE}patient", name="USCorePatientProfile")
    own = Profiles((package(tmp_path / "core.tgz", stricter, name="hl7.fhir.us.core"),))
    with loaded(tmp_path, [patient(), laboratory()], own) as db:
        rows = db.rows("select profile, rule from conformance_issue where severity = 'error'")
        fits = db.rows("select profile from conformance_judged where best_fit")
    assert rows == [(f"{US_CORE}patient", "Patient.birthDate min 1")]
    assert fits == [(f"{US_CORE}patient",)]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 a zip", b"\x1f\x8b\x08 cut off"])
def test_a_file_that_is_no_package_is_named(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "us-core.tgz"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"us-core\.tgz: no FHIR package"):
        read_package(path)


def test_a_profile_without_a_snapshot_is_passed_over(tmp_path: Path) -> None:
    bare = vip()
    del bare["snapshot"]
    assert read_package(package(tmp_path / "vip.tgz", bare)) == {}


def test_a_profile_of_a_type_that_r4_lacks_is_not_here(tmp_path: Path) -> None:
    own = read_definitions((package(tmp_path / "vip.tgz", vip(type="ActorDefinition")),))
    assert own.get(VENDOR) is None


def test_a_profile_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    broken = vip(snapshot={"element": [{"path": "Patient"}]})
    own = read_definitions((package(tmp_path / "vip.tgz", broken),))
    with pytest.raises(SourceError, match=f"example.vip#1.0.0: {VENDOR} cannot be read"):
        own.get(VENDOR)


def test_the_project_names_its_packages(tmp_path: Path) -> None:
    (tmp_path / "uptake.toml").write_text('[conformance]\npackages = ["vip.tgz"]\n', "utf-8")
    with pytest.raises(DefinitionError, match=r"conformance\.packages: .*vip\.tgz is not there"):
        read_profiles(read_project(tmp_path))
    package(tmp_path / "vip.tgz", vip())
    assert read_profiles(read_project(tmp_path)).packages == (tmp_path / "vip.tgz",)


def test_what_was_added_to_the_project_counts(tmp_path: Path) -> None:
    """As `uptake terminology add` lays a package out."""
    (tmp_path / "uptake.toml").write_text("", "utf-8")
    folder = tmp_path / "terminology" / "packages" / "example.vip#1.0.0" / "package"
    folder.mkdir(parents=True)
    (folder / "package.json").write_text('{"name": "example.vip", "version": "1.0.0"}', "utf-8")
    (folder / "StructureDefinition-vip.json").write_text(json.dumps(vip()), "utf-8")
    found = read_profiles(read_project(tmp_path))
    assert [path.parent.name for path in found.packages] == ["example.vip#1.0.0"]
    assert read_package(found.packages[0]).keys() == {VENDOR}
