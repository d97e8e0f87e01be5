"""Every care-gap rule proves itself: it can be read, and its examples come out as they say."""

from __future__ import annotations

from pathlib import Path

import pytest

import uptake
from uptake.care_gaps.rules import read_rule, read_rules
from uptake.definitions import read_checks
from uptake.findings.gap_examples import run_gap_examples
from uptake.terminology.check_digits import LOINC, check_digit_ok

CONTENT = Path(uptake.__file__).parent / "content"
FILES = sorted((CONTENT / "care_gaps").glob("*.md"))
FREE = {
    "http://loinc.org",
    "http://hl7.org/fhir/sid/icd-10-cm",
    "http://hl7.org/fhir/sid/cvx",
    "http://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
    "http://snomed.info/sct",
}
"""Of SNOMED CT only single codes that stand elsewhere in the tree; of CPT nothing."""
SNOMED = {"44054006", "46635009", "73211009", "38341003", "59621000", "73761001"}


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_rule_does_what_its_examples_say(path: Path) -> None:
    rule = read_rule(path)
    assert rule.code == path.stem
    assert run_gap_examples(rule, read_checks([CONTENT / "checks"], verify=[])) == []


def test_no_licensed_code_is_shipped_and_every_loinc_code_can_be_one() -> None:
    for rule in read_rules([CONTENT / "care_gaps"], verify=[]).values():
        for item in rule.items:
            for system, codes in (*item.codes.items(), *item.unclear.items()):
                assert system in FREE, (rule.code, system)
                if system == "http://snomed.info/sct":
                    assert set(codes) <= SNOMED, rule.code
                if system == LOINC:
                    assert all(check_digit_ok(system, code) for code in codes), rule.code


def test_every_rule_names_a_public_source_and_the_order_that_closes_it() -> None:
    rules = read_rules([CONTENT / "care_gaps"], verify=[])
    assert len(rules) >= 7
    for rule in rules.values():
        assert rule.source.year >= 2018
        assert rule.order is not None
        assert rule.guidance
