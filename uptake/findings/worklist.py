"""Which local codes to map first. In: a run's folder, use cases, decisions; out: a ranked list.

A code ranks by what the fix plan gains when it is mapped. A plan's step is done when all its codes
are: what it promises is told of the step, never of one code alone.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from uptake.definitions.elements import json_path
from uptake.engine.duckdb import brief_database, quoted
from uptake.errors import SourceError
from uptake.findings.local_codes import Values, read_values
from uptake.model import CodeMapping, UseCase
from uptake.terminology.loinc import SHIPPED
from uptake.terminology.mappings import APPROVED, EQUIVALENT
from uptake.terminology.suggestions import Asked, Suggestion, suggest

if TYPE_CHECKING:
    from uptake.terminology.mappings import Decided

CHECK = "COD-01"
"""The check whose findings are local codes; its `fix_key` is the system, a bar, the code."""
OBSERVED = frozenset({"Observation.code", "Observation.component.code"})
"""The elements whose codes are LOINC's: elsewhere nothing is suggested."""
NO_VALUES = Values()
Key = tuple[str, str]
"""Feed, and the system, a bar, the code."""


@dataclass(frozen=True, slots=True)
class Blocked:
    """A use case that a code blocks: the step of its fix plan that maps the code."""

    use_case: str
    title: str
    unit: str
    step: int
    """1 is the plan's first."""
    gain: int
    """Units that become fit when the whole step is done."""
    codes: int
    """How many codes the step maps, this one among them."""
    beside: tuple[str, ...]
    """Other checks that the step repairs, too; empty: mapping is all it asks."""


@dataclass(frozen=True, slots=True)
class LocalCode:
    """A local code that the last run met without a standard one beside."""

    feed: str
    system: str
    code: str
    display: str
    """What the feed calls it most often; empty where it says nothing."""
    resources: int
    patients: int
    blocks: tuple[Blocked, ...]
    suggestion: CodeMapping | None
    """A target that a use case's definition names for such a name; a person decides."""
    decided: Decided | None
    values: Values = NO_VALUES
    suggestions: tuple[Suggestion, ...] = ()
    """The likeliest targets, with the reasons; only of what is observed."""

    @property
    def key(self) -> Key:
        """Return what a fix plan calls the code."""
        return self.feed, f"{self.system}|{self.code}"

    def mapping(self, system: str, code: str, equivalence: str = EQUIVALENT) -> CodeMapping:
        """Return the mapping to a standard code, with its name if it is a suggestion."""
        names = {(s.system, s.code): s.display for s in self.suggestions}
        return CodeMapping(
            self.feed,
            self.system,
            self.code,
            system,
            code,
            names.get((system, code), ""),
            self.display,
            equivalence,
            self.values.specimen,
            self.values.unit,
        )

    @property
    def gain(self) -> int:
        """Return what the steps that map the code gain, in units of all use cases."""
        return sum(b.gain for b in self.blocks)


@dataclass(frozen=True, slots=True)
class Promise:
    """What the fix plan promises a use case when some codes are mapped."""

    use_case: str
    title: str
    unit: str
    population: int
    fit: int
    gain: int
    exact: bool
    """False where a step is mapped in part, or one before it is not done: then `gain` counts the
    steps mapped whole, and they may need what comes before."""

    @property
    def reaches(self) -> int:
        """Return how many units are fit then."""
        return self.fit + self.gain


@dataclass(frozen=True, slots=True)
class Kept:
    """A promise and what became of it in a later run."""

    promise: Promise
    codes: int
    """Local codes that are gone from the later run."""
    fit: int
    population: int
    """Of the later run."""

    @property
    def kept(self) -> bool:
        """Tell whether at least what was promised was reached."""
        return self.fit >= self.promise.reaches


def worklist(
    run: Path,
    use_cases: Iterable[UseCase],
    decided: Iterable[Decided] = (),
    pool: Path = SHIPPED,
) -> tuple[LocalCode, ...]:
    """Return the local codes of a run, those first whose mapping gains most, then by patients.

    `pool` is the table of the codes that may be suggested. Raises SourceError where the run's files
    are not there.
    """
    cases, decisions = list(use_cases), list(decided)
    blocks, values = _blocks(_summary(run)), read_values(run)
    known = {(d.mapping.feed, d.mapping.key): d for d in decisions}
    found, asked = [], {}
    for feed, key, display, elements, resources, patients in _codes(run):
        system, _, code = key.rpartition("|")
        name = "" if display == code else display
        found.append(
            LocalCode(
                feed,
                system,
                code,
                name,
                resources,
                patients,
                tuple(blocks.get((feed, key), ())),
                None,
                known.get((feed, key)),
                values.get((feed, key), NO_VALUES),
            )
        )
        if OBSERVED & set(elements):
            held = found[-1].values
            named = suggested(name or code, elements, cases)
            asked[feed, key] = Asked(name or code, held.specimen, held.unit, held.numeric, named)
    remembered = [d.mapping for d in decisions if d.decision == APPROVED]
    ranked = dict(zip(asked, suggest(list(asked.values()), pool, remembered), strict=True))
    told = [_with_suggestions(c, ranked.get(c.key, ()), asked.get(c.key)) for c in found]
    return tuple(sorted(told, key=lambda c: (-c.gain, -c.patients, -c.resources, c.key)))


