"""The codes that use cases ask for, as tables. In: use cases; out: `measure_code`, `measure_word`.

The words of a requirement name the family of its concept: what sounds so and is coded otherwise is
what the use case will never find.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from uptake.definitions import read_use_cases

if TYPE_CHECKING:
    from collections.abc import Iterable

    from uptake.engine.duckdb import Database
    from uptake.model import UseCase

NAMES = frozenset({"measure_code", "measure_word"})
_CODE = ("use_case", "requirement", "type", "system", "code", "is_prefix")
_WORD = ("use_case", "requirement", "type", "word")


def build_families(db: Database, use_cases: Iterable[UseCase] | None) -> None:
    """Make `measure_code` and `measure_word` of these use cases, without them of those that ship.

    A requirement without words names no family: it is in neither table.
    """
    if use_cases is None:
        folder = Path(str(resources.files("uptake"))) / "content" / "use_cases"
        use_cases = read_use_cases([folder], verify=[]).values()
    worded = [(u, r, t) for u in use_cases for r in u.requirements for t in r.type if r.words]
    db.run(
        "create table measure_code (use_case varchar, requirement varchar, type varchar, "
        "system varchar, code varchar, is_prefix boolean)"
    )
    db.run(
        "create table measure_word (use_case varchar, requirement varchar, type varchar, "
        "word varchar)"
    )
    db.insert(
        "measure_code",
        _CODE,
        [
            (u.code, r.code, t, system, code.removesuffix("*"), code.endswith("*"))
            for u, r, t in worded
            for system, codes in r.codes.items()
            for code in codes
        ],
    )
    words = [(u.code, r.code, t, word.lower()) for u, r, t in worded for word in r.words]
    db.insert("measure_word", _WORD, words)
