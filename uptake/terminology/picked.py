"""Codes that were picked by hand and ship where a release may not. In: CSV files; out: parts.

They are lists that people read and mend, in the columns of their publishers.
"""

from __future__ import annotations

import itertools
from importlib import resources
from pathlib import Path

from uptake.engine.duckdb import quoted
from uptake.terminology.check_digits import LOINC, RXNORM
from uptake.terminology.loinc_kinds import KIND
from uptake.terminology.releases import COLUMNS, Release

_NAMED = {
    LOINC: ("common LOINC codes", "loinc.csv"),
    RXNORM: ("common RxNorm ingredients", "rxnorm.csv"),
}
_READ = {
    "loinc.csv": {
        "system": quoted(LOINC),
        "code": "LOINC_NUM",
        "display": "LONG_COMMON_NAME",
        "active": "STATUS <> 'DEPRECATED'",
        "kind": KIND,
    },
    "rxnorm.csv": {
        "system": quoted(RXNORM),
        "code": "RXCUI",
        "display": "STR",
        "active": "true",
        "kind": "'drug ingredient'",
        "tty": "TTY",
        "ingredient": "RXCUI",
    },
}


def picked() -> dict[str, Release]:
    """Return what was picked by hand, by system, as what stands in for a release."""
    folder = Path(str(resources.files("uptake"))) / "content" / "terminology"
    found: dict[str, Release] = {}
    for system, (name, file) in _NAMED.items():
        with (folder / file).open(encoding="utf-8") as lines:
            rows = sum(1 for line in lines if not line.startswith("#")) - 1
        found[system] = Release(name, "", (system,), rows, file, folder=folder / file)
    return found


def concepts_of_csv(path: Path) -> str:
    """Return the query of a list's concepts, with the columns of every release."""
    own = _READ[path.name]
    columns = ", ".join(
        f"({own.get(name, 'null')})::{kind} as {name}" for name, kind in COLUMNS.items()
    )
    return f"select {columns} from {csv_of(path)}"


def csv_of(path: Path) -> str:
    """Return the relation of a CSV file of ours, all columns text; comments come before it.

    They are skipped by their number: DuckDB's `comment` would also end a line at the # of
    `Leukocytes [#/volume] in Blood`.
    """
    with path.open(encoding="utf-8") as lines:
        comments = sum(1 for _ in itertools.takewhile(lambda line: line.startswith("#"), lines))
    settings = f"skip = {comments}, header = true, delim = ',', quote = '\"', all_varchar = true"
    return f"read_csv({quoted(str(path))}, {settings})"