def _with_suggestions(
    code: LocalCode, ranked: tuple[Suggestion, ...], asked: Asked | None
) -> LocalCode:
    """Return a code with what it may stand for; what a use case looks for is approved in one go."""
    named = next((s for s in ranked if asked and (s.system, s.code) == asked.named), None)
    return replace(
        code,
        suggestion=code.mapping(named.system, named.code) if named else None,
        suggestions=ranked,
    )


def suggested(
    name: str, elements: Iterable[str], use_cases: Iterable[UseCase]
) -> tuple[str, str] | None:
    """Return the system and code that a name stands for, None unless the use cases agree on one.

    A requirement speaks for it whose words are in the name and that reads one of the elements; it
    gives the first code it lists. Of an answer nothing is suggested: codes are those of questions.
    """
    targets = set()
    at = {e for e in elements if not e.endswith(".value")}
    for requirement in (r for u in use_cases for r in u.requirements):
        read = {json_path(p.strip()) for e in requirement.elements for p in e.split("|")}
        if at & read and _says(name, requirement.words):
            targets |= {_first(requirement.codes)} - {None}
    return targets.pop() if len(targets) == 1 else None


def _says(name: str, words: Iterable[str]) -> bool:
    """Tell whether a name holds one of the words, whole: `pulse` is not in `impulse`."""
    return any(re.search(rf"\b{re.escape(w.lower())}\b", name.lower()) for w in words)


def _first(codes: Mapping[str, tuple[str, ...]]) -> tuple[str, str] | None:
    listed = ((system, code) for system, named in codes.items() for code in named)
    return next((pair for pair in listed if "*" not in pair[1]), None)


def promise(run: Path, mapped: Iterable[Key]) -> tuple[Promise, ...]:
    """Return what a run's fix plans promise when these codes are mapped; use cases that gain."""
    keys = set(mapped)
    found = (_promise(case, keys) for case in _summary(run)["use_cases"])
    return tuple(p for p in found if p.gain or not p.exact)


def judged(run: Path) -> tuple[str, ...]:
    """Return the codes of the use cases that a run judged."""
    return tuple(case["code"] for case in _summary(run)["use_cases"])


def kept(before: Path, after: Path, use_case: str) -> Kept:
    """Return what a run promised of the codes that are gone from a later one, and what came of it.

    Raises SourceError where one of the runs did not judge the use case.
    """
    gone = {(feed, key) for feed, key, *_ in _codes(before)}
    gone -= {(feed, key) for feed, key, *_ in _codes(after)}
    then, now = _case(before, use_case), _case(after, use_case)
    return Kept(_promise(then, gone), len(gone), now["fit"], now["population"])


def _promise(case: Mapping[str, Any], mapped: set[Key]) -> Promise:
    gain, exact, in_order = 0, True, True
    for step in case["fix_plan"]:
        keys = {(f["feed"], f["fix_key"]) if f["check"] == CHECK else None for f in step["fixes"]}
        if keys <= mapped:
            gain += step["gain"]
            exact = exact and in_order
        else:
            in_order = False
            exact = exact and not keys & mapped
    return Promise(
        case["code"],
        case["title"],
        case["unit"],
        case["population"],
        case["fit"],
        gain,
        exact,
    )


def _blocks(summary: Mapping[str, Any]) -> dict[Key, list[Blocked]]:
    found: dict[Key, list[Blocked]] = defaultdict(list)
    for case in summary["use_cases"]:
        for number, step in enumerate(case["fix_plan"], 1):
            codes = {(f["feed"], f["fix_key"]) for f in step["fixes"] if f["check"] == CHECK}
            beside = tuple(sorted({f["check"] for f in step["fixes"]} - {CHECK}))
            for key in codes:
                named = case["code"], case["title"], case["unit"]
                found[key].append(Blocked(*named, number, step["gain"], len(codes), beside))
    return found


def _case(run: Path, use_case: str) -> Mapping[str, Any]:
    for case in _summary(run)["use_cases"]:
        if case["code"] == use_case:
            found: Mapping[str, Any] = case
            return found
    raise SourceError(f"{run}: this run did not judge {use_case}; run `uptake assess`")


def _summary(run: Path) -> dict[str, Any]:
    path = run / "summary.json"
    try:
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    except OSError as error:
        raise SourceError(f"{path}: no run is here; run `uptake assess`") from error
    return found


def _codes(run: Path) -> Iterator[tuple[str, str, str, list[str], int, int]]:
    """Yield feed, key, name, elements, resources and patients of each local code of a run."""
    path = run / "findings.parquet"
    if not path.is_file():
        raise SourceError(f"{path}: no such file; run `uptake assess`")
    with brief_database("1GB") as db:
        rows = db.rows(
            f"""
            with found as (
              select feed, fix_key, coalesce(evidence, '') as name, patient_id,
                regexp_replace(regexp_replace(expression,
                  '[.]contained[[][0-9]+[]][.]code', '.medication'),
                  '[[][0-9]+[]]', '', 'g') as element,
                concat_ws(chr(31), resource_type, resource_id, source_file, source_line) as one
              from read_parquet({quoted(str(path))}) where "check" = '{CHECK}'
            ),
            named as (
              select feed, fix_key, name, row_number() over (
                partition by feed, fix_key order by count(*) desc, name) as k
              from found group by feed, fix_key, name
            )
            select f.feed, f.fix_key, max(n.name), list_sort(list(distinct f.element)),
              count(distinct f.one), count(distinct f.patient_id)
            from found f join named n
              on n.feed = f.feed and n.fix_key = f.fix_key and n.k = 1
            group by f.feed, f.fix_key order by f.feed, f.fix_key
            """
        )
    yield from rows
