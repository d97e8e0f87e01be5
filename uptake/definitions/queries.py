"""The queries of definitions. In: a sql block; out: its faults, at their lines of the file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from uptake.definitions.document import nearest
from uptake.definitions.reference import names_in

if TYPE_CHECKING:
    from uptake.definitions.document import Block, Document

# Columns that end as text in findings: a double there has another text on each engine.
_TEXTS = ("evidence", "expression", "suggestion", "fix_key", "repair")


JUDGED = ("eligible", "medication_difference", "opportunity", "usage_event")
"""Tables that are there once fitness is judged: opportunities and measures may read them."""


def verify_query(
    document: Document,
    block: Block,
    *,
    required: tuple[str, ...],
    optional: tuple[str, ...] = (),
    tables: tuple[str, ...] = (),
) -> None:
    """Note the faults of a block's query: the dialect's, and columns that lack or are too many."""
    from uptake.engine.dialect import check_query, known_tables

    # A project's own reference tables lie beside its own checks.
    own = names_in([document.path.parent.parent / "reference"])
    faults, columns = check_query(block.text, known_tables().union(tables, own), _TEXTS)
    for fault in faults:
        document.fault(block.line + fault.line - 1, fault.message)
    if not columns:
        return
    names = [name.lower() for name in columns]
    for name in required:
        if name not in names:
            document.fault(block.line, f"the query gives no {name}; select it")
    for at, name in enumerate(names):
        if name not in (*required, *optional):
            written = f"the query gives {name!r}" if name else f"column {at + 1} has no name"
            document.fault(block.line, f"{written}; {nearest(name, [*required, *optional])}")
        elif name in names[:at]:
            document.fault(block.line, f"the query gives {name} twice; select it once")


def verify_condition(document: Document, line: int, table: str, condition: str) -> None:
    """Note the faults of a condition on a flat table, all at the line of its key."""
    from uptake.engine.dialect import check_query, known_tables

    if table not in known_tables():
        document.fault(line, f"a condition needs a flat table, and there is no {table!r}; drop it")
        return
    query = f"select rid\nfrom {table}\nwhere ({condition}\n)"
    for fault in check_query(query, known_tables())[0]:
        document.fault(line, f"where: {fault.message}")
