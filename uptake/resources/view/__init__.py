"""SQL on FHIR views. In: a ViewDefinition; out: DuckDB SQL over one `json_transform` of the JSON.

fhirpath    an expression, parsed
shape       the JSON fields needed, with their SQL types
value       SQL with its FHIR type and cardinality; one step along a path
functions   the FHIRPath functions; moments compares dates and gives their boundaries
evaluate    an expression as SQL
definition  a ViewDefinition, checked
layers      the rows: forEach, repeat, unionAll
compile     all of it: `compile_view`
"""

from uptake.resources.view.compile import Column, CompiledView, compile_view, standalone
from uptake.resources.view.shape import Shape, merge, shape_of, transform_spec

__all__ = [
    "Column",
    "CompiledView",
    "Shape",
    "compile_view",
    "merge",
    "shape_of",
    "standalone",
    "transform_spec",
]
