"""Care gaps when a chart is opened. In: the run's rows of one patient; out: one card, or silence.

At most three gaps, one a measure, never more than information. A gap that is ordered, or was
declined lately, is not shown again; what an outside source shows done is shown, and closes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from uptake.care_gaps.lists import UNHEARD
from uptake.care_gaps.rules import settings
from uptake.delivery.cases import (
    Act,
    Case,
    Context,
    Item,
    Judged,
    Need,
    Service,
    Suggestion,
    withhold,
)

TABLE = "care_gap"
USE_CASE = "care-gap-closure"
CHART = "the chart"
MORE = "more gaps than a card shows"
SAME_MEASURE = "another gap of the same measure is shown"
ORDERED = "ordered already"
DECLINED = "declined lately"
UNTOLD = "cannot be told"
NAMED = 2
"""Gaps that cannot be told of which the card says why."""


def judge(case: Case) -> Judged | None:
    """Return the patient's gaps; None where no rule applies or none says anything."""
    if case.known.doubt:
        return withhold(case, "Care gaps are withheld")
    rows = [row for row in case.known.rows(TABLE) if _is_told(row)]
    if not rows:
        return None
    items = tuple(_items(case, sorted(rows, key=_rank)))
    shown = [item for item in items if not item.withheld]
    return Judged(
        _summary(shown),
        items,
        tuple(_notes(case, rows)),
        overrides=_overrides([r for r, i in _paired(rows, items) if not i.withheld]),
    )


def _is_told(row: Mapping[str, Any]) -> bool:
    """Tell whether a row is about this patient: what no source can tell of anybody is not."""
    if row["status"] == "cannot-tell":
        return row["reason"] not in UNHEARD
    return row["status"] in ("due", "elsewhere")


def _paired(rows: Sequence[Mapping[str, Any]], items: Sequence[Item]) -> Iterator[Any]:
    """Yield each row with its item."""
    by_kind = {item.kind: item for item in items}
    yield from ((row, by_kind[_kind(row)]) for row in sorted(rows, key=_rank))


def _kind(row: Mapping[str, Any]) -> str:
    return f"care-gap {row['rule']}"


def _rank(row: Mapping[str, Any]) -> tuple[bool, bool, date, str]:
    """First what was done elsewhere, which is settled at once; then what was never done."""
    return (
        row["status"] == "cannot-tell",
        row["status"] == "due",
        row["evidence_date"] or date.min,
        str(row["rule"]),
    )


def _items(case: Case, rows: Sequence[Mapping[str, Any]]) -> Iterator[Item]:
    """Yield an item a row; what a card does not show says why."""
    ordered = _ordered(case)
    measures: set[str] = set()
    for row in rows:
        why = _why_withheld(case, row, ordered)
        if not why and row["measure"] in measures:
            why = SAME_MEASURE
        if not why and len(measures) == settings()["card"]["gaps"]:
            why = MORE
        if not why:
            measures.add(row["measure"])
        yield Item(
            _kind(row),
            _text(row),
            (_context(case, row),),
            "info",
            (f"Patient/{case.patient}",),
            _suggestions(case, row),
            why,
        )


def _why_withheld(case: Case, row: Mapping[str, Any], ordered: frozenset[str]) -> str:
    if row["status"] == "cannot-tell":
        return UNTOLD
    if row["ordered_id"] or ordered & set(str(row["codes"]).split()):
        return ORDERED
    declined = row["declined_at"]
    lately = timedelta(days=settings()["declined"]["days"])
    if declined is not None and case.now - _in_utc(declined) < lately:
        return DECLINED
    return ""


def _in_utc(at: datetime) -> datetime:
    """Return an instant of a table, which is UTC and does not say so."""
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _ordered(case: Case) -> frozenset[str]:
    """Return the codes of requests that are open, as `system|code`: signed ones and drafts."""
    known = settings()["order"]
    requests = [
        one
        for one in (*case.of("orders").resources, *case.drafts)
        if one.get("resourceType") == "ServiceRequest"
        and one.get("status") in known["status"]
        and one.get("doNotPerform") is not True
    ]
    return frozenset(
        f"{coding.get('system', '')}|{coding.get('code', '')}"
        for one in requests
        for coding in (one.get("code") or {}).get("coding") or ()
    )


