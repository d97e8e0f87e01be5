"""The tables of conformance: what they count, what is not judged, whose packages count."""

from __future__ import annotations

import gzip
import io
import json
import random
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


def of_rules(**rules: str) -> Json:
    """The profile with invariants of its own, at its root."""
    profile = vip()
    profile["snapshot"]["element"][0]["constraint"] = [
        {"key": key, "severity": "error", "human": key, "expression": text}
        for key, text in rules.items()
    ]
    return profile


def test_a_rule_that_a_record_could_not_be_judged_by_is_not_judged(tmp_path: Path) -> None:
    """One that is refused as it is read, one as it runs, one that is judged."""
    rules = of_rules(
        letters=r"id.matches('\\p{L}+')", one="name.exists() and name.given", kept="id.exists()"
    )
    own = Profiles((package(tmp_path / "vip.tgz", rules),))
    whole = patient(meta={"profile": [VENDOR]}, birthDate="2000")
    several = whole | {"name": [{"given": ["Ann", "Bea"]}]}
    with loaded(tmp_path, [whole, several], own) as db:
        found = db.rows(
            "select rule, judged, reason from conformance_rule "
            "where profile = ? and kind = 'invariant' order by rule",
            [VENDOR],
        )
        counted = db.row(
            "select distinct j.rules_judged = count(*) filter (r.judged), j.rules_skipped "
            "from conformance_judged j join conformance_rule r using (profile) "
            "where profile = ? group by j.rid, j.rules_judged, j.rules_skipped",
            [VENDOR],
        )
    (kept, letters, one) = found
    assert kept == ("kept", True, None)
    assert letters[:2] == ("letters", False)
    assert letters[2].startswith("the pattern of matches() cannot be read here: ")
    assert one == ("one", False, "not in every record: several elements where one truth belongs")
    assert counted == (True, 2)


@pytest.mark.parametrize(
    ("content", "told"),
    [
        (b"", "no FHIR package"),
        (b"PK\x03\x04 a zip", "no FHIR package"),
        (b"\x1f\x8b\x08 cut off", "no archive that can be read"),
        (gzip.compress(b"x" * 4000, mtime=0)[:-20] + b"\xff" * 20, "no archive that can be read"),
    ],
)
def test_a_file_that_is_no_package_is_named(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "us-core.tgz"
    path.write_bytes(content)
    with pytest.raises(SourceError, match=rf"us-core\.tgz: {told}"):
        read_package(path)


def test_a_package_that_is_broken_in_the_middle_is_named(tmp_path: Path) -> None:
    noise = random.Random(7)
    titles = [noise.randbytes(5000).hex() for _ in range(9)]
    path = package(tmp_path / "vip.tgz", *(vip(title=title) for title in titles))
    content = bytearray(path.read_bytes())
    content[20_000:20_400] = b"\xff" * 400
    path.write_bytes(content)
    with pytest.raises(SourceError, match=r"vip\.tgz: no (archive that can be|FHIR package)"):
        read_package(path)


@pytest.mark.parametrize(
    ("definition", "told"),
    [
        (["no", "object"], "StructureDefinition-0.json in it is no FHIR resource"),
        (None, "StructureDefinition-0.json in it is no FHIR resource"),
        (vip(url=None), "StructureDefinition-0.json in it has no url"),
        (vip(url=7), "StructureDefinition-0.json in it has no url"),
    ],
)
def test_a_package_with_something_else_in_it_is_named(
    tmp_path: Path, definition: Any, told: str
) -> None:
    with pytest.raises(SourceError, match=rf"vip\.tgz: {told}"):
        read_package(package(tmp_path / "vip.tgz", definition))


def test_a_package_that_points_out_of_itself_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "vip.tgz"
    with tarfile.open(path, "w:gz") as archive:
        archive.addfile(tarfile.TarInfo("../package/package.json"), io.BytesIO())
    with pytest.raises(SourceError, match=r"points out of its archive; refused"):
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


def test_the_later_version_of_a_package_counts(tmp_path: Path) -> None:
    """By number, not by name; a draft that a crash left behind is none."""
    (tmp_path / "uptake.toml").write_text("", "utf-8")
    added = tmp_path / "terminology" / "packages"
    for version in ("10.0.0", "6.1.0", "11.0.0.tmp"):
        folder = added / f"example.vip#{version}" / "package"
        folder.mkdir(parents=True)
        (folder / "package.json").write_text("{}", "utf-8")
    found = read_profiles(read_project(tmp_path)).packages
    assert [path.parent.name for path in found] == ["example.vip#6.1.0", "example.vip#10.0.0"]
