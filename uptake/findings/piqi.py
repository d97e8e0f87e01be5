"""PIQI scores. In: the tables of a load and the rubrics of `content/piqi`; out: piqi.json.

PIQI scores one message about one patient; here all the resources of a feed are scored together: the
numbers are sums over elements, so a score is the share of evaluations that pass. What a module
cannot tell is skipped and claims nothing. docs/spec-decisions.md says what else was read into PIQI.
https://hl7.org/xprod/ig/uv/piqi/
"""

from __future__ import annotations

import functools
import json
import tomllib
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import resources
from typing import TYPE_CHECKING, Any

from uptake.disk import write_whole
from uptake.engine.duckdb import quoted
from uptake.engine.tokens import tables_of

if TYPE_CHECKING:
    from pathlib import Path

    from uptake.engine.duckdb import Database

RUBRICS = ("uscdi_v3",)
SCORING = "Scoring"


@dataclass(frozen=True, slots=True)
class Criterion:
    """One criterion of a rubric: an element, the module that judges it, how it counts."""

    sequence: int
    entity: str
    data_class: str
    sam: str
    effect: str
    weight: int
    critical: bool
    condition: str
    checks: tuple[str, ...]
    """Checks whose findings say what to repair."""
    query: str
    """`rid, passes`, a row an element; empty where it is left out."""
    left_out: str


@dataclass(frozen=True, slots=True)
class Rubric:
    """A rubric: PIQI's name for its criteria and how they count."""

    mnemonic: str
    name: str
    criteria: tuple[Criterion, ...]


@dataclass(frozen=True, slots=True)
class Count:
    """What one criterion says of one feed."""

    criterion: Criterion
    instances: int
    evaluated: int
    passed: int
    skipped: int


@functools.cache
def rubric(name: str) -> Rubric:
    """Return a rubric that ships, its criteria as queries."""
    folder = resources.files("uptake") / "content" / "piqi"
    modules = tomllib.loads((folder / "modules.toml").read_text("utf-8"))
    told = tomllib.loads((folder / f"{name}.toml").read_text("utf-8"))
    return Rubric(
        told["mnemonic"],
        told["name"],
        tuple(_criterion(one, modules[one["sam"]], told["systems"]) for one in told["criteria"]),
    )


def _criterion(
    told: Mapping[str, Any], module: Mapping[str, Any], systems: Mapping[str, Sequence[str]]
) -> Criterion:
    effect = told.get("effect", SCORING)
    query = ""
    if "left_out" not in told:
        named = systems.get(told.get("systems", ""), ())
        lists = {"paths": told.get("paths", ()), "systems": named}
        query = module["sql"].format(
            population=told["population"],
            **{name: ", ".join(map(quoted, texts)) for name, texts in lists.items()},
        )
    return Criterion(
        told["sequence"],
        told["entity"],
        told["class"],
        told["sam"],
        effect,
        told.get("weight", 1) if effect == SCORING else 0,
        told.get("critical", False),
        told.get("condition", ""),
        tuple(module["checks"]),
        query,
        told.get("left_out", ""),
    )


def reads() -> frozenset[str]:
    """Return the tables that the rubrics read."""
    queries = (c.query for name in RUBRICS for c in rubric(name).criteria if c.query)
    return frozenset().union(*map(tables_of, queries))


def write_piqi(db: Database, folder: Path, *, run: str, as_of: datetime) -> None:
    """Write piqi.json: a score a rubric and feed; raises StorageError."""
    feeds = [feed for (feed,) in db.rows("select distinct feed from record order by feed")]
    said = []
    for name in RUBRICS:
        chosen = rubric(name)
        counts = _counts(db, chosen)
        said += [_score(chosen, feed, counts[feed], run, as_of) for feed in feeds]
    text = json.dumps({"scores": said}, indent=2, ensure_ascii=False)
    write_whole(folder / "piqi.json", f"{text}\n".encode("utf-8", "backslashreplace"))


