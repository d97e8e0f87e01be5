"""The report that is forwarded. In: an Assessment; out: report.html, one file that loads nothing.

No patient's name, number or value is on it; counts follow `figures.shared`.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections import defaultdict
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from uptake.disk import write_whole
from uptake.model import Verdict
from uptake.report import charts, codes, figures, sentences

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from uptake.model import Assessment, CheckResult, ExampleFinding, Stratum

CATEGORIES = ("duplicates", "coding", "context", "time", "free-text", "conformance")
"""The first columns of the scorecard; other categories follow by name."""
VERDICTS = {
    "fit": "Fit",
    "unfit": "Not fit",
    "at risk": "At risk",
    "cannot tell": "Cannot tell",
    "not applicable": "Does not apply",
}
EXAMPLES_SHOWN = 5
GIVEN_SHOWN = 120
"""Characters of a name or code from the data that are shown."""
_TEMPLATES = Path(__file__).parent / "templates"


@dataclass(frozen=True, slots=True)
class Cell:
    """A cell of the scorecard: how many checks of a category fail for a feed."""

    failed: int
    judged: int
    level: int
    worst: str
    """The code of a failing check to look at, or empty."""


@dataclass(frozen=True, slots=True)
class FeedRow:
    """What was read of one feed."""

    feed: str
    files: int
    records: int
    resources: int
    quarantined: int


def page(assessment: Assessment) -> str:
    """Returns report.html as text."""
    numbers = figures.shared(assessment)
    css = _stylesheet()
    digest = base64.b64encode(hashlib.sha256(css.encode()).digest()).decode()
    strata = _strata(assessment)
    rounded = [sentences.case_name(f) for f in assessment.fitness if numbers.of(f).rounds]
    return (
        _environment()
        .get_template("report.html.j2")
        .render(
            run=assessment,
            css=Markup(css),  # noqa: S704 -- our own file
            digest=digest,
            version=version("uptake"),
            numbers=numbers,
            figures=numbers.records,
            rounded=rounded,
            say=sentences,
            charts=charts,
            threshold=figures.threshold,
            verdicts=VERDICTS,
            failing=sentences.failing(assessment),
            passing=sentences.with_verdict(assessment, Verdict.PASS),
            absent=sentences.with_verdict(assessment, Verdict.NOT_APPLICABLE),
            idle=sentences.with_verdict(assessment, Verdict.NOT_RUN),
            strata=strata,
            categories=_categories(assessment),
            scorecard=_scorecard(assessment, strata),
            examples=_examples(assessment, strata, numbers.records),
            feeds=_feed_rows(assessment),
            looked_up=codes.coverage_sentence(assessment.terminology),
        )
    )


def write_page(assessment: Assessment, folder: Path) -> Path:
    """Writes `report.html` into the folder and returns its path; raises StorageError."""
    path = folder / "report.html"
    write_whole(path, page(assessment).encode("utf-8", "replace"))
    return path


@cache
def _stylesheet() -> str:
    return (_TEMPLATES / "report.css").read_text(encoding="utf-8")


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        undefined=StrictUndefined,
    )
    environment.filters |= {
        "told": told,
        "clean": figures.clean,
        "given": given,
        "prose": prose,
    }
    return environment


def told(words: str) -> str:
    """Returns a sentence whose percent signs stay with their numbers at a line's end."""
    return words.replace(" %", "\u00a0%")


def given(text: str) -> Markup:
    """Returns text from the data: cleaned, cut, escaped, kept from turning what follows it."""
    text = figures.clean(text)
    return Markup("<bdi>{}</bdi>").format(
        text if len(text) <= GIVEN_SHOWN else f"{text[: GIVEN_SHOWN - 1]}…"
    )


def prose(markdown: str) -> Markup:
    """Returns the paragraphs, lists, `code` and **strong** of a definition; all else is text."""
    blocks = []
    for block in re.split(r"\n\s*\n", markdown.strip()):
        items = re.split(r"^\s*[-*] +", block, flags=re.MULTILINE)
        if items[0].strip():
            blocks.append(f"<p>{_inline(items[0])}</p>")
        if items[1:]:
            blocks.append(f"<ul>{''.join(f'<li>{_inline(i)}</li>' for i in items[1:])}</ul>")
    return Markup("".join(blocks))  # noqa: S704 -- every piece is escaped by _inline


def _inline(text: str) -> str:
    safe = str(escape(figures.clean(" ".join(text.split()))))
    safe = re.sub(r"`([^`]+)`", r"<code>\1</code>", safe)
    safe = re.sub(r"(?<![\w*])\*([A-Za-z][\w ,-]*)\*(?![\w*])", r"<em>\1</em>", safe)
    return re.sub(r"\*\*([^*]+)\*\*", r"<strong>\1</strong>", safe)


def _strata(assessment: Assessment) -> Mapping[str, Sequence[Stratum]]:
    """Returns check code to its strata; a check without any has an empty list."""
    found: dict[str, list[Stratum]] = {r.check.code: [] for r in assessment.checks}
    for stratum in assessment.strata:
        found.setdefault(stratum.check, []).append(stratum)
    return found


def _categories(assessment: Assessment) -> list[str]:
    others = {r.check.category for r in assessment.checks} - set(CATEGORIES)
    return [*CATEGORIES, *sorted(others)]


def _scorecard(
    assessment: Assessment, strata: Mapping[str, Sequence[Stratum]]
) -> dict[str, dict[str, Cell]]:
    """Returns feed to category to the number of checks that fail there and were judged there."""
    results: dict[tuple[str, str], list[tuple[CheckResult, bool]]] = defaultdict(list)
    for result in assessment.checks:
        for feed, (bad, whole, _) in charts.totals(strata[result.check.code]).items():
            if whole:
                failed = result.check.fails(bad, whole)
                results[feed, result.check.category].append((result, failed))
    feeds = sorted({f.feed for f in assessment.inputs} | {feed for feed, _ in results})
    return {
        feed: {category: _cell(results[feed, category]) for category in _categories(assessment)}
        for feed in feeds
    }


def _cell(results: Sequence[tuple[CheckResult, bool]]) -> Cell:
    failed = [r for r, bad in results if bad]
    linked = [r.check.code for r in failed if r.verdict == Verdict.FAIL]
    return Cell(
        len(failed), len(results), charts.level(len(failed), len(results)), min(linked, default="")
    )


def _examples(
    assessment: Assessment, strata: Mapping[str, Sequence[Stratum]], said: figures.Figures
) -> dict[str, list[ExampleFinding]]:
    """Returns a few findings a check: one a feed whose count is hidden, or they would count it."""
    chosen: dict[str, list[ExampleFinding]] = {}
    for code, findings in assessment.examples.items():
        sums, seen = charts.totals(strata.get(code, ())), set()
        rows = chosen.setdefault(code, [])
        for finding in findings:
            hidden = said.hides and sums.get(finding.feed, (0, 0, 0))[0] < figures.SMALL
            if not (hidden and finding.feed in seen) and len(rows) < EXAMPLES_SHOWN:
                rows.append(finding)
                seen.add(finding.feed)
    return chosen


def _feed_rows(assessment: Assessment) -> list[FeedRow]:
    feeds: dict[str, list[int]] = {}
    for file in assessment.inputs:
        sums = feeds.setdefault(file.feed, [0, 0, 0, 0])
        for i, n in enumerate((1, file.records, file.resources, file.quarantined)):
            sums[i] += n
    return [FeedRow(feed, *sums) for feed, sums in sorted(feeds.items())]
