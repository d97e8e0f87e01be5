"""ViewDefinitions of what tables are made from. In: the flat views and R4; out: their JSON.

`raw_observation` is the view of `content/views` with the resource's key beside. A datatype table is
a view a resource type (`coding_observation`), one branch of a union for each place of the datatype;
where it stands is told by `%rowIndex` and a template: `Observation.code.coding[#0]`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from importlib import resources
from itertools import count
from typing import Any, TypeAlias

from uptake import r4
from uptake.resources.datatypes import TABLES, Place, Step, places
from uptake.resources.flat import shipped_view, view_names

Json: TypeAlias = "dict[str, Any]"

KEY = {"name": "rid", "path": "getResourceKey()", "type": "string"}
ERROR_PATHS = {
    "status": "status = 'entered-in-error'",
    "verificationStatus": "verificationStatus.coding.where(code = 'entered-in-error').exists()",
}
COLUMNS = {
    "coding": {
        "system": ("system", "uri"),
        "version": ("version", "string"),
        "code": ("code", "code"),
        "display": ("display", "string"),
    },
    "concept": {"text": ("text", "string")},
    "sent_reference": {
        "reference": ("reference", "string"),
        "has_identifier": ("identifier.exists()", "boolean"),
    },
    "sent_moment": {"text": ("$this", "string")},
    "sent_period": {"start_text": ("start", "dateTime"), "end_text": ("end", "dateTime")},
    "quantity": {
        "value": ("value", "decimal"),
        "comparator": ("comparator", "code"),
        "unit": ("unit", "string"),
        "system": ("system", "uri"),
        "code": ("code", "code"),
    },
    "identifier": {
        "use": ("use", "code"),
        "type": ("type.coding.first().code", "code"),
        "system": ("system", "uri"),
        "value": ("value", "string"),
    },
    "dosage": {
        "text": ("text", "string"),
        "has_dose": (
            "doseAndRate.where(dose.ofType(Quantity).value.exists() or dose.ofType(Range).exists()"
            " or rate.ofType(Quantity).exists() or rate.ofType(Range).exists()"
            " or rate.ofType(Ratio).exists()).exists()",
            "boolean",
        ),
        "has_route": ("route.exists()", "boolean"),
        "has_timing": (
            "timing.code.exists() or timing.repeat.exists() or timing.event.exists()",
            "boolean",
        ),
    },
    "text": {"value": ("$this", "string")},
}
"""Datatype table to its columns: a path from the element, and the FHIR type."""


def raw_views() -> dict[str, Json]:
    """Return the views of the flat tables by label."""
    folder = resources.files("uptake") / "content" / "views"
    found = {}
    for name in sorted(view_names()):
        view = json.loads((folder / f"{name}.json").read_text("utf-8"))
        select = view["select"][0]
        select = {**select, "column": [KEY, *_meta(view["resource"]), *select["column"]]}
        found[f"raw_{name}"] = _view(f"raw_{name}", view["resource"], [select])
    return found


def datatype_views(table: str) -> dict[str, Json]:
    """Return the views of one datatype table by label, one a resource type that has a flat table.

    Extensions count at the resource's root, one level deep.
    """
    found = {}
    for name in sorted(view_names()):
        resource = shipped_view(name).resource
        at = [p for p in _all_places(resource) if p.type in TABLES[table].types]
        at = [p for p in at if not (p.within and TABLES[table].told_elsewhere)]
        if at:
            levels = levels_of(table, resource)
            branches = [_branch(table, place, levels) for place in at]
            select: list[Json] = [{"column": [KEY]}, {"unionAll": branches}]
            found[f"{table}_{name}"] = _view(f"{table}_{name}", resource, select)
    return found


def levels_of(table: str, resource: str) -> int:
    """Return how many lists lie within each other above an element of this table, at most."""
    return max(
        sum(s.many for s in p.steps) for p in _all_places(resource) if p.type in TABLES[table].types
    )


def _all_places(resource: str) -> Iterator[Place]:
    yield from places(resource)
    extension = r4.node(resource).field("extension")
    if extension:
        step = Step("extension", "extension", extension.many)
        for place in places("Extension"):
            if place.steps[0].json_name != "url":
                yield Place(resource, (step, *place.steps), place.type, place.within)


def _meta(resource: str) -> list[Json]:
    """Return the columns of what is asked of every resource, whatever its type."""
    errors = [path for name, path in ERROR_PATHS.items() if r4.node(resource).field(name)]
    return [
        {"name": "meta_id", "path": "id", "type": "id"},
        {"name": "meta_entered_in_error", "path": errors[-1] if errors else "false",
         "type": "boolean"},
        {"name": "meta_last_updated", "path": "meta.lastUpdated", "type": "instant"},
        {"name": "meta_source", "path": "meta.source", "type": "uri"},
    ]  # fmt: skip


def _view(label: str, resource: str, select: Sequence[Json]) -> Json:
    return {
        "resourceType": "ViewDefinition",
        "id": label.replace("_", "-"),
        "url": url("view", label),
        "name": label,
        "status": "active",
        "resource": resource,
        "fhirVersion": ["4.0.1"],
        "select": list(select),
    }


def url(kind: str, name: str) -> str:
    """Return the canonical URL of an artefact: `urn:uptake:check:COD-02`."""
    return f"urn:uptake:{kind}:{name}"


def _branch(table: str, place: Place, levels: int) -> Json:
    """Return the branch of a union for one place: a `forEach` a list, the columns innermost."""
    numbers = count()
    segments = list(_segments(place))
    template = f"{place.resource}" + "".join(
        f".{s.element}[#{next(numbers)}]" if s.many else f".{s.element}" for s in place.steps
    )
    lists = sum(many for _, many in segments)
    columns = [
        *({"name": f"i{n}", "path": "0", "type": "integer"} for n in range(lists, levels)),
        {"name": "path", "path": f"'{place.path}'", "type": "string"},
        {"name": "template", "path": f"'{template}'", "type": "string"},
        *_datatype_column(table, place),
        *(
            {"name": name, "path": path, "type": kind}
            for name, (path, kind) in COLUMNS[table].items()
        ),
    ]
    select: Json = {}
    for n, (path, many) in reversed(list(enumerate(segments))):
        own = [{"name": f"i{n}", "path": "%rowIndex", "type": "integer"}] if many else []
        inner = {"select": [select]} if select else {}
        select = {"forEach": path, "column": [*own, *(columns if not select else [])], **inner}
        if not select["column"]:
            del select["column"]
    return select


def _datatype_column(table: str, place: Place) -> list[Json]:
    if table != "sent_moment":
        return []
    return [{"name": "datatype", "path": f"'{place.type}'", "type": "string"}]


def _segments(place: Place) -> Iterator[tuple[str, bool]]:
    """Yield the FHIRPath up to each list on the way, then the rest; and whether it is a list."""
    node, path = place.resource, list[str]()
    for step in place.steps:
        field = r4.node(node).field(step.json_name)
        if field is None:
            raise KeyError(f"{node} has no {step.json_name}")
        choice = field.element != field.json_name
        path.append(f"{field.element}.ofType({field.type})" if choice else field.element)
        node = field.type
        if step.many:
            yield ".".join(path), True
            path = []
    if path:
        yield ".".join(path), False
