"""The commands. The only place that prints; heavy imports happen inside a command, so that `--help` is quick.

Exit codes: 0 done; 1 something a person must look at (a failed check, a held or failed pull, a refused decision);
2 the command or the configuration cannot be used as it stands; 130 interrupted.
"""

from pathlib import Path
from typing import Any

import click

from fleetsync import version
from fleetsync.cli.errors import CommandError, report_errors

# Name → its module and what it does, so that the overview loads none of them.
COMMANDS = {
    "accept": ("decisions", "Believe a held pull after all."),
    "assignments": ("listing", "Which device serves whom or what."),
    "check": ("checking", "Is the configuration right, and may we read what it names?"),
    "coverage": ("listing", "Per unit and entitlement: entitled, assigned, covered, unknown, short."),
    "db": ("database", "The database: upgrade, backup, restore, verify."),
    "demo": ("demo", "Exempelby, an invented municipality, on this machine."),
    "devices": ("listing", "Devices: what they are for, where, and whether they work."),
    "drop": ("decisions", "Remove everything a source ever said."),
    "explain": ("explaining", "Why a unit, person, device or gap is as it is."),
    "gaps": ("listing", "What is wrong, oldest first."),
    "healthcheck": ("running", "Exit 0 while the daemon answers; for containers."),
    "init": ("init_config", "Write a commented configuration to begin with."),
    "load": ("syncing", "Read one file as a source would, show what it changes, believe it."),
    "people": ("listing", "Persons by id, with what they are owed and have."),
    "publish": ("decisions", "End a unit's trial."),
    "purge": ("database", "Remove what has been kept long enough."),
    "reject": ("decisions", "Forget a held pull."),
    "run": ("running", "The daemon."),
    "sources": ("listing", "Every part of every source, how old it is, what stands in its way."),
    "sync": ("syncing", "Pull now."),
    "turnover": ("turnover", "The school year's turnover: where it stands, and turning it by hand."),
    "user": ("accounts", "Who may sign in to the page."),
}


class LazyGroup(click.Group):
    """A group that imports a command's module when the command is used."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        from importlib import import_module

        command: click.Command = import_module(f"fleetsync.cli.{COMMANDS[cmd_name][0]}").COMMANDS[cmd_name]
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl([(name, about) for name, (_, about) in sorted(COMMANDS.items())])


def _version(ctx: click.Context, _option: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        click.echo(f"fleetsync {version()}")
        ctx.exit()


@click.group(cls=LazyGroup, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.option(
    "--config",
    "path",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Default: $FLEETSYNC_CONFIG, ./config.toml, /etc/fleetsync/config.toml.",
)
@click.option("--log-level", type=click.Choice(["DEBUG", "INFO", "WARNING", "ERROR"]), help="Default: INFO for run.")
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
@click.pass_context
def root(ctx: click.Context, path: Path | None, log_level: str | None) -> None:
    """Whether each employee, pupil and five children have a working device, as the plan promises."""
    ctx.obj = {"path": path, "log_level": log_level}


def main(args: list[str] | None = None) -> Any:
    """The console script. Never shows a traceback."""
    with report_errors():
        return root.main(args, prog_name="fleetsync", standalone_mode=True)


__all__ = ["CommandError", "main", "root"]
