"""How defects are planted. In: a chart; out: the same with one fault."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from benchmarks.planted.chart import (
    TERMS,
    Chart,
    concept,
    quantity,
)


def put(record: str, *path: str | int, to: Any) -> Callable[[Chart], None]:
    """Set an element of a record."""

    def plant(c: Chart) -> None:
        node: Any = c[record]
        for step in path[:-1]:
            node = node[step]
        node[path[-1]] = to(c) if callable(to) else to

    return plant


def drop(record: str, *names: str) -> Callable[[Chart], None]:
    """Remove elements of a record."""

    def plant(c: Chart) -> None:
        for name in names:
            c[record].pop(name, None)

    return plant


def swap(record: str, removed: str, **added: Any) -> Callable[[Chart], None]:
    """Put elements where one was."""

    def plant(c: Chart) -> None:
        c[record].pop(removed, None)
        c[record].update(added)

    return plant


def twin(record: str, **changes: Any) -> Callable[[Chart], None]:
    """Send a record a second time under another id."""
    return lambda c: c.twin(record, "twin", **changes)


def second_patient(**changes: Any) -> Callable[[Chart], None]:
    """Register the patient a second time."""
    return lambda c: c.twin("patient", "twin", **changes)


def other_visit(c: Chart) -> None:
    """A visit of somebody else, which the laboratory result names."""
    c.twin(
        "patient",
        "twin",
        identifier=[dict(c["patient"]["identifier"][0], value=f"X{c.number}99")],
        name=[{"family": "Somebody", "given": ["Else"]}],
        birthDate="1988-12-24",
        telecom=[],
        address=[],
    )
    c.twin("visit", "theirs", subject=c.ref("twin"))
    c["lab"]["encounter"] = c.ref("theirs")


def shared_accession(c: Chart) -> None:
    """One accession number on the results of two patients."""
    c.twin(
        "patient",
        "twin",
        identifier=[dict(c["patient"]["identifier"][0], value=f"Y{c.number}99")],
        name=[{"family": "Somebody", "given": ["Else"]}],
        birthDate="1988-12-24",
        telecom=[],
        address=[],
    )
    number = [
        {
            "type": concept(f"{TERMS}/v2-0203", "FILL"),
            "system": "http://lakeshore.example/accession",
            "value": f"ACC-{c.number}",
        }
    ]
    c["lab"]["identifier"] = number
    c.twin("lab", "theirs", subject=c.ref("twin"), identifier=number, encounter=None)
    c["theirs"].pop("encounter")
    c.twin("visit", "elsewhere", subject=c.ref("twin"))
    c["theirs"]["encounter"] = c.ref("elsewhere")
    c["theirs"].pop("basedOn")


def heavier(c: Chart) -> None:
    """Twice the weight two days later."""
    day = c["weight"]["effectiveDateTime"]
    c.twin(
        "weight",
        "twin",
        effectiveDateTime=f"{day[:8]}{int(day[8:10]) + 1:02}{day[10:]}",
        valueQuantity=quantity(c["weight"]["valueQuantity"]["value"] * 2.2, "kg"),
    )
    c["twin"].pop("encounter")
    c.twin(
        "visit",
        "later",
        period={
            "start": f"{day[:8]}{int(day[8:10]) + 1:02}T09:00:00-05:00",
            "end": f"{day[:8]}{int(day[8:10]) + 1:02}T10:00:00-05:00",
        },
    )
    c["twin"]["encounter"] = c.ref("later")
