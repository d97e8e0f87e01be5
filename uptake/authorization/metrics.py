"""What the Da Vinci guides want kept of each exchange. In: authorizations; out: their metric data.

Names are those of the logical models, one to one: CRDMetricData (CRD 2.2.1), DTRMetricData (DTR
2.2.0), PASMetricData (PAS 2.2.1). Nothing is made up: what the resources do not say is left out,
also where a model wants it; `lacking` names that.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from uptake.authorization.coverage_information import CoverageInformation, read_coverage_information
from uptake.authorization.decisions import FINAL, Outcome
from uptake.authorization.needs import CODES
from uptake.resources.elements import instant, members, reference_of

if TYPE_CHECKING:
    from uptake.authorization.tracker import Authorization, Clock

Resource = Mapping[str, Any]
Identifiers = Mapping[str, Mapping[str, str]]
"""The identifier of a Practitioner, an Organization, by its reference: an NPI, a payer's number."""
CRD, DTR, PAS = "CRDMetricData", "DTRMetricData", "PASMetricData"
WANTED: Mapping[str, tuple[str, ...]] = {
    CRD: (
        "source", "hookInstance", "hookType", "providerId", "groupId", "payerId", "requestTime",
        "httpResponse", "tokenUse",
    ),
    DTR: ("source", "providerId", "groupId", "payerId", "orderItem", "action"),
    PAS: ("source", "providerId", "groupId", "payerId", "exchange"),
}  # fmt: skip
"""What each model wants once at least."""


def lacking(model: str, metric: Mapping[str, Any]) -> tuple[str, ...]:
    """Return what a model wants and a metric has not."""
    return tuple(name for name in WANTED[model] if name not in metric)


def crd_metric(one: Authorization, known: Identifiers) -> dict[str, Any] | None:
    """Return the CRDMetricData of an order, None where no payer said anything of it."""
    told = read_coverage_information(one.order)
    if not told:
        return None
    kind = str(one.order.get("resourceType", ""))
    line = one.need.payer.line if one.need.payer else ""
    response = {"focus": [kind], "coverageInfo": [_coverage_info(c, line) for c in told]}
    metric = {"source": "provider-src", **_parties(one, known), "orderDetail": _ordered(one)}
    return {**metric, "response": [response]}


def dtr_metrics(
    one: Authorization, responses: Iterable[Resource], known: Identifiers
) -> Iterator[dict[str, Any]]:
    """Yield the DTRMetricData of the questionnaires that were answered for an order."""
    told = read_coverage_information(one.order)
    asked = {canonical.split("|")[0] for c in told for canonical in c.questionnaires}
    for response in responses:
        canonical = str(response.get("questionnaire") or "")
        if canonical.split("|")[0] not in asked:
            continue
        stored = _instant(response.get("authored"))
        yield {
            "source": "provider-src",
            **_parties(one, known),
            "assertionId": [c.assertion_id for c in told if c.assertion_id],
            "docReason": sorted({purpose for c in told for purpose in c.doc_purpose}),
            "orderItem": _ordered(one),
            **({"action": [{"actionDetail": "storeqr", "requestTime": stored}]} if stored else {}),
            "questionnaire": [{"reference": canonical}],
        }


def pas_metric(one: Authorization, known: Identifiers) -> dict[str, Any] | None:
    """Return the PASMetricData of an order, None where nobody asked the payer."""
    if not one.claims:
        return None
    told = read_coverage_information(one.order)
    item: dict[str, Any] = {"item": next(iter(_ordered(one)), {})}
    if told and told[0].assertion_id:
        item["assertionId"] = told[0].assertion_id
    for name, clock in (("initialSubmissionTime", "T3"), ("finalResponseTime", "T6")):
        if clock in one.clocks:
            item[name] = _moment(one.clocks[clock])
    item["responsesRequired"] = len(one.decisions)
    if one.newest and one.newest.outcome in (*FINAL, Outcome.PENDED, Outcome.CANCELLED):
        item["result"] = str(one.newest.outcome)
    if one.newest and one.newest.reason and one.newest.outcome is Outcome.DENIED:
        item["denialReason"] = one.newest.reason
    line = one.need.payer.line if one.need.payer else ""
    return {
        "source": "provider",
        **_parties(one, known),
        "exchange": list(_exchanges(one)),
        "itemDetail": [item],
        **({"businessLine": {"text": line}} if line else {}),
    }


def _exchanges(one: Authorization) -> Iterator[dict[str, Any]]:
    """Yield a row a request: the first is `initial`, a later one replaces or follows it."""
    for number, claim in enumerate(one.claims):
        answers = [d.at for d in one.decisions if d.at]
        sent = _instant(claim.get("created"))
        later = "update" if members(claim.get("related")) else "subsequent"
        row = {"type": later if number else "initial", "with": "payer"}
        if sent:
            row["requestTime"] = sent
            after = [at for at in answers if at >= datetime.fromisoformat(sent)]
            if after:
                row["responseTime"] = min(after).isoformat()
        yield row


def _parties(one: Authorization, known: Identifiers) -> dict[str, Any]:
    """Return who asked, for which organization, and whom."""
    claim = one.claims[0] if one.claims else {}
    named = {
        "providerId": reference_of(one.order.get("requester")),
        "groupId": reference_of(claim.get("provider")),
        "payerId": reference_of(claim.get("insurer")),
    }
    return {name: dict(known[who]) for name, who in named.items() if who in known}


def _coverage_info(told: CoverageInformation, line: str) -> dict[str, Any]:
    info: dict[str, Any] = {
        "covered": told.covered,
        "paNeeded": told.pa_needed,
        "docNeeded": told.doc_needed,
        "infoNeeded": next(iter(told.info_needed), ""),
        "questionnaire": [{"reference": canonical} for canonical in told.questionnaires],
        "assertionId": told.assertion_id,
        "satisfiedId": told.satisfied_pa_id,
        "businessLine": {"text": line} if line else None,
    }
    return {name: value for name, value in info.items() if value}


def _ordered(one: Authorization) -> list[dict[str, Any]]:
    concept = one.order.get(CODES.get(str(one.order.get("resourceType")), "code"))
    return [dict(concept)] if isinstance(concept, Mapping) else []


def _moment(clock: Clock) -> str:
    return clock.at.isoformat() if clock.at else clock.day.isoformat() if clock.day else ""


def _instant(text: object) -> str:
    at = instant(text)
    return at.isoformat() if at else ""
