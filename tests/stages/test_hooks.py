"""CDS Hooks without HTTP: how a call is answered, what is recorded, feedback of every shape."""

from __future__ import annotations

import json
import logging
import sqlite3
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from drug_cases import SCRIPT
from sqlalchemy import select

from uptake.delivery.cards import Place
from uptake.delivery.cases import (
    Act,
    Case,
    Context,
    Facts,
    Got,
    Item,
    Judged,
    Need,
    Service,
    Suggestion,
)
from uptake.delivery.feedback import IN_OWN_WORDS, take_feedback
from uptake.delivery.hooks import Authorization, Desk, HookError, answer, read_call
from uptake.delivery.known import Nothing
from uptake.state.database import State, open_state
from uptake.state.schema import card as card_table
from uptake.state.schema import event_inbox

NOW = datetime(2026, 11, 1, 9, 30, tzinfo=UTC)
BASE = "https://uptake.example"
INSTANCE = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"
SEEN = Context(value="dispensed", source="pharmacy", at=NOW)
ORDER = {"resourceType": "MedicationRequest", "id": "d1", "status": "draft"}
OTHER = {**ORDER, "id": "d2"}


def item(kind: str = "omission", **more: Any) -> Item:
    fields: dict[str, Any] = {"context": (SEEN,), "severity": "info"}
    return Item(kind, f"{kind} found", **(fields | more))


def says(*items: Item, **more: Any) -> Callable[[Case], Judged]:
    return lambda _: Judged("Something differs", items, **more)


def serving(
    judge: Callable[[Case], Judged | None], hook: str = "patient-view", *needs: Need
) -> Service:
    return Service(
        f"try-{hook}", hook, "Try", "A service", "medication-reconciliation", needs, judge
    )


SERVICE = serving(says(item(suggestions=(Suggestion("Add it", (Act("create", "Add"),)),)),
                       overrides={"outside-wrong": "The outside is wrong"}))  # fmt: skip


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    opened = open_state(f"sqlite:///{tmp_path}/state.db")
    yield opened
    opened.close()


def request(patient_id: str = "p", **more: Any) -> bytes:
    context = {"patientId": patient_id, "userId": "Practitioner/pr-1", "encounterId": "e1"}
    body = {"hook": "patient-view", "hookInstance": INSTANCE, "context": context}
    return json.dumps(body | more).encode()


def orders(*drafts: dict[str, Any], hook: str = "order-sign", **more: Any) -> bytes:
    bundle = {"resourceType": "Bundle", "entry": [{"resource": draft} for draft in drafts]}
    context = {"patientId": "p", "userId": "Practitioner/pr-1", "draftOrders": bundle}
    return request(hook=hook, context=context | more)


def respond(
    state: State, body: bytes, service: Service = SERVICE, facts: Any = None, **more: Any
) -> dict[str, Any]:
    fields: dict[str, Any] = {"until": 1e12} | more
    desk = Desk(state, lambda _: Nothing(), Place(BASE), NOW, **fields)
    found: dict[str, Any] = answer(read_call(body, service), service, facts or {}, desk)
    return found


def ask(state: State, body: bytes, service: Service = SERVICE, **more: Any) -> list[dict[str, Any]]:
    cards: list[dict[str, Any]] = respond(state, body, service, **more)["cards"]
    return cards


def events(state: State) -> list[Any]:
    with state.read() as connection:
        return list(connection.execute(select(event_inbox).order_by(event_inbox.c.seq)))


