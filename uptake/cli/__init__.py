"""The command line: the same verbs as the loop. In: words; out: files, a table, an exit code.

Commands import what they need when they run: `--help` answers at once.
"""

from __future__ import annotations

import sys
from typing import Any

import click

from uptake import __version__
from uptake.cli.assess import assess
from uptake.cli.checks import checks
from uptake.cli.demo import demo
from uptake.cli.findings import findings
from uptake.cli.init import init
from uptake.errors import UptakeError


class _Group(click.Group):
    """Turns every error meant for the user into one line and exit code 2."""

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except UptakeError as error:
            if ctx.params.get("debug"):
                raise
            for line in str(error).splitlines():
                click.echo(f"uptake: {line}", err=True)
            sys.exit(2)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="uptake")
@click.option("--debug", is_flag=True, help="Show a traceback instead of one line.")
def main(debug: bool) -> None:
    """Show how far FHIR data get on the way to the clinic, and what to fix first."""
    del debug  # read by the group


for _command in (assess, checks, demo, findings, init):
    main.add_command(_command)
