"""The engine: an error of a query says what is wrong, and nothing of a patient."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from uptake.engine.duckdb import Database
from uptake.errors import EngineError


@pytest.fixture
def db(tmp_path: Path) -> Iterator[Database]:
    opened = Database(threads=1, memory="200MB", spill=tmp_path)
    yield opened
    opened.close()


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("cast('Jane Doe' as integer)", "Could not convert string … to INT32"),
        ("cast('O''Brien, Jane' as date)", "expected format is (YYYY-MM-DD)"),
        ("strptime('Jane Doe', '%Y')", "Could not parse string …"),
        ("'{Jane'::json->'a'", "Malformed JSON at byte 1"),
        ("cast(47110815000 as integer)", "with value … can't be cast"),
        ("47110815000 * 4000000000", "Overflow in multiplication"),
    ],
)
def test_an_error_over_data_holds_no_value(db: Database, expression: str, said: str) -> None:
    with pytest.raises(EngineError) as failed:
        db.rows(f"select {expression}")
    assert said in str(failed.value)
    assert not any(part in str(failed.value) for part in ("Jane", "Brien", "4711"))


def test_an_error_of_the_query_names_what_is_wrong(db: Database) -> None:
    with pytest.raises(EngineError, match='"name_of_nothing"'):
        db.rows("select name_of_nothing from (select 1 as a)")
