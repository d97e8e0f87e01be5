"""Outside lists against the chart. In: a load's tables; out: the table `list_difference`.

A row an entry of an outside list of medications, problems or allergies, and what the chart says of
it: `same`, `omission` (the chart has not got it), `unmapped` (it cannot be told), or another kind
of `medication_difference` or `conflict`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

READS = frozenset(["medication_difference", "list_verdict"])
"""Tables the loader must make first."""

_LISTS = """
create table list_difference as
  select outside_rid as rid, outside_type as type, kind, chart_rid, outside_text, chart_text
  from medication_difference where outside_rid is not null and kind <> 'allergy'
  union all
  select outside_rid, type,
    case stance when 'same' then 'same' when 'untold' then 'unmapped'
      else case kind when 'absent' then 'omission' else kind end end,
    chart_rid, nullif(outside_text, ''), nullif(chart_text, '')
  from list_verdict where outside_rid is not null
  qualify row_number() over (
    partition by outside_rid order by stance = 'untold', severity = 'low', chart_rid) = 1
"""
"""An entry that denies several of the chart's has one row."""


def build_list_differences(db: Database) -> None:
    """Make `list_difference`; empty unless one feed is the EHR and one is an outside source."""
    db.run(_LISTS)
