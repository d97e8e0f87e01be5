"""A FHIR package. In: its tgz; out: its code systems as a release, its value sets and its profiles.

Its value sets are listed by what is in it and what ships; its StructureDefinitions, ConceptMaps and
NamingSystems are kept as they are, in a folder laid out as a package is.
"""

from __future__ import annotations

import json
import lzma
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from uptake.terminology import value_sets
from uptake.terminology.adding.job import Compiled, refused
from uptake.terminology.expanding import Definitions, concepts_of, properties_of
from uptake.terminology.releases import Release

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from uptake.terminology.adding.archives import Member
    from uptake.terminology.adding.job import Job

WHAT = "a FHIR package (.tgz with package/package.json)"
MANIFEST = "package/package.json"
TOLD = ("CodeSystem", "ValueSet")
"""What is compiled; one without a URL is an example that nothing can name."""


def find(members: Sequence[Member]) -> dict[str, Member] | None:
    """Return the JSON files of the folder `package`; openapi, xml and others are not FHIR JSON."""
    found = {m.name: m for m in members if m.name.endswith(".json") and m.name.count("/") == 1}
    found = {name: m for name, m in found.items() if name.startswith("package/")}
    return found if MANIFEST in found else None


def compile_release(job: Job) -> Compiled:
    """Fill the tables with its code systems, and keep the rest beside."""
    manifest = _json(job.parts[MANIFEST], job)
    name, version = str(manifest.get("name", "")), str(manifest.get("version", ""))
    if not (name and version) or "/" in name + version:
        raise refused("a FHIR package", job.source, "its package.json has no name and version")
    resources = [r for path in job.parts.values() if _is_definition(r := _json(path, job))]
    try:
        _fill(job, resources)
        listed = _expand(resources, job.folder)
    except (KeyError, TypeError, AttributeError, re.error) as error:
        why = f"a definition of it is not as FHIR says: {error!r}"
        raise refused("a FHIR package", job.source, why) from error
    own = tuple(sorted(r["url"] for r in resources if r["resourceType"] == "CodeSystem"))

    def beside(folder: Path) -> None:
        (folder / "package").mkdir()
        for part, path in job.parts.items():
            (folder / part).write_bytes(path.read_bytes())
        text = json.dumps(listed, separators=(",", ":"), sort_keys=True, ensure_ascii=False)
        (folder / value_sets.FILE).write_bytes(lzma.compress(text.encode()))

    return Compiled(Release(name, version, own, 0, job.source), beside=beside, package=True)


def _is_definition(resource: dict[str, Any]) -> bool:
    return resource.get("resourceType") in TOLD and isinstance(resource.get("url"), str)


def _json(path: Path, job: Job) -> dict[str, Any]:
    try:
        read = json.loads(path.read_text("utf-8-sig"))
    except (json.JSONDecodeError, UnicodeDecodeError) as error:
        raise refused("a FHIR package", job.source, f"a file of it is no JSON: {error}") from error
    return read if isinstance(read, dict) else {}


def _fill(job: Job, resources: Sequence[dict[str, Any]]) -> None:
    systems: dict[str, tuple[object, ...]] = {}
    concepts: dict[tuple[str, str], tuple[object, ...]] = {}
    names: list[tuple[str, str, str]] = []
    for resource in resources:
        if resource["resourceType"] != "CodeSystem" or not resource.get("concept"):
            continue
        url = resource["url"]
        whole = resource.get("content") == "complete"
        systems[url] = (url, whole, resource.get("caseSensitive") is True, None, None, None)
        for concept, _ in concepts_of(resource):
            said = properties_of(concept)
            active = said.get("status") != "retired" and said.get("inactive") != "true"
            row = (url, concept["code"], concept.get("display"), active)
            concepts.setdefault((url, concept["code"]), row)
            names += [(url, concept["code"], d["value"]) for d in concept.get("designation", [])]
    job.db.insert(
        "system",
        ("system", "complete", "case_sensitive", "shape", "covered_from", "covered_to"),
        list(systems.values()),
    )
    job.db.insert("concept", ("system", "code", "display", "active"), list(concepts.values()))
    job.db.insert("designation", ("system", "code", "display"), sorted(set(names)))


def _expand(resources: Sequence[dict[str, Any]], folder: Path) -> dict[str, dict[str, str]]:
    """Return the value sets that can be listed, as `value_sets.read_value_sets` reads them."""
    definitions = Definitions(resources, lambda url: value_sets.expansion(url, folder))
    found: dict[str, dict[str, str]] = {}
    for url in definitions.value_sets:
        codes = definitions.expand(url)
        if codes:
            found[url] = dict(_by_system(codes))
    return found


def _by_system(codes: frozenset[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for system in sorted({system for system, _ in codes}):
        yield system, "\t".join(sorted(code for s, code in codes if s == system))
