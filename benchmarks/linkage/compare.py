"""In: one set. Out: what Uptake and its peers say of it, and what that costs, in the same run.

The peers live in a virtual environment of their own, benchmarks/.venv-linkage, made on first use
from the package registry. All get the same prepared records: lower case, no accents, digits of
phones and numbers only, whole dates only. Preparing is not counted, so it favours the peers.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.assess import Cost, measure
from benchmarks.linkage.figures import TRUE_PAIRS, VERDICT, Share
from benchmarks.linkage.told import share
from benchmarks.peers import install, last_line
from uptake.engine.duckdb import Database, quoted

PEERS = Path(__file__).parents[1] / ".venv-linkage"
SCRIPTS = Path(__file__).parent / "peers"
PINNED = (
    "splink==5.0.0",
    "duckdb==2.0.1",
    "recordlinkage==0.16",
    "goldenmatch==3.22.0",
    "polars==2.1.0",
)
PREPARED = """
select rid,
  nullif(regexp_replace(lower(strip_accents(given)), '[^a-z ]', '', 'g'), '') as given,
  upper(left(middle, 1)) as middle,
  nullif(regexp_replace(lower(strip_accents(family)), '[^a-z]', '', 'g'), '') as family,
  nullif(regexp_replace(lower(suffix), '[^a-z]', '', 'g'), '') as suffix,
  case when try_cast(birth_date as date) is not null then birth_date end as birth_date, gender,
  nullif(trim(regexp_replace(lower(line), '[^a-z0-9 ]', '', 'g')), '') as line,
  nullif(regexp_replace(lower(city), '[^a-z]', '', 'g'), '') as city, lower(state) as state,
  left(regexp_replace(lower(zip), '[^a-z0-9]', '', 'g'), 5) as zip,
  nullif(right(regexp_replace(phone, '[^0-9]', '', 'g'), 9), '') as phone,
  lower(email) as email,
  nullif(regexp_replace(upper(ssn), '[^A-Z0-9]', '', 'g'), '') as ssn
from set_row order by rid
"""
OURS = "benchmarks.linkage.peers.ours"
OURS_DECIDED = {
    "Uptake, auto": "outcome = 'auto'",
    "Uptake, auto + review": "outcome in ('auto', 'review')",
}
TOOLS = {
    "Splink 5.0.0, usual comparisons, EM": "splink_usual.py",
    "recordlinkage 0.16, ECM": "ecm.py",
    "GoldenMatch 3.22.0, no configuration": "golden.py",
}


@dataclass(frozen=True)
class Told:
    """What a tool joined, or how it failed; precision and recall are of pairs of records."""

    name: str
    cost: Cost | None = None
    pairs: int = 0
    hits: int = 0
    traps: int = 0
    true_pairs: int = 0
    best_f1: float | None = None
    failure: str = ""


def compare(db: Database) -> list[Told]:
    """What each tool makes of the set that `db` holds."""
    failure = install(PEERS, PINNED)
    with tempfile.TemporaryDirectory(prefix="linkage-") as folder:
        scratch = Path(folder)
        rows, prepared, out = (scratch / f"{n}.parquet" for n in ("rows", "prepared", "out"))
        db.run(f"copy (from set_row order by rid) to {quoted(str(rows))}")
        db.run(f"copy ({PREPARED}) to {quoted(str(prepared))}")
        cost = measure((sys.executable, "-m", OURS, str(rows), str(out)))
        told = [judged(db, name, cost, out, decided) for name, decided in OURS_DECIDED.items()]
        for name, script in TOOLS.items():
            out.unlink(missing_ok=True)
            if failure:
                told.append(Told(name, failure=failure))
                continue
            python = str(PEERS / "bin" / "python")
            cost = measure((python, str(SCRIPTS / script), str(prepared), str(out)), scratch)
            told.append(judged(db, name, cost, out, "decided"))
    return told


def judged(db: Database, name: str, cost: Cost, out: Path, decided: str) -> Told:
    """What a tool wrote, judged by the truth."""
    if cost.code or not out.exists():
        return Told(name, failure=f"exit {cost.code}: {last_line(cost.err or cost.out)}")
    db.run(f"""
        create or replace temp table peer_pair as
        select s.probability, {decided} as decided, {VERDICT} as same,
          l.kind <> '' or r.kind <> '' or g.expected is not null as trap
        from {quoted(str(out))} s join truth l on l.rid = s.rid_l join truth r on r.rid = s.rid_r
        left join graded_pair g on g.rid_l = s.rid_l and g.rid_r = s.rid_r
    """)
    (true_pairs,) = db.row(f"select count(*) from ({TRUE_PAIRS})")
    pairs, hits, traps = db.row(
        "select count(same), count(*) filter (same), count(*) filter (not same and trap) "
        "from peer_pair where decided"
    )
    (best,) = db.row(
        """
        with cut as (select round(probability, 9) as p, count(same) as n,
          count(*) filter (same) as hits from peer_pair group by p),
        kept as (select sum(n) over (order by p desc) as n, sum(hits) over (order by p desc) as hits
          from cut)
        select max(2 * hits / (n + $pairs)) from kept where n + $pairs > 0
        """,
        {"pairs": true_pairs},
    )
    return Told(name, cost, pairs, hits, traps, true_pairs, best)


def table(told: Sequence[Told]) -> str:
    """One row a tool. F1 is of what the tool itself decides; best F1 is over its own scores."""
    rows = [
        "| tool | pairs joined | precision | recall | F1 | best F1 | traps joined | s | peak, MB |",
        "|---|" + "---:|" * 8,
    ]
    for tool in told:
        if tool.cost is None:
            rows.append(f"| {tool.name} | {tool.failure} |" + " |" * 7)
            continue
        shares = (
            Share(tool.pairs, tool.hits),
            Share(tool.true_pairs, tool.hits),
            Share(tool.pairs + tool.true_pairs, 2 * tool.hits),
        )
        rows.append(
            f"| {tool.name} | {tool.pairs:,} | {' | '.join(share(s.value) for s in shares)} "
            f"| {share(tool.best_f1)} | {tool.traps:,} | {tool.cost.wall:.1f} "
            f"| {tool.cost.peak_tree:.0f} |"
        )
    return "\n".join(rows)
