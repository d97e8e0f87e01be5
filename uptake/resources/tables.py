"""Build the tables that checks read. In: a raw store; out: tables in the database.

Each resource type is read once: one `json_transform` feeds its flat table, its rows of the datatype
tables and its references. When all are read, references are resolved and dates are worked out, once
for the whole load. Tables nobody asked for are not built. `docs/tables.md` describes them.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from uptake import r4
from uptake.engine.duckdb import listed
from uptake.resources import datatypes, moments, references
from uptake.resources.flat import event_sql, shipped_view, subject_path, view_names
from uptake.resources.mapped import apply_mappings
from uptake.resources.store import OFFSET_BITS
from uptake.resources.view.shape import merge, transform_spec

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database
    from uptake.model import CodeMapping, Feed
    from uptake.resources.flat import FlatView
    from uptake.resources.store import Store

RESOURCE = {
    "status": "VARCHAR",
    "verificationStatus": {"coding": [{"code": "VARCHAR"}]},
    "meta": {"lastUpdated": "VARCHAR", "source": "VARCHAR"},
}
"""Read of every resource, whatever its type: is it entered in error, when and whence it came."""
CONTAINED = {
    "resourceType": "VARCHAR",
    "id": "VARCHAR",
    "code": {
        "text": "VARCHAR",
        "coding": [dict.fromkeys(("system", "version", "code", "display"), "VARCHAR")],
    },
}
"""Read of contained resources: a drug is often a Medication inside its request."""
TEMPLATE = "MedicationRequest"
"""A type that has every datatype: its places give the datatype tables their columns."""
NO_ROWS = "select 0::bigint as rid, '{}' as text where false"


Progress = Callable[[str], None]
"""Called with the resource type that is read next."""


def build_tables(
    db: Database,
    store: Store,
    feeds: Sequence[Feed],
    wanted: frozenset[str],
    progress: Progress,
    mappings: Sequence[CodeMapping] = (),
) -> None:
    """Make the tables of `docs/tables.md` that are wanted; `resource`, `reference` always.

    Mappings are found in `coding`, so that is made for them too.
    """
    builder = _Builder(db, store, wanted | {"coding"} if mappings else wanted)
    builder.feeds(feeds)
    builder.records()
    builder.empty_tables()
    largest_first = "select type from record group by type order by count(*) desc, type"

    def read(own: Database, resource_type: str) -> None:
        progress(resource_type)
        builder.on(own).read_type(resource_type, store.fields[resource_type])

    db.each(read, [name for (name,) in db.rows(largest_first)])
    builder.map_codes(mappings)
    builder.resolve()
    builder.work_out_moments()
    builder.flat_tables()
    builder.finish("event" in wanted)


class _Builder:
    """Builds the tables of one load; each step reads what the steps before it made."""

    def __init__(self, db: Database, store: Store, wanted: frozenset[str]) -> None:
        self.db = db
        self.store = store
        self.flat = {(v := shipped_view(name)).resource: v for name in wanted & view_names()}
        self.wanted = wanted
        self.datatypes = datatypes.tables_for(wanted)

    def on(self, db: Database) -> _Builder:
        """Return this builder on another connection of the same database."""
        other = copy.copy(self)
        other.db = db
        return other

    def feeds(self, feeds: Sequence[Feed]) -> None:
        """Make `feed`, `complete_for` and `source_file`."""
        db = self.db
        db.run("create table feed (feed varchar, role varchar, sample boolean, zone varchar)")
        db.run("create table complete_for (feed varchar, type varchar)")
        db.run("create table source_file (file_index bigint, feed varchar, file varchar)")
        db.insert(
            "feed",
            ("feed", "role", "sample", "zone"),
            [(f.name, f.role, f.sample, f.zone) for f in feeds],
        )
        complete = [(f.name, t) for f in feeds for t in f.complete_for]
        db.insert("complete_for", ("feed", "type"), complete)
        files = [(i, f.feed, f.path) for i, f in enumerate(self.store.files)]
        db.insert("source_file", ("file_index", "feed", "file"), files)

    def records(self) -> None:
        """Make `stored`, `record` (a resource once, without content) and what references need."""
        parts = self.store.resource_parts
        empty = (
            "select 0::bigint rid, 0::bigint line, '' type, '' id, '' full_url, 0::bigint bundle, "
            "0::ubigint hash, '' as text where false"
        )
        source = f"select * from read_parquet({listed(parts)})" if parts else empty
        self.db.run(f"create view stored as {source}")
        self.db.run(f"""
            create table record as
            select s.rid, f.feed, s.type, s.id, f.file, s.line, s.full_url, s.bundle, s.hash
            from stored s join source_file f on f.file_index = s.rid >> {OFFSET_BITS}
            qualify s.id is null
              or s.rid = min(s.rid) over (partition by f.feed, s.type, s.id, s.hash)
        """)
        self.db.run(references.TARGETS.format(bits=OFFSET_BITS))
        self._sent_records()
        self.db.run(
            "create table resource_meta (rid bigint, entered_in_error boolean, "
            "last_updated varchar, source varchar)"
        )

    def _sent_records(self) -> None:
        """Make `sent_record`: every record as it came, let in (error NULL) or kept out."""
        kept_out = self.store.quarantine_parts
        out = (
            f"select (q.file_index << {OFFSET_BITS}) | q.byte_offset as rid, f.feed, f.file, "
            "q.line, q.byte_offset, q.error, q.path, sha256(q.raw) as raw_hash, q.raw "
            f"from read_parquet({listed(kept_out)}) q join source_file f using (file_index)"
            if kept_out
            else "select 0::bigint as rid, '' as feed, '' as file, 0::bigint as line, "
            "0::bigint as byte_offset, '' as error, '' as path, '' as raw_hash, ''::blob as raw "
            "where false"
        )
        self.db.run(f"create view quarantine as {out}")
        self.db.run(
            "create table sent_record as select rid, feed, file, line, error, path, raw_hash "
            "from quarantine union all select rid, feed, file, line, null, null, null from record"
        )

    def empty_tables(self) -> None:
        """Make every wanted table without rows: a query over what the load lacks runs."""
        fields = datatypes.all_fields(TEMPLATE)
        shape = datatypes.shape_for(TEMPLATE, fields, self.datatypes)
        self._source(transform_spec(shape) if shape else "{}", NO_ROWS)
        for name in sorted(self.datatypes):
            select = next(datatypes.selects(TEMPLATE, fields, name, "src"))
            self.db.run(f"create table {name} as {select}")
        self.db.run("drop table src")
        for view in self.flat.values():
            if view.resource not in self.store.fields:
                self.db.run(f"create table {view.name} ({view.empty()})")

    def read_type(self, resource_type: str, fields: datatypes.Fields) -> None:
        """Read one resource type and add its rows to every table."""
        view = self.flat.get(resource_type)
        shape = datatypes.shape_for(resource_type, fields, self.datatypes)
        shapes = [s for s in (shape, view.compiled.shape if view else None) if s]
        spec = json.loads(transform_spec(merge(*shapes))) if shapes else {}
        _add(spec, RESOURCE)
        if "extension" in fields:
            spec["extension"] = ["JSON"]
        if "contained" in fields:
            spec["contained"] = [CONTAINED]
        self._source(
            json.dumps(spec, separators=(",", ":")),
            f"select rid, text from stored where type = '{resource_type}' "
            "and rid in (select rid from record)",
        )
        self.db.run(
            "insert into resource_meta select rid, coalesce(r.status = 'entered-in-error' "
            "or r.verificationStatus.coding[1].code = 'entered-in-error', false), "
            "r.meta.lastUpdated, r.meta.source from src"
        )
        self._contained(resource_type, fields)
        for name in sorted(self.datatypes):
            self._fill(name, datatypes.selects(resource_type, fields, name, "src"))
        if "extension" in fields:
            self._extensions(resource_type)
        self._allowed_targets(resource_type)
        if view:
            source = _with_extensions(view) if "extension" in fields else "src"
            self.db.run(f"create table raw_{view.name} as {view.raw(source)}")
        self.db.run("drop table src")

    def _source(self, spec: str, rows: str) -> None:
        self.db.run(
            f"create temp table src as select rid, json_transform(text, '{spec}') as r "
            f"from ({rows})"
        )

    def _fill(self, name: str, selects: Iterable[str]) -> None:
        rows = " union all ".join(selects)
        if rows:
            self.db.run(f"insert into {name} {rows}")

    def _contained(self, resource_type: str, fields: datatypes.Fields) -> None:
        """Add to `contained_id`, and the codes of contained Medications to their requests."""
        if "contained" not in fields:
            return
        self.db.run(
            "insert into contained_id select rid, c.resourceType as type, c.id as id "
            "from (select rid, unnest(r.contained) as c from src)"
        )
        place = f"'{resource_type}.contained[' || i || '].code"
        source = (
            "(select rid, i, c.code as v from (select rid, unnest(r.contained) as c, "
            "generate_subscripts(r.contained, 1) - 1 as i from src) "
            "where c.resourceType = 'Medication' and c.code is not null)"
        )
        if "concept" in self.datatypes:
            self.db.run(
                f"insert into concept select rid, '{resource_type}.contained.code', {place}', "
                f"v.text, coalesce(len(v.coding), 0) from {source}"
            )
        if "coding" in self.datatypes:
            self.db.run(
                f"insert into coding select rid, '{resource_type}.contained.code.coding', "
                f"{place}.coding[' || n || ']', {place}', c.system, c.version, c.code, c.display "
                f"from (select rid, i, unnest(v.coding) as c, "
                f"generate_subscripts(v.coding, 1) - 1 as n from {source})"
            )

    def _extensions(self, resource_type: str) -> None:
        """Add the values of extensions at the root, and of extensions inside those."""
        self.db.run(
            f"create temp table ext1 as select rid, '{resource_type}.extension' as base_path, "
            f"'{resource_type}.extension[' || i || ']' as base, e as j "
            "from (select rid, unnest(r.extension) as e, "
            "generate_subscripts(r.extension, 1) - 1 as i from src)"
        )
        if "extension" in self._extension_values("ext1"):
            self.db.run(
                "create temp table ext2 as select rid, base_path || '.extension' as base_path, "
                "base || '.extension[' || i || ']' as base, e as j from ("
                "select rid, base_path, base, unnest(x) as e, generate_subscripts(x, 1) - 1 as i "
                "from (select rid, base_path, base, cast(j->'$.extension' as json[]) as x "
                "from ext1))"
            )
            self._extension_values("ext2")
            self.db.run("drop table ext2")
        self.db.run("drop table ext1")

    def _extension_values(self, table: str) -> frozenset[str]:
        """Add the rows of one level of extensions; returns the JSON names met in them."""
        keys = self.db.rows(f"select distinct unnest(json_keys(j)) from {table}")
        met = frozenset(key for (key,) in keys)
        fields = {n: f for n, f in datatypes.all_fields("Extension").items() if n in met}
        fields = {n: f for n, f in fields.items() if n not in ("url", "id")}
        shape = datatypes.shape_for("Extension", fields, self.datatypes)
        if shape:
            spec = transform_spec(shape)
            source = f"(select rid, base, base_path, json_transform(j, '{spec}') as r from {table})"
            for name in sorted(self.datatypes):
                self._fill(name, datatypes.selects("Extension", fields, name, source))
        return met

    def _allowed_targets(self, resource_type: str) -> None:
        allowed = [
            (place.path, target)
            for place in datatypes.places(resource_type)
            if place.type == "Reference"
            for field in r4.fields_at(place.path)
            if field.type == "Reference"
            for target in field.targets
        ]
        self.db.insert("allowed_target", ("path", "target"), allowed)

    def map_codes(self, mappings: Sequence[CodeMapping]) -> None:
        """Put the targets of approved mappings beside the local codes."""
        views = [v for v in self.flat.values() if v.resource in self.store.fields]
        apply_mappings(self.db, mappings, views, concepts="concept" in self.datatypes)

    def resolve(self) -> None:
        """Make `reference` from what was sent."""
        self.db.run(references.RESOLVE)
        self.db.run("drop table sent_reference")

    def work_out_moments(self) -> None:
        """Make `moment_text`: what each distinct date-time text means; then `moment`, `period`."""
        self.db.run(
            f"create table moment_text as select text, {moments.columns('text')} "
            "from (select distinct text from sent_moment)"
        )
        if "moment" in self.wanted:
            self.db.run(
                "create table moment as select s.*, m.at_time, m.at_date, m.at_precision, "
                "m.at_offset from sent_moment s join moment_text m using (text)"
            )
        if "period" in self.wanted:
            columns = ", ".join(
                f"s.{end}_text, {end}.at_time as {end}_at, {end}.at_date as {end}_date, "
                f"{end}.at_precision as {end}_precision, {end}.at_offset as {end}_offset"
                for end in ("start", "end")
            ).replace("end.", '"end".')
            self.db.run(
                f"create table period as select s.rid, s.path, s.expression, {columns} "
                "from sent_period s left join moment_text start on start.text = s.start_text "
                'left join moment_text "end" on "end".text = s.end_text'
            )

    def flat_tables(self) -> None:
        """Make the flat tables of the types in the load."""

        def make(db: Database, view: FlatView) -> None:
            db.run(f"create table {view.name} as {view.final()}")
            db.run(f"drop table raw_{view.name}")

        self.db.each(make, [v for v in self.flat.values() if v.resource in self.store.fields])

    def finish(self, with_events: bool) -> None:
        """Make `event` and `resource`, which need every type to be read."""
        if with_events:
            self.db.run(event_sql())
        else:
            self.db.run("create table event (rid bigint, at_date date)")
        subjects = {t: p for t in self.store.fields if (p := subject_path(t))}
        listed = ", ".join(f"'{path}'" for path in subjects.values()) or "''"
        self.db.run(f"""
            create table resource as
            select i.rid, i.feed, i.type, i.id, i.file, i.line, i.hash,
              case when i.type = 'Patient' then i.rid else s.target_rid end as patient_rid,
              case when i.type = 'Patient' then i.id
                else coalesce(p.id, s.target_id, s.reference) end as patient_id,
              m.entered_in_error, m.last_updated, m.source,
              case when fhir_moment_offset(m.last_updated) is not null
                then fhir_moment_at(m.last_updated) end as received_at,
              strftime(e.at_date, '%Y-%m') as month
            from record i join resource_meta m using (rid)
            left join (select rid, min(target_rid) as target_rid, min(target_id) as target_id,
                         min(reference) as reference from reference
                       where path in ({listed}) group by rid) s using (rid)
            left join record p on p.rid = s.target_rid
            left join event e on e.rid = i.rid
        """)


def _with_extensions(view: FlatView) -> str:
    """Return the source of a view: where it reads extensions, with those as it takes them.

    `src` has them as JSON, for a value may be of any type.
    """
    shape = view.compiled.shape.fields.get("extension")
    if shape is None:
        return "src"
    read = f"lambda e: json_transform(e, '{transform_spec(shape)}')"
    return (
        "(select rid, struct_update(r, extension := list_transform(r.extension, "
        f"{read})) as r from src)"
    )


def _add(spec: dict[str, Any], more: Mapping[str, Any]) -> None:
    for name, value in more.items():
        if isinstance(value, dict) and name in spec:
            _add(spec[name], value)
        elif isinstance(value, list) and name in spec:
            _add(spec[name][0], value[0])
        else:
            spec[name] = value
