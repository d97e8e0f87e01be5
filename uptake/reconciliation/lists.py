"""Outside lists against the chart. In: a load's tables; out: the table `list_difference`.

A row an active entry of an outside list of medications, problems or allergies, and what the chart
says of it: `same`, `status` (the chart has it, as no longer active), `strength` or `sig` (another
dose), `omission` (the chart has not got it) or `unmapped` (it cannot be told). An entry is said to
be absent only where every entry of the chart can be compared with it: both have a code of one
system, and no name of the chart begins a word alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

READS = frozenset(
    ["medication_difference", "person", "condition", "allergy_intolerance", "coding",
     "system_status"]
)  # fmt: skip
"""Tables the loader must make first."""

_GENERIC = (
    "acute", "adverse", "allergic", "allergy", "and", "arising", "benign", "chronic",
    "condition", "disease", "disorder", "due", "elevated", "essential", "finding", "following",
    "for", "from", "history", "intolerance", "left", "malignant", "mild", "multiple", "nos",
    "not", "of", "other", "primary", "product", "reaction", "recurrent", "related", "right",
    "secondary", "severe", "situation", "specified", "stage", "status", "substance", "syndrome",
    "the", "type", "unspecified", "with", "without",
)  # fmt: skip
"""Words of half of all names: two that share only these are not alike."""
_LETTERS = 4
"""As many letters make two words alike: gout and gouty, hypertension and hypertensive."""
_SHORTEST = 3
"""A word of fewer letters is no name."""

_MEDICATIONS = """
create table list_difference as
  select outside_rid as rid, outside_type as type, kind, chart_rid, outside_text, chart_text
  from medication_difference where outside_rid is not null
"""

_ENTRIES = """
create temp table judged_entry as
  with entry as (
    select rid, 'Condition' as type, patient_rid, code_text, code_display,
      clinical_status in ('active', 'recurrence', 'relapse') as active
    from condition
    where not entered_in_error and category is distinct from 'encounter-diagnosis'
      and verification_status is distinct from 'refuted'
    union all
    select rid, 'AllergyIntolerance', patient_rid, code_text, code_display,
      coalesce(clinical_status, 'active') = 'active'
    from allergy_intolerance
    where not entered_in_error and verification_status is distinct from 'refuted'
  )
  select e.rid, e.type, p.person, d.role = 'ehr' as chart, e.active,
    trim(coalesce(e.code_text, e.code_display, '')) as text
  from entry e join record r using (rid) join feed d on d.feed = r.feed
  join person p on p.rid = e.patient_rid
  where d.role in ('ehr', 'external') and (d.role = 'ehr' or e.active)
    and not regexp_matches(lower(coalesce(e.code_text, e.code_display, '')), '^no (known|history)')
"""
"""`No known allergies` is no entry of a list: it says that there is none."""

_WORDS = """
create temp table judged_word as
  select distinct rid, type, person, chart, left(word, {letters}) as stem
  from (select *, unnest(string_split_regex(lower(text), '[^a-z]+')) as word from judged_entry)
  where length(word) >= {shortest} and word not in ({generic})
"""

_CODES = """
create temp table judged_code as
  select distinct e.rid, e.type, e.person, e.chart, e.active,
    coalesce(s.canonical, c.system) as system, c.code
  from judged_entry e
  join coding c on c.rid = e.rid and c.path = e.type || '.code.coding'
  left join system_status s on s.system = c.system
  where trim(c.system) <> '' and trim(c.code) <> ''
"""

_COMPARED = """
insert into list_difference
  with known as (
    select distinct person from person join feed using (feed) where role = 'ehr'
  ),
  outside as (
    select * from judged_entry where not chart and person in (select person from known)
  ),
  met as (
    select o.rid, bool_or(c.active) as active, bool_or(c.active is null) as untold,
      coalesce(min(c.rid) filter (c.active), min(c.rid)) as chart_rid
    from judged_code o join judged_code c using (type, person, system, code)
    where not o.chart and c.chart group by o.rid
  ),
  alike as (
    select distinct o.rid from judged_word o join judged_word c using (type, person, stem)
    where not o.chart and c.chart
  ),
  -- entries of the chart that no code of the outside entry can be compared with
  beyond as (
    select distinct o.rid from outside o join judged_entry c using (type, person)
    where c.chart and not exists (
      select 1 from judged_code x join judged_code y using (system)
      where x.rid = o.rid and y.rid = c.rid)
  )
  select o.rid, o.type,
    case when m.active then 'same' when m.untold then 'unmapped'
      when m.rid is not null then 'status'
      when a.rid is not null or b.rid is not null then 'unmapped'
      when not exists (select 1 from judged_code k where k.rid = o.rid) then 'unmapped'
      when o.type not in (
        select r.type from record r join feed d on d.feed = r.feed where d.role = 'ehr')
        then 'unmapped'
      else 'omission' end,
    m.chart_rid, nullif(o.text, ''), nullif(c.text, '')
  from outside o
  left join met m on m.rid = o.rid left join alike a on a.rid = o.rid
  left join beyond b on b.rid = o.rid left join judged_entry c on c.rid = m.chart_rid
"""


def build_list_differences(db: Database) -> None:
    """Make `list_difference`; empty unless one feed is the EHR and one is an outside source."""
    db.run(_MEDICATIONS)
    db.run(_ENTRIES)
    generic = ", ".join(f"'{word}'" for word in _GENERIC)
    db.run(_WORDS.format(letters=_LETTERS, shortest=_SHORTEST, generic=generic))
    db.run(_CODES)
    db.run(_COMPARED)
    for name in ("judged_entry", "judged_word", "judged_code"):
        db.run(f"drop table {name}")
