"""LOINC's terms. In: the shipped table or an installed release; out: one table of a database.

The shipped table holds a few hundred codes; a release that was added takes its place.
"""

from __future__ import annotations

from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

from uptake.engine.duckdb import quoted
from uptake.terminology import releases
from uptake.terminology.check_digits import LOINC
from uptake.terminology.picked import csv_of

if TYPE_CHECKING:
    from uptake.engine.duckdb import Database

SHIPPED = Path(str(resources.files("uptake"))) / "content" / "terminology" / "loinc.csv"
RELEASED = "loinc.parquet"


def table_of(folder: Path | None) -> Path:
    """Return the file that has LOINC's terms: of the newest release in a folder, or the shipped."""
    found = (
        release.folder / RELEASED
        for release in releases.in_use(folder)
        if LOINC in release.systems and (release.folder / RELEASED).is_file()
    )
    return next(found, SHIPPED)


def load_terms(db: Database, path: Path) -> None:
    """Make the table `term` of the codes in use: one row each, NULL as empty text.

    Of a release only laboratory and clinical terms are read: no attachments for claims, no surveys
    (LOINC Users' Guide, CLASSTYPE).
    """
    source = f"read_parquet({quoted(str(path))})" if path.suffix == ".parquet" else csv_of(path)
    db.run(f"create table release as select * from {source}")
    held = {name for name, *_ in db.rows("describe release")}
    related = next((name for name in ("RELATEDNAMES", "RELATEDNAMES2") if name in held), "''")
    observed = "CLASSTYPE::varchar in ('1', '2')" if "CLASSTYPE" in held else "true"
    units = "EXAMPLE_UCUM_UNITS" if "EXAMPLE_UCUM_UNITS" in held else "''"
    db.run(
        f"""
        create table term as
        select row_number() over (order by LOINC_NUM) as term, LOINC_NUM as code,
          coalesce(LONG_COMMON_NAME, '') as name, coalesce(COMPONENT, '') as component,
          coalesce(PROPERTY, '') as property,
          coalesce(SYSTEM, '') as system, coalesce(SCALE_TYP, '') as scale,
          coalesce(METHOD_TYP, '') as method, coalesce(CLASS, '') as class,
          coalesce({related}, '') as related, coalesce({units}, '') as units
        from release where STATUS = 'ACTIVE' and {observed}
        """
    )
