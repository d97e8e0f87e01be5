"""What every test shares. A skip whose reason starts with "needs " is for want of a part of the
machine (Chromium, Java, ../shared): the summary says so, and with CI=true it is a failure.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Generator
from pathlib import Path
from typing import TypeAlias, TypeVar

import pytest

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)
MadeOnce: TypeAlias = "Callable[[str, Callable[[Path], None]], Path]"

SHARED = Path(__file__).parents[2] / "shared"


@pytest.fixture(scope="session")
def shared() -> Path:
    """Return the folder of shared test data beside the checkout; skips where it is absent."""
    if not SHARED.is_dir():
        pytest.skip("needs ../shared")
    return SHARED


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    """Give what returns a folder, made by the first test of any worker that asks for its name.

    Nobody changes it: a test that wants to takes a copy.
    """
    own = tmp_path_factory.getbasetemp()
    of_all = own.parent if "PYTEST_XDIST_WORKER" in os.environ else own

    def folder_of(name: str, make: Callable[[Path], None]) -> Path:
        folder, finished = of_all / f"once-{name}", of_all / f"once-{name}.finished"
        with (of_all / f"once-{name}.lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not finished.exists():
                shutil.rmtree(folder, ignore_errors=True)  # of a maker that failed
                folder.mkdir()
                make(folder)
                finished.touch()
        return folder

    return folder_of


@pytest.fixture(scope="session")
def left_by(made_once: MadeOnce) -> Callable[[str], Path]:
    """Give what returns the folder that an `uptake` command was run in: once, however many ask."""

    def folder_of(command: str) -> Path:
        words = command.split()

        def make(folder: Path) -> None:
            program = Path(sys.executable).parent / words[0]
            done = subprocess.run([program, *words[1:]], cwd=folder, capture_output=True, text=True)
            assert done.returncode == 0, f"$ {command}\n{done.stdout}{done.stderr}"

        return made_once("_".join(words), make)

    return folder_of


def refuse_skip(report: Report) -> Report:
    """Return the report, turned into a failure if it is a skip that CI does not allow."""
    # A skip's longrepr is (path, line, "Skipped: reason"); an expected failure has none such.
    if os.environ.get("CI") == "true" and report.skipped and isinstance(report.longrepr, tuple):
        reason = str(report.longrepr[2]).removeprefix("Skipped: ")
        if reason.startswith("needs "):
            report.outcome = "failed"
            report.longrepr = f"with CI=true nothing may be missing: {reason}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return refuse_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return refuse_skip((yield))
