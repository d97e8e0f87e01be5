"""A run, whole. In: a request; out: its assessment, and every file of it on disk."""

from __future__ import annotations

import shutil
from dataclasses import replace
from typing import TYPE_CHECKING

from uptake.findings.assess import assess
from uptake.identity.lookup import FOLDER
from uptake.report.formats import Run, write_formats
from uptake.report.page import write_page
from uptake.report.summary import write_summary
from uptake.runs import history, new_run

if TYPE_CHECKING:
    from pathlib import Path

    from uptake.findings.assess import Request, Watch
    from uptake.model import Assessment
    from uptake.project import Project
    from uptake.runs import Place


def write_run(
    request: Request, project: Project, out: Path | None, watch: Watch
) -> tuple[Assessment, Place]:
    """Assess and write every file of the run; in a project it is the newest from then on."""
    within = out is None and project.folder is not None
    with new_run(project, out, request.run) as place:
        runs = history(project) if within else []
        request = replace(request, keeps_history=within, before=runs[-1] if runs else None)
        done = assess(request, place.draft, place.store, watch)
        write_page(done, place.draft)
        write_summary(done, place.draft)
        write_formats(Run(done, place.draft, place.store), request.form)
    for earlier in runs:  # only the newest run is asked who somebody is
        shutil.rmtree(earlier / FOLDER, ignore_errors=True)
    return done, place
