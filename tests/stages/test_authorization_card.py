"""The card of prior authorization: what it says of a draft order, and the order it gives back."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
from payer_cases import (
    FORM,
    NOW,
    PAYER,
    answer,
    claim,
    coverage,
    document,
    order,
    patient,
    response,
    said,
)

from uptake.authorization.coverage_information import read_coverage_information
from uptake.delivery.cards import Place, actionable, build_card
from uptake.delivery.cases import Case, Facts, Got, Judged
from uptake.delivery.known import Nothing
from uptake.delivery.services.authorization import judge, of_project
from uptake.errors import DefinitionError

NONE = Facts((), Got.NONE)
JUDGE = partial(judge, payers=[PAYER])


def given(*resources: dict[str, Any]) -> Facts:
    return Facts(resources, Got.GIVEN) if resources else NONE


def case(*drafts: dict[str, Any], hook: str = "order-sign", **more: Any) -> Case:
    facts = {
        "patient": given(patient()), "coverages": given(coverage()), "documents": NONE,
        "questionnaires": NONE, "claims": NONE, "answers": NONE,
    }  # fmt: skip
    selected = more.pop("selected", ())
    held = {name: value for name, value in more.items() if name in facts}
    return Case(
        hook, "p", "Practitioner/n", "e", NOW, facts | held, Nothing(), tuple(drafts), selected
    )


def draft(name: str = "o", **more: Any) -> dict[str, Any]:
    return order(name, status="draft", **more)


def told(*drafts: dict[str, Any], **more: Any) -> Judged:
    found = JUDGE(case(*drafts, **more))
    assert found is not None
    return found


def card(judged: Judged) -> dict[str, Any]:
    items = actionable(judged.items)
    shown = Judged(judged.summary, items, judged.notes, overrides=judged.overrides)
    built = build_card(shown, "prior-authorization", Place("https://u.example"), NOW)
    assert built is not None
    return dict(built.body)


def test_the_card_says_what_is_found_and_what_is_missing() -> None:
    notes = document("11506-3", "2026-06-10")
    judged = told(draft(), documents=given(notes), questionnaires=given(response()))
    body = card(judged)
    assert body["summary"] == "Prior authorization: needed for 1 order"
    assert body["indicator"] == "warning"
    detail = body["detail"].replace("\\", "")
    assert "MRI of the neck: authorization needed; 2 of 3 documents found" in detail
    assert "missing: X-ray report" in detail
    assert "Clinical notes 2026-06-10, 10 days ago (the chart)" in detail
    assert "DocumentReference" not in detail, "no id is shown"
    (action,) = body["suggestions"][0]["actions"]
    assert action["resource"]["focus"] == {"reference": "ServiceRequest/o"}
    assert "X-ray report" in action["resource"]["description"]


def test_what_could_not_be_looked_up_is_not_said_to_be_missing() -> None:
    judged = told(draft(), documents=Facts((), Got.FAILED))
    assert "missing" not in judged.items[0].text
    assert "not all could be looked up" in judged.items[0].text
    paged = told(draft(), documents=Facts((document("1", "2026-06-10"),), Got.GIVEN, whole=False))
    assert "not all could be looked up" in paged.items[0].text


@pytest.mark.parametrize(
    "of",
    [
        draft(code="99213"),
        draft(code="00000"),
        said(draft(), pa_needed="no-auth"),
        said(draft(), pa_needed="satisfied", satisfied_pa_id="PA-1"),
        draft() | {"code": {}},
    ],
)
def test_nothing_needed_or_nobody_says_so_is_no_card(of: dict[str, Any]) -> None:
    assert JUDGE(case(of)) is None


def test_without_drafts_there_is_nothing_to_say() -> None:
    assert JUDGE(case()) is None


@pytest.mark.parametrize(
    ("said_", "kind", "words"),
    [
        ({"covered": "not-covered", "pa_needed": ""}, "not-covered", "not covered"),
        (
            {"pa_needed": "conditional", "info_needed": ("performer", "timeframe")},
            "conditional",
            "depends on who performs it, when it is done",
        ),
        ({"doc_needed": "clinical"}, "authorization", "clinical documents and does not name them"),
        ({}, "authorization", "no documents are named"),
    ],
)
def test_the_payers_word(said_: dict[str, Any], kind: str, words: str) -> None:
    (item,) = told(said(draft(), **said_)).items
    assert item.kind == kind
    assert words in item.text
    assert item.context[0].source == "the payer's answer"
    assert not actionable([item])[0].withheld


def test_at_order_select_only_what_was_chosen_counts() -> None:
    both = (draft("a"), draft("b"))
    judged = told(*both, hook="order-select", selected=("ServiceRequest/b",))
    assert [item.about for item in judged.items] == [("ServiceRequest/b",)]
    assert judged.system_actions == ()


def test_several_orders_are_one_card() -> None:
    body = card(told(draft("a"), draft("b")))
    assert body["summary"] == "Prior authorization: needed for 2 orders"


ASKED = claim(order())
APPROVED = answer(ASKED, "approves", "2026-06-05T09:00:00Z")


def test_a_draft_is_given_back_with_the_number_the_payer_gave() -> None:
    of = said(draft(), doc_needed="clinical", questionnaires=(FORM,))
    (act,) = told(of, claims=given(ASKED), answers=given(APPROVED)).system_actions
    assert act.type == "update"
    assert act.resource is not None
    (info,) = read_coverage_information(act.resource)
    assert (info.pa_needed, info.satisfied_pa_id, info.assertion_id) == (
        "satisfied", "PA-77", "as-1",
    )  # fmt: skip
    assert (info.faults, info.questionnaires, info.covered) == ((), (), "covered")
    changed = {k: v for k, v in act.resource.items() if k != "extension"}
    assert changed == {k: v for k, v in of.items() if k != "extension"}, "and nothing else"


@pytest.mark.parametrize("how", ["denies", "pends", "changes"])
def test_any_other_answer_is_told_and_not_written(how: str) -> None:
    sent = answer(ASKED, how, "2026-06-05T09:00:00Z")
    judged = told(said(draft()), claims=given(ASKED), answers=given(sent))
    assert judged.system_actions == ()
    assert [item.kind for item in judged.items] == ["answer"]
    assert judged.items[0].context[0].source == "the payer's answer"


def test_without_the_payers_earlier_word_nothing_is_written() -> None:
    assert JUDGE(case(draft(), claims=given(ASKED), answers=given(APPROVED))) is None


def test_what_differs_is_told_with_both_sides() -> None:
    of = draft(occurrenceDateTime="2026-10-01")
    judged = told(of, claims=given(ASKED), answers=given(APPROVED))
    kinds = {item.kind for item in judged.items}
    assert kinds == {"date"}
    assert {c.source for c in judged.items[0].context} == {"the order", "the payer's answer"}


def test_script_in_any_text_is_shown_as_text() -> None:
    script = "<script>alert(1)</script>"
    of = said(draft() | {"code": order()["code"] | {"text": script}}, assertion_id=script)
    body = card(told(of))
    assert "<script>" not in body["detail"] + body["summary"]


def test_the_rules_of_a_project_are_read_and_its_faults_told(tmp_path: Path) -> None:
    (tmp_path / "payers").mkdir()
    (tmp_path / "payers" / "a.toml").write_text("name = 3", "utf-8")
    with pytest.raises(DefinitionError, match="name is no str"):
        of_project(tmp_path)
    (tmp_path / "payers" / "a.toml").write_text(
        'name = "Central"\npayors = ["Organization/central"]\n[[rule]]\n'
        'system = "http://www.ama-assn.org/go/cpt"\ncodes = ["72141"]\nneeded = true\n',
        "utf-8",
    )
    sign, select = of_project(tmp_path)
    assert (sign.hook, select.hook) == ("order-sign", "order-select")
    found = sign.judge(case(draft()))
    assert found is not None
    assert "no documents are named" in found.items[0].text
