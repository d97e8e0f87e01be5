"""Where definitions come from. In: what ships, and packages of a project; out: Definitions.

R4's own rules and US Core ship with Uptake. A project's packages add profiles; where one of them
has a profile's URL, its text takes the place of ours, and a US Core of the project's takes the
place of the whole of ours.
"""

from __future__ import annotations

import functools
import json
import lzma
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uptake.conformance.definitions import Definitions
from uptake.errors import DefinitionError, SourceError
from uptake.project import FILE
from uptake.terminology.adding.archives import opened
from uptake.terminology.releases import added_packages, folder_of

if TYPE_CHECKING:
    from uptake.project import Project

MANIFEST = "package.json"
US_CORE = "http://hl7.org/fhir/us/core/StructureDefinition/"
LARGEST = 64 << 20
"""Bytes of one file of a package; more is no StructureDefinition."""


@dataclass(frozen=True, slots=True)
class Profiles:
    """What a project's resources are judged by, beside what ships."""

    packages: tuple[Path, ...] = ()
    """FHIR packages: `.tgz` files or folders."""
    releases: Path | None = None
    """Where the project keeps the value sets that were added."""


def read_profiles(project: Project) -> Profiles:
    """Return the packages that `[conformance] packages` names and those added to the project.

    Raises DefinitionError for one that is not there.
    """
    if project.folder is None:
        return Profiles()
    named = project.settings.get("conformance", {}).get("packages", [])
    paths = [project.folder / str(name) for name in named]
    if missing := [path for path in paths if not path.exists()]:
        raise DefinitionError(
            [f"{FILE}: conformance.packages: {path} is not there" for path in missing]
        )
    releases = folder_of(project)
    added = [folder / "package" for folder in added_packages(releases)] if releases else []
    here = [folder for folder in added if (folder / MANIFEST).is_file()]
    return Profiles((*here, *paths), releases)


def read_definitions(packages: Iterable[Path] = ()) -> Definitions:
    """Return R4, US Core and the profiles of packages (`.tgz` files, or folders that hold one)."""
    found = dict(_shipped("r4_rules.json.xz"))
    added: dict[str, tuple[dict[str, Any], str]] = {}
    for path in packages:
        added |= read_package(path)
    if not any(url.startswith(US_CORE) for url in added):
        found |= _shipped("us_core_rules.json.xz")
    return Definitions(found | added)


@functools.cache
def _shipped(name: str) -> dict[str, tuple[dict[str, Any], str]]:
    path = resources.files("uptake") / "content" / "fhir" / name
    read = json.loads(lzma.decompress(path.read_bytes()))
    return {d["url"]: (d, read["package"]) for d in read["definitions"]}


def read_package(path: Path) -> dict[str, tuple[dict[str, Any], str]]:
    """Return the StructureDefinitions of a package that have a snapshot, by their URL.

    Raises SourceError where it is no FHIR package, or not safe to read.
    """
    try:
        files = dict(_files(path))
        told = json.loads(files.pop(MANIFEST))
        package = f"{told['name']}#{told['version']}"
        read = {name: json.loads(text) for name, text in files.items()}
    except (OSError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise SourceError(f"{path}: no FHIR package (a .tgz with package/package.json)") from error
    found = {}
    for name, raw in read.items():
        if not isinstance(raw, dict):
            raise SourceError(f"{path}: {name} in it is no FHIR resource")
        if raw.get("resourceType") == "StructureDefinition" and "snapshot" in raw:
            if not isinstance(raw.get("url"), str):
                raise SourceError(f"{path}: {name} in it has no url")
            found[raw["url"]] = (raw, package)
    return found


def _files(path: Path) -> Iterator[tuple[str, bytes]]:
    """Yield the JSON files directly in the folder `package` by their name."""
    if path.is_dir():
        folder = path / "package" if (path / "package").is_dir() else path
        for file in sorted(folder.glob("*.json")):
            if _is_wanted(file.name):
                yield file.name, file.read_bytes()
        return
    with opened(path) as members:
        for member in members:
            folder_name, _, name = member.name.removeprefix("./").rpartition("/")
            if folder_name == "package" and _is_wanted(name) and member.size <= LARGEST:
                with member.open() as stream:
                    yield name, stream.read()


def _is_wanted(name: str) -> bool:
    return name == MANIFEST or (name.endswith(".json") and name.startswith("StructureDefinition"))
