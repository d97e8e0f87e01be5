"""In: how many persons, a seed, naming cultures. Out: their records with the truth, natural rates.

    python -m benchmarks.population OUT.parquet --persons 20000 --seed 1 [--cultures anglo,hispanic]
        [--duplicates .10] [--traps 1]

Homes, people, names and contacts are made in SQL, where a draw is a hash of the seed, the row and
the purpose; duplicates are written by a clerk, one at a time. The rates and their sources:
rates.toml; how the people of a culture are named: a file of cultures/ each.

Cultures with `kept_apart` and the seeds from 900 on are for the last measurement only: no model may
be made or tuned on them.
"""

from __future__ import annotations

import tempfile
import tomllib
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from benchmarks.population.cultures import culture_rows, cultures, default_cultures, name_rows
from benchmarks.population.duplicates import Clerk, registered_again
from benchmarks.population.fhir import as_fhir
from benchmarks.population.wrong import Ground

__all__ = ["as_fhir", "cultures", "default_cultures", "population"]

HERE = Path(__file__).parent
MEMORY = "2GB"
BATCH = 20_000


def population(
    persons: int,
    seed: int,
    cultures: tuple[str, ...] | None = None,
    duplicates: float = 0.10,
    traps: float = 1.0,
) -> pa.Table:
    """Records of a population, shuffled: the columns of the shared sets, and five of its own.

    They are household, kind (of trap; '' for most), noise ('' in a person's first record), culture
    and country.

    `duplicates` is the share of persons with more than one record; `traps` multiplies the rates of
    those who are easily taken for each other. The same arguments give the same table.
    """
    chosen = cultures or default_cultures()
    rates = read_rates(traps)
    with duckdb.connect(
        config={"memory_limit": MEMORY, "temp_directory": tempfile.gettempdir()}
    ) as db:
        lay(db, persons, seed, chosen, rates)
        for step in ("persons", "truth", "contacts", "written"):
            db.execute((HERE / f"{step}.sql").read_text("utf-8"))
        register_again(db, seed, duplicates, rates)
        db.execute((HERE / "records.sql").read_text("utf-8"))
        table: pa.Table = db.sql("FROM record").to_arrow_table()
        return table


def read_rates(traps: float) -> dict[str, Any]:
    """rates.toml, the rates of traps multiplied, none of them above a half but factors."""
    rates: dict[str, Any] = tomllib.loads((HERE / "rates.toml").read_text("utf-8"))
    rates["traps"] = {
        name: rate * traps if rate >= 1 else min(0.5, rate * traps)
        for name, rate in rates["traps"].items()
    }
    return rates


def lay(
    db: duckdb.DuckDBPyConnection,
    persons: int,
    seed: int,
    chosen: tuple[str, ...],
    rates: dict[str, Any],
) -> None:
    """What the steps read: variables, cultures, names, towns' names, sources."""
    plain = {
        key: rates[key]
        for key in ("homes", "people", "traps", "twins", "father_son", "newborn", "homes_shared")
    }
    db.execute(f"SET VARIABLE rate = {plain!r}")
    db.execute(f"SET VARIABLE persons = {int(persons)}::bigint")
    db.execute(f"SET VARIABLE seed = {int(seed)}::bigint")
    names, towns, rules = name_rows(chosen), name_rows(("anglo",)), culture_rows(chosen)
    db.register("names", names)
    db.register("towns", towns)
    db.register("rules", rules)
    db.execute("CREATE TABLE name AS FROM names")
    db.execute("CREATE TABLE town AS SELECT name, low FROM towns WHERE list = 'surname'")
    db.execute("CREATE TABLE culture AS FROM rules")
    sources = [
        {
            "source": name,
            "plain": source["plain"],
            "capitals": source["capitals"],
            "missing": source["missing"],
        }
        for name, source in rates["source"].items()
        for _ in range(source["percent"])
    ]
    db.register(
        "sources", pa.Table.from_pylist([row | {"slot": slot} for slot, row in enumerate(sources)])
    )
    db.execute("CREATE TABLE source AS FROM sources")


def register_again(
    db: duckdb.DuckDBPyConnection, seed: int, share: float, rates: dict[str, Any]
) -> None:
    """Table `duplicate`: the records of persons, drawn by `share`, who are registered once more."""
    db.execute(f"SET VARIABLE share = {float(share)}")
    db.execute(f"SET VARIABLE again = {rates['duplicates']['again']}")
    db.execute((HERE / "repeated.sql").read_text("utf-8"))
    places = db.execute("SELECT city, state, zip, area FROM place ORDER BY place").fetchall()
    streets = db.execute("SELECT street_name FROM street ORDER BY street").fetchall()
    clerk = Clerk(seed, rates, Ground(places, [name for (name,) in streets]))
    db.execute("CREATE TABLE duplicate AS SELECT *, 0 AS copy, '' AS noise FROM written LIMIT 0")
    made = [
        pa.Table.from_pylist(list(registered_again(batch.to_pylist(), clerk)))
        for batch in db.sql("FROM repeated").to_arrow_reader(BATCH)
    ]
    if made:
        db.register("made", pa.concat_tables(made))
        db.execute("INSERT INTO duplicate BY NAME FROM made")
