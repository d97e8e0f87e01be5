"""Every check proves itself: its file can be read, and its own examples come out as they say."""

from __future__ import annotations

from pathlib import Path

import pytest

import uptake
from uptake.definitions.checks import read_check
from uptake.findings.examples import run_examples

FILES = sorted((Path(uptake.__file__).parent / "content" / "checks").glob("*.md"))


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_check_does_what_its_examples_say(path: Path) -> None:
    check = read_check(path)
    assert check.code == path.stem
    assert run_examples(check) == []
