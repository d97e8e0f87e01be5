"""`uptake init`: an empty project, and a charter of each use case to begin with."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def init(folder: Path) -> None:
    """Write an empty project with a commented uptake.toml into FOLDER.

    Its state is made, too, and holds a drafted charter of each use case.
    """
    from uptake.project import init_project

    written = init_project(folder)
    _draft(folder)
    click.echo(f"{written} is written; add feeds there, then: uptake assess")


def _draft(folder: Path) -> None:
    from datetime import UTC, datetime

    from uptake.definitions import read_measures, read_use_cases
    from uptake.project import read_project
    from uptake.rollout.drafting import draft_charters
    from uptake.state.database import open_state

    project = read_project(folder)
    cases = read_use_cases(project.content("use_cases"), verify=[])
    measures = read_measures(project.content("measures"), verify=[])
    state = open_state(project.state_url)
    try:
        draft_charters(state, cases.values(), measures.values(), datetime.now(UTC))
    finally:
        state.close()
