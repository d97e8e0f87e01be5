"""What Patients say of themselves. In: the raw store; out: one table for each kind of detail.

Of a Patient that came in several versions the newest counts: the one updated last, or else the one
that stands last. A record entered in error is nobody.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uptake.resources.view.shape import shape_of, transform_spec

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

PATHS = (
    "birthDate", "gender", "active", "multipleBirthInteger",
    "name.use", "name.family", "name.given", "name.prefix", "name.suffix", "name.text",
    "address.use", "address.line", "address.city", "address.state", "address.postalCode",
    "address.country", "address.text",
    "telecom.system", "telecom.use", "telecom.value",
    "identifier.system", "identifier.value", "identifier.type.coding.code",
)  # fmt: skip
TABLES = """
create or replace table sent_patient (rid bigint, feed varchar, id varchar, birth_date varchar,
  gender varchar, multiple_birth integer, active boolean);
create or replace table sent_name (rid bigint, n integer, use varchar, family varchar,
  given varchar[], prefix varchar[], suffix varchar[], text varchar);
create or replace table sent_address (rid bigint, n integer, use varchar, line varchar[],
  city varchar, state varchar, postal_code varchar, country varchar, text varchar);
create or replace table sent_contact (rid bigint, n integer, system varchar, use varchar,
  value varchar);
create or replace table sent_number (rid bigint, n integer, system varchar, type varchar,
  value varchar);
"""
"""`n` counts from 0, in the order sent."""

_NEWEST = """
create or replace temp table newest_patient as
select r.rid, r.feed, r.id from record r join resource_meta m using (rid)
where r.type = 'Patient' and not m.entered_in_error
qualify r.id is null or row_number() over (partition by r.feed, r.id
  order by m.last_updated desc nulls last, r.rid desc) = 1
"""

_LISTED = {
    "sent_name": ("name", 'v."use", v.family, v.given, v.prefix, v.suffix, v."text"'),
    "sent_address": (
        "address",
        'v."use", v.line, v.city, v.state, v.postalCode as postal_code, v.country, v."text"',
    ),
    "sent_contact": ("telecom", 'v.system, v."use", v.value'),
    "sent_number": (
        "identifier",
        "v.system, list_extract(list_filter(list_transform(v.type.coding, "
        "lambda c: upper(c.code)), lambda c: c is not null), 1) as type, v.value",
    ),
}
"""The elements that a Patient has several of, and their columns."""


def read_demographics(db: Database) -> None:
    """Make the `sent_…` tables from the Patients of the load."""
    db.run(TABLES)
    db.run(_NEWEST)
    db.run(
        f"create or replace temp table told as {told_query('s.text')} from stored s "
        "join newest_patient n using (rid) where s.type = 'Patient'"
    )
    for table, query in sent_queries().items():
        db.run(f"insert into {table} {query}")
    db.run("drop table told")
    db.run("drop table newest_patient")


def told_query(text: str) -> str:
    """Return `select` of a Patient's JSON text as the columns of `told`; n has feed and id."""
    spec = transform_spec(shape_of("Patient", PATHS))
    return f"select rid, n.feed, n.id, json_transform({text}, '{spec}') as p"


def sent_queries() -> dict[str, str]:
    """Return the query of each `sent_…` table over `told`."""
    found = {
        "sent_patient": "select rid, feed, id, p.birthDate as birth_date, p.gender, "
        "try_cast(p.multipleBirthInteger as integer) as multiple_birth, p.active from told"
    }
    for table, (element, columns) in _LISTED.items():
        found[table] = (
            f"select rid, n, {columns} from (select rid, unnest(p.{element}) as v, "
            f"generate_subscripts(p.{element}, 1) - 1 as n from told) where v is not null"
        )
    return found
