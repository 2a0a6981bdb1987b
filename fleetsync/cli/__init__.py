"""The commands. Only this package prints. Heavy imports happen inside a command, so that `--help` is quick.

Exit codes: 0 done; 1 a person must look at something (a failed check, a held or failed pull, a refused decision);
2 the command or the configuration cannot be used; 130 interrupted.
"""

import gc
from pathlib import Path
from typing import Any

import click

from fleetsync import version
from fleetsync.cli.errors import CommandError, report_errors

# Name → module and summary, so that `fleetsync --help` imports no command.
COMMANDS = {
    "accept": ("decisions", "Believe a held pull after all."),
    "assignments": ("listing", "Which device serves which person, set or pool."),
    "check": ("checking", "Check the configuration and the access to the sources."),
    "collect": ("listing", "To take back: of leavers, second devices, loans no longer needed."),
    "correct": ("correcting", "State a fact that the sources have wrong."),
    "corrections": ("correcting", "What people have corrected."),
    "coverage": ("listing", "Per unit and entitlement: entitled, assigned, covered, unknown, short."),
    "db": ("database", "The database: upgrade, backup, restore, verify."),
    "demo": ("demo", "Show Exempelby, an invented municipality, on this machine."),
    "devices": ("listing", "Devices: their purpose, their place and whether they work."),
    "drop": ("decisions", "Remove all records of a source."),
    "explain": ("explaining", "Why a unit, person, device or gap is as it is."),
    "gaps": ("listing", "What is wrong, oldest first."),
    "headcount": ("head_counts", "Type how many persons a unit has, where no register is read."),
    "healthcheck": ("running", "Exit 0 while the daemon answers; for containers."),
    "digest": ("digest", "The weekly mail of a unit: show it, or send it now."),
    "hand-out": ("listing", "To hand out: who lacks a device, or waits for one in repair."),
    "init": ("init_config", "Write a commented configuration to begin with."),
    "load": ("loading", "Read an exported file by hand; one that is new becomes a source."),
    "map": ("mapping", "Propose units, and what places and words of the sources mean."),
    "park": ("parking", "Leave gaps out of alerts until a day."),
    "people": ("listing", "Persons by id: what they are owed and what they have."),
    "policy": ("policy", "Try a policy before it counts: what it says, and what it would change."),
    "publish": ("decisions", "End a unit's trial."),
    "pulls": ("held_pulls", "The pulls that wait for a decision, and what they would change."),
    "purge": ("database", "Delete what has been kept long enough."),
    "repair": ("listing", "To repair: what is in repair, and what does not work."),
    "reject": ("decisions", "Discard a held pull."),
    "run": ("running", "The daemon."),
    "sources": ("listing", "Every part of every source: its age, its state and what blocks it."),
    "sync": ("syncing", "Pull now."),
    "token": ("tokens", "Tokens with which programs read the API."),
    "turnover": ("turnover", "The turnover of the school year: its state, and turning it by hand."),
    "uncorrect": ("correcting", "Take corrections back."),
    "unpark": ("parking", "Let parked gaps be in alerts again."),
    "unprotect": ("unprotect", "Take back a wrong mark of protection."),
    "unpublish": ("decisions", "Put a unit in trial again."),
    "user": ("accounts", "Who may sign in to the page."),
}


class LazyGroup(click.Group):
    """A group that imports the module of a command when the command is used."""

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
    """Follow up whether every employee, every pupil and every five children have a working device."""
    ctx.obj = {"path": path, "log_level": log_level}


# Records and conclusions last and have no cycles, and there may be a million of them. By default the collector looks
# through them so often that it takes an eighth of a sync.
OBJECTS_BEFORE_COLLECTING = 50_000


def main(args: list[str] | None = None) -> Any:
    """The console script. Never shows a traceback."""
    gc.set_threshold(OBJECTS_BEFORE_COLLECTING, 20, 50)
    with report_errors():
        return root.main(args, prog_name="fleetsync", standalone_mode=True)


__all__ = ["CommandError", "main", "root"]