class TestCalls:
    def test_what_is_recorded(self, state: State) -> None:
        (card,) = ask(state, request())
        asked, served = events(state)
        assert (asked.action, served.action) == ("requested", "served")
        for event in (asked, served):
            assert (event.surface, event.use_case, event.practitioner, event.patient) == (
                "uptake-card", "medication-reconciliation", "pr-1", "p",
            )  # fmt: skip
            assert (event.encounter, event.at) == ("e1", NOW)
        assert (asked.card, served.card) == ("", card["uuid"])
        assert INSTANCE in asked.id
        with state.read() as connection:
            row = connection.execute(select(card_table)).one()
        assert (row.uuid, row.service, row.patient) == (card["uuid"], SERVICE.id, "p")

    def test_nothing_to_say(self, state: State) -> None:
        assert respond(state, request(), serving(lambda _: None)) == {"cards": []}
        assert [e.action for e in events(state)] == ["requested"]

    def test_what_is_withheld_counts_with_its_reason(self, state: State) -> None:
        service = serving(says(item(context=()), item("sig", withheld="the link is only probable")))
        assert ask(state, request(), service) == []
        told = [(e.action, e.reason) for e in events(state)]
        assert told == [("requested", ""), ("withheld", "no source"),
                        ("withheld", "the link is only probable")]  # fmt: skip

    def test_what_a_judge_is_given(self, state: State) -> None:
        given: list[Case] = []

        def judge(case: Case) -> None:
            given.append(case)

        facts = {"list": Facts((ORDER,), Got.GIVEN)}
        body = orders(ORDER, selections=["MedicationRequest/d1"], hook="order-select")
        respond(state, body, serving(judge, "order-select"), facts)
        (case,) = given
        assert (case.hook, case.patient, case.user) == ("order-select", "p", "Practitioner/pr-1")
        assert (case.drafts, case.selected) == ((ORDER,), ("MedicationRequest/d1",))
        assert case.now == NOW
        assert case.of("list").resources == (ORDER,)
        assert case.of("none").got is Got.ABSENT
        assert not case.of("none").told

    def test_the_reference_of_a_patient_is_its_id(self, state: State) -> None:
        ask(state, request("Patient/p"))
        assert {e.patient for e in events(state)} == {"p"}

    def test_a_role_is_no_practitioner(self, state: State) -> None:
        context = {"patientId": "p", "userId": "PractitionerRole/pr-1", "unheard": {"of": [1]}}
        ask(state, request(context=context))
        assert {e.practitioner for e in events(state)} == {"PractitionerRole/pr-1"}

    def test_a_hook_instance_that_is_no_uuid_is_in_no_key(self, state: State) -> None:
        ask(state, request(hookInstance="Ada Okafor"))
        ask(state, request(hookInstance="Ada Okafor"))
        assert [e.action for e in events(state)] == ["requested", "served"] * 2
        assert not [e for e in events(state) if "Okafor" in e.id]

    def test_a_caller_who_gave_up_is_served_nothing(self, state: State) -> None:
        service = serving(says(item(), system_actions=(Act("update", "x", ORDER),)))
        found = respond(state, request(), service, until=1.0, clock=lambda: 2.0)
        assert found == {"cards": []}
        assert [e.action for e in events(state)] == ["requested"]

    def test_no_two_cards_are_one(self, state: State) -> None:
        first, second = ask(state, request()), ask(state, request())
        assert first[0]["uuid"] != second[0]["uuid"]

    def test_a_token_is_in_no_text(self) -> None:
        body = request(fhirAuthorization={"access_token": "secret", "token_type": "Bearer"})
        call = read_call(body, SERVICE)
        assert call.fhir_authorization
        assert "secret" not in f"{call} {Authorization('secret')}"

    @pytest.mark.parametrize(
        ("body", "words"),
        [
            (b"", "truncated"), (b"{", "truncated"), (b"[]", "array"), (b"\xff", ""),
            (b'{"hook": "\xff"}', "UTF-8"),
            (b"{}", "`hook`"), (request(context={}), "`patientId` - at `$.context`"),
            (request(context={"patientId": 7, "x": "Ada Okafor"}), "at `$.context.patientId`"),
            (request(context={"patientId": " "}), "context.patientId"),
            (request(hook="order-sign"), "patient-view"), (request(hook=None), "at `$.hook`"),
            (request(prefetch=["Ada Okafor"]), "at `$.prefetch`"),
            (request(fhirAuthorization={"access_token": 7}), "access_token"),
            (b'{"prefetch":{"a":' + b"[" * 100_000, "deep"),
        ],
    )  # fmt: skip
    def test_what_cannot_be_read_is_told_without_values(self, body: bytes, words: str) -> None:
        with pytest.raises(HookError) as refused:
            read_call(body, SERVICE)
        assert words in str(refused.value)
        assert "Okafor" not in str(refused.value)
        assert "order-sign" not in str(refused.value)


