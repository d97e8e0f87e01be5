"""Why a use case stalls: a cause that the data bear out, or that there is none."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from chain_cases import (
    CASE,
    CHECKS,
    MANY,
    USE_CASE,
    opportunities,
    served,
    situation,
    step,
    summary,
    viewed,
    weeks,
)
from reached import LIST, NOW, PORTAL, event, opportunity, person

from uptake.model import Stage, Stall
from uptake.rollout.chain import chain

UNEXPLAINED = "No single cause explains it"
PAGE = f"/use-cases/{CASE}"


def stall(folder: Path, events: Sequence[Any] = (), **more: Any) -> Stall:
    """Return the stall, which always says what would disprove it and what to do next."""
    with situation(folder, events, **more) as one:
        found = chain(one, USE_CASE).stall
    assert found
    assert found.evidence
    assert found.disproof.endswith(".")
    assert found.action.endswith(".")
    assert found.link.startswith("/")
    assert all(e.sentence.endswith(".") and not e.sentence.endswith("..") for e in found.evidence)
    said = " ".join([found.why, found.disproof, found.action, *(e.link for e in found.evidence)])
    assert not re.search(r"mrn-|\bp\d+\b", said), "no patient in a sentence or a path"
    return found


class TestBeforeTheData:
    def test_a_charter_that_is_not_signed(self, tmp_path: Path) -> None:
        found = stall(tmp_path, ready=False)
        assert (found.stage, found.cause) == (Stage.DEFINED, "charter")
        assert found.why.startswith("Its charter is not signed as a whole: problem, owner")
        assert "owner's role" in found.why, "as people call it"
        assert found.link == f"/rollout?use_case={CASE}"

    def test_requirements_without_a_place(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("chain_cases.placed", lambda _: None)
        found = stall(tmp_path)
        assert (found.stage, found.cause) == (Stage.MAPPED, "workflow map")
        assert "clinician observed" in found.disproof

    def test_the_first_step_of_the_fix_plan(self, tmp_path: Path) -> None:
        keys = (("COD-01", "lab", "x|a"), ("COD-01", "lab", "x|b"))
        told = summary(fit=50, unfit=50, verdict="at risk", fix_plan=[step(*keys)])
        found = stall(tmp_path, told=told)
        assert (found.stage, found.cause) == (Stage.FIT, "COD-01 lab")
        assert found.why == "40 of 100 patients are blocked by codes of its own only of lab."
        first, second = found.evidence[:2]
        assert first.sentence == "lab sends codes of its own only (COD-01): 2 to repair."
        assert second.sentence.startswith("40 of the 50 patients that are not fit")
        assert (first.link, second.link) == ("/findings/COD-01", f"{PAGE}/fit")
        assert "90 patients fit" in found.disproof
        assert (found.action, found.link) == ("Map 2 local codes of lab.", "/mappings")

    def test_a_step_that_frees_nobody_alone_says_what_it_clears(self, tmp_path: Path) -> None:
        one = step(("TIM-03", "lab", "a"), gain=0, reaches=50) | {"clears": 60}
        told = summary(fit=50, unfit=45, unknown=5, verdict="unfit", fix_plan=[one])
        found = stall(tmp_path, told=told)
        # Of the 60 without a defect then, 50 are fit and 5 have none today.
        assert found.why.startswith("5 of 100 patients are blocked by times without a zone")
        assert "5 of the 50 patients that are not fit have no other defect" in (
            found.evidence[1].sentence
        )
        assert found.link == "/findings/TIM-03"

    def test_elements_that_were_not_sent_have_no_check(self, tmp_path: Path) -> None:
        plan = [step(("", "lab", "Patient.birthDate"))]
        found = stall(tmp_path, told=summary(fit=50, unfit=50, verdict="unfit", fix_plan=plan))
        assert "elements that were not sent" in found.why

    def test_without_a_plan_nothing_explains_it(self, tmp_path: Path) -> None:
        found = stall(tmp_path, told=summary(fit=50, unknown=5, verdict="unfit"))
        assert (found.cause, found.why.split(":")[0]) == ("not known", UNEXPLAINED)


class TestDelivered:
    def late_with(self, folder: Path, **more: Any) -> Stall:
        held = [opportunity(n, acted=True, place="4 East" if n % 2 else "6 North") for n in MANY]
        return stall(folder, [*served(late=range(1, 11)), *viewed(*MANY)], held=held, **more)

    def test_a_check_that_the_late_ones_fail(self, tmp_path: Path) -> None:
        failed = [
            {"check": "TIM-03", "feed": "ehr", "resource_type": "Encounter",
             "resource_id": f"e{n}", "severity": "high", "fix_key": "gateway"}
            for n in range(1, 11)
        ]  # fmt: skip
        found = self.late_with(tmp_path, findings=failed)
        assert (found.stage, found.cause) == (Stage.DELIVERED, "TIM-03 ehr")
        assert found.why == "Late deliveries hang on times without a zone of ehr."
        assert [e.link for e in found.evidence] == [f"{PAGE}/delivered", "/findings/TIM-03"]
        assert found.evidence[0].sentence == (
            "10 of 10 with TIM-03 of ehr were late or never came: 100 % of all that did."
        )
        assert "as late as before" in found.disproof
        assert found.action == "Repair times without a zone of ehr."
        assert found.link == "/findings/TIM-03"

    def test_a_check_that_is_defined_no_longer(self, tmp_path: Path) -> None:
        failed = [
            {"check": "OLD-01", "feed": "ehr", "resource_type": "Encounter",
             "resource_id": f"e{n}", "severity": "blocker"}
            for n in range(1, 11)
        ]  # fmt: skip
        found = self.late_with(tmp_path, findings=failed)
        assert found.why.startswith(f"{UNEXPLAINED}: OLD-01")

    def test_what_all_have_explains_nothing(self, tmp_path: Path) -> None:
        failed = [
            {"check": "TIM-03", "feed": "ehr", "resource_type": "Encounter",
             "resource_id": f"e{n}", "severity": "high"}
            for n in MANY
        ]  # fmt: skip
        found = self.late_with(tmp_path, findings=failed)
        assert (found.cause, found.why.split(":")[0]) == ("not known", UNEXPLAINED)
        assert found.evidence[0].link == f"{PAGE}/delivered"

    def test_a_unit_where_it_does_not_arrive(self, tmp_path: Path) -> None:
        held = [opportunity(n, place="4 East" if n < 11 else "6 North") for n in MANY]
        found = stall(tmp_path, served(late=range(1, 11)), held=held)
        assert found.cause == "place 4 East"
        assert found.why == "Most of what is missing is missing in one unit: 4 East."

    def test_a_week_in_which_it_did_not_arrive(self, tmp_path: Path) -> None:
        before = NOW - timedelta(days=21)
        early = {"at_time": before, "opens": before - timedelta(hours=1), "due": before,
                 "until": before + timedelta(days=1)}  # fmt: skip
        held = [opportunity(n, **early) if n < 11 else opportunity(n) for n in MANY]
        found = stall(tmp_path, served(), held=held)
        assert found.cause == "week 2026-10-05"

    def test_where_nothing_came_nothing_is_compared(self, tmp_path: Path) -> None:
        assert stall(tmp_path).why.startswith(UNEXPLAINED)


class TestSeen:
    def test_the_one_surface_and_how_late(self, tmp_path: Path) -> None:
        at = NOW - timedelta(days=7)
        held = [opportunity(n, decided_at=at + timedelta(minutes=3)) for n in MANY]
        found = stall(tmp_path, [*served(), *viewed(*range(1, 11))], held=held)
        assert (found.stage, found.cause) == (Stage.SEEN, f"surface {PORTAL}")
        assert found.why == (
            "It is shown in the portal, which few open and mostly after the decision."
        )
        assert found.evidence[0].sentence == "10 of 40 shown in it were opened (25 %)."
        assert found.evidence[1].sentence.startswith("10 of 10 openings came after")
        assert "the place is not the cause" in found.disproof

    def test_the_surface_that_is_opened_less_than_another(self, tmp_path: Path) -> None:
        many = range(1, 141)
        sent = [event(n, "served", surface=LIST if n <= 40 else PORTAL) for n in many]
        held = [opportunity(n) for n in many]
        found = stall(tmp_path, [*sent, *viewed(*range(71, 141))], held=held)
        assert found.cause == f"surface {LIST}"
        assert found.evidence[0].sentence == "0 of 40 shown in it were opened (0 %)."

    def test_a_unit_where_nobody_opens_it(self, tmp_path: Path) -> None:
        held = [opportunity(n, place="4 East" if n <= 18 else "6 North") for n in MANY]
        found = stall(tmp_path, [*served(), *viewed(*range(19, 41))], held=held)
        assert found.cause == "place 4 East"
        assert found.evidence[0].sentence == (
            "18 of 18 of 4 East were not opened: 100 % of all that did."
        )

    def test_two_surfaces_alike_explain_nothing(self, tmp_path: Path) -> None:
        sent = [e | {"surface": (PORTAL, LIST)[n % 2]} for n, e in enumerate(served())]
        found = stall(tmp_path, [*sent, *viewed(*range(1, 11))])
        assert found.why.startswith(UNEXPLAINED)


class TestUsed:
    def by(self, folder: Path, users: int, *people: Any) -> Stall:
        events = [e | {"practitioner": f"pr-{1 + n % users}"}
                  for n, e in enumerate(viewed(*MANY))]  # fmt: skip
        return stall(folder, [*served(), *events], people=people)

    def test_a_list_that_does_not_say_the_role_names_none(self, tmp_path: Path) -> None:
        people = [person(f"pr-{n}", "nurse" if n <= 15 else "", ()) for n in MANY]
        assert self.by(tmp_path, 15, *people).why.startswith(UNEXPLAINED)

    def test_a_role_that_does_not_use_it(self, tmp_path: Path) -> None:
        people = [person(f"pr-{n}", "nurse" if n <= 15 else "physician") for n in MANY]
        found = self.by(tmp_path, 15, *people)
        assert (found.stage, found.cause) == (Stage.USED, "role physician")
        assert found.evidence[0].sentence.startswith("25 of 25 of physician do not use it")
        assert "champion for physician" in found.action

    def test_a_unit_that_does_not_use_it(self, tmp_path: Path) -> None:
        people = [person(f"pr-{n}", units=("A" if n <= 15 else "B",)) for n in MANY]
        assert self.by(tmp_path, 15, *people).cause == "unit B"

    def test_nothing_in_common(self, tmp_path: Path) -> None:
        people = [person(f"pr-{n}", ("nurse", "physician")[n % 2]) for n in MANY]
        assert self.by(tmp_path, 10, *people).why.startswith(UNEXPLAINED)


class TestActedOn:
    def passed(self, folder: Path, *reasons: str) -> Stall:
        """Give a reason for each of the first patients; 10 of 40 were acted on."""
        refused = [
            event(n, "overridden", 6, practitioner=f"pr-{n}", reason=reason)
            for n, reason in enumerate(reasons, 1)
        ]
        held = opportunities(acted=range(31, 41))
        return stall(folder, [*served(), *viewed(*MANY), *refused], held=held)

    def test_the_reason_that_is_given_most(self, tmp_path: Path) -> None:
        found = self.passed(tmp_path, *["done already"] * 20, *["not my patient"] * 5, "")
        assert (found.stage, found.cause) == (Stage.ACTED_ON, "reason done already")
        assert found.evidence[0].sentence == (
            "26 were overridden; “done already” was given for 20."
        )
        assert found.evidence[1].link == f"{PAGE}/acted-on"

    @pytest.mark.parametrize(
        "reasons",
        [(), ("",) * 30, ("done already",) * 3, tuple(f"reason {n % 5}" for n in range(30))],
        ids=["nobody passed it over", "no reason", "three of thirty", "five alike"],
    )
    def test_no_reason_explains_most(self, reasons: tuple[str, ...], tmp_path: Path) -> None:
        assert self.passed(tmp_path, *reasons).why.startswith(UNEXPLAINED)


class TestImproved:
    PERFECT = (*served(), *viewed(*MANY))

    def judge(self, folder: Path, outcome: float, guardrail: float) -> Stall:
        rows = weeks("days-to-closure", 30, outcome) + weeks("repeat-tests", 5, guardrail)
        return stall(folder, self.PERFECT, held=opportunities(acted=MANY), measure_row=rows)

    def test_an_outcome_that_did_not_change(self, tmp_path: Path) -> None:
        found = self.judge(tmp_path, 30, 5)
        assert (found.stage, found.cause) == (Stage.IMPROVED, "outcome")
        assert "within what chance explains" in found.evidence[0].sentence

    def test_a_guardrail_that_grew_worse(self, tmp_path: Path) -> None:
        found = self.judge(tmp_path, 10, 50)
        assert found.cause == "guardrail repeat-tests"
        assert found.why == "A guardrail does not hold since it is used: Repeat tests."


def test_a_task_that_names_what_to_repair(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    task = "Send {fix_key} of {feed} with a zone"
    monkeypatch.setitem(CHECKS, "TIM-03", replace(CHECKS["TIM-03"], fix_task=task))
    failed = [
        {"check": "TIM-03", "feed": "ehr", "resource_type": "Encounter", "resource_id": f"e{n}",
         "severity": "high", "fix_key": "gateway"}
        for n in range(1, 11)
    ]  # fmt: skip
    found = stall(tmp_path, served(late=range(1, 11)), findings=failed)
    assert found.action == "Send gateway of ehr with a zone."
