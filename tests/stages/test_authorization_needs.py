"""What an order needs: the payer's word, the project's rules, the documents, what is not told."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from payer_cases import (
    FORM,
    NOW,
    PAYER,
    concept,
    coverage,
    document,
    order,
    response,
    said,
)

from uptake import demo
from uptake.authorization.coverage_information import (
    URL,
    CoverageInformation,
    read_coverage_information,
    with_coverage_information,
)
from uptake.authorization.needs import Need, need_of
from uptake.authorization.rules import payer_of, read_payers
from uptake.errors import DefinitionError

TODAY = NOW.date()


def need(of: dict[str, Any], *documents: dict[str, Any], **more: Any) -> Need:
    coverages = more.get("coverages", [coverage()])
    return need_of(of, coverages, documents, more.get("payers", [PAYER]), TODAY)


def test_a_rule_says_what_is_needed_and_what_is_missing() -> None:
    found = need(order(), document("11506-3", "2026-06-10"), response())
    assert (found.needed, found.said_by) == (True, "rule")
    assert [one.source for one in found.found] == ["DocumentReference/d", "QuestionnaireResponse/q"]
    assert [wanted.title for wanted in found.missing] == ["X-ray report"]


def test_a_rule_can_say_that_nothing_is_needed() -> None:
    assert need(order(code="99213")).needed is False


@pytest.mark.parametrize(
    ("of", "more"),
    [
        (order(code="12345"), {}),
        (order(code="72141") | {"code": {"text": "MRI"}}, {}),
        (order(), {"payers": []}),
        (order(), {"payers": [PAYER, PAYER]}),
        (order(), {"coverages": []}),
        (order(), {"coverages": [coverage(period={"end": "2026-05-31"})]}),
        (order(), {"coverages": [coverage(period={"end": "2026-05"})]}),
        (order(), {"coverages": [coverage(period={"end": "2025"})]}),
        (order(), {"coverages": [coverage(status="cancelled")]}),
        (order(insurance=[{"reference": "Coverage/other"}]), {}),
        (order(), {"coverages": [coverage(payor=[{"display": "Somebody"}])]}),
    ],
)
def test_without_a_rule_that_applies_it_cannot_be_told(
    of: dict[str, Any], more: dict[str, Any]
) -> None:
    assert need(of, **more).needed is None


@pytest.mark.parametrize("end", ["2026-06", "2026", "2026-06-20", "someday", None])
def test_a_coverage_ends_with_the_last_day_of_what_is_said(end: str | None) -> None:
    assert need(order(), coverages=[coverage(period={"end": end})]).needed is True


@pytest.mark.parametrize(
    ("documents", "found"),
    [
        ([document("11506-3", "2026-03-21")], False),
        ([document("11506-3", "2026-03-22")], True),
        ([document("11506-3", "2026-06-21")], False),
        ([document("11506-3", "2026-06-10", status="superseded")], False),
        ([document("18748-4", "2026-06-10")], False),
        ([document("11506-3", "2026-06-10", date="someday")], False),
    ],
)
def test_which_document_is_the_one_that_is_wanted(
    documents: list[dict[str, Any]], found: bool
) -> None:
    missing = {wanted.title for wanted in need(order(), *documents).missing}
    assert ("Clinical notes" not in missing) == found


def test_a_questionnaire_answered_for_another_order_is_not_this_ones() -> None:
    for held, is_there in (
        (response(), True),
        (response(basedOn=[{"reference": "ServiceRequest/o"}]), True),
        (response(basedOn=[{"reference": "ServiceRequest/other"}]), False),
        (response(status="in-progress"), False),
        (response(form=f"{FORM}|2.0"), True),
        (response(form="http://payer.example/Questionnaire/ct"), False),
    ):
        titles = {wanted.title for wanted in need(order(), held).missing}
        assert ("MRI questionnaire" not in titles) == is_there, held


@pytest.mark.parametrize(
    ("told", "needed"),
    [
        ({}, True),
        ({"pa_needed": "performpa"}, True),
        ({"pa_needed": "no-auth"}, False),
        ({"pa_needed": "satisfied", "satisfied_pa_id": "PA-1"}, False),
        ({"pa_needed": "conditional", "info_needed": ("performer",)}, None),
        ({"covered": "not-covered", "pa_needed": ""}, False),
        ({"covered": "indeterminate", "pa_needed": ""}, None),
        ({"pa_needed": "satisfied"}, None),
        ({"assertion_id": ""}, None),
        ({"pa_needed": "some-new-code"}, None),
    ],
)
def test_the_payers_word_comes_before_a_rule(told: dict[str, Any], needed: bool | None) -> None:
    found = need(said(order(), **told))
    assert (found.needed, found.said_by) == (needed, "payer")


def test_of_two_words_the_newest_counts() -> None:
    first = said(order(), pa_needed="no-auth", day=date(2026, 6, 1))
    other = said(order(), pa_needed="auth-needed", day=date(2026, 6, 3), coverage="Coverage/c")
    both = first | {"extension": [*first["extension"], *other["extension"]]}
    assert need(both).needed is True


def test_the_word_on_another_coverage_does_not_count() -> None:
    assert need(said(order(), coverage="Coverage/old", pa_needed="no-auth")).said_by == "rule"


def test_the_payers_questionnaires_are_its_documents() -> None:
    asked = said(order(), doc_needed="clinical", questionnaires=(f"{FORM}|1.0",))
    assert [w.title for w in need(asked).missing] == ["questionnaire mri"]
    assert need(asked, response(form=f"{FORM}|1.0")).missing == ()
    assert need(asked, response(form=f"{FORM}|0.9")).missing, "another version is another form"
    assert need(said(order(), doc_needed="admin")).unnamed == "admin"


def test_an_assertion_is_written_as_it_is_read() -> None:
    told = CoverageInformation(
        "Coverage/c", "covered", date(2026, 6, 1), "as-1", "satisfied", "PA-9", "clinical",
        ("withpa",), ("location",), (FORM,), (("http://x", "1"),), ("gold card",),
    )  # fmt: skip
    kept = order(extension=[{"url": "http://other", "valueBoolean": True}])
    written = with_coverage_information(kept, told)
    assert read_coverage_information(written) == (told,)
    assert written["extension"][0]["url"] == "http://other"
    again = with_coverage_information(written, told)
    assert [e["url"] for e in again["extension"]] == ["http://other", URL], "replaced, not added"
    assert kept["extension"] == [{"url": "http://other", "valueBoolean": True}], "not changed"


RUBBISH = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner),
    max_leaves=6,
)


@given(st.sampled_from(sorted(said(order()))), RUBBISH)
def test_rubbish_in_an_order_is_no_crash(element: str, rubbish: Any) -> None:
    need(said(order()) | {element: rubbish}, response(), document("11506-3", "2026-06-10"))


@given(st.sampled_from(sorted(coverage())), RUBBISH)
def test_rubbish_in_a_coverage_is_no_crash(element: str, rubbish: Any) -> None:
    need(order(), coverages=[coverage() | {element: rubbish}])


PAYER_FILE = """
name = "Central"
payors = ["Organization/central", "urn:naic|12345", "Central Health Plan"]
line = "Medicare Advantage"
coverage_types = ["MCPOL"]
regulated = true
[[rule]]
system = "http://www.ama-assn.org/go/cpt"
codes = ["72141"]
needed = true
[[rule.document]]
title = "Clinical notes"
loinc = ["11506-3"]
days = 90
"""


def test_a_payer_is_read_from_its_file(tmp_path: Path) -> None:
    (tmp_path / "central.toml").write_text(PAYER_FILE, "utf-8")
    (payer,) = read_payers([tmp_path, tmp_path / "none"])
    assert (payer.line, payer.regulated) == ("Medicare Advantage", True)
    assert payer.rules[0].documents[0].days == 90
    for payor in (
        {"reference": "https://x.example/fhir/Organization/central"},
        {"identifier": {"system": "urn:naic", "value": "12345"}},
        {"display": "Central Health Plan"},
    ):
        held = coverage(payor=[payor], type=concept("MCPOL", "http://x"))
        assert payer_of(held, [payer]) is payer
    assert payer_of(coverage(), [payer]) is None, "of another line"


def test_the_file_that_the_documents_show_can_be_read(tmp_path: Path) -> None:
    page = Path(__file__).parents[2] / "docs" / "prior-authorization.md"
    shown = page.read_text("utf-8").split("```toml\n")[1].split("```")[0]
    (tmp_path / "central.toml").write_text(shown, "utf-8")
    (payer,) = read_payers([tmp_path])
    assert len(payer.rules[0].documents) == 2


def test_the_demos_payers_can_be_read_and_have_a_coverage_each() -> None:
    folder = Path(demo.__file__).parent / "hospital" / "payers"
    payers = read_payers([folder])
    for kind in ("RETIRE", "EHCPOL"):
        held = coverage(
            payor=[{"reference": "Organization/org-prairie"}], type=concept(kind, "http://x")
        )
        assert payer_of(held, payers) is not None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("name = 3\npayors = []", "name is no str"),
        ("payors = ['a']", "name is missing"),
        ("name = 'a'\npayors = ['a']\nlines = 'b'", "there is no 'lines'"),
        ("name = 'a'\npayors = ['a']\nrule = [3]", "rule 1: this is no table"),
        ("name = 'a'\npayors = ['a']\n[[rule]]\nsystem = 'x'\ncodes = ['1']", "needed is missing"),
        (
            "name='a'\npayors=['a']\n[[rule]]\nsystem='x'\ncodes=['1']\nneeded=true\n"
            "[[rule.document]]\ntitle='notes'",
            "nothing could be found for it",
        ),
        ("name = ", "central.toml"),
    ],
)
def test_faults_of_a_payers_file_are_named(tmp_path: Path, text: str, fault: str) -> None:
    (tmp_path / "central.toml").write_text(text, "utf-8")
    with pytest.raises(DefinitionError, match=fault):
        read_payers([tmp_path])
