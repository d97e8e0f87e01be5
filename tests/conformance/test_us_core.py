"""The official examples of US Core keep the profiles they claim; copies with a fault do not.

Both versions' examples are judged by their own package. An example with an error would be in
exclusions.toml with the reason; there is none.
"""

from __future__ import annotations

import itertools
import json
import sys
import tarfile
import tomllib
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))  # benchmarks is no part of the package

from benchmarks.mutations import mutations  # noqa: E402
from tests.stages.conformance_cases import US_CORE, issues, value_sets, verdicts  # noqa: E402
from uptake import r4  # noqa: E402
from uptake.conformance.judge import Judge  # noqa: E402
from uptake.conformance.packages import read_definitions  # noqa: E402
from uptake.conformance.values import elements_at  # noqa: E402

if TYPE_CHECKING:
    from uptake.conformance.definitions import Definitions
    from uptake.conformance.issues import Issue

PACKAGES = ROOT.parent / "shared" / "data" / "us-core"
VERSIONS = ("610", "800")
EXCLUDED: dict[str, str] = tomllib.loads(
    Path(__file__).with_name("exclusions.toml").read_text("utf-8")
).get("us-core", {})
Json = dict[str, Any]

pytestmark = pytest.mark.skipif(not PACKAGES.is_dir(), reason=f"needs {PACKAGES}")


def package(version: str) -> Path:
    return PACKAGES / f"us-core-{version}.tgz"


@cache
def definitions(version: str) -> Definitions:
    return read_definitions((package(version),))


@cache
def examples(version: str) -> list[tuple[str, Json]]:
    """Every example of a clinical type, those inside Bundles as well, with its name."""
    found = []
    with tarfile.open(package(version)) as archive:
        for member in archive:
            if member.name.startswith("package/example/") and member.name.endswith(".json"):
                opened = archive.extractfile(member)
                assert opened is not None
                found += list(inside(member.name.rpartition("/")[2], json.load(opened)))
    return found


def inside(name: str, resource: Json) -> Iterator[tuple[str, Json]]:
    if resource["resourceType"] == "Bundle":
        for entry in resource.get("entry", []):
            yield from inside(f"{name} {entry['resource']['id']}", entry["resource"])
    elif resource["resourceType"] in r4.resource_types():
        yield name, resource


@pytest.mark.parametrize("version", VERSIONS)
def test_the_official_examples_have_no_error(version: str) -> None:
    own = definitions(version)
    wrong = {n: found for n, r in examples(version) if (found := issues(r, "error", own))}
    assert wrong.keys() == EXCLUDED.keys()
    assert len(examples(version)) > 150


@pytest.mark.parametrize("version", VERSIONS)
def test_most_examples_fit_the_profile_they_claim_and_none_another(version: str) -> None:
    """Categories that several profiles allow leave it open; a device's profile is only claimed."""
    outcome = Counter[str]()
    for _, resource in examples(version):
        found = verdicts(resource, definitions(version))
        claimed = {v.profile for v in found if v.claimed and v.profile.startswith(US_CORE)}
        best = {v.profile for v in found if v.best_fit and v.profile.startswith(US_CORE)}
        if claimed:
            outcome["same" if best <= claimed and best else "other" if best else "open"] += 1
    assert outcome["other"] == 0
    assert outcome["same"] > 0.85 * outcome.total()


def exactly(resource: Json, own: Definitions) -> set[Issue]:
    """The errors of a resource by R4, judged whole and as it was sent."""
    judge = Judge(own.base(resource["resourceType"]), own, value_sets())
    found = list(judge.root(resource))
    for name, keys in elements_at(resource, resource["resourceType"]).items():
        found += judge.element(name, {key: resource[key] for key in keys})
    return {i for i in found if i.severity == "error"}


def faulty() -> list[tuple[str, Json]]:
    made = [m for _, r in examples("610") for m in itertools.islice(mutations(r), 40)]
    return made[:: max(1, len(made) // 600)]


def test_a_shape_is_judged_as_every_resource_that_has_it() -> None:
    """Nothing that a reduction takes away is looked at by a rule: faults and all."""
    own = definitions("610")
    for kind, resource in faulty():
        by_shape = {i for i in verdicts(resource, own)[0].issues if i.severity == "error"}
        assert exactly(resource, own) == by_shape, (kind, resource)


def test_every_fault_is_found_by_the_kind_of_rule_it_breaks() -> None:
    own = definitions("610")
    missed = Counter[str]()
    for kind, resource in faulty():
        found = {i.kind for i in issues(resource, "error", own)}
        wanted = {"cardinality", "slice"} if kind == "profile" else {kind}
        missed[kind] += not (wanted & found)
    assert missed.total() == missed["profile"]  # where the profile does not want the element
    assert len(faulty()) > 300
