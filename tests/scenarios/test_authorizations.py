"""Prior authorizations of a run: a payer that approves, denies and is late, told from files."""

from __future__ import annotations

import json
import random
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from uptake.authorization.rules import read_payers
from uptake.definitions import read_use_cases
from uptake.findings.assess import Request, assess
from uptake.model import Feed
from uptake.project import Project

from .assessing import Silent

sys.path.insert(0, str(Path(__file__).parent.parent / "stages"))
from payer_cases import answer, claim, coverage, document, order, patient, response, said

AS_OF = datetime(2026, 6, 20, 12, tzinfo=UTC)
RULES = """
name = "Central Health"
payors = ["Organization/central"]
line = "Medicare Advantage"
regulated = true
[[rule]]
system = "http://www.ama-assn.org/go/cpt"
codes = ["72141"]
needed = true
[[rule.document]]
title = "Clinical notes"
loinc = ["11506-3"]
[[rule.document]]
title = "MRI questionnaire"
questionnaire = "http://payer.example/Questionnaire/mri"
"""
Resource = dict[str, Any]
START = datetime(2026, 5, 1, 9, tzinfo=UTC)


def of_patient(name: str, *resources: Resource) -> list[Resource]:
    """Return resources as those of one patient: ids and references with its name."""
    text = json.dumps(list(resources))
    for kind, held in (("Patient", "p"), ("Coverage", "c"), ("ServiceRequest", "o"),
                       ("Claim", "k"), ("Claim", "k2")):  # fmt: skip
        text = text.replace(f'"{kind}/{held}"', f'"{kind}/{held}-{name}"')
    subject = {"reference": f"Patient/p-{name}"}
    found: list[Resource] = json.loads(text)
    for one in found:
        one["id"] = f"{one['id']}-{name}"
        if one["resourceType"] in ("Claim", "ClaimResponse"):
            one["patient"] = subject
        if one["resourceType"] in ("DocumentReference", "QuestionnaireResponse"):
            one["subject"] = subject
    return found


def decided(name: str, how: str, days: int) -> list[Resource]:
    """Return the resources of a patient whose request was answered after so many days."""
    asked = claim(order(), sent=(START + timedelta(days=1)).isoformat())
    sent = answer(asked, how, (START + timedelta(days=1 + days)).isoformat())
    signed = order(authoredOn=START.isoformat())
    return of_patient(name, patient(), coverage(), signed, asked, sent)


def hospital() -> list[Resource]:
    found: list[Resource] = []
    for number in range(12):
        found += decided(f"yes{number}", "approves", 3 + number % 2)
        found += decided(f"no{number}", "denies", 9)
    found += of_patient("open", patient(), coverage(), order(), claim(order()))
    found += of_patient("asks", patient(), coverage(), order(), document("11506-3", "2026-06-10"))
    found += of_patient("said", patient(), coverage(), said(order(code="1"), pa_needed="no-auth"))
    drug = order() | {"resourceType": "MedicationRequest"}
    drug["medicationCodeableConcept"] = drug.pop("code")
    found += of_patient("drug", patient(), coverage(), drug)
    found += of_patient("none", patient(), coverage(), order(code="99"))
    found += of_patient("gone", patient(), coverage(), order(status="revoked"))
    found += of_patient(
        "both", patient(), coverage(), order(), document("11506-3", "2026-06-10"), response(),
        order() | {"id": "old", "authoredOn": "2025-01-01T09:00:00Z"},
    )  # fmt: skip
    return found


def tracked(folder: Path, resources: list[Resource], rules: str = RULES) -> Path:
    """Assess one feed of the EHR; return the run's folder."""
    feed, out, payers = folder / "ehr", folder / "out", folder / "payers"
    feed.mkdir()
    payers.mkdir()
    if rules:
        (payers / "central.toml").write_text(rules, "utf-8")
    (feed / "all.ndjson").write_text("".join(json.dumps(r) + "\n" for r in resources), "utf-8")
    cases = read_use_cases(Project().content("use_cases"))
    case = {"prior-authorization": cases["prior-authorization"]}
    request = Request(
        (Feed("ehr", feed, "ehr"),), {}, case, AS_OF, "test", payers=read_payers([payers])
    )
    assess(request, out, out / "resources", Silent())
    return out


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tracked(tmp_path_factory.mktemp("payer"), hospital())