class TestOrders:
    def test_drafts_are_read_each_once(self, state: State) -> None:
        given: list[Case] = []
        service = serving(lambda case: given.append(case), "order-sign")
        body = orders(ORDER, ORDER, OTHER, {"id": "no type"}, None)  # type: ignore[arg-type]
        respond(state, body, service)
        assert given[0].drafts == (ORDER, OTHER)

    @pytest.mark.parametrize("bundle", [{}, {"entry": None}, {"entry": "x"}, {"entry": [7]}])
    def test_a_bundle_without_orders(self, state: State, bundle: Any) -> None:
        service = serving(says(item()), "order-sign")
        context = {"patientId": "p", "draftOrders": bundle}
        assert len(ask(state, request(hook="order-sign", context=context), service)) == 1

    def test_without_draft_orders_it_is_no_order_hook(self) -> None:
        with pytest.raises(HookError, match="draftOrders"):
            read_call(request(hook="order-sign"), serving(says(), "order-sign"))

    def test_an_order_of_another_patient_is_refused(self) -> None:
        other = {**OTHER, "subject": {"reference": "Patient/Okafor"}}
        with pytest.raises(HookError, match="another patient") as refused:
            read_call(orders(ORDER, other), serving(says(), "order-sign"))
        assert "Okafor" not in str(refused.value)

    def test_two_items_of_one_order_are_one_line_of_one_card(self, state: State) -> None:
        about = ("MedicationRequest/d1",)
        service = serving(says(item(about=about), item(about=about)), "order-sign")
        (card,) = ask(state, orders(ORDER), service)
        assert card["detail"].count("omission found") == 1

    def test_an_order_that_was_chosen_before_has_had_its_card(self, state: State) -> None:
        told = (item("one", about=("MedicationRequest/d1",)),
                item("two", about=("MedicationRequest/d2",)))  # fmt: skip
        service = serving(says(*told), "order-select")
        chosen = orders(ORDER, OTHER, hook="order-select", selections=["MedicationRequest/d2"])
        (card,) = ask(state, chosen, service)
        assert "two found" in card["detail"]
        assert "one found" not in card["detail"]

    def test_system_actions_come_without_a_card(self, state: State) -> None:
        service = serving(says(system_actions=(Act("update", "Covered", ORDER),)), "order-sign")
        found = respond(state, orders(ORDER), service)
        assert found["cards"] == []
        (action,) = found["systemActions"]
        assert action == {"type": "update", "description": "Covered", "resource": ORDER}


