"""Checks and use cases for build servers. In: an Assessment; out: junit.xml, a test case each.

The file is shared: its numbers are said as on the shared report, nobody is named.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from uptake.disk import write_whole
from uptake.model import Verdict
from uptake.report import figures, sentences

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from uptake.model import Assessment, Fitness
    from uptake.report.formats import Run

UNTOLD = ("cannot tell", "not applicable")
"""Verdicts of a use case that neither pass nor fail."""
_REFUSED = re.compile("[^\t\n\r -\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold."""


def write(run: Run) -> None:
    """Write junit.xml; raises StorageError."""
    root = Element("testsuites", name="uptake", time=f"{run.assessment.seconds:.3f}")
    numbers = figures.shared(run.assessment)
    _suite(root, "checks", _checks(run.assessment, numbers))
    _suite(root, "use cases", _use_cases(run.assessment, numbers))
    for count in ("tests", "failures", "errors", "skipped"):
        root.set(count, str(sum(int(suite.get(count, "0")) for suite in root)))
    indent(root)
    text = tostring(root, encoding="utf-8", xml_declaration=True)
    write_whole(run.folder / "junit.xml", text + b"\n")


def _suite(root: Element, name: str, cases: Iterable[Element]) -> None:
    suite = SubElement(root, "testsuite", name=name)
    suite.extend(cases)
    suite.set("tests", str(len(suite)))
    for count, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        suite.set(count, str(len(suite.findall(f"testcase/{tag}"))))


def _checks(assessment: Assessment, numbers: figures.Numbers) -> Iterator[Element]:
    for result in assessment.checks:
        check = result.check
        case = _case(f"uptake.checks.{check.category}", f"{check.code} {check.title}")
        said = sentences.check_sentence(result, numbers.records)
        match result.verdict:
            case Verdict.FAIL:
                _outcome(case, "failure", said, check.severity.value, check.fix)
            case Verdict.NOT_RUN if result.reason == "error":
                _outcome(case, "error", said, result.reason)
            case Verdict.NOT_RUN | Verdict.NOT_APPLICABLE:
                _outcome(case, "skipped", said)
        yield case


def _use_cases(assessment: Assessment, numbers: figures.Numbers) -> Iterator[Element]:
    for fitness in assessment.fitness:
        case = _case("uptake.use-cases", f"{fitness.use_case.code} {fitness.use_case.title}")
        said = sentences.case_sentence(fitness, numbers.of(fitness))
        if fitness.verdict in UNTOLD:
            _outcome(case, "skipped", said)
        elif fitness.verdict != "fit":
            _outcome(case, "failure", said, fitness.verdict, _first_step(fitness, numbers))
        yield case


def _first_step(fitness: Fitness, numbers: figures.Numbers) -> str:
    """Return what to do first, if the plan knows."""
    return numbers.of(fitness).text(fitness.fix_plan[0].task) if fitness.fix_plan else ""


def _case(group: str, name: str) -> Element:
    return Element("testcase", classname=group, name=_clean(name))


def _outcome(case: Element, tag: str, message: str, kind: str = "", text: str = "") -> None:
    found = SubElement(case, tag, message=_clean(message))
    if kind:
        found.set("type", kind)
    if text:
        found.text = _clean(text)


def _clean(text: str) -> str:
    return _REFUSED.sub("\ufffd", text)
