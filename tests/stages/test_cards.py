"""The card that is built of what a service judged: short, escaped, only what can be acted on."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from uuid import UUID

import pytest
from markdown_it import MarkdownIt

from uptake.definitions import read_surfaces
from uptake.delivery.cards import (
    REASONS,
    Card,
    Place,
    actionable,
    build_card,
    escaped,
    plain,
    system_actions,
    told_of,
    why_withheld,
)
from uptake.delivery.cases import Act, Context, Item, Judged, Suggestion
from uptake.project import Project

NOW = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
BASE = "https://uptake.example"
SEEN = Context(value="9.1", unit="%", range="under 7", trend="up from 8.2", source="lab",
               author="Dr Ngo", at=date(2026, 10, 1))  # fmt: skip
HOSTILE = [
    "<script>alert('x')</script>", "<img src=x onerror=alert(1)>", "[x](javascript:alert(1))",
    "![](http://evil.example/x.png)", "**bold** _it_ `code` ~~no~~", "# Head\n\n- item\n1. one",
    "a | b\n--|--\nc | d", "&lt;b&gt; &#60;script&#62;", "http://evil.example www.evil.example",
    "\\<b>", "```\nx", "<!-- -->", "a\u202eb\x00c\u2028d", "$x$ @team", "'\"", "==\n--\n***",
    "<a@b.example>",
]  # fmt: skip


def item(text: str = "HbA1c is high", **more: Any) -> Item:
    fields: dict[str, Any] = {"kind": "high", "context": (SEEN,), "severity": "info"}
    return Item(text=text, **(fields | more))


def card(*items: Item, place: Place | None = None, **more: Any) -> Card | None:
    judged = Judged("One thing", actionable(items), **more)
    return build_card(judged, "care-gap-closure", place or Place(BASE), NOW)


def body(*items: Item, **more: Any) -> dict[str, Any]:
    found = card(*items, **more)
    assert found
    return dict(found.body)


def test_a_line_says_everything_that_makes_a_fact_usable() -> None:
    assert re.sub(r"\\(?=[().])", "", told_of(SEEN, Place(BASE), NOW)) == (
        "9.1 % (range under 7) up from 8.2, 2026-10-01, 31 days ago by Dr Ngo (lab)"
    )
    (line,) = body(item())["detail"].split("\n")
    assert line.startswith("- **HbA1c is high**: 9.1 % ")


@pytest.mark.parametrize(
    ("at", "words"),
    [
        (None, "on an unknown day"),
        (date(2026, 11, 1), "2026-11-01, today"),
        (date(2026, 10, 31), "2026-10-31, 1 day ago"),
        (date(2026, 8, 4), "2026-08-04, 89 days ago"),
        (date(2026, 8, 3), "2026-08-03, 3 months ago"),
        (date(2024, 11, 2), "2024-11-02, 24 months ago"),
        (date(2018, 5, 27), "2018-05-27, 8 years ago"),
        (date(2026, 11, 2), "2026-11-02, in the future"),
        (datetime(2026, 11, 1, 9, 30, tzinfo=UTC), "2026-11-01 09:30 UTC, now"),
        (datetime(2026, 11, 1, 9, 29, tzinfo=UTC), "2026-11-01 09:29 UTC, 1 minute ago"),
        (datetime(2026, 11, 1, 7, 29, tzinfo=UTC), "2026-11-01 07:29 UTC, 2 hours ago"),
        (datetime(2026, 10, 30, 9, 31, tzinfo=UTC), "2026-10-30 09:31 UTC, 47 hours ago"),
        (
            datetime(2026, 11, 1, 3, 29, tzinfo=timezone(timedelta(hours=-6))),
            "2026-11-01 03:29, 1 minute ago",
        ),
        (datetime(2026, 10, 30, 9, 30, tzinfo=UTC), "2026-10-30, 2 days ago"),
        (datetime(2026, 11, 1, 10, 30, tzinfo=UTC), "2026-11-01 10:30 UTC, in the future"),
    ],
)
def test_the_age_of_a_fact(at: Any, words: str) -> None:
    assert told_of(Context(at=at), Place(BASE), NOW) == words


@pytest.mark.parametrize(
    ("context", "why"),
    [
        ((SEEN,), ""),
        ((), "no source"),
        ((SEEN, Context(value="x", at=NOW)), "no source"),
        ((Context(value="told", source="lab"),), "no date"),
        ((SEEN, Context(value="told", source="lab")), ""),
        ((Context(value="9.1", source="lab", at=NOW),), "no unit"),
        ((Context(value="< 9,1", source="lab", at=NOW),), "no unit"),
        ((Context(value="positive", source="lab", at=NOW),), ""),
    ],
)
def test_what_nobody_could_act_on_is_withheld(context: tuple[Context, ...], why: str) -> None:
    assert why_withheld(item(context=context)) == why


def test_what_holds_until_it_is_taken_back_needs_no_date() -> None:
    undated = item(context=(Context(value="penicillin", source="lab"),), lasting=True)
    assert why_withheld(undated) == ""
    assert "penicillin on an unknown day" in body(undated)["detail"]


def test_a_card_says_how_much_is_not_shown() -> None:
    detail = body(item(), item("b", context=()), item("c", withheld="no date"))["detail"]
    assert detail.endswith("Not shown: 1 \\(no date\\), 1 \\(no source\\).")
    assert "**b**" not in detail
    assert card(item(context=())) is None
    assert card() is None


def test_one_card_and_one_line_for_an_order() -> None:
    order = ("MedicationRequest/d1",)
    detail = body(item("first", about=order), item("again", about=order),
                  item("another kind", kind="allergy", about=order))["detail"]  # fmt: skip
    assert "again" not in detail
    assert detail.count("\n- ") == 1


def test_six_lines_and_the_rest_counted() -> None:
    detail = body(*(item(f"line {n}") for n in range(9)))["detail"]
    assert detail.count("\n- ") == 6
    assert detail.endswith("\n- and 3 more")


def test_what_a_client_needs() -> None:
    found = body(item(), item("worse", severity="warning"))
    assert UUID(found["uuid"]).version == 4
    assert found["indicator"] == "warning"
    assert found["source"] == {"label": "Uptake: care gap closure"}
    assert [r["code"] for r in found["overrideReasons"]] == list(REASONS)
    assert not {"suggestions", "selectionBehavior"} & found.keys()
    assert found["links"] == [
        {"label": "Open the panel", "url": f"{BASE}/panel?card={found['uuid']}", "type": "absolute"}
    ]
    assert "links" not in body(item(), panel=False)


def test_where_the_ehr_signs_in_no_other_way_leads_to_the_panel() -> None:
    found = body(item(), place=Place(f"{BASE}/", smart=True))
    (link,) = found["links"]
    assert link == {"label": "Open the panel", "url": f"{BASE}/smart/launch", "type": "smart",
                    "appContext": found["uuid"]}  # fmt: skip


def test_suggestions_carry_whole_actions() -> None:
    order = {"resourceType": "ServiceRequest", "status": "draft"}
    yes = Suggestion("Order HbA1c", (Act("create", "Order HbA1c", order),), recommended=True)
    no = Suggestion("Stop it", (Act("delete", "Remove it", resource_id="MedicationRequest/m"),))
    built = card(item(suggestions=(yes, no)))
    assert built
    first, second = built.body["suggestions"]
    assert built.body["selectionBehavior"] == "at-most-one"
    assert first["isRecommended"] is True
    assert first["actions"] == [{"type": "create", "description": "Order HbA1c", "resource": order}]
    assert "isRecommended" not in second
    assert second["actions"][0]["resourceId"] == "MedicationRequest/m"
    assert built.suggestions == {first["uuid"]: "high", second["uuid"]: "high"}
    several = body(item(suggestions=(yes,)), item("b", suggestions=(no,)))
    assert several["selectionBehavior"] == "any"


def test_system_actions() -> None:
    draft = {"resourceType": "ServiceRequest", "id": "d1"}
    assert system_actions([Act("update", "Add what the payer said", draft)]) == [
        {"type": "update", "description": "Add what the payer said", "resource": draft}
    ]


@pytest.mark.parametrize("text", HOSTILE)
def test_everything_from_data_is_text(text: str) -> None:
    fact = Context(value=text, unit=text, range=text, trend=text, source=text, author=text,
                   at=NOW)  # fmt: skip
    hostile = item(text, context=(fact,), suggestions=(Suggestion(text, (Act("create", text),)),))
    judged = Judged(text, (hostile,), notes=(text,), overrides={"x": text})
    built = build_card(judged, "care-gap-closure", Place(BASE), NOW)
    assert built
    detail = built.body["detail"]
    assert not re.search(r"[<>]", detail)
    html = MarkdownIt("commonmark", {"html": True}).enable(["table", "strikethrough"]).render(
        detail
    )  # fmt: skip
    assert set(re.findall(r"</?([a-z0-9]+)", html)) <= {"ul", "li", "strong", "p"}
    assert "://" not in html
    (suggested,) = built.body["suggestions"]
    for said in (built.body["summary"], suggested["label"], suggested["actions"][0]["description"],
                 built.body["overrideReasons"][0]["display"]):  # fmt: skip
        assert not re.search(r"[<>`\n\x00]|://", said)
        assert len(said) < 140


def test_escaping_keeps_what_is_read() -> None:
    said = "5 MG/5 ML (a_b) & *c* <d> #1"
    html = MarkdownIt("commonmark").renderInline(escaped(said))
    assert html == "5 MG/5 ML (a_b) &amp; *c* &lt;d&gt; #1"
    assert escaped("x" * 200) == "x" * 79 + "…"
    assert plain("<b>5 mg</b>") == "‹b›5 mg‹/b›"


def test_the_summary_is_short_whatever_there_is() -> None:
    judged = Judged("x" * 500, (item(),))
    built = build_card(judged, "care-gap-closure", Place(BASE), NOW)
    assert built
    assert len(built.body["summary"]) == 139


def test_our_surfaces_are_defined() -> None:
    found = read_surfaces(Project().content("surfaces"))
    for code, kind in (("uptake-card", "card"), ("uptake-panel", "panel")):
        assert (found[code].kind, dict(found[code].columns)) == (kind, {})
        assert "medication-reconciliation" in found[code].use_cases


def test_reasons_read_as_people_write_them() -> None:
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", code) for code in REASONS)
    assert all(words[0].isupper() for words in REASONS.values())
