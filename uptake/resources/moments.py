"""FHIR dates in SQL. In: the text as sent; out: instant, civil date, precision and offset.

A partial date is never rounded in silence: its precision says how much was sent. Source of the
grammar: FHIR R4, datatypes, dateTime.
"""

from __future__ import annotations

GRAMMAR = (
    r"^\d{4}(-(0[1-9]|1[0-2])(-(0[1-9]|[12]\d|3[01])"
    r"(T([01]\d|2[0-3]):[0-5]\d(:([0-5]\d|60)(\.\d+)?)?(Z|[+-](0\d|1[0-3]):[0-5]\d|[+-]14:00)?)?)?)?$"
)
"""FHIR's dateTime, but seconds and zone may lack: such times are read, and said to lack them."""

MACROS = f"""
create or replace macro fhir_moment_precision(t) as case
  when not regexp_matches(t, '{GRAMMAR}') then null
  when try_cast(rpad(left(t, 10), 10, '-01') as date) is null then null
  when length(t) = 4 then 'year' when length(t) = 7 then 'month' when length(t) = 10 then 'day'
  when t[17:17] <> ':' then 'minute' when t[20:20] = '.' then 'fraction' else 'second' end;
create or replace macro fhir_moment_date(t) as
  try_cast(case length(t) when 4 then t || '-01-01' when 7 then t || '-01' else left(t, 10) end
           as date);
create or replace macro fhir_moment_offset(t) as case
  when length(t) < 16 then null when right(t, 1) = 'Z' then 0
  when right(t, 6)[1:1] in ('+', '-') and right(t, 6)[4:4] = ':'
  then (case when right(t, 6)[1:1] = '-' then -1 else 1 end)
       * (try_cast(right(t, 6)[2:3] as integer) * 60 + try_cast(right(t, 2) as integer)) end;
create or replace macro fhir_moment_at(t) as case
  when length(t) <= 10 then cast(fhir_moment_date(t) as timestamp)
  else cast(try_cast(case when t[17:17] = ':' then t else left(t, 16) || ':00' || t[17:] end
                     as timestamptz) as timestamp) end;
"""
"""Run once a connection whose TimeZone is UTC: a time without an offset is then read as UTC."""


def columns(value: str) -> str:
    """Return the SQL of the columns `at_time, at_date, at_offset, at_precision` of a text."""
    precision = f"fhir_moment_precision({value})"
    read = ", ".join(
        f"case when {precision} is not null then fhir_moment_{part}({value}) end as {name}"
        for part, name in (("at", "at_time"), ("date", "at_date"), ("offset", "at_offset"))
    )
    return f"{read}, {precision} as at_precision"
