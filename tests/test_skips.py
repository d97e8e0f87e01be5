"""A missing part of the machine is a skip at home and a failure under CI; other skips stay."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest_plugins = ["pytester"]

TESTS = """
import pytest

def test_with_chromium():
    pytest.skip("needs Chromium")

@pytest.mark.skipif(True, reason="needs Java")
def test_with_java():
    pass

@pytest.mark.skipif(True, reason="this version has no screens")
def test_of_what_is_not_there():
    pass

@pytest.mark.xfail(reason="needs thought")
def test_that_is_expected_to_fail():
    assert False
"""


@pytest.fixture
def suite(pytester: pytest.Pytester) -> pytest.Pytester:
    pytester.makeconftest((Path(__file__).parent / "conftest.py").read_text("utf-8"))
    pytester.makepyfile(
        test_machine=TESTS, test_module='import pytest\npytest.importorskip("no_such")',
        test_whole='import pytest\npytest.skip("needs PostgreSQL", allow_module_level=True)',
    )  # fmt: skip
    return pytester


def test_at_home_they_are_skipped_and_named(
    suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    result = suite.runpytest_subprocess("-ra", "-n", "0")
    result.assert_outcomes(skipped=5, xfailed=1)
    result.stdout.fnmatch_lines_random(["*needs Chromium", "*needs Java", "*needs PostgreSQL"])


def test_under_ci_they_fail(suite: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    result = suite.runpytest_subprocess("-ra", "-n", "2", "--continue-on-collection-errors")
    result.assert_outcomes(failed=1, errors=2, skipped=2, xfailed=1)
    result.stdout.fnmatch_lines_random(
        ["*nothing may be missing: needs Java", "*nothing may be missing: needs PostgreSQL"]
    )
    assert result.ret != 0
