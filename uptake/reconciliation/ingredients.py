"""Ingredients of medications. In: the codes of a load; out: the table `medication_ingredient`.

A row a request, statement or dispense and ingredient. `key` is what two entries share when they are
one drug: ingredient, release and route, as RxNorm names the product. A code whose name is not read
is equal to itself only; a drug that is a text has no row: it cannot be told from another.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from uptake.reconciliation.drugs import Basis, meaning

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

READS = frozenset(
    ["coding", "medication_request", "medication_statement", "medication_dispense", "medication"]
)
"""Tables the loader must make first."""

_LISTS = ("medication_request", "medication_statement", "medication_dispense")
_OWN = ("MedicationRequest", "MedicationStatement", "MedicationDispense")

_CODINGS = f"""
create temp table drug_coding as
  select rid, system, code, display from coding
  where path in ({", ".join(f"'{t}.medication.coding', '{t}.contained.code.coding'" for t in _OWN)})
    and trim(system) <> '' and trim(code) <> ''
  union all
  {
    " union all ".join(
        f"select m.rid, c.system, c.code, c.display from {table} m "
        "join coding c on c.rid = m.medication_rid and c.path = 'Medication.code.coding' "
        "where trim(c.system) <> '' and trim(c.code) <> ''"
        for table in _LISTS
    )
}
"""

_INGREDIENTS = """
create table medication_ingredient as
  with best as (
    select c.rid, d.system, d.code from drug_coding c
    join (select distinct system, code, rank, identity from drug_meaning) d using (system, code)
    qualify row_number() over (
      partition by c.rid order by d.rank, d.identity, d.system, d.code) = 1
  )
  select distinct b.rid, d.key, d.ingredient from best b join drug_meaning d using (system, code)
"""


def build_ingredients(db: Database) -> None:
    """Make `medication_ingredient`: rid, key and ingredient (NULL where only the code is known)."""
    db.run(_CODINGS)
    met: dict[tuple[str, str], list[tuple[int, str]]] = {}
    for system, code, display, count in db.rows(
        "select system, code, display, count(*) from drug_coding group by all order by all"
    ):
        met.setdefault((system, code), []).append((count, display or ""))
    rows = [
        (system, code, *row)
        for (system, code), names in met.items()
        for row in _rows(system, code, [n for _, n in sorted(names, key=lambda n: (-n[0], n[1]))])
    ]
    db.run(
        "create temp table drug_meaning (system varchar, code varchar, rank integer, "
        "identity varchar, key varchar, ingredient varchar)"
    )
    db.insert("drug_meaning", ("system", "code", "rank", "identity", "key", "ingredient"), rows)
    db.run(_INGREDIENTS)
    db.run("drop table drug_coding; drop table drug_meaning")


def _rows(system: str, code: str, names: list[str]) -> Iterator[tuple[object, ...]]:
    """Yield rank, identity, key and ingredient of a code: a row a component of a product."""
    one = meaning(system, code, names)
    if one.basis is Basis.PRODUCT:
        for part in one.parts:
            yield int(one.basis), one.identity, part.key, part.ingredient
    else:
        yield max(int(one.basis), Basis.CODE), one.identity, one.identity, None
