"""Which record of a person is opened. In: links and persons; out: `linked_record` and
`patient_survivor`.

A sender that merges two Patients says so in `Patient.link`; where it says nothing, the record that
is in use and has most facts is taken for the one that people open. Senders keep a record each: a
record survives among those of its own feed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uptake.identity.outcomes import grouped
from uptake.identity.persons import COUNTED

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

LINK_READS = frozenset({"patient"})
"""The tables that `linked_record` is made from, beside those of every load."""
READS = frozenset({"linked_record", "patient", COUNTED})
"""The tables that `patient_survivor` is made from."""

_NODES = """
create temp table patient_node as
select p.rid, r.feed, r.id, p.active is not false as is_active,
  case when r.id is null then p.rid else min(p.rid) over (partition by r.feed, r.id) end as node
from patient p join record r using (rid)
"""
"""The versions of one Patient are one record, known by the smallest rid of them."""

_LINKS = """
create temp table sent_link as
with link as (
  select distinct n.node as own, o.node as other,
    json_extract_string(s.text,
      replace(replace(r.expression, 'Patient.', '$.'), '.other', '.type')) as type
  from reference r
  join stored s using (rid)
  join patient_node n using (rid)
  join patient_node o on o.rid = r.target_rid
  where r.path = 'Patient.link.other' and o.node <> n.node
)
select own, other, type,
  case type when 'replaced-by' then own when 'replaces' then other end as replaced
from link
"""


def build_links(db: Database) -> None:
    """Make `linked_record`: a row a Patient that a link joins with others, directly or not.

    `linked` is the same for all that are joined. Records that are all replaced by one another are
    joined to none: nobody can say which one is left.
    """
    db.run(_NODES)
    db.run(_LINKS)
    groups = grouped(db.rows("select distinct own, other from sent_link"))
    db.run("create temp table link_group (node bigint, linked bigint)")
    db.insert("link_group", ("node", "linked"), list(groups.items()))
    db.run("""
        create table linked_record as
        select n.rid, g.linked, r.replaced is not null as is_replaced
        from link_group g
        join patient_node n using (node)
        left join (select distinct replaced from sent_link where replaced is not null) r
          on r.replaced = g.node
        qualify not bool_and(r.replaced is not null) over (partition by g.linked)
    """)
    for name in ("link_group", "sent_link", "patient_node"):
        db.run(f"drop table {name}")


_SURVIVORS = """
create table patient_survivor as
with node as (
  select n.node, min(n.feed) as feed, min(n.id) as id, bool_and(n.is_active) as is_active,
    coalesce(bool_or(l.is_replaced), false) as is_replaced,
    min(coalesce(g.cluster, n.node)) as cluster
  from patient_node n
  left join linked_record l using (rid)
  left join person_group g using (rid)
  group by n.node
),
several as (
  select * from node qualify count(*) over (partition by cluster, feed) > 1
),
counted as (
  select s.node, count(r.rid) as facts from several s
  join patient_node n using (node)
  left join resource r on r.patient_rid = n.rid and r.type <> 'Patient' and not r.entered_in_error
  group by s.node
),
ranked as (
  select s.*, c.facts,
    row_number() over (partition by cluster, feed
      order by is_replaced, not is_active, facts desc, id nulls last, node) as k
  from several s join counted c using (node)
)
select n.rid, case when r.k = 1 then n.rid else b.node end as survivor_rid, r.cluster,
  case when r.k = 1 then ''
    when r.is_replaced and not b.is_replaced then 'replaced'
    when b.is_active and not r.is_active then 'inactive'
    when r.facts < b.facts then 'fewer facts'
    else 'as many facts' end as how
from ranked r
join ranked b on b.cluster = r.cluster and b.feed = r.feed and b.k = 1
join patient_node n on n.node = r.node
"""


def build_survivors(db: Database) -> None:
    """Make `patient_survivor`: a row a Patient of whom its feed has another record.

    Records are one person's as figures count persons: by number, link, decision, or likeness that
    is sure. The survivor is its own.
    """
    db.run(_NODES)
    groups = grouped(
        db.rows(
            f"select rid, person from {COUNTED} where rid <> person "
            "union all select rid, node from patient_node where rid <> node"
        )
    )
    db.run("create temp table person_group (rid bigint, cluster bigint)")
    db.insert("person_group", ("rid", "cluster"), list(groups.items()))
    db.run(_SURVIVORS)
    db.run("drop table person_group")
    db.run("drop table patient_node")
