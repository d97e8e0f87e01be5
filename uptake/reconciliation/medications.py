"""Outside medications against the chart. In: a load's tables and `person`; out: what differs.

`medication_difference` has a row a person and drug that the chart or an outside source has; both
sides are shown and neither is preferred. `medication_entry` and `allergy_entry` have the outside's
entries themselves, so that a call can compare them with what the chart says at that moment.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any

from uptake.reconciliation import comparison
from uptake.reconciliation.allergies import Allergy, read_allergy
from uptake.reconciliation.drugs import Basis, Drug, Lexicon
from uptake.reconciliation.engine import Discrepancy, months_before, reconcile
from uptake.reconciliation.entries import Entry, Sent, standing_of
from uptake.reconciliation.sigs import Sig, read_sig
from uptake.reconciliation.tables import picked_names, rules

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

READS = frozenset(
    ["patient", "medication_request", "medication_statement", "medication_dispense", "medication",
     "allergy_intolerance", "code_status"]
)  # fmt: skip
"""Tables the loader must make, beside `person` and what every load has."""
MADE = frozenset(["medication_difference", "medication_entry", "allergy_entry"])

_FOUND = ("person", "kind", "severity", "ingredient", "level", "untold", "chart_rid", "outside_rid",
          "other_rid")  # fmt: skip
_ROWS = (
    "select person, rid, role, feed, type, id, day, status, intent, ended, concept, sig "
    "from list_row order by person"
)
_AT_ONCE = 50_000
"""Rows that are kept in memory before they are written to a table."""
Codings = tuple[tuple[str, str, str], ...]


def build_differences(db: Database, as_of: datetime) -> None:
    """Make the tables of MADE; empty unless one feed is the EHR and one is an outside source.

    Needs `person` and the tables of READS.
    """
    db.run(comparison.TABLES)
    roles = {role for (role,) in db.rows("select distinct role from feed")}
    if {"ehr", "external"} <= roles:
        today = as_of.date()
        oldest = months_before(today, rules().months)
        db.run(comparison.PERSONS)
        for statement in comparison.entries():
            named = statement.replace("$as_of", f"date '{today}'")
            db.run(named.replace("$oldest", f"date '{oldest}'"))
        db.run(comparison.ALLERGIES)
        db.run(comparison.AUTHORS)
        db.run(comparison.NUMBERED)
        _compare(db, today)
        db.run(comparison.DIFFERENCES)
        db.run(comparison.ENTRIES)
    for table in comparison.DROPPED:
        db.run(f"drop table if exists {table}")


def _compare(db: Database, today: date) -> None:
    """Fill `list_found`, person by person, and `list_name` and `list_sig`."""
    drugs, sigs = _read_drugs(db), _read_sigs(db)
    allergies = _read_allergies(db)
    waiting: list[tuple[object, ...]] = []
    for person, entries in _by_person(db, drugs, sigs):
        chart = [e for e in entries if e.sent.role == "chart"]
        outside = [e for e in entries if e.sent.role == "outside"]
        told = reconcile(chart, outside, as_of=today, allergies=allergies.pop(person, ()))
        waiting += (_row(person, one) for one in told)
        if len(waiting) > _AT_ONCE:
            db.insert("list_found", _FOUND, waiting)
            waiting.clear()
    db.insert("list_found", _FOUND, waiting)


def _row(person: int, one: Discrepancy) -> tuple[object, ...]:
    return (
        person, one.kind, one.severity, one.ingredient, one.level, ", ".join(one.untold),
        *(_rid(side) for side in (one.chart, one.outside, one.other)),
    )  # fmt: skip


def _rid(side: Entry | Allergy | None) -> int | None:
    if side is None:
        return None
    return side.sent.rid if isinstance(side, Entry) else side.rid


def _by_person(
    db: Database, drugs: Sequence[Drug | None], sigs: Sequence[Sig]
) -> Iterator[tuple[int, list[Entry]]]:
    """Yield each person's entries, of all feeds."""
    rows = chain.from_iterable(
        zip(*batch.to_pydict().values(), strict=True) for batch in db.batches(_ROWS)
    )
    for person, own in groupby(rows, key=lambda row: row[0]):
        entries = []
        for _, rid, role, feed, kind, identity, day, status, intent, ended, concept, sig in own:
            standing, drug = standing_of(role, kind, status or "", intent or ""), drugs[concept]
            if standing is not None and drug is not None:
                sent = Sent(
                    role, feed, kind, identity or "", day, "", standing, "", (), "", ended, rid
                )
                entries.append(Entry(sent, drug, sigs[sig]))
        yield person, entries


def _read_drugs(db: Database) -> list[Drug | None]:
    """Return what each numbered concept is of, and fill `list_name`."""
    rows = db.rows("select concept, text, codings, entries from list_concept order by concept")
    read = [(number, text or "", as_codings(codings)) for number, text, codings, _ in rows]
    counted: Counter[Codings] = Counter()
    for (_, _, codings), (*_, count) in zip(read, rows, strict=True):
        counted[codings] += count
    lexicon = Lexicon(counted, _released(db))
    drugs: list[Drug | None] = [None]
    named = []
    for number, text, codings in read:
        drug = lexicon.drug(text, codings)
        drugs.append(drug)
        if drug:
            known = drug.basis <= Basis.INGREDIENT
            named.append((number, drug.name, *drug.known_by, drug.read_as if known else None))
    db.insert("list_name", ("concept", "name", "system", "code", "read_as"), named)
    return drugs


def _released(db: Database) -> dict[tuple[str, str], str]:
    """Return what releases call the codes of the load."""
    rows = db.rows(
        "select distinct s.system, s.code, s.display from code_status s join "
        "(select unnest(codings) as c from list_concept) "
        "on c.system = s.system and c.code = s.code where s.display is not null"
    )
    return {**picked_names(), **{(system, code): display for system, code, display in rows}}


def _read_sigs(db: Database) -> list[Sig]:
    """Return what each numbered dosage says, and fill `list_sig`."""
    rows = db.rows("select sig, dosage from list_dosage order by sig")
    sigs = [Sig(), *(read_sig(dosage) for _, dosage in rows)]
    db.insert("list_sig", ("sig", "text"), [(n, sigs[n].text) for n, _ in rows])
    return sigs


def _read_allergies(db: Database) -> dict[int, list[Allergy]]:
    """Return the allergies of each person."""
    found: dict[int, list[Allergy]] = {}
    for person, role, feed, identity, day, text, codings, substances, rid in db.rows(
        "select person, role, feed, id, day, text, codings, substances, rid from list_allergy"
    ):
        one = read_allergy(
            role, feed, identity or "", day, "", text or "", as_codings(codings),
            substances or (), rid,
        )  # fmt: skip
        found.setdefault(person, []).append(one)
    return found


def as_codings(sent: Iterable[dict[str, Any]] | None) -> Codings:
    """Return codings as the engine reads them: system, code and display."""
    return tuple((c["system"], c["code"], c.get("display") or "") for c in sent or ())
