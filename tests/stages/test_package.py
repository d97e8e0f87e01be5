"""The wheel holds the package and its content, and nothing else; it runs without the checkout."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    # hatchling itself, not pip: no environment to make, nothing to download.
    command = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    (built,) = folder.glob("uptake-*-py3-none-any.whl")
    return built


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    return set(zipfile.ZipFile(wheel).namelist())


def test_every_file_of_the_package_is_in_the_wheel(names: set[str]) -> None:
    shipped = {
        str(path.relative_to(ROOT))
        for path in (ROOT / "uptake").rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert "uptake/content/fhir/r4.json.xz" in names
    assert shipped == {name for name in names if ".dist-info/" not in name}


def test_the_licence_and_the_notices_are_in_the_wheel(names: set[str]) -> None:
    assert {name.rpartition("/")[2] for name in names if "/licenses/" in name} == {
        "LICENSE",
        "NOTICE",
    }


def test_the_wheel_runs_without_the_checkout(wheel: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path)
    code = "import uptake.r4; print(uptake.__file__, 'Observation' in uptake.r4.resource_types())"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, check=True, capture_output=True, text=True
    )
    assert done.stdout.split() == [str(tmp_path / "uptake" / "__init__.py"), "True"]
