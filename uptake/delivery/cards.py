"""The card. In: a patient's differences; out: a CDS Hooks card, everything from data escaped.

The reference client renders raw HTML in `detail`, so a drug's name is never trusted. Nothing here
is critical: what differs is asked about, and no clinician is stopped.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from uptake.reconciliation.medications import high_alert

if TYPE_CHECKING:
    from uptake.delivery.differences import Difference, Side

SUMMARY_BELOW = 140
"""Characters; CDS Hooks asks that a summary has fewer."""
LINES = 6
TEXT_SHOWN = 80
"""Characters of a name or a sig that are shown."""
REASONS = {
    "already-known": "Already known",
    "no-longer-taken": "The patient no longer takes it",
    "outside-record-wrong": "The outside record is wrong",
    "not-now": "Not relevant now",
}
COUNTED = {
    "omission": "not in it",
    "strength": "in another strength",
    "sig": "taken another way",
    "unmapped": "without a code to compare",
}
_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;"}
_MARKS = frozenset("\\`*_{}[]()#!|~$@")
"""What means something inside a line; what begins a list never stands first here."""
_LINKED = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Card:
    """One card; `uuid` is what feedback and the panel know it by."""

    uuid: str
    summary: str
    detail: str
    indicator: str
    base_url: str

    def as_json(self) -> dict[str, Any]:
        """Return the card as CDS Hooks writes it."""
        system = f"{self.base_url}/override-reason"
        return {
            "uuid": self.uuid,
            "summary": self.summary,
            "detail": self.detail,
            "indicator": self.indicator,
            "source": {"label": "Uptake: outside medication records"},
            "overrideReasons": [
                {"code": code, "system": system, "display": display}
                for code, display in REASONS.items()
            ],
            "links": [
                {
                    "label": "Compare both lists",
                    "url": f"{self.base_url}/panel?card={self.uuid}",
                    "type": "absolute",
                }
            ],
        }


def build_card(
    differences: Sequence[Difference], uuid: str, base_url: str, as_of: str
) -> Card | None:
    """Return the card of one patient, None when nothing outside differs from the chart."""
    news = [d for d in differences if d.is_news]
    if not news:
        return None
    lines = [f"- {_line(d)}" for d in news[:LINES]]
    if len(news) > LINES:
        lines.append(f"- and {len(news) - LINES} more")
    unread = sum(d.kind == "unmapped" and d.chart is not None for d in differences)
    notes = [f"Compared as of {as_of}; what was written later is not in it."] if as_of else []
    if unread == 1:
        notes.append("1 entry of the chart's list has no code to compare; look there too.")
    elif unread:
        notes.append(
            f"{unread} entries of the chart's list have no code to compare; look there too."
        )
    detail = "\n".join(lines) + ("\n\n" + escaped(" ".join(notes), 400) if notes else "")
    worst = "warning" if any(d.severity == "high" for d in news) else "info"
    return Card(uuid, _summary(news), detail, worst, base_url.rstrip("/"))


def escaped(text: str, longest: int = TEXT_SHOWN) -> str:
    """Return a text that GitHub Markdown and HTML both show as it is, cut where it is long.

    Addresses in it are broken up, so that no client makes a link of them.
    """
    plain = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    if len(plain) > longest:
        plain = plain[: longest - 1] + "…"
    plain = _LINKED.sub(" ", plain)
    return "".join(_ENTITIES.get(c) or (f"\\{c}" if c in _MARKS else c) for c in plain)


def _summary(news: Sequence[Difference]) -> str:
    """Return the gist; only words of ours are in it, since clients may show it as they like."""
    counts = Counter(d.kind for d in news)
    told = [f"{counts[kind]} {words}" for kind, words in COUNTED.items() if counts[kind]]
    summary = f"Outside medications and the chart: {', '.join(told)}"
    texts = " ".join(
        f"{d.ingredient} {d.outside.text if d.outside else ''}".lower()
        for d in news
        if d.severity == "high"
    )
    names = [name for name in high_alert() if re.search(rf"\b{name}\b", texts)]
    while names:
        longer = f"{summary} ({', '.join(names)})"
        if len(longer) < SUMMARY_BELOW:
            return longer
        names.pop()
    return summary


def _line(one: Difference) -> str:
    """Return one difference in words: what differs, who said so, when, which source."""
    outside, chart = one.outside, one.chart
    if outside is None:
        return ""
    name, said = f"**{escaped(outside.text)}**", said_of(outside)
    if one.kind == "strength" and chart:
        return f"{name} {said}; the chart has {escaped(chart.text)}, {said_of(chart)}"
    if one.kind == "sig" and chart:
        return (
            f"{name}: “{escaped(outside.sig)}”, {said}; "
            f"the chart has “{escaped(chart.sig)}”, {said_of(chart)}"
        )
    if one.kind == "unmapped":
        return f"{name} has no code to compare: {said}"
    return f"{name} is not in the chart: {said}"


def said_of(side: Side) -> str:
    """Return who said so, when, and which source, escaped."""
    what = {"MedicationDispense": "dispensed", "MedicationStatement": "told"}
    parts = [what.get(side.type, "prescribed")]
    parts.append(escaped(side.day.isoformat()) if side.day else "on an unknown day")
    if side.by:
        parts.append(f"by {escaped(side.by, 40)}")
    parts.append(f"({escaped(side.feed, 40)})")
    return " ".join(parts)
