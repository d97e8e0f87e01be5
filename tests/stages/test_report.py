"""The report: the same words everywhere, nothing that identifies, no hidden count to recompute."""

from __future__ import annotations

import io
import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import report_cases as cases
from rich.console import Console

from uptake.errors import StorageError
from uptake.model import LEFT_OUT, Assessment, CheckResult, Verdict
from uptake.report import charts, figures, sentences
from uptake.report.page import page, write_page
from uptake.report.summary import summary, write_summary
from uptake.report.terminal import show

EXACT = figures.Figures()


def printed(run: Assessment, width: int = 80, **given: object) -> str:
    stream = io.StringIO()
    show(run, Console(file=stream, width=width, **given), out=Path("out"))  # type: ignore[arg-type]
    return stream.getvalue()


# --- the words -----------------------------------------------------------------------------------


def test_the_headline_says_fit_unfit_and_cannot_tell() -> None:
    run = cases.typical()
    assert sentences.headline(run, figures.exact(run)) == (
        "Fit for prior authorization. Not fit for care-gap closure (61 % of 200 patients). "
        "Medication reconciliation cannot be told: no feed is declared an outside source. "
        "Deterioration (NEWS2) does not apply."
    )


def test_at_risk_is_not_called_fit() -> None:
    run = cases.assessment(fitness=(replace(cases.CARE_GAPS, verdict="at risk"),))
    assert sentences.headline(run, figures.exact(run)) == (
        "At risk: care-gap closure (61 % of 200 patients)."
    )


def test_fix_first_is_the_step_that_gains_most() -> None:
    run = cases.typical()
    assert sentences.fix_first(run, figures.exact(run)) == (
        "Fix first: map 14 local codes of northside-lab; "
        "care-gap closure goes from 61 % to 84 % of 200 patients."
    )


def test_a_step_that_gains_nothing_says_what_it_clears_and_why_the_rest_is_open() -> None:
    run = cases.assessment(fitness=(cases.MEDICATIONS,))
    assert sentences.fix_first(run, figures.exact(run)) == (
        "Fix first: name the code system in pharmacy; medication reconciliation then has no defect "
        "left for 75 % of 200 patients, but whether they are fit cannot be told: "
        "no feed is declared an outside source."
    )


@pytest.mark.parametrize(
    ("name", "headline", "first"),
    [
        (
            "refused",
            "Fit for nothing: no record of these data could be read.",
            "Fix first: what quarantine.parquet says is wrong with each record.",
        ),
        (
            "flawless",
            "Fit for prior authorization.",
            "Nothing to fix first: every check that applies passed.",
        ),
        (
            "inapplicable",
            "None of the use cases applies to these data: deterioration (NEWS2).",
            "Nothing to fix first: no check applies to these data.",
        ),
        (
            "assessment",
            "No use case was judged.",
            "Nothing to fix first: no check applies to these data.",
        ),
    ],
)
def test_empty_states_have_an_answer(name: str, headline: str, first: str) -> None:
    run = cases.ALL[name]()
    numbers = figures.exact(run)
    assert (sentences.headline(run, numbers), sentences.fix_first(run, numbers)) == (
        headline,
        first,
    )


def test_without_a_plan_the_blocker_comes_first() -> None:
    run = replace(cases.typical(), fitness=())
    assert sentences.fix_first(run, figures.exact(run)) == (
        "Fix first: Patients that share an identifier (DUP-01), 12 of 200 patients (6 %)."
    )


def test_a_feed_quarantined_whole_is_said_once() -> None:
    run = cases.refused()
    note = "Nothing of lab could be read: all 120 records were quarantined."
    assert sentences.notes(run, figures.exact(run)) == (note,)
    told = replace(run, notes=("Feed lab was refused whole.",))
    assert sentences.notes(told, figures.exact(told)) == ("Feed lab was refused whole.",)


def test_a_check_that_could_not_judge_says_so() -> None:
    open_check = CheckResult(cases.check("X", "x"), Verdict.NOT_APPLICABLE, 0, 0, 40)
    assert sentences.check_sentence(open_check, EXACT) == (
        "Cannot tell: 40 resources could not be judged."
    )
    failed = CheckResult(
        cases.check("X", "x"), Verdict.NOT_RUN, reason="error", detail="no table y"
    )
    assert sentences.check_sentence(failed, EXACT) == "Not run: its query failed. No table y."


