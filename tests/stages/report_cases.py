"""Assessments written by hand: what the tests of the report read."""

from __future__ import annotations

import html
import re
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

from uptake.model import (
    Assessment,
    Check,
    CheckResult,
    ExampleFinding,
    Fitness,
    Fix,
    FixStep,
    InputFile,
    Requirement,
    RequirementResult,
    Severity,
    Stratum,
    UseCase,
    Verdict,
)

HOSTILE = "<script>alert('x')</script>\x1b[31m\u202e[bold]"


def words(markup: str) -> str:
    """The text a reader sees."""
    body = re.sub(r"<style>.*?</style>|<svg.*?</svg>|</?bdi>", "", markup, flags=re.DOTALL)
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", body)).replace("\u00a0", " ").split())


def check(code: str, title: str, **given: object) -> Check:
    base = Check(
        code=code,
        title=title,
        category="coding",
        dimension="conformance",
        severity=Severity.HIGH,
        effect="defect",
        unit="resource",
        elements=("Observation.code",),
        threshold=0.02,
        fix_task="Map {n} local codes of {feed}",
        finds="A concept has codings, none from a standard such as `LOINC`.\n\n- one\n- two",
        matters="Rules and measures are **silent**: they look for standard codes.",
        fix="For the sender: send the standard code too.\n\nFor us: map the local code.",
        query="select 1",
        examples=(),
        path=Path("content/checks/x.md"),
    )
    return replace(base, **given)  # type: ignore[arg-type]


def use_case(code: str, title: str, unit: str = "patients", threshold: float = 0.9) -> UseCase:
    return UseCase(
        code=code,
        title=title,
        unit=unit,
        threshold=threshold,
        unknown_limit=0.1,
        problem="",
        population="",
        population_text="",
        requirements=(),
        path=Path("x.md"),
    )


def requirement(code: str, title: str, threshold: float = 0.9) -> Requirement:
    return Requirement(code, title, ("Observation",), ("Observation.code",), "latest", threshold)


def fitness(
    case: UseCase, counts: tuple[int, int, int, int], verdict: str, **given: object
) -> Fitness:
    fit, unfit, unknown, out = counts
    base = Fitness(case, fit, unfit, unknown, out, verdict, "")
    return replace(base, **given)  # type: ignore[arg-type]


def assessment(**given: object) -> Assessment:
    base = Assessment(
        run="2026-11-23T10:00:00Z-1f2e",
        as_of=datetime(2026, 11, 23, 10, tzinfo=UTC),
        as_of_date=date(2026, 11, 23),
        inputs=(InputFile("ehr", "/data/secret/ehr/Patient.ndjson", "0" * 64, 2000, 2000, 0),),
        checks=(),
        strata=(),
        fitness=(),
        resources={"ehr": {"Patient": 2000}},
        notes=(),
        examples={},
        seconds=3.2,
    )
    return replace(base, **given)  # type: ignore[arg-type]


CARE_GAPS = fitness(
    use_case("care-gap-closure", "Care-gap closure"),
    (122, 60, 18, 30),
    "unfit",
    reason="90 of 100 HbA1c results of northside-lab carry local codes.",
    requirements=(
        RequirementResult(requirement("hba1c", "HbA1c or GMI in 12 months"), 140, 50, 10, "unfit"),
        RequirementResult(requirement("sex", "Birth date and sex", 0.99), 200, 0, 0, "fit"),
    ),
    fix_plan=(
        FixStep(
            (Fix("COD-01", "northside-lab", "GLYHB"), Fix("COD-01", "northside-lab", "BPS")),
            "Map 14 local codes of northside-lab",
            46,
            168,
            180,
        ),
        FixStep((Fix("TIM-03", "clinic", ""),), "Send the offset in times of clinic", 12, 180, 200),
    ),
)
MEDICATIONS = fitness(
    use_case("medication-reconciliation", "Medication reconciliation"),
    (20, 90, 90, 0),
    "cannot tell",
    reason="No feed is declared an outside source.",
    fix_plan=(
        FixStep((Fix("COD-02", "pharmacy", "x"),), "Name the code system in pharmacy", 0, 20, 150),
        FixStep((Fix("CTX-11", "pharmacy", "y"),), "Send dose and route in pharmacy", 0, 20, 200),
    ),
)
AUTHORIZATION = fitness(use_case("pa", "Prior authorization", "orders"), (400, 20, 0, 0), "fit")
NEWS = fitness(
    use_case("news2", "Deterioration (NEWS2)", "observation sets"),
    (0, 0, 0, 200),
    "not applicable",
    reason="There are no inpatient observations.",
)


