"""The layers of subqueries that make a view's rows. In: lists to walk over; out: SQL around SQL."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Layer:
    """SQL before and after the query of the rows so far."""

    before: str
    after: str
    indexed: Layer | None = None
    """The layer that numbers its rows as well, for a view that asks for them."""

    def over(self, rows: str) -> str:
        """Return the query with this layer around it."""
        return f"{self.before}{rows}{self.after}"


@dataclass(slots=True)
class Layers:
    """Numbers layers, so that the columns each adds have names of their own."""

    found: list[Layer] = field(default_factory=list)

    def unnest(self, rows: str, guard: str, *, keep_empty: bool) -> tuple[str, str]:
        """Add a row for each in a list; returns the columns of the element and of its position.

        Rows outside the guard stay as they are; with `keep_empty` so do rows without elements.
        """
        n = len(self.found) + 1
        rows = _guarded(rows, guard, keep_empty=keep_empty)
        indexed = Layer(
            f"SELECT *, unnest(_l{n}) AS _e{n}, unnest(range(len(_l{n}))) AS _i{n}"
            f" FROM (SELECT *, {rows} AS _l{n} FROM (",
            "))",
        )
        self.found.append(Layer(f"SELECT *, unnest({rows}) AS _e{n} FROM (", ")", indexed))
        return f"_e{n}", f"_i{n}"

    def branch(self, count: int, guard: str) -> str:
        """Add a row for each branch of a union; returns the column of its number."""
        n = len(self.found) + 1
        rows = _guarded(str(list(range(count))), guard, keep_empty=False)
        self.found.append(Layer(f"SELECT *, unnest({rows}) AS _b{n} FROM (", ")"))
        return f"_b{n}"

    @property
    def element(self) -> str:
        """Return the column of the element that the next layer adds."""
        return f"_e{len(self.found) + 1}"

    def repeat(self, start: str, onward: str, guard: str) -> str:
        """Add a row for each JSON element of `start`, and of `onward` below each, in order.

        `start` is a list, and `onward` one of the next `element`; returns the column of the
        position. An element's path is the list of positions; parents sort before their children.
        """
        n = len(self.found) + 1
        rows = _guarded(start, guard, keep_empty=False)
        each = f"unnest(_l{n}) AS _e{n}, unnest(range(len(_l{n}))) AS _k{n}"
        before = (
            f"WITH RECURSIVE _t{n} AS (SELECT *, [_k{n}] AS _p{n} FROM (SELECT *, {each}"
            f" FROM (SELECT *, row_number() OVER () AS _n{n}, {rows} AS _l{n} FROM ("
        )
        after = (
            f"))) UNION ALL SELECT * REPLACE (list_append(_p{n}, _k{n}) AS _p{n}) FROM ("
            f"SELECT * REPLACE ({each}) FROM (SELECT * REPLACE ({onward} AS _l{n}) FROM _t{n})))"
        )
        number = f"row_number() OVER (PARTITION BY _n{n} ORDER BY _p{n}) - 1 AS _i{n}"
        indexed = Layer(before, f"{after} SELECT *, {number} FROM _t{n}")
        self.found.append(Layer(before, f"{after} SELECT * FROM _t{n}", indexed))
        return f"_i{n}"

    def finished(self, columns: Sequence[str]) -> tuple[Layer, ...]:
        """Return the layers; those whose positions nobody asks for do not number their rows."""
        asked = " ".join([*columns, *(layer.before + layer.after for layer in self.found)])
        return tuple(
            layer.indexed if layer.indexed and re.search(rf"\b_i{n}\b", asked) else layer
            for n, layer in enumerate(self.found, 1)
        )


def _guarded(rows: str, guard: str, *, keep_empty: bool) -> str:
    conditions = [f"len({rows}) > 0"] if keep_empty else []
    conditions += [guard] if guard else []
    if not conditions:
        return rows
    return f"(CASE WHEN {' AND '.join(conditions)} THEN {rows} ELSE [NULL] END)"
