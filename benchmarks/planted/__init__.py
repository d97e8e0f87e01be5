"""What is planted: the five kinds of defects that surface at go-live, and values that cannot be."""

from benchmarks.planted import records, values

DEFECTS = (*records.DEFECTS, *values.DEFECTS)
