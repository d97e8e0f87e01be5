"""The SQL of definitions: every allowed form runs, every trap is refused."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import duckdb
import pytest
import sqlglot
from sqlglot import exp

import uptake
from uptake.definitions.reference import shipped_reference_tables
from uptake.engine.dialect import allowed_features, check_query, known_tables
from uptake.engine.tokens import calls_of, read_tokens, tables_of

CONTENT = Path(uptake.__file__).parent / "content"
FORMS = tomllib.loads((CONTENT / "functions.toml").read_text("utf-8"))
EXAMPLES = {
    f"{part}.{name}": form for part in ("function", "syntax") for name, form in FORMS[part].items()
}
TABLES = known_tables()


def messages(sql: str) -> list[str]:
    return [f"{fault.line}: {fault.message}" for fault in check_query(sql, TABLES)[0]]


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_runs_on_duckdb_and_gives_what_it_says(name: str) -> None:
    form = EXAMPLES[name]
    with duckdb.connect() as connection:
        connection.execute("set TimeZone = 'UTC'")
        rows = connection.execute(
            f"select coalesce(cast(x as varchar), 'NULL') from ({form['example']}) as q(x)"
        ).fetchall()
    assert rows == [(form["gives"],)]


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_translates_to_spark(name: str) -> None:
    sql = EXAMPLES[name]["example"]
    translated = sqlglot.transpile(
        sql, "duckdb", "spark", unsupported_level=sqlglot.ErrorLevel.RAISE
    )
    assert len(translated) == 1
    assert sqlglot.parse_one(translated[0], dialect="spark")


@pytest.mark.parametrize("name", EXAMPLES)
def test_example_is_allowed(name: str) -> None:
    assert messages(EXAMPLES[name]["example"]) == []


@pytest.mark.parametrize("name", FORMS["function"])
def test_function_has_a_reason_and_an_example_that_calls_it(name: str) -> None:
    form = FORMS["function"][name]
    assert form["why"]
    assert name in [call.name for call in calls_of(read_tokens(form["example"]))]
    assert name not in FORMS["refused"]


def test_no_reader_of_files_and_no_command_slips_into_the_allowed_syntax() -> None:
    dangerous = {"ReadCSV", "ReadParquet", "Command", "Lambda", "Bracket", "Slice", "AtTimeZone"}
    dangerous |= {"Comprehension", "Unnest", "Explode", "Limit", "TableSample", "Avg", "Rand"}
    dangerous |= {"CurrentDate", "CurrentTimestamp", "JSONExtract", "WindowSpec", "Placeholder"}
    assert not dangerous & allowed_features()


REFERENCE = frozenset(shipped_reference_tables())
"""Their own first lines document them."""


def test_tables_are_the_documented_ones() -> None:
    text = (Path(__file__).parents[2] / "docs" / "tables.md").read_text("utf-8")
    flat = re.search(r"One a ViewDefinition in `content/views`: (.*?)\. A type", text, re.DOTALL)
    assert flat
    rows = set(re.findall(r"^\| ([a-z_]+) \|", text, re.MULTILINE))
    documented = set(re.findall(r"`(\w+)`", flat[1])) | rows | {"event", "resource"}
    assert documented - {"table", "column", "rid", "month", "hash"} >= TABLES - REFERENCE
    assert set(re.findall(r"`(\w+)`", flat[1])) <= TABLES


GOOD = [
    "select rid, encounter_rid is null as violates, null as evidence from observation "
    "where category in ('laboratory', 'vital-signs')",
    "with d as (select e.rid, count(*) over (partition by type, code, at_text) as n, row_number() "
    "over (partition by code order by e.at, rid) as k from event as e) select d.rid, n > 1 and "
    "k > 1 as violates, cast(n as varchar) || ' copies' as evidence from d "
    "join resource as r on r.rid = d.rid",
    "select rid from event, run where event.at_time > run.as_of + interval 5 minute",
    "select 'x' || value from identifier where not regexp_matches(value, '^[0-9]+$')",
    "select a.rid from patient as a anti join (select rid from coding union all select rid from "
    "concept) as b using (rid), run",
    "select extract(year from run.as_of_date) - extract(year from p.birth_date) from patient as p, "
    "run",
]


@pytest.mark.parametrize("sql", GOOD)
def test_what_a_check_needs_is_allowed(sql: str) -> None:
    assert messages(sql) == []


REFUSED = [
    ("select avg(value) from quantity", "avg() is refused"),
    ("select sum(value) from quantity", "a sum of doubles"),
    ("select list(rid) from event", "list() is refused"),
    ("select array_agg(rid) from event", "array_agg() is refused"),
    ("select string_agg(code, ',' order by code) from event", "string_agg() is refused"),
    ("select first(code) from event", "first() is refused"),
    ("select any_value(code) from event", "any_value() is refused"),
    ("select arg_max(code, rid) from event", "arg_max() is refused"),
    ("select row_number() over (order by code) from event", "end its order by with rid"),
    ("select row_number() over () from event", "end its order by with rid"),
    ("select lag(code) over (order by event.at) from event", "end its order by with rid"),
    ("select row_number() over (order by rid) from coding", "end its order by with expression"),
    ("select row_number() over w from event window w as (order by rid)", "write the window out"),
    ("select min(rid) over (order by rid rows 1 preceding) from event", "depend on ties"),
    ("select cast(value as varchar) from quantity", "makes text of a double"),
    ("select value::text from event", "makes text of a double"),
    ("select value || ' kg' from quantity", "makes text of a double"),
    ("select concat('x', q.v) from (select value as v from quantity) as q", "makes text"),
    ("with q as (select value / 2 as v from event) select v || 'x' from q", "makes text"),
    ("select cast(epoch(event.at) as varchar) from event", "makes text of a double"),
    ("select cast(value as integer) from quantity", "put floor() or round() inside"),
    ("select random()", "random() is refused"),
    ("select now()", "now() is refused"),
    ("select current_date", "`as_of_date` of the table run"),
    ("select current_timestamp", "`as_of` of the table run"),
    ("select today()", "today() is refused"),
    ("select getvariable('x')", "getvariable() is refused"),
    ("select rid from read_csv('x.csv')", "read_csv() is not a function"),
    ("select rid from read_parquet('x')", "read_parquet() is not a function"),
    ("select rid from 'x.parquet'", "there is no table `x.parquet`"),
    ("select rid from glob('*')", "glob() is not a function"),
    ("select x from range(3)", "range() is not a function"),
    ("select rid from information_schema.tables", "there is no table"),
    ("select rid from main.event", "there is no table `main.event`"),
    ("select rid from patiant", "there is no table `patiant`; did you mean patient?"),
    ("with patient as (select 1 as rid) select rid from patient", "give the CTE another one"),
    ("select list_transform(a, x -> x + 1) from event", "list_transform() is not a function"),
    ("select [x * 2 for x in a] from event", "use a datatype table|write a join"),
    ("select a[-1] from event", "subscripts count from another end"),
    ("select a[1:2] from event", "Spark gets another slice"),
    ("select dayofweek(event.at) from event", "dayofweek() is refused"),
    ("select isodow(event.at) from event", "isodow() is refused"),
    ("select extract(dow from event.at) from event", "days count from another day"),
    ("select date_part('isodow', event.at) from event", "write one of year, month"),
    ("select date_diff('day', a, b) from event", "date_diff() is refused"),
    ("select a_date - b_date from event", "compare with `+ interval n day`"),
    ("select event.at at time zone 'UTC' from event", "it shifts the other way"),
    ("select timezone('UTC', event.at) from event", "timezone() is refused"),
    ("select quantile_cont(value, 0.5) from quantity", "quantile_cont() is refused"),
    ("select unnest(a) from event", "unnest() is refused"),
    ("select rid from event, unnest(a)", "unnest() is refused"),
    ("select * from event", "name the columns"),
    ("select e.* from event as e", "name the columns"),
    ("from event", "begin with select or with"),
    ("select rid from event limit 3", "which rows stay is left to chance"),
    ("select distinct on (code) rid from event", "which row stays is left to chance"),
    ("select rid from event using sample 3", "a sample is another one"),
    ("select rid from event tablesample 10%", "a sample is another one"),
    ("select rid from event asof join run on event.at_time >= run.as_of", "Spark lacks it"),
    ("select rid from event natural join run", "write on or using"),
    ("with recursive t as (select 1 as a) select a from t", "take `recursive` out"),
    ("select at from event", "write it with its table"),
    ("select rowid from event", "use rid"),
    ("select code.lower() from event", ".lower() hangs behind a dot"),
    ("select lowr(code) from event", "did you mean lower()?"),
    ("select lower(code, 'x') from event", "lower() has 2 arguments; give it 1"),
    ("select substr(code, 0) from event", "it must be 1 or more"),
    ("select left(code, -1) from event", "it must be 1 or more"),
    ("select regexp_matches(code, display) from event", "write the text or number out"),
    ("select regexp_replace(code, 'a', 'b') from event", "has 3 arguments; give it 4"),
    ("select regexp_replace(code, 'a', 'b', 'i') from event", "write one of g"),
    ("select regexp_extract(code, 'a') from event", "has 2 arguments; give it 3"),
    ("select cast(code as json) from event", "(type JSON)"),
    ("select code -> '$.a' from event", "(JSONExtract)"),
    ("select ? from event", "no parameters"),
    ("select e'a' from event", "between plain quotes"),
    ("select $$a$$ from event", "between plain quotes"),
    ("select rid from event; select 1", "2 statements"),
    ("select rid from event;", "take it out"),
    ("select rid from", "the SQL cannot be read"),
    ("", "nothing is no query"),
    ("-- nothing", "nothing is no query"),
    *((f"{verb} x", f"{verb.split()[0]} is no query") for verb in (
        "attach", "copy", "pragma", "install", "load", "set", "drop table", "create table",
        "insert into", "update", "delete from", "describe", "explain", "call", "values (1),",
    )),
]  # fmt: skip


@pytest.mark.parametrize(("sql", "says"), REFUSED)
def test_refused(sql: str, says: str) -> None:
    found = messages(sql)
    assert any(part in message for message in found for part in says.split("|")), found


def test_every_fault_at_once_each_at_its_line() -> None:
    sql = "select\n  avg(value),\n  q.*,\n  now()\nfrom quantity as q\njoin patiant using (rid)"
    assert messages(sql) == [
        "2: avg() is refused: the order of rows decides its last digits; compare counts instead",
        "3: `*` changes when a table gains a column; name the columns",
        "4: now() is refused: a run must give the same answer tomorrow; use `as_of` of the table "
        "run",
        "6: there is no table `patiant`; did you mean patient?",
    ]


def test_a_double_as_evidence_is_a_fault() -> None:
    faults, columns = check_query("select rid, value as evidence from event", TABLES, ["evidence"])
    assert columns == ["rid", "evidence"]
    assert [fault.message for fault in faults] == [
        "evidence is a double; cast it to decimal(18, 6) first, or use value_key"
    ]


HARD_TO_READ = [
    "with a as (select rid from observation), b as not materialized (select 1 as rid from coding, "
    "run as r, a) select extract(year from z), trim(y) from a join (select q from text where u is "
    'distinct from v) as t on least(a, b) = 1, event as e left join "quantity" using (rid) where '
    "exists (select 1 from patient as p, run) and x in (select rid from condition group by a, b "
    "having 1 = 1) -- from nowhere\n union all select 'from here' from (encounter join claim using "
    "(rid)), moment order by a, b",
    "select coalesce((select max(rid) from identifier), 1) /* join claim */ from PATIENT",
    "select 1",
]


def parsed_tables(sql: str) -> frozenset[str]:
    tree = sqlglot.parse_one(sql, dialect="duckdb")
    ctes = {cte.alias.lower() for cte in tree.find_all(exp.CTE)}
    return frozenset(t.name.lower() for t in tree.find_all(exp.Table)) - ctes


def queries() -> list[str]:
    blocks = re.compile(r"^```sql\n(.*?)^```", re.MULTILINE | re.DOTALL)
    files = [*(CONTENT / "checks").glob("*.md"), *(CONTENT / "use_cases").glob("*.md")]
    return [sql for path in files for sql in blocks.findall(path.read_text("utf-8"))]


def test_tables_of_agrees_with_the_parser() -> None:
    examples = [form["example"] for form in EXAMPLES.values()]
    for sql in [*HARD_TO_READ, *GOOD, *examples, *queries()]:
        assert tables_of(sql) == parsed_tables(sql), sql
