"""The authorizations of a run. In: its tables and the payers of the project; out: rows and figures.

Only patients are read of whom a payer was asked, said something, or may have a rule; each is
tracked by the same functions as a draft order is. References are looked up within a feed.
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

import msgspec

from uptake.authorization.coverage_information import URL
from uptake.authorization.dossier import Dossier
from uptake.authorization.figures import Counted, Figure, counted, figures, line_of
from uptake.authorization.metrics import CRD, DTR, PAS, crd_metric, dtr_metrics, lacking, pas_metric
from uptake.authorization.needs import CODES
from uptake.authorization.tracker import CLOCKS, Authorization, track
from uptake.engine.duckdb import quoted
from uptake.resources.elements import day_of, id_of, members, name_of, words_of

if TYPE_CHECKING:
    from uptake.authorization.rules import Payer
    from uptake.engine.duckdb import Database

READS = frozenset(["resource", "claim", "reference", "coding"])
"""Tables the loader must make."""
Resource = Mapping[str, Any]
ORDERS = ("ServiceRequest", "DeviceRequest", "MedicationRequest")
_SERVICES = ("Procedure", "DiagnosticReport", "Encounter")
_DOCUMENTS = ("DocumentReference", "QuestionnaireResponse")
_SIGNED = ("active", "completed", "on-hold")

_CODED = ("ServiceRequest.code", "DeviceRequest.code", "MedicationRequest.medication")
# Patients whom a payer was asked about, or said something of, or who have an order with the code of
# a rule; of each all that may belong to an authorization.
_RESOURCES = """
with spoken as (
  select rid from stored where type in ({orders}) and contains(text, '{url}')
),
ruled as (
  select c.rid from coding c join (values {codes}) as wanted (system, code)
    on wanted.system = c.system and wanted.code = c.code where c.path in ({paths})
),
named as (select target_rid as rid from reference where path = 'Claim.referral'),
ordered as (select rid from spoken union select rid from ruled union select rid from named),
patient_of as (
  select distinct i.feed, i.patient_rid
  from resource i join feed d on d.feed = i.feed and d.role = 'ehr'
  where i.patient_rid is not null and not coalesce(i.entered_in_error, false) and (
    i.rid in (select rid from claim where use = 'preauthorization')
    or i.rid in (select rid from spoken) or i.rid in (select rid from ruled))
)
select p.feed, p.patient_rid, i.type, s.text
from patient_of p
join resource i on i.feed = p.feed and i.patient_rid = p.patient_rid
join stored s on s.rid = i.rid and s.type = i.type
where not coalesce(i.entered_in_error, false) and (
  i.type in ('Patient', 'Coverage', 'Claim', 'ClaimResponse', 'ServiceRequest', 'DeviceRequest',
    {documents})
  or (i.type in ({services}) and contains(s.text, 'basedOn'))
  or (i.type = 'MedicationRequest' and i.rid in (select rid from ordered where rid is not null)))
order by p.feed, p.patient_rid, i.type, i.id, i.received_at nulls first, i.hash, i.rid
"""
_IDENTIFIED = """
select i.feed, i.type || '/' || i.id, s.text
from resource i join feed d on d.feed = i.feed and d.role = 'ehr'
join stored s on s.rid = i.rid and s.type = i.type
where i.type in ('Practitioner', 'Organization') and i.id is not null
  and contains(s.text, 'identifier')
order by all
"""
NPI = "http://hl7.org/fhir/sid/us-npi"


@dataclass(frozen=True, slots=True)
class Tracked:
    """What a run found."""

    rows: tuple[dict[str, Any], ...]
    """One an authorization, as the work list shows it."""
    figures: tuple[Figure, ...]
    metrics: tuple[dict[str, Any], ...]
    """`model`, `metric` and what it lacks."""


def track_authorizations(db: Database, payers: Sequence[Payer], as_of: datetime) -> Tracked:
    """Return where every authorization of the last twelve months stands, as of a moment."""
    since = as_of.date().replace(year=as_of.year - 1, day=min(as_of.day, 28))
    known = _identifiers(db)
    found: list[tuple[dict[str, Any], Counted | None, list[dict[str, Any]]]] = []
    for feed, held in _patients(db, payers):
        dossier = _dossier(held, payers)
        for order in _orders(held, since):
            one = track(order, dossier, as_of)
            if _counts(one):
                metrics = list(_metrics(one, held, known.get(feed, {})))
                found.append((_row(feed, one, as_of), counted(one, as_of), metrics))
    found.sort(key=lambda f: (f[0]["feed"], f[0]["order"]))  # the order of files is no order
    return Tracked(
        tuple(row for row, _, _ in found),
        figures(one for _, one, _ in found if one is not None),
        tuple(metric for _, _, metrics in found for metric in metrics),
    )


def _patients(
    db: Database, payers: Sequence[Payer]
) -> Iterator[tuple[str, Mapping[str, list[Resource]]]]:
    """Yield a feed and one of its patients' resources by type, of each the newest version."""
    query = _RESOURCES.format(
        orders=", ".join(map(quoted, ORDERS)),
        url=URL,
        codes=_codes(payers),
        paths=", ".join(quoted(f"{path}.coding") for path in _CODED),
        documents=", ".join(map(quoted, _DOCUMENTS)),
        services=", ".join(map(quoted, _SERVICES)),
    )
    batches = (batch.to_pylist() for batch in db.batches(query))
    sent = itertools.chain.from_iterable(batches)
    for (feed, _), group in itertools.groupby(sent, lambda r: (r["feed"], r["patient_rid"])):
        newest: dict[str, tuple[str, Resource]] = {}
        for row in group:
            resource = msgspec.json.decode(row["text"])
            newest[name_of(resource)] = (row["type"], resource)
        held: dict[str, list[Resource]] = defaultdict(list)
        for kind, resource in newest.values():
            held[kind].append(resource)
        yield feed, held