def months(code: str, feed: str, count: int = 8) -> tuple[Stratum, ...]:
    return tuple(
        Stratum(code, feed, "Observation", f"2026-{m:02}", 10 + 7 * (m % 4), 100, 0)
        for m in range(1, count + 1)
    )


def typical() -> Assessment:
    """Four use cases, several feeds, failing, passing, absent and idle checks."""
    local = check("COD-01", "Codes from no standard system")
    encounter = check("CTX-01", "Observations without an Encounter", category="context")
    results = [
        CheckResult(local, Verdict.FAIL, 164, 800, 0, 88),
        CheckResult(encounter, Verdict.FAIL, 60, 900, 30, 41),
        CheckResult(
            check("DUP-01", "Patients that share an identifier", category="duplicates",
                  unit="patient", severity=Severity.BLOCKER, threshold=0.0),
            Verdict.FAIL, 12, 200, 0, 12,
        ),
        CheckResult(check("TIM-14", "Silent feeds", category="time", unit="feed"),
                    Verdict.FAIL, 1, 3, 0, 0),
        CheckResult(check("TXT-01", "Concepts with text only", category="free-text"),
                    Verdict.PASS, 0, 800, 0, 0),
        CheckResult(check("CNF-02", "Required elements missing", category="conformance"),
                    Verdict.NOT_APPLICABLE),
        CheckResult(check("COD-04", "Codes that are not in their system"), Verdict.NOT_RUN,
                    reason="unavailable", detail="No code system is installed."),
    ]  # fmt: skip
    results += [
        CheckResult(check(f"PLA-{i:02}", f"Odd values of kind {i}", category="plausibility"),
                    Verdict.PASS, 0, 100 * i, 0, 0)
        for i in range(1, 12)
    ]  # fmt: skip
    return assessment(
        inputs=(
            InputFile("ehr", "/data/secret/ehr/Patient.ndjson", "a" * 64, 1200, 1200, 0),
            InputFile("northside-lab", "C:\\secret\\Observation.ndjson", "b" * 64, 900, 900, 0),
            InputFile("clinic", "clinic/Observation.ndjson.gz", "c" * 64, 450, 400, 50),
        ),
        resources={"ehr": {"Patient": 200, "Encounter": 1000},
                   "northside-lab": {"Observation": 900}, "clinic": {"Observation": 400}},
        checks=tuple(results),
        strata=(
            *months("COD-01", "northside-lab"),
            Stratum("CTX-01", "clinic", "Observation", None, 60, 400, 30),
            Stratum("CTX-01", "northside-lab", "Observation", None, 0, 500, 0),
            Stratum("DUP-01", "ehr", "Patient", None, 12, 200, 0),
            Stratum("TXT-01", "ehr", "Condition", None, 0, 800, 0),
        ),
        fitness=(AUTHORIZATION, CARE_GAPS, MEDICATIONS, NEWS),
        examples={
            "COD-01": tuple(
                ExampleFinding(f"{i}c0ffee0123456789" + "0" * 47, "northside-lab", "Observation",
                               "Observation.code.coding[0]", "GLYHB")
                for i in range(4)
            )
        },
    )  # fmt: skip


