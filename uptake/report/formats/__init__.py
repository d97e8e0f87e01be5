"""What `--format` adds to a run's files, a module each. In: an Assessment, the run's folder; out:
files for other programs, each whole or not at all.

sarif   results.sarif, for code scanning: shared, so nobody's id or value is in it
junit   junit.xml, for build servers: shared as well
fhir    operation-outcomes.ndjson and measure-reports.ndjson, for systems of the same hospital
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from uptake.model import Assessment

FILES = {
    "ndjson": ("findings.ndjson",),
    "sarif": ("results.sarif",),
    "junit": ("junit.xml",),
    "fhir": ("operation-outcomes.ndjson", "measure-reports.ndjson"),
    "piqi": ("piqi.json",),
}
"""Every format and its files; each format that is not written with the findings is a module here
with `write(run)`."""
WITH_FINDINGS = ("ndjson", "piqi")


@dataclass(frozen=True, slots=True)
class Run:
    """A finished run: what it says, the folder of its files, and its raw store."""

    assessment: Assessment
    folder: Path
    store: Path

    @property
    def findings(self) -> Path:
        """The findings, one a row."""
        return self.folder / "findings.parquet"


def write_formats(run: Run, names: Iterable[str]) -> None:
    """Write the files of each format named; raises StorageError when one cannot be written.

    Those of another run that lie in the folder and were not asked for go: they say other things.
    """
    wanted = frozenset(names)
    for name, files in FILES.items():
        if name not in wanted:
            for file in files:
                (run.folder / file).unlink(missing_ok=True)
        elif name not in WITH_FINDINGS:
            import_module(f"{__name__}.{name}").write(run)
