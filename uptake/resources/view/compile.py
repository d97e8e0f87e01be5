"""ViewDefinitions to DuckDB SQL. In: a view; out: a SELECT over the struct of `json_transform`.

Rows are made by layers of subqueries, each an `unnest` in a projection: DuckDB streams those,
where a lateral join would be a hash join. A `unionAll` multiplies the row by its branches and
chooses the columns with CASE, so the source is read once however many branches there are.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from uptake.errors import DefinitionError
from uptake.resources.view.definition import ColumnDefinition, Path, Select, View, read_view
from uptake.resources.view.evaluate import evaluate
from uptake.resources.view.functions import truth
from uptake.resources.view.layers import Layer, Layers
from uptake.resources.view.shape import (
    Shape,
    Tree,
    from_tree,
    is_primitive,
    sql_type,
    transform_spec,
)
from uptake.resources.view.value import (
    Context,
    Notes,
    Value,
    as_list,
    clean,
    fail,
    one,
    refuse_choice,
)


@dataclass(frozen=True, slots=True)
class Column:
    """An output column: its name, its FHIR type, and whether it holds a list."""

    name: str
    type: str | None
    collection: bool


@dataclass(frozen=True, slots=True)
class CompiledView:
    """A view ready to run."""

    resource: str
    columns: tuple[Column, ...]
    shape: Shape
    """The fields that `r` must have; other views' may be merged in."""
    warnings: tuple[str, ...]
    """Paths that R4 lacks and are always empty, and places where a second value stops the query."""
    outputs: tuple[str, ...]
    condition: str
    layers: tuple[Layer, ...]

    def select(self, source: str, carry: Sequence[str] = ()) -> str:
        """Return the SELECT over a relation with the columns `carry` and the struct `r`.

        The source is an SQL relation: a name or a query in brackets. It holds resources of this
        view's type alone. Carried columns come first, unchanged.
        """
        taken = {"r", *(column.name.lower() for column in self.columns)}
        if clash := [name for name in carry if name.lower() in taken or name.startswith("_")]:
            raise ValueError(f"columns {clash} cannot be carried: the view uses these names")
        columns = ", ".join([*map(_name, carry), *self.outputs])
        where = f" WHERE {self.condition}" if self.condition else ""
        if not self.layers:
            return f"SELECT {columns} FROM {source}{where}"
        rows = f"SELECT {', '.join([*map(_name, carry), 'r'])} FROM {source}{where}"
        for layer in self.layers:
            rows = layer.over(rows)
        return f"SELECT {columns} FROM ({rows})"


def compile_view(view: Mapping[str, object]) -> CompiledView:
    """Return the compiled view; raises DefinitionError listing every fault, each as `where: what`.

    A column that does not say `collection: true` is single-valued. If it says false and its path
    can give several values, that is a fault; if it says nothing, the query fails on a resource
    that has several, and a warning says so.
    """
    return _Compiler(read_view(view)).compiled()


def standalone(view: CompiledView, source: str) -> str:
    """Return the SELECT over a relation with `rid` and the JSON `text`: `rid`, then the columns."""
    spec = transform_spec(view.shape).replace("'", "''")
    structs = f"(SELECT rid, json_transform(text, '{spec}') AS r FROM {source})"
    return view.select(structs, ("rid",))


@dataclass(frozen=True, slots=True)
class _Output:
    """A column on its way: SQL of it in the rows of its branch."""

    column: Column
    sql: str
    cast: str