def _counts(db: Database, chosen: Rubric) -> Mapping[str, list[Count]]:
    """Return feed to what each criterion says of it; resources entered in error are left out."""
    found: dict[str, list[Count]] = defaultdict(list)
    for criterion in chosen.criteria:
        if not criterion.query:
            continue
        for feed, *numbers in db.rows(
            "select r.feed, count(distinct q.rid), count(q.passes), "
            "count(*) filter (q.passes), count(*) - count(q.passes) "
            f"from ({criterion.query}) q join record r on r.rid = q.rid "
            "join resource_meta m on m.rid = q.rid where not m.entered_in_error "
            "group by r.feed order by r.feed"
        ):
            found[feed].append(Count(criterion, *numbers))
    return found


def _score(
    chosen: Rubric, feed: str, counts: Sequence[Count], run: str, as_of: datetime
) -> dict[str, Any]:
    """Return one feed's result: `scoringData` in PIQI's shape, and every criterion beside it."""
    scoring = [c for c in counts if c.criterion.effect == SCORING]
    classes = sorted({c.data_class for c in chosen.criteria})
    return {
        "scoringData": {
            "channelMnemonic": "FHIR_R4",
            "dataProviderID": feed,
            "dataSourceID": feed,
            "evaluationRubric": chosen.name,
            "messageID": run,
            "processDate": as_of.isoformat(timespec="seconds"),
            "messageResults": summary(scoring),
            "dataClassResults": [_class(scoring, name) for name in classes],
            "informationalResults": [
                {"dataClassName": name, "evaluationList": told}
                for name in classes
                if (told := _informational(counts, name))
            ],
            "detectionResults": [],
            "plausibilityResults": [],
        },
        "criteria": [_told(c) for c in counts],
        "leftOut": [
            {"sequence": c.sequence, "entity": c.entity, "sam": c.sam, "reason": c.left_out}
            for c in chosen.criteria
            if c.left_out
        ],
    }


def summary(counts: Iterable[Count]) -> dict[str, Any]:
    """Return PIQI's numbers of scoring criteria, unweighted and weighted.

    A score is 100 * passed / evaluated, cut to a whole number, as the reference application has it;
    None where nothing was evaluated. Skipped evaluations are in neither number.
    """
    told = list(counts)
    passed, evaluated = sum(c.passed for c in told), sum(c.evaluated for c in told)
    weighted = sum(c.passed * c.criterion.weight for c in told)
    weight = sum(c.evaluated * c.criterion.weight for c in told)
    return {
        "numerator": passed,
        "denominator": evaluated,
        "skipped": sum(c.skipped for c in told),
        "piqiScore": 100 * passed // evaluated if evaluated else None,
        "weightedNumerator": weighted,
        "weightedDenominator": weight,
        "weightedPIQIScore": 100 * weighted // weight if weight else None,
        "criticalFailureCount": sum(c.evaluated - c.passed for c in told if c.criterion.critical),
    }


def _class(scoring: Sequence[Count], name: str) -> dict[str, Any]:
    own = [c for c in scoring if c.criterion.data_class == name]
    instances = max((c.instances for c in own), default=0)
    return {"dataClassName": name, "instanceCount": instances, **summary(own)}


def _informational(counts: Sequence[Count], name: str) -> list[dict[str, Any]]:
    return [
        {
            "entityName": c.criterion.entity,
            "evaluationName": c.criterion.sam,
            "instanceCount": c.instances,
            "denominator": c.evaluated,
            "numerator": c.passed,
        }
        for c in counts
        if c.criterion.data_class == name and c.criterion.effect != SCORING
    ]


def _told(count: Count) -> dict[str, Any]:
    criterion = count.criterion
    return {
        "sequence": criterion.sequence,
        "dataClass": criterion.data_class,
        "entity": criterion.entity,
        "sam": criterion.sam,
        "condition": criterion.condition or None,
        "effect": criterion.effect,
        "critical": criterion.critical,
        "evaluated": count.evaluated,
        "passed": count.passed,
        "skipped": count.skipped,
        "checks": list(criterion.checks),
    }
