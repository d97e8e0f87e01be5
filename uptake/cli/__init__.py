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
from uptake.cli.duplicates import duplicates
from uptake.cli.export import export
from uptake.cli.feedback import feedback
from uptake.cli.findings import findings
from uptake.cli.gaps import gaps
from uptake.cli.gate import gate
from uptake.cli.init import init
from uptake.cli.measure import measure
from uptake.cli.serve import serve
from uptake.cli.status import status
from uptake.cli.terminology import terminology
from uptake.cli.usage import usage
from uptake.errors import UptakeError


class _Group(click.Group):
    """Turns every error meant for the user into one line and exit code 2."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take `--debug` wherever it stands."""
        ctx.meta["debug"] = "--debug" in args
        return super().parse_args(ctx, [arg for arg in args if arg != "--debug"])

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run as a program: wrong usage is one line, too."""
        run: Any = super().main
        if not extra.pop("standalone_mode", True):
            return run(*args, standalone_mode=False, **extra)
        try:
            sys.exit(run(*args, standalone_mode=False, **extra) or 0)
        except click.exceptions.NoArgsIsHelpError as error:
            click.echo(error.format_message(), err=True)
        except click.ClickException as error:
            click.echo(f"uptake: {error.format_message()}", err=True)
        except click.Abort:
            click.echo("uptake: stopped", err=True)
        sys.exit(2)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command."""
        try:
            return super().invoke(ctx)
        except UptakeError as error:
            if ctx.meta["debug"]:
                raise
            for line in str(error).splitlines():
                click.echo(f"uptake: {line}", err=True)
            sys.exit(2)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="uptake")
@click.option("--debug", is_flag=True, expose_value=False, help="Show a traceback with an error.")
def main() -> None:
    """Show how far FHIR data get on the way to the clinic, and what to fix first."""


for _command in (
    assess, checks, demo, duplicates, export, feedback, findings, gaps, gate, init, measure, serve,
    status, terminology, usage,
):  # fmt: skip
    main.add_command(_command)