def hostile() -> Assessment:
    """Names, codes and reasons that try to break out, turn the line or run off the page."""
    long = "a-very-long-feed-name-without-any-space-" * 4
    bad = check("COD-01", f"Codes {HOSTILE}", finds=f"`{HOSTILE}` **{HOSTILE}**", matters=HOSTILE)
    case = use_case("x", f"Care {HOSTILE} für Ärzte 患者 🩺")
    step = FixStep((Fix("COD-01", HOSTILE, HOSTILE),), f"Map {HOSTILE} of {long}", 40, 160, 170)
    return assessment(
        inputs=(InputFile(HOSTILE, f"/home/x/{HOSTILE}", "a", 50, 30, 20),
                InputFile(long, f"{long}.ndjson", "b", 5000, 5000, 0)),
        resources={HOSTILE: {"Patient": 30}, long: {HOSTILE: 5000}},
        checks=(CheckResult(bad, Verdict.FAIL, 300, 900, 0, 120, detail=HOSTILE),
                CheckResult(check("COD-04", HOSTILE), Verdict.NOT_RUN, reason=HOSTILE)),
        strata=(Stratum("COD-01", HOSTILE, "Observation", "2026-01", 300, 900, 0),),
        fitness=(fitness(case, (120, 60, 20, 0), "unfit", reason=HOSTILE, fix_plan=(step,)),),
        notes=(HOSTILE,),
        examples={"COD-01": (ExampleFinding("f" * 64, HOSTILE, HOSTILE, HOSTILE, HOSTILE + long),)},
    )  # fmt: skip


def small() -> Assessment:
    """Groups with counts under ten."""
    lab = check("COD-01", "Codes from no standard system")
    step = FixStep((Fix("COD-01", "lab", "GLYHB"),), "Map 3 local codes of lab", 4, 193, 197)
    part = RequirementResult(
        requirement("hba1c", "HbA1c"), 192, 8, 0, "fit", "4 of 200 patients unread."
    )
    case = fitness(use_case("gaps", "Care-gap closure", threshold=0.99), (189, 7, 4, 3), "unfit",
                   reason="7 patients have unreadable results, 3.5 % of 200.",
                   requirements=(part,), fix_plan=(step,))  # fmt: skip
    return assessment(
        inputs=(InputFile("lab", "lab/Observation.ndjson", "a", 1003, 999, 4),),
        resources={"lab": {"Observation": 992, "Coverage": 7}},
        checks=(CheckResult(lab, Verdict.FAIL, 7, 99, 3, 6),),
        strata=tuple(Stratum("COD-01", "lab", "Observation", f"2026-0{m}", int(m > 2), 11, 0)
                     for m in range(1, 10)),
        fitness=(case,),
        notes=("6 records are older than 2020.",),
        examples={"COD-01": tuple(
            ExampleFinding(f"{i}" * 64, "lab", "Observation", "Observation.code", "GLYHB")
            for i in range(7))},
    )  # fmt: skip


def refused() -> Assessment:
    """Every record quarantined."""
    return assessment(
        inputs=(InputFile("lab", "lab/Observation.ndjson", "a", 120, 0, 120),),
        resources={},
        checks=(
            CheckResult(check("COD-01", "Codes from no standard system"), Verdict.NOT_APPLICABLE),
        ),
    )


def flawless() -> Assessment:
    """Everything fits and passes."""
    return assessment(
        fitness=(AUTHORIZATION,),
        checks=(
            CheckResult(check("COD-01", "Codes from no standard system"), Verdict.PASS, 0, 500),
        ),
        strata=(Stratum("COD-01", "ehr", "Observation", None, 0, 500, 0),),
    )


def inapplicable() -> Assessment:
    """Data that no check and no use case is about."""
    return assessment(
        fitness=(NEWS,),
        checks=(
            CheckResult(check("COD-01", "Codes from no standard system"), Verdict.NOT_APPLICABLE),
        ),
    )


ALL = {
    f.__name__: f for f in (typical, hostile, small, refused, flawless, inapplicable, assessment)
}