def _text(row: Mapping[str, Any]) -> str:
    if row["status"] == "elsewhere":
        return f"{row['title']}: due in the chart, done elsewhere"
    if row["status"] == "cannot-tell":
        return f"{row['title']}: cannot tell, {row['why']}"
    if not row["evidence_id"]:
        return f"{row['title']}: due"  # that none is on record is said with its day
    return f"{row['title']}: due, {row['why']}"


def _context(case: Case, row: Mapping[str, Any]) -> Context:
    """Return what the row rests on; where nothing is on record, the day that was said of."""
    if row["evidence_id"]:
        return Context(
            value=f"{row['evidence']} {row['evidence_value']}".strip(),
            unit=row["evidence_unit"],
            source=row["evidence_feed"],
            at=row["evidence_date"],
        )
    return Context(value="none on record", source=CHART, at=_day(case.known.as_of))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text[:10])
    except ValueError:
        return None


def _suggestions(case: Case, row: Mapping[str, Any]) -> tuple[Suggestion, ...]:
    """Return the order that would close a gap that is due, as a draft."""
    if row["status"] != "due" or not row["order_code"]:
        return ()
    display = str(row["order_display"])
    request: dict[str, Any] = {
        "resourceType": "ServiceRequest",
        "status": "draft",
        "intent": "order",
        "code": {
            "coding": [
                {"system": row["order_system"], "code": row["order_code"], "display": display}
            ]
        },
        "subject": {"reference": f"Patient/{case.patient}"},
        "authoredOn": case.now.isoformat(timespec="seconds"),
        "reasonCode": [{"text": f"{row['title']} is due ({row['source']})"}],
    }
    if case.encounter:
        request["encounter"] = {"reference": f"Encounter/{case.encounter.split('/')[-1]}"}
    if case.user.startswith(("Practitioner/", "PractitionerRole/")):
        request["requester"] = {"reference": case.user}
    act = Act("create", f"A draft order: {display}", request)
    return (Suggestion(f"Order {row['order_words']}", (act,)),)


def _summary(shown: Sequence[Item]) -> str:
    """Return the gist, in the titles of rules alone."""
    names = [item.text.split(":")[0] for item in shown]
    count = f"{len(shown)} care gap{'' if len(shown) == 1 else 's'}"
    return f"{count}: {', '.join(names)}" if names else "No care gap to show"


def _notes(case: Case, rows: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """Yield what else is to be known: the day, what cannot be told, what could not be asked."""
    if case.known.as_of:
        yield f"As of {case.known.as_of}; what was done later is not in it."
    untold = [row for row in rows if row["status"] == "cannot-tell" and row["check"]]
    for row in untold[:NAMED]:
        yield f"{row['title']} cannot be told: {row['why']}."
    if not case.of("orders").told:
        yield "Whether something is ordered already could not be asked."


def _overrides(rows: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Return why the card may be set aside: an answer names its gap, so that only it rests."""
    words = settings()["declined"]["words"]
    found = {
        f"{code}:{row['rule']}": words[code].format(title=row["title"])
        for row in rows
        for code in words
    }
    return {**found, "not-now": "Not relevant now"}


_DESCRIPTION = (
    "Says which screening, test or vaccination is due, with what is on record, its date and "
    "source, and what an outside source shows done. At most three, one a measure. No gap, no card."
)
SERVICES = tuple(
    Service(
        f"care-gaps-{hook}",
        hook,
        f"Care gaps, when {when}",
        _DESCRIPTION,
        USE_CASE,
        (Need("orders", "ServiceRequest?patient={{context.patientId}}&status=active"),),
        judge,
        "The rules are worked out by the nightly run; orders are read in the call.",
    )
    for hook, when in (("patient-view", "a chart is opened"), ("encounter-start", "a visit begins"))
)
