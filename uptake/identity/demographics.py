"""What Patients say of themselves. In: the raw store; out: one table for each kind of detail.

One Patient, as JSON, gives the same as rows.

Of a Patient that came in several versions the newest counts: the one updated last, or else the one
that stands last. A record entered in error is nobody.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from uptake.resources.view.shape import shape_of, transform_spec

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

PATHS = (
    "birthDate", "gender", "active", "multipleBirthInteger", "multipleBirthBoolean",
    "name.use", "name.family", "name.given", "name.suffix", "name.text",
    "address.use", "address.line", "address.city", "address.state", "address.postalCode",
    "address.text",
    "telecom.system", "telecom.value",
    "identifier.system", "identifier.value", "identifier.type.coding.code",
)  # fmt: skip
TABLES = """
create or replace table sent_patient (rid bigint, feed varchar, id varchar, birth_date varchar,
  gender varchar, multiple_birth integer, active boolean);
create or replace table sent_name (rid bigint, n integer, use varchar, family varchar,
  given varchar[], suffix varchar[], text varchar);
create or replace table sent_address (rid bigint, n integer, use varchar, line varchar[],
  city varchar, state varchar, postal_code varchar, text varchar);
create or replace table sent_contact (rid bigint, n integer, system varchar, value varchar);
create or replace table sent_number (rid bigint, n integer, system varchar, type varchar,
  value varchar);
"""
"""`n` counts from 0, in the order sent; `multiple_birth` is the place among twins, or 0."""

_NEWEST = """
create or replace temp table newest_patient as
select r.rid, r.feed, r.id from record r join resource_meta m using (rid)
where r.type = 'Patient' and not m.entered_in_error
qualify r.id is null or row_number() over (partition by r.feed, r.id
  order by m.last_updated desc nulls last, r.rid desc) = 1
"""

_LARGEST = 2**31 - 1
AT_ONCE = 200_000
"""Patients that are taken apart at once: all of them would fill the memory."""
_ENDS = f"""
select rid from (select rid, row_number() over (order by rid) as k, count(*) over () as records
  from newest_patient)
where k % {AT_ONCE} = 0 or k = records order by rid
"""

_LISTED = {
    "sent_name": ("name", 'v."use", v.family, v.given, v.suffix, v."text"'),
    "sent_address": (
        "address",
        'v."use", v.line, v.city, v.state, v.postalCode as postal_code, v."text"',
    ),
    "sent_contact": ("telecom", "v.system, v.value"),
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
    after = -1
    for (last,) in db.rows(_ENDS):
        _read_some(db, f"rid > {after} and rid <= {last}")
        after = last
    db.run("drop table newest_patient")


def _read_some(db: Database, which: str) -> None:
    """Add to the `sent_…` tables what these Patients say."""
    spec = transform_spec(shape_of("Patient", PATHS))
    db.run(
        f"create or replace temp table told as select rid, n.feed, n.id, "
        f"json_transform(s.text, '{spec}') as p "
        f"from (select rid, text from stored where type = 'Patient' and {which}) s "
        f"join (from newest_patient where {which}) n using (rid)"
    )
    db.run(
        "insert into sent_patient select rid, feed, id, p.birthDate, p.gender, "
        "coalesce(nullif(greatest(try_cast(p.multipleBirthInteger as integer), 0), 0), "
        "case when p.multipleBirthBoolean then 0 end), p.active from told"
    )
    for table, (element, columns) in _LISTED.items():
        db.run(
            f"insert into {table} select rid, n, {columns} from (select rid, "
            f"unnest(p.{element}) as v, generate_subscripts(p.{element}, 1) - 1 as n from told) "
            "where v is not null"
        )
    db.run("drop table told")


class SentName(NamedTuple):
    """A row of `sent_name`: what is read of it."""

    use: str | None
    family: str | None
    given: tuple[str | None, ...]
    suffix: tuple[str, ...]
    text: str | None


class SentAddress(NamedTuple):
    """A row of `sent_address`: what is read of it."""

    use: str | None
    line: str | None
    """Its lines as one text; where there are none, the text of the whole."""
    city: str | None
    state: str | None
    postal_code: str | None


class SentContact(NamedTuple):
    """A row of `sent_contact`: what is read of it."""

    system: str | None
    value: str | None


class SentNumber(NamedTuple):
    """A row of `sent_number`."""

    system: str | None
    type: str | None
    value: str | None


@dataclass(frozen=True, slots=True)
class Sent:
    """What one Patient says of itself: the rows of all `sent_…` tables."""

    birth_date: str | None
    gender: str | None
    multiple_birth: int | None
    """The place among twins; 0: a twin whose place is not told."""
    active: bool | None
    names: tuple[SentName, ...]
    addresses: tuple[SentAddress, ...]
    contacts: tuple[SentContact, ...]
    numbers: tuple[SentNumber, ...]


def sent_by(patient: Mapping[str, Any]) -> Sent:
    """Return what a Patient says, as it is told of one in a load.

    What is of another type than FHIR's is not said: in a load such a Patient is kept out.
    """
    active = patient.get("active")
    return Sent(
        _text(patient.get("birthDate")),
        _text(patient.get("gender")),
        _multiple_birth(patient),
        active if isinstance(active, bool) else None,
        tuple(map(_name, _items(patient, "name"))),
        tuple(map(_address, _items(patient, "address"))),
        tuple(
            SentContact(_text(v.get("system")), _text(v.get("value")))
            for v in _items(patient, "telecom")
        ),
        tuple(map(_number, _items(patient, "identifier"))),
    )


def _multiple_birth(patient: Mapping[str, Any]) -> int | None:
    place = patient.get("multipleBirthInteger")
    if isinstance(place, int) and 0 < place <= _LARGEST and not isinstance(place, bool):
        return place
    return 0 if patient.get("multipleBirthBoolean") is True else None


def _name(told: Mapping[str, Any]) -> SentName:
    suffix = (text for text in _texts(told, "suffix") if text is not None)
    family, text, use = (_text(told.get(key)) for key in ("family", "text", "use"))
    return SentName(use, family, tuple(_texts(told, "given")), tuple(suffix), text)


def _address(told: Mapping[str, Any]) -> SentAddress:
    lines, text = list(_texts(told, "line")), _text(told.get("text"))
    if isinstance(told.get("line"), list):
        text = " ".join(line for line in lines if line is not None)
    use, *area = (_text(told.get(key)) for key in ("use", "city", "state", "postalCode"))
    return SentAddress(use, text, *area)


def _number(told: Mapping[str, Any]) -> SentNumber:
    kind = told.get("type")
    codings = _items(kind, "coding") if isinstance(kind, Mapping) else iter(())
    codes = (_text(coding.get("code")) for coding in codings)
    type_ = next((code.upper() for code in codes if code is not None), None)
    return SentNumber(_text(told.get("system")), type_, _text(told.get("value")))


def _items(told: Mapping[str, Any], name: str) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of an element that may be there several times."""
    found = told.get(name)
    return (
        (one for one in found if isinstance(one, Mapping)) if isinstance(found, list) else iter(())
    )


def _texts(told: Mapping[str, Any], name: str) -> Iterator[str | None]:
    return map(_text, _listed(told, name))


def _listed(told: Mapping[str, Any], name: str) -> Sequence[object]:
    found = told.get(name)
    return found if isinstance(found, list) else ()


def _text(value: object) -> str | None:
    """Return a text, without halves of surrogate pairs: they are no letters."""
    if not isinstance(value, str):
        return None
    return value if value.isascii() else value.encode("utf-8", "replace").decode()