class TestFeedback:
    def served(self, state: State) -> str:
        (card,) = ask(state, request())
        return str(card["uuid"])

    def take(self, state: State, body: object) -> int:
        return take_feedback(state, SERVICE, json.dumps(body).encode(), NOW)

    def told(self, state: State) -> list[tuple[str, str, str]]:
        return [
            (e.action, e.reason, e.comment) for e in events(state)
            if e.action in ("accepted", "overridden")
        ]  # fmt: skip

    @pytest.mark.parametrize(
        ("more", "reason", "comment"),
        [
            ({}, "", ""),
            ({"overrideReason": {"reason": {"code": "already-known", "system": "s"}}},
             "Already known", ""),
            ({"overrideReason": {"reason": {"code": "outside-wrong"}}}, "The outside is wrong", ""),
            ({"overrideReason": {"reason": {"code": "x", "display": "Theirs"},
                                 "userComment": "see note"}}, "Theirs", "see note"),
            ({"overrideReason": {"code": "not-now"}}, "Not relevant now", ""),
            ({"overrideReason": {"userComment": SCRIPT}}, "", SCRIPT),
            ({"overrideReason": "already-known"}, "Already known", ""),
            ({"overrideReason": "Ada Okafor stopped it"}, IN_OWN_WORDS, "Ada Okafor stopped it"),
            ({"overrideReason": {"reason": "not-now"}}, "Not relevant now", ""),
            ({"overrideReasons": [{"code": "not-now"}]}, "Not relevant now", ""),
            ({"reason": "Already known", "userComment": "ok"}, "Already known", "ok"),
            ({"reason": {"code": "c9"}}, "c9", ""),
            ({"overrideReason": None, "userComment": None, "unheard": [{}]}, "", ""),
        ],
    )  # fmt: skip
    def test_every_shape_of_a_reason(
        self, state: State, more: Any, reason: str, comment: str
    ) -> None:
        card = self.served(state)
        outcome = {"card": card, "outcome": "overridden",
                   "outcomeTimestamp": "2026-11-01T09:29:00Z"} | more  # fmt: skip
        assert self.take(state, {"feedback": [outcome]}) == 1
        assert self.told(state) == [("overridden", reason, comment)]

    def test_a_card_of_an_older_state_takes_feedback(self, tmp_path: Path) -> None:
        url = f"sqlite:///{tmp_path / 'older.db'}"
        open_state(url).close()
        older = sqlite3.connect(tmp_path / "older.db")
        older.execute("alter table card drop column shown")
        older.execute("update alembic_version set version_num = '0003'")
        older.execute(
            "insert into card (uuid, service, use_case, patient, practitioner, encounter, at) "
            f"values ('u', '{SERVICE.id}', 'medication-reconciliation', 'p', 'd', '', '2026-11-01')"
        )
        older.commit()
        older.close()
        state = open_state(url)
        assert self.take(state, {"feedback": [{"card": "u", "outcome": "accepted"}]}) == 1
        state.close()

    def test_what_was_accepted_is_named_by_what_it_was_about(self, state: State) -> None:
        (card,) = ask(state, request())
        taken = [{"id": card["suggestions"][0]["uuid"]}, {"id": "of another card"}]
        outcome = {"card": card["uuid"], "outcome": "accepted", "acceptedSuggestions": taken}
        assert self.take(state, {"feedback": [outcome]}) == 1
        assert self.told(state) == [("accepted", "omission", "")]

    def test_many_cards_and_repeats(self, state: State) -> None:
        one, two = self.served(state), self.served(state)
        at = "2026-11-01T09:29:00Z"
        same = {"card": one, "outcome": "accepted", "outcomeTimestamp": at,
                "acceptedSuggestions": [{"id": "s"}]}  # fmt: skip
        body = {"feedback": [
            same, same, {"card": two, "outcome": "overridden", "outcomeTimestamp": at},
            {**same, "outcomeTimestamp": "2026-11-01T04:29:00-05:00"},  # the same instant
            {**same, "outcome": "overridden"},
        ]}  # fmt: skip
        assert self.take(state, body) == 3
        assert self.take(state, body) == 0
        assert len(self.told(state)) == 3

    def test_an_event_is_of_whom_the_card_was_shown_to(self, state: State) -> None:
        card = self.served(state)
        at = "2026-11-01T09:00:00+00:00"
        outcome = {"card": card, "outcome": "accepted", "outcomeTimestamp": at}
        self.take(state, {"feedback": [outcome]})
        event = events(state)[-1]
        assert (event.practitioner, event.patient, event.encounter) == ("pr-1", "p", "e1")
        assert (event.card, event.at) == (card, datetime(2026, 11, 1, 9, tzinfo=UTC))

    @pytest.mark.parametrize(
        "at",
        [
            None,
            "",
            "soon",
            "2026-11-01T09:00:00",
            "2026-11-01T11:00:00Z",
            "0001-01-01T00:00:00+14:00",
        ],
    )
    def test_a_time_that_cannot_be_told_is_when_it_was_told(
        self, state: State, at: str | None
    ) -> None:
        body = {"feedback": {"card": self.served(state), "outcome": "accepted",
                             "outcomeTimestamp": at}}  # fmt: skip
        assert (self.take(state, body), self.take(state, body)) == (1, 0)
        assert events(state)[-1].at == NOW

    def test_unknown_cards_are_counted_without_naming_them(
        self, state: State, caplog: pytest.LogCaptureFixture
    ) -> None:
        card = self.served(state)
        body = [{"card": "Ada Okafor", "outcome": "accepted"}, {"card": card, "outcome": "ignored"},
                {"outcome": "accepted"}, 7, {"card": card, "outcome": "accepted"}]  # fmt: skip
        with caplog.at_level(logging.WARNING):
            assert self.take(state, body) == 1
        (line,) = caplog.messages
        assert "1 of unknown cards, 3 that cannot be read" in line
        assert "Okafor" not in line

    def test_a_card_of_another_service_is_unknown(self, state: State) -> None:
        other = serving(says(), "encounter-start")
        body = {"feedback": [{"card": self.served(state), "outcome": "accepted"}]}
        assert take_feedback(state, other, json.dumps(body).encode(), NOW) == 0

    @pytest.mark.parametrize(
        "body",
        [
            b"", b"7", b'"x"', b"{}", b'{"feedback": 7}', b'{"feedback": [7]}', b'{"\xff": 1}',
            b'{"feedback": [{"card": "\xff", "outcome": "accepted"}]}',
            b'{"feedback": [{"card": "a", "outcome": "x"}]}',
        ],
    )  # fmt: skip
    def test_what_cannot_be_read_at_all(self, state: State, body: bytes) -> None:
        with pytest.raises(HookError):
            take_feedback(state, SERVICE, body, NOW)

    def test_nothing_to_tell(self, state: State) -> None:
        assert self.take(state, {"feedback": []}) == 0
