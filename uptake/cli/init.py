"""`uptake init`: an empty project."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
def init(folder: Path) -> None:
    """Write an empty project with a commented uptake.toml into FOLDER."""
    from uptake.project import init_project

    click.echo(f"{init_project(folder)} is written; add feeds there, then: uptake assess")
