"""Which checks stand first on the page: those that fail, and those that block a use case."""

from __future__ import annotations

from dataclasses import replace

import pytest

from uptake.definitions import read_checks, read_use_cases
from uptake.model import CheckResult, Verdict
from uptake.project import Project
from uptake.web.views.findings import Line, _lead

CHECKS = read_checks(Project().content("checks"), verify=())


def line(code: str, verdict: Verdict, *, blocks: bool = False) -> Line:
    return Line(CheckResult(CHECKS[code], verdict, 5, 100), "", (), 0.0, blocks)


@pytest.mark.parametrize(
    ("verdict", "blocks", "matters"),
    [
        (Verdict.FAIL, False, True),
        (Verdict.PASS, True, True),
        (Verdict.PASS, False, False),
        (Verdict.NOT_RUN, False, False),
    ],
)
def test_what_matters(verdict: Verdict, blocks: bool, matters: bool) -> None:
    assert line("COD-01", verdict, blocks=blocks).matters is matters


def test_the_sentence_counts_failures_apart() -> None:
    shown = [line("DUP-01", Verdict.FAIL), line("COD-01", Verdict.PASS, blocks=True)]
    assert _lead(shown, 25) == (
        "1 of 25 checks fails, 1 of them a blocker, "
        "1 more is within the limit and blocks a use case."
    )
    case = read_use_cases(Project().content("use_cases"), verify=())["medication-reconciliation"]
    news = [replace(line("PLA-11", Verdict.FAIL), breaks=(case,))]
    assert _lead(news, 25) == "1 of 25 checks fails.", "a signal breaks nothing"
    assert _lead([], 25) == "No check is over its threshold: 25 were asked."