def test_checks_that_wait_are_told_in_one_line() -> None:
    def idle(code: str, reason: str, detail: str) -> CheckResult:
        check = cases.check(code, "x")
        return CheckResult(check, Verdict.NOT_RUN, reason=reason, detail=detail)

    waiting = [idle(c, "unavailable", "HL7 v2 is not read yet") for c in ("MIG-01", "MIG-02")]
    failed, dropped = idle("X", "error", "no table y"), idle("Z", "unavailable", LEFT_OUT)
    run = cases.assessment(checks=(*waiting, failed, dropped))
    assert list(sentences.not_run_sentences(run, figures.exact(run))) == [
        "X: Not run: its query failed. No table y.",
        "Not run yet: MIG-01 and MIG-02; the report says why.",
        "1 check was left out by --checks.",
    ]


def test_a_check_says_its_detail_once() -> None:
    found = CheckResult(
        cases.check("X", "x"), Verdict.FAIL, 40, 4000, detail="over its threshold in lab"
    )
    assert sentences.check_sentence(found, EXACT) == (
        "40 of 4,000 resources (1 %); at most 2 % is allowed. Over its threshold in lab."
    )
    assert sentences.check_counts(found, EXACT) == (
        "40 of 4,000 resources (1 %); over its threshold in lab"
    )


# --- the same on page and terminal ---------------------------------------------------------------


@pytest.mark.parametrize("name", [n for n in cases.ALL if n not in ("small", "hostile")])
def test_page_and_terminal_say_the_same(name: str) -> None:
    run = cases.ALL[name]()
    seen, shown = cases.words(page(run)), " ".join(printed(run).split())
    exact, shared = figures.exact(run), figures.shared(run)
    for told in (sentences.headline, sentences.fix_first, sentences.inputs_sentence):
        assert told(run, exact) == told(run, shared)
        assert told(run, exact) in seen
        assert told(run, exact) in shown
    for told in (sentences.checks_sentence(run), *sentences.notes(run, exact)):
        assert told in seen
        assert told in shown
    for result in sentences.failing(run):
        assert sentences.check_counts(result, shared.records) in seen


def test_the_terminal_answers_first_and_ends_with_where_to_look() -> None:
    lines = printed(cases.typical()).splitlines()
    assert lines[0].startswith("Fit for prior authorization.")
    assert max(len(line) for line in lines[:-1]) <= 80
    assert "Report: out/report.html" in lines
    fingerprint = cases.typical().examples["COD-01"][0].fingerprint
    assert lines[-1].strip() == f"uptake findings show {fingerprint[:12]} --out out"


def test_the_terminal_shows_the_worst_fifteen() -> None:
    many = tuple(
        CheckResult(cases.check(f"X-{i:02}", f"Fault {i}"), Verdict.FAIL, 50, 100, 0, 10 + i)
        for i in range(20)
    )
    text = printed(cases.assessment(checks=many))
    assert "X-19" in text
    assert "X-04 " not in text
    assert "and 5 more in report.html" in text


def test_the_terminal_is_plain_where_nobody_watches() -> None:
    assert "\x1b" not in printed(cases.hostile())
    assert "[bold]" in printed(cases.hostile())
    assert "\x1b[31m" not in printed(cases.hostile(), force_terminal=True, color_system=None)


# --- the page ------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", cases.ALL)
def test_the_page_loads_and_runs_nothing(name: str) -> None:
    markup = page(cases.ALL[name]())
    assert "default-src 'none'" in markup
    assert not re.search(r"<(script|link|img|iframe|object|embed|form|base)\b", markup)
    assert not re.search(r"\s(style|src|srcset|on\w+)=", markup)
    assert not re.search(r'href="(?!#)', markup)
    assert "http:" not in markup
    assert "https:" not in markup
    assert not re.search(r"url\((?!#)", markup)
    assert "@import" not in markup


