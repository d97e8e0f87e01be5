"""Ids that stand for two things. In: the records of a load; out: the table `sent_again`.

A row a record whose id, or whose full URL, came more than once with another text: only of these the
content is compared. The order of keys, white space and `meta` are no content.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import msgspec

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

_AGAIN = """
with by_id as (
  select feed, type, id from record where id is not null group by all having count(*) > 1
),
by_url as (
  select full_url from record where full_url is not null
  group by all having count(distinct feed) > 1
),
again as (
  select r.rid, concat_ws(chr(31), feed, type, id) as identity from record r
  join by_id using (feed, type, id)
  union all
  select r.rid, full_url from record r join by_url using (full_url)
)
select a.rid, a.identity, s.text from again a join stored s using (rid)
"""
"""Within a feed type and id name a resource; across feeds only the full URL does: `Patient/1` of
two senders are two people."""

_decode = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder(order="sorted").encode


def build_sent_again(db: Database) -> None:
    """Make `sent_again`: rid, what it shares with others, its version and a hash of its content."""
    db.run(
        "create table sent_again (rid bigint, identity varchar, version_id varchar, "
        "last_updated varchar, content varchar)"
    )
    columns = ("rid", "identity", "version_id", "last_updated", "content")
    for batch in db.batches(_AGAIN):  # a feed sent twice is all of it: never all texts at once
        sent = zip(*(column.to_pylist() for column in batch.columns), strict=True)
        rows = [(rid, identity, *_said(_decode(text))) for rid, identity, text in sent]
        db.insert("sent_again", columns, rows)


def _said(resource: dict[str, Any]) -> tuple[str | None, str | None, str]:
    """Return the version, the time of its last update and a hash of the content."""
    meta = resource.pop("meta", None) or {}
    content = hashlib.blake2b(_encode(resource), digest_size=16).hexdigest()
    return meta.get("versionId"), meta.get("lastUpdated"), content
