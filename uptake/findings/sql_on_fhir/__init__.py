"""Checks and views as SQL on FHIR artefacts. In: the catalogue; out: FHIR resources that run
elsewhere.

views       ViewDefinitions: what the flat and the datatype tables read of each resource type
tables      SQL over those views: every table that checks read, named as in docs/tables.md
libraries   SQL as FHIR Libraries: SQLView for a table, SQLQuery for a check
export      which checks can go, and the files
"""

from uptake.findings.sql_on_fhir.export import Exported, export

__all__ = ["Exported", "export"]