def test_hostile_text_stays_text() -> None:
    markup = page(cases.hostile())
    assert "<script" not in markup
    assert "\x1b" not in markup
    assert "\u202e" not in markup
    assert "&lt;script&gt;" in markup
    assert "für Ärzte 患者 🩺" in markup


def test_every_link_and_name_of_the_page_resolves_once() -> None:
    markup = page(cases.typical())
    ids = re.findall(r'\bid="([^"]+)"', markup)
    assert len(ids) == len(set(ids))
    wanted = re.findall(r'(?:href="#|aria-labelledby="|url\(#)([^")]+)', markup)
    assert set(wanted) <= set(ids)


def test_no_file_is_named_on_a_shared_page() -> None:
    markup = page(cases.typical())
    assert "Observation.ndjson" not in markup
    assert "secret" not in markup


def test_a_finding_is_shown_without_its_full_fingerprint() -> None:
    run = cases.typical()
    fingerprint = run.examples["COD-01"][0].fingerprint
    assert fingerprint[:12] in page(run)
    assert fingerprint[:13] not in page(run)


def test_the_page_says_why_a_check_was_not_run() -> None:
    assert "Not run yet. No code system is installed." in cases.words(page(cases.typical()))


def test_a_waterfall_never_leaves_its_box() -> None:
    for fitness in (cases.CARE_GAPS, cases.MEDICATIONS):
        for said in (EXACT, figures.Figures(hides=True, rounds=True)):
            fall = charts.waterfall(fitness, said)
            parts = [s for row in fall.rows for s in row.segments] + [*charts.bar(fitness, said)]
            assert all(s.x >= 0 and s.width > 0 and s.x + s.width <= 100.1 for s in parts)


def test_the_stylesheet_is_small() -> None:
    assert (Path(charts.__file__).parent / "templates/report.css").stat().st_size < 10_240


# --- summary.json --------------------------------------------------------------------------------


def test_the_summary_has_every_field_of_the_contract() -> None:
    found = summary(cases.typical())
    assert set(found) >= {"run", "uptake", "as_of", "inputs", "checks", "use_cases", "seconds"}
    assert found["as_of"] == "2026-11-23"
    plain = json.loads(json.dumps(found))
    assert set(plain["inputs"][0]) >= {
        "feed", "path", "sha256", "records", "resources", "quarantined",
    }  # fmt: skip
    assert plain["checks"][0] == {
        "code": "COD-01", "title": "Codes from no standard system", "category": "coding",
        "severity": "high", "numerator": 164, "denominator": 800, "not_judged": 0, "patients": 88,
        "threshold": 0.02, "verdict": "fail", "reason": "", "detail": "",
    }  # fmt: skip
    case = plain["use_cases"][1]
    assert (case["code"], case["population"], case["verdict"]) == ("care-gap-closure", 200, "unfit")
    assert set(case["requirements"][0]) >= {"code", "fit", "unfit", "unknown", "verdict"}
    step = case["fix_plan"][0]
    assert step["fixes"][0] == {"check": "COD-01", "feed": "northside-lab", "fix_key": "GLYHB"}
    assert (step["task"], step["gain"], step["reaches"], step["clears"]) == (
        "Map 14 local codes of northside-lab", 46, 168, 180,
    )  # fmt: skip


def test_the_summary_keeps_any_name(tmp_path: Path) -> None:
    run = cases.assessment(notes=("患者 \udc80 <script>",))
    written = write_summary(run, tmp_path)
    assert json.loads(written.read_text(encoding="utf-8"))["notes"] == ["患者 \udc80 <script>"]


def test_files_that_cannot_be_written_are_one_error(tmp_path: Path) -> None:
    for write in (write_page, write_summary):
        with pytest.raises(StorageError, match="cannot be written"):
            write(cases.assessment(), tmp_path / "missing")


def test_the_page_is_written(tmp_path: Path) -> None:
    written = write_page(cases.typical(), tmp_path)
    assert written.name == "report.html"
    assert written.read_text(encoding="utf-8").startswith("<!doctype html>")


def test_neither_rich_nor_jinja_is_loaded_for_a_summary() -> None:
    code = "import uptake.report.summary, uptake.report.sentences, sys; " \
           "sys.exit(bool({'rich', 'jinja2'} & set(sys.modules)))"  # fmt: skip
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