@dataclass(slots=True)
class _Compiler:
    view: View
    faults: list[str] = field(default_factory=list)
    tree: Tree = field(default_factory=dict)
    notes: Notes = field(default_factory=Notes)
    layers: Layers = field(default_factory=Layers)

    def compiled(self) -> CompiledView:
        root = Value("r", self.view.resource, trees=(self.tree,))
        at = Context(root, root, "0", self.view.constants, self.notes)
        conditions = [sql for path in self.view.conditions if (sql := self._condition(path, at))]
        outputs = [o for select in self.view.selects for o in self._outputs(select, at, "")]
        taken = [output.column.name.lower() for output in outputs]
        self.faults += [
            f"column `{name}` is defined twice"
            for name in sorted({n for n in taken if taken.count(n) > 1})
        ]
        if self.faults:
            raise DefinitionError(self.faults)
        columns = [f"{output.sql} AS {_name(output.column.name)}" for output in outputs]
        condition = " AND ".join(conditions)
        return CompiledView(
            self.view.resource,
            tuple(output.column for output in outputs),
            from_tree(self.view.resource, self.tree),
            tuple(self.notes.warnings),
            tuple(columns),
            condition,
            self.layers.finished([*columns, condition]),
        )

    def _condition(self, path: Path, at: Context) -> str:
        try:
            return truth(evaluate(path.tree, at), "the condition", at.notes)
        except DefinitionError as error:
            self.faults += [f"{path.where}: {what}" for what in error.faults]
            return ""

    def _outputs(self, select: Select, at: Context, guard: str) -> list[_Output]:
        """Return the columns of a select in the order of the specification; adds its layers.

        The guard is true in the rows of the select's own branch; others pass unchanged.
        """
        try:
            inside = self._enter(select, at, guard)
        except DefinitionError as error:
            path = select.paths[0] if len(select.paths) == 1 else None
            self.faults += [f"{path.where if path else select.where}: {e}" for e in error.faults]
            return []
        found = [o for column in select.columns if (o := self._output(column, inside))]
        for inner in select.selects:
            found += self._outputs(inner, inside, guard)
        return found + self._union(select, inside, guard)

    def _enter(self, select: Select, at: Context, guard: str) -> Context:
        """Return the context of the elements that a select walks over."""
        if not select.each:
            return at
        if select.each == "repeat":
            element, index = self._repeat(select, at, guard)
        else:
            value = evaluate(select.paths[0].tree, at)
            rows = as_list(value, at.notes)
            orphan = select.each == "forEachOrNull"
            sql, index = self.layers.unnest(rows, guard, keep_empty=orphan)
            element = _element(value, sql)
        return replace(at, this=element, row_index=index)

    def _repeat(self, select: Select, at: Context, guard: str) -> tuple[Value, str]:
        """Walk elements that hold elements of their own type, to any depth, parents first."""
        bases = [evaluate(path.tree, at) for path in select.paths]
        types = sorted({base.type for base in bases if base.type})
        if len(types) > 1:
            raise fail(f"repeat leads to {' and '.join(types)}; all paths lead to one type")
        trees = tuple(tree for base in bases for tree in base.trees)
        node = Value(self.layers.element, types[0] if types else None, trees=trees, json=True)
        # An element below that has no such element ends the walk; it is no mistake.
        below = replace(at, this=node, notes=replace(at.notes, warnings=[]))
        children = [evaluate(path.tree, below) for path in select.paths]
        start, onward = (_json_list(values, at.notes) for values in (bases, children))
        return node, self.layers.repeat(start, onward, guard)

    def _output(self, column: ColumnDefinition, at: Context) -> _Output | None:
        try:
            return _output(column, evaluate(column.path.tree, at), at.notes)
        except DefinitionError as error:
            self.faults += [f"{column.path.where}: {what}" for what in error.faults]
            return None

    def _union(self, select: Select, at: Context, guard: str) -> list[_Output]:
        if len(select.unions) < 2:
            return [o for branch in select.unions for o in self._outputs(branch, at, guard)]
        number = self.layers.branch(len(select.unions), guard)
        branches = [
            self._outputs(branch, at, f"{number} = {i}") for i, branch in enumerate(select.unions)
        ]
        names = [[output.column.name for output in branch] for branch in branches]
        for i, found in enumerate(names[1:], 1):
            if found != names[0]:
                where = select.unions[i].where
                self.faults.append(f"{where}: has columns {found}, the first {names[0]}")
                return branches[0]
        return [self._united(number, select, group) for group in zip(*branches, strict=True)]

    def _united(self, number: str, select: Select, group: tuple[_Output, ...]) -> _Output:
        """Return one column of a union."""
        first = group[0]
        if len({(o.cast, o.column.collection) for o in group}) > 1:
            types = " and ".join(sorted({o.cast for o in group}))
            self.faults.append(f"{select.where}: column `{first.column.name}` is {types} by branch")
        whens = " ".join(f"WHEN {i} THEN {output.sql}" for i, output in enumerate(group))
        return replace(first, sql=f"(CASE {number} {whens} END)")


def _output(column: ColumnDefinition, value: Value, notes: Notes) -> _Output:
    """Return a column's SQL; raises DefinitionError if its path and its type disagree."""
    refuse_choice(value)
    if value.type is not None and not is_primitive(value.type):
        raise fail(f"`{column.name}` ends at {value.type}; a column holds a primitive")
    if column.collection is False and value.many:
        raise fail(
            f"`{column.name}` can have several values; set collection, or use first() or forEach"
        )
    many = bool(column.collection)
    type_name = column.type or value.type
    sql = _list(value, notes) if many else one(value, f"column `{column.name}`", notes).sql
    wanted = sql_type(type_name or "string")
    given = sql_type(value.type) if value.type else None
    if given and given != wanted and {given, wanted} != {"BIGINT", "DOUBLE"}:
        raise fail(f"`{column.name}` is declared {type_name}, and its path gives {value.type}")
    cast = f"{wanted}[]" if many else wanted
    if given != wanted:
        sql = f"CAST({sql} AS {cast})"
    return _Output(Column(column.name, type_name, many), sql, cast)


def _list(value: Value, notes: Notes) -> str:
    return f"coalesce({clean(value, notes)}, [])" if value.many else as_list(value, notes)


def _element(value: Value, sql: str) -> Value:
    return replace(value, sql=sql, many=False, sparse=False, parent=None)


def _json_list(values: Sequence[Value], notes: Notes) -> str:
    lists = []
    for value in values:
        rows = as_list(value, notes)
        if not value.json and value.type is not None:
            rows = f"list_transform({rows}, lambda x: to_json(x))"
        lists.append(rows)
    return lists[0] if len(lists) == 1 else f"list_concat({', '.join(lists)})"


def _name(name: str) -> str:
    return f'"{name}"'