def test_the_work_list_has_where_each_stands(out: Path) -> None:
    rows = {row["order"].partition("/o-")[2]: row
            for row in lines(out / "authorizations.ndjson")}  # fmt: skip
    assert {n: rows[n]["status"] for n in ("yes0", "no0", "open", "asks", "said", "both")} == {
        "yes0": "approved", "no0": "denied", "open": "asked", "asks": "needed",
        "said": "not needed", "both": "needed",
    }  # fmt: skip
    assert set(rows) == {f"{w}{n}" for w in ("yes", "no") for n in range(12)} | {
        "open", "asks", "said", "both", "drug",
    }  # fmt: skip
    assert (rows["asks"]["found"], rows["asks"]["missing"]) == (1, ["MRI questionnaire"])
    assert (rows["both"]["found"], rows["both"]["missing"]) == (2, [])
    assert (rows["yes0"]["in_time"], rows["no0"]["in_time"], rows["open"]["in_time"]) == (
        True, False, False,
    )  # fmt: skip
    assert rows["yes0"]["T3_source"] == "Claim/k-yes0 created"
    assert rows["yes0"]["patient_id"] == "p-yes0"


def test_the_figures_of_a_payers_line(out: Path) -> None:
    told = {f["name"]: f for f in lines(out / "authorization_figures.ndjson")}
    assert {f["line"] for f in told.values()} == {"Central Health: Medicare Advantage"}
    assert (told["standard: approved"]["value"], told["standard: approved"]["of"]) == (0.5, 24)
    assert told["standard: denied"]["value"] == 0.5
    assert told["decided in the time that binds"]["why"] == ""
    assert told["decided in the time that binds"]["value"] == 12 / 25, "and one is still open"
    assert told["standard: request to decision, mean"]["value"] == 24 * (3.5 + 9) / 2
    assert told["standard: request to decision, median"]["value"] == 24 * (4 + 9) / 2
    assert told["signature to decision, of nine in ten"]["value"] == 240
    assert told["expedited: approved"]["value"] is None
    assert told["approved after an extension"]["value"] is None


def test_small_counts_are_not_shown(tmp_path: Path) -> None:
    few = [r for n in range(11) for r in decided(f"yes{n}", "approves", 3)]
    few += [r for n in range(9) for r in decided(f"no{n}", "denies", 9)]
    found = tracked(tmp_path, few)
    told = {f["name"]: f for f in lines(found / "authorization_figures.ndjson")}
    for name in ("standard: approved", "standard: denied"):
        assert (told[name]["value"], told[name]["of"], told[name]["why"]) == (
            None, 0, "fewer than 10",
        )  # fmt: skip


def test_without_rules_only_what_was_asked_or_said_is_listed(tmp_path: Path) -> None:
    rows = lines(tracked(tmp_path, hospital(), "") / "authorizations.ndjson")
    assert len(rows) == 26
    assert {row["line"] for row in rows} == {"payer not told by a file"}
    assert {row["in_time"] for row in rows} == {None}, "nobody says that a time binds it"


def test_metric_data_name_no_patient(out: Path) -> None:
    metrics = lines(out / "authorization_metrics.ndjson")
    assert {m["model"] for m in metrics} == {"CRDMetricData", "PASMetricData"}
    text = (out / "authorization_metrics.ndjson").read_text("utf-8")
    assert "Patient/" not in text
    assert "Berg" not in text
    pas = [m["metric"] for m in metrics if m["model"] == "PASMetricData"]
    assert len(pas) == 25
    assert {m["itemDetail"][0].get("result") for m in pas} == {"approved", "denied", None}


def test_the_order_of_lines_changes_nothing(out: Path, tmp_path: Path) -> None:
    mixed = hospital()
    random.Random(5).shuffle(mixed)  # fixed, not a secret
    found = tracked(tmp_path, mixed)
    for name in ("authorizations", "authorization_figures", "authorization_metrics"):
        one, two = (folder / f"{name}.ndjson" for folder in (out, found))
        assert one.read_bytes() == two.read_bytes()
