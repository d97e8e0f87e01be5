"""A ViewDefinition, read and checked. In: its JSON; out: the tree of selects, or every fault of it.

https://build.fhir.org/ig/FHIR/sql-on-fhir-v2/StructureDefinition-ViewDefinition.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING

from uptake import r4
from uptake.errors import DefinitionError
from uptake.resources.view.evaluate import literal
from uptake.resources.view.fhirpath import Expression, parse
from uptake.resources.view.shape import is_primitive, sql_type

if TYPE_CHECKING:
    from uptake.resources.view.value import Value

METADATA = {
    "resourceType", "id", "meta", "implicitRules", "language", "text", "extension", "url",
    "identifier", "name", "title", "status", "experimental", "date", "publisher", "contact",
    "description", "useContext", "jurisdiction", "purpose", "copyright", "copyrightLabel",
    "version", "versionAlgorithmString", "versionAlgorithmCoding",
}  # fmt: skip
VIEW = METADATA | {"resource", "fhirVersion", "constant", "where", "select"}
SELECT = {"extension", "column", "select", "forEach", "forEachOrNull", "repeat", "unionAll"}
COLUMN = {"extension", "name", "path", "type", "collection", "description", "tag"}
CONSTANT_TYPES = {
    "base64Binary", "boolean", "canonical", "code", "date", "dateTime", "decimal", "id", "instant",
    "integer", "oid", "string", "positiveInt", "time", "unsignedInt", "uri", "url", "uuid",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Path:
    """An expression and where it is written."""

    where: str
    tree: Expression


@dataclass(frozen=True, slots=True)
class ColumnDefinition:
    """One output column."""

    name: str
    path: Path
    type: str | None
    collection: bool | None
    """None where the view does not say, which counts as false."""


@dataclass(frozen=True, slots=True)
class Select:
    """Columns and nested selects, over one element or each of several."""

    where: str
    each: str
    """`forEach`, `forEachOrNull`, `repeat` or empty."""
    paths: tuple[Path, ...]
    columns: tuple[ColumnDefinition, ...]
    selects: tuple[Select, ...]
    unions: tuple[Select, ...]


@dataclass(frozen=True, slots=True)
class View:
    """A checked ViewDefinition."""

    resource: str
    constants: Mapping[str, Value]
    conditions: tuple[Path, ...]
    selects: tuple[Select, ...]


def read_view(view: Mapping[str, object]) -> View:
    """Return the view; raises DefinitionError listing every fault, each as `where: what`."""
    reader = _Reader()
    found = reader.view(view)
    if reader.faults:
        raise DefinitionError(reader.faults)
    return found


@dataclass(slots=True)
class _Reader:
    """Walks the JSON and collects faults rather than stopping at the first."""

    faults: list[str] = field(default_factory=list)

    def _fault(self, where: str, what: str) -> None:
        self.faults.append(f"{where}: {what}")

    def view(self, view: Mapping[str, object]) -> View:
        self._known(view, VIEW, "view")
        resource = view.get("resource")
        if not isinstance(resource, str):
            self._fault("resource", "is missing; a view is of one resource type")
            resource = ""
        elif resource not in r4.resource_types():
            self._fault("resource", f"R4 has no resource type `{resource}`")
        versions = view.get("fhirVersion")
        if isinstance(versions, list) and not any(str(v).startswith("4.0") for v in versions):
            self._fault("fhirVersion", f"{versions} leaves out 4.0, the release that is read")
        selects = self._selects(view.get("select"), "select")
        if not selects:
            self._fault("select", "is missing; a view has at least one")
        conditions = [
            path
            for where, part in self._objects(view.get("where"), "where")
            if self._known(part, {"path", "description", "extension"}, where)
            and (path := self._path(part.get("path"), f"{where}.path"))
        ]
        return View(resource, self._constants(view), tuple(conditions), selects)

    def _known(self, part: Mapping[str, object], names: Iterable[str], where: str) -> bool:
        for name in part:
            if name not in names:
                self._fault(where, f"`{name}` is not supported; known are {sorted(names)}")
        return True

    def _objects(self, parts: object, where: str) -> list[tuple[str, Mapping[str, object]]]:
        """Return the objects of a list, each with its place."""
        if parts is None:
            return []
        if not isinstance(parts, list | tuple):
            self._fault(where, f"is a {type(parts).__name__}, where a list belongs")
            return []
        found = []
        for i, part in enumerate(parts):
            if isinstance(part, Mapping):
                found.append((f"{where}[{i}]", part))
            else:
                self._fault(f"{where}[{i}]", "is not an object")
        return found

    def _path(self, text: object, where: str) -> Path | None:
        if not isinstance(text, str) or not text.strip():
            self._fault(where, "is missing; it is a FHIRPath expression")
            return None
        try:
            return Path(f"{where} `{text}`", parse(text))
        except DefinitionError as error:
            for what in error.faults:
                self._fault(f"{where} `{text}`", what)
            return None

    def _constants(self, view: Mapping[str, object]) -> Mapping[str, Value]:
        found: dict[str, Value] = {}
        for where, part in self._objects(view.get("constant"), "constant"):
            name = part.get("name")
            if not _is_name(name):
                self._fault(f"{where}.name", "is missing or not a name of letters, digits and _")
            elif name in ("rowIndex", "resource"):
                self._fault(f"{where}.name", f"`%{name}` has a meaning already")
            elif name in found:
                self._fault(f"{where}.name", f"`{name}` is defined twice")
            elif value := self._constant(part, where):
                found[str(name)] = value
        return found

    def _constant(self, part: Mapping[str, object], where: str) -> Value | None:
        values = [key for key in part if key.startswith("value")]
        self._known(part, {"name", "extension", *values}, where)
        if len(values) != 1:
            self._fault(where, f"has {len(values)} values; a constant has exactly one value[x]")
            return None
        key, value = values[0], part[values[0]]
        types = {"value" + t[0].upper() + t[1:]: t for t in CONSTANT_TYPES}
        if key not in types:
            self._fault(where, f"`{key}` is not supported; known are {sorted(types)}")
            return None
        text = _text(value, types[key])
        if text is None:
            self._fault(f"{where}.{key}", f"`{value}` is not of type {types[key]}")
            return None
        return literal(types[key], text)

    def _selects(self, parts: object, where: str) -> tuple[Select, ...]:
        return tuple(self._select(part, place) for place, part in self._objects(parts, where))

    def _select(self, part: Mapping[str, object], where: str) -> Select:
        self._known(part, SELECT, where)
        each = [name for name in ("forEach", "forEachOrNull", "repeat") if name in part]
        if len(each) > 1:
            self._fault(where, f"has {' and '.join(each)}; a select has one of them")
        if not any(part.get(name) for name in ("column", "select", "unionAll")):
            self._fault(where, "has no column, select or unionAll")
        columns = [
            column
            for place, inner in self._objects(part.get("column"), f"{where}.column")
            if (column := self._column(inner, place))
        ]
        kind = each[0] if each else ""
        return Select(
            where,
            kind,
            self._each_paths(part.get(kind), f"{where}.{kind}") if kind else (),
            tuple(columns),
            self._selects(part.get("select"), f"{where}.select"),
            self._selects(part.get("unionAll"), f"{where}.unionAll"),
        )

    def _each_paths(self, value: object, where: str) -> tuple[Path, ...]:
        if not where.endswith(".repeat"):
            path = self._path(value, where)
            return (path,) if path else ()
        if not isinstance(value, list) or not value:
            self._fault(where, "is a list of paths")
            return ()
        found = (self._path(text, f"{where}[{i}]") for i, text in enumerate(value))
        return tuple(path for path in found if path)

    def _column(self, part: Mapping[str, object], where: str) -> ColumnDefinition | None:
        self._known(part, COLUMN, where)
        name, collection = part.get("name"), part.get("collection")
        if not _is_name(name):
            self._fault(f"{where}.name", f"`{name}` is not a name of letters, digits and _")
        if collection is not None and not isinstance(collection, bool):
            self._fault(f"{where}.collection", f"`{collection}` is not a boolean")
            collection = None
        declared = self._type_name(part.get("type"), f"{where}.type")
        path = self._path(part.get("path"), f"{where}.path")
        return ColumnDefinition(str(name), path, declared, collection) if path else None

    def _type_name(self, value: object, where: str) -> str | None:
        """Return the FHIR primitive that a column declares, also from a FHIRPath type's URI."""
        if value is None:
            return None
        name = str(value).rsplit("/", 1)[-1]
        if name.startswith("System."):
            name = name[7].lower() + name[8:]
        try:
            if is_primitive(name):
                return name
        except KeyError:
            pass
        self._fault(where, f"`{value}` is not a primitive of R4; a column holds single values")
        return None


def _is_name(name: object) -> bool:
    return isinstance(name, str) and bool(re.fullmatch("[A-Za-z][A-Za-z0-9_]*", name))


def _text(value: object, type_name: str) -> str | None:
    """Return a constant as it is written in FHIRPath, or None if it is of another type."""
    kind = sql_type(type_name)
    if kind == "VARCHAR":
        return value if isinstance(value, str) else None
    if kind == "BOOLEAN":
        return str(value).lower() if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    whole = kind == "BIGINT" and value != int(value)
    return None if whole else str(value)
