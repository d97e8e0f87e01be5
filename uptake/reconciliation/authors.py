"""Who said something, in words. In: references to authors; out: SQL of what each is called."""

from __future__ import annotations

_NAMED = """
  named as (
    select s.rid, s.target_type, t.text->'$.name[0]' as name, t.text->>'$.name' as plain
    from said s left join stored t on t.rid = s.target_rid
      and t.type in ('Practitioner', 'Organization')
  )
  select rid, case
      when target_type = 'Patient' then 'the patient'
      when target_type = 'RelatedPerson' then 'a relative'
      when target_type = 'Organization' then plain
      when target_type = 'Practitioner' then coalesce(name->>'$.text', nullif(trim(concat_ws(' ',
        name->>'$.prefix[0]', name->>'$.given[0]', name->>'$.family')), ''))
    end as"""


def called(steps: str, column: str) -> str:
    """Return the query of rid and, in `column`, what its author is called.

    `steps` are CTEs, the last of which is `said`: rid, target_type and target_rid of the author.
    """
    return f"with {steps},{_NAMED} {column} from named"