def _codes(payers: Sequence[Payer]) -> str:
    """Return the codes that a rule says need an authorization, as rows; one of NULLs if none."""
    rules = [rule for payer in payers for rule in payer.rules if rule.needed]
    codes = sorted({(rule.system, code) for rule in rules for code in rule.codes})
    return ", ".join(f"({quoted(s)}, {quoted(c)})" for s, c in codes) or "(null, null)"


def _dossier(held: Mapping[str, list[Resource]], payers: Sequence[Payer]) -> Dossier:
    def of(*kinds: str) -> list[Resource]:
        return [resource for kind in kinds for resource in held.get(kind, ())]

    return Dossier(
        of("Coverage"),
        of("Claim"),
        of("ClaimResponse"),
        of(*_DOCUMENTS),
        of(*_SERVICES),
        of("Patient"),
        payers,
    )


def _orders(held: Mapping[str, list[Resource]], since: date) -> Iterator[Resource]:
    for kind in ORDERS:
        for order in held.get(kind, ()):
            day = day_of(order.get("authoredOn"))
            if order.get("status") in _SIGNED and (day is None or day >= since):
                yield order


def _counts(one: Authorization) -> bool:
    """Tell whether an authorization is about: asked for, spoken of by the payer, or needed."""
    return bool(one.claims or one.need.told or one.need.needed)


def _row(feed: str, one: Authorization, as_of: datetime) -> dict[str, Any]:
    concept = one.order.get(CODES.get(str(one.order.get("resourceType")), "code"))
    row: dict[str, Any] = {
        "feed": feed,
        "order": name_of(one.order),
        "patient_id": id_of(one.order.get("subject"), "Patient"),
        "ordered": words_of(concept),
        "line": line_of(one),
        "status": one.status,
        "speed": one.speed,
        "said_by": one.need.said_by,
        "in_time": one.in_time(as_of),
        "documents": len(one.need.documents),
        "found": len(one.need.found),
        "missing": [wanted.title for wanted in one.need.missing],
        "mismatches": [{"kind": m.kind, "text": m.text, "sources": list(m.sources)}
                       for m in one.mismatches],
        "answers": [{"source": d.source, "outcome": str(d.outcome), "number": d.number}
                    for d in one.decisions],
    }  # fmt: skip
    for name in CLOCKS:
        clock = one.clocks.get(name)
        row[name] = clock.at.isoformat() if clock and clock.at else None
        row[f"{name}_day"] = clock.day.isoformat() if clock and clock.day else None
        row[f"{name}_source"] = clock.source if clock else None
    return row


def _metrics(
    one: Authorization, held: Mapping[str, list[Resource]], known: Mapping[str, Mapping[str, str]]
) -> Iterator[dict[str, Any]]:
    """Yield what the guides want kept; none of it names a patient."""
    made: Iterable[tuple[str, dict[str, Any] | None]] = (
        (CRD, crd_metric(one, known)),
        (PAS, pas_metric(one, known)),
        *((DTR, m) for m in dtr_metrics(one, held.get("QuestionnaireResponse", ()), known)),
    )
    for model, metric in made:
        if metric is not None:
            yield {"model": model, "metric": metric, "lacking": list(lacking(model, metric))}


def _identifiers(db: Database) -> Mapping[str, Mapping[str, Mapping[str, str]]]:
    """Return by feed and reference the NPI, else the first identifier with a system."""
    found: dict[str, dict[str, Mapping[str, str]]] = defaultdict(dict)
    for feed, name, text in db.rows(_IDENTIFIED):
        held = [
            {"system": str(one["system"]), "value": str(one["value"])}
            for one in members(msgspec.json.decode(text).get("identifier"))
            if one.get("system") and one.get("value")
        ]
        best = next((one for one in held if one["system"] == NPI), next(iter(held), None))
        if best:
            found[feed][name] = best
    return found
