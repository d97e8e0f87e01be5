"""Of whom it is not sure who they are. In: persons, links, findings; out: `identity_doubt`.

Two doubts are told apart. Where the records of one person contradict each other, or two people may
stand in one record, nobody can say whose a fact is: all of it is withheld. Where another record may
be the same person's, each fact is still this person's, but what is not here may stand there: only
that something is missing cannot be told.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from uptake.identity.model import shipped_model
from uptake.identity.persons import MOST

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

READS = frozenset({"person", "patient", "identifier", "person_record", "patient_link"})
"""Tables the loader must make, beside `finding`."""
TABLE = "identity_doubt"

_DOUBTS = f"""
create table {TABLE} as
with own as (
  select p.person, p.rid, i.feed, i.id, t.is_test,
    case when t.birth_date_date is not null then t.birth_date_text end as born,
    case when t.gender in ('female', 'male') then t.gender end as gender,
    n.given_all as given, n.given_roots as roots, n.family_all as family
  from person p join patient t using (rid) join record i using (rid)
  left join person_record n using (rid)
  where not t.entered_in_error
),
pair as (
  select a.person, a.born as a_born, b.born as b_born, a.gender as a_gender, b.gender as b_gender,
    a.given as a_given, b.given as b_given, a.roots as a_roots, b.roots as b_roots,
    a.family as a_family, b.family as b_family
  from own a join own b on b.person = a.person and b.rid > a.rid
  where a.is_test is not true and b.is_test is not true and not exists (
    select 1 from patient_link k where k.rid_l = a.rid and k.rid_r = b.rid and k.decided = 'same')
),
numbered as (
  select distinct o.person, o.born, i.system, i.value
  from identifier i join own o using (rid)
  where i.path = 'Patient.identifier' and i.type = 'MR' and i.system is not null
    and regexp_matches(i.value, '[0-9]') and replace(i.value, left(i.value, 1), '') <> ''
    and o.born is not null
  qualify count(*) over (partition by i.system, i.value) <= {MOST}
),
open_pair as (
  select rid_l, rid_r from patient_link
  where coalesce(decided, '') in ('', 'unsure')
    and (outcome = 'auto' or outcome = 'review' and probability >= $probable)
),
reason as (
  select p.person, false as only_absence, 'two people may stand in one record' as why, f."check"
  from finding f join person p on p.rid = f.rid where f."check" in (select unnest($checks))
  union all
  select person, false, 'one id names two people', '' from own where id is not null
  qualify min(person) over (partition by feed, id) <> max(person) over (partition by feed, id)
  union all
  select person, false, 'its records contradict each other on the birth date', '' from pair
  where not starts_with(a_born, b_born) and not starts_with(b_born, a_born)
  union all
  select person, false, 'its records contradict each other on the sex', '' from pair
  where a_gender <> b_gender
  union all
  select person, false, 'its records have no name in common', '' from pair
  where len(a_given) > 0 and len(b_given) > 0 and len(a_family) > 0 and len(b_family) > 0
    and not list_has_any(list_concat(a_given, a_roots, a_family),
      list_concat(b_given, b_roots, b_family))
    and not list_has_any(list_filter(a_given, lambda n: length(n) = 1),
      list_transform(b_given, lambda n: n[1]))
    and not list_has_any(list_filter(b_given, lambda n: length(n) = 1),
      list_transform(a_given, lambda n: n[1]))
  union all
  select unnest([l.person, r.person]), true, $why, if(l.feed = r.feed, 'DUP-02', '')
  from open_pair k join person l on l.rid = k.rid_l join person r on r.rid = k.rid_r
  where l.person <> r.person
  union all
  select o.person, true, 'another record with its number has another birth date', ''
  from numbered o join numbered b using (system, value)
  where b.person <> o.person and b.born <> o.born
)
select person, unnest(min({{'only_absence': only_absence, 'why': why, 'check': "check"}}))
from reason group by person
"""
LIKELY = "another record may be the same person, and nobody has decided"

DELIVERED = f"""
select i.id as patient_id, i.feed as patient_feed, d.person, d.only_absence, d.why, d."check"
from {TABLE} d join person p on p.person = d.person join record i using (rid)
join feed f on f.feed = i.feed
where i.id is not null and (f.role = 'ehr' or
  f.role = '' and not exists (select 1 from feed where feed.role = 'ehr'))
order by all
"""
"""What a run keeps: the chart's records of whom there is a doubt, sorted by patient."""


def build_doubts(db: Database) -> None:
    """Make `identity_doubt`: a row a person in doubt, whom the graver doubt is said of.

    What a reviewer found to be the same contradicts nothing: the reviewer saw both. Needs `finding`
    and the tables of READS.
    """
    known = shipped_model().settings
    db.run(
        _DOUBTS,
        {
            "checks": known["doubt"]["checks"],
            "probable": known["outcome"]["probable"],
            "why": LIKELY,
        },
    )
