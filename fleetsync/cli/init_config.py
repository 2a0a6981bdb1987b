"""init: writes a commented configuration to begin with. It can be used as it is."""

from pathlib import Path

import click

from fleetsync.cli.errors import EXIT_UNUSABLE, CommandError

CONFIG_HEAD = """\
# fleetsync: which systems are read, and what the plan promises.
# config.example.toml explains every key. Check this file with: fleetsync check

[municipality]
name = "{name}"

[database]
url = "database/fleetsync.db"

[privacy]
# The key that turns log-ins into tokens. Created at the first start. Keep a copy of it apart from the database.
key_file = "secrets/privacy.key"

[calendar]
# Without terms, every weekday that is not a public holiday counts. Your own terms go into a file:
# file = "calendar.toml"
"""


@click.command(help="Write a commented configuration for the systems you name.")
@click.option(
    "--kind", "kinds", multiple=True, help="A kind of system to read, such as intune. May be given several times."
)
@click.option("--name", default="", help="The name of the municipality.")
@click.option("--output", type=click.Path(path_type=Path), default=Path("config.toml"), show_default=True)
def init(kinds: tuple[str, ...], name: str, output: Path) -> None:
    """On a terminal, asks which systems there are if none is named."""
    from fleetsync.pull.registry import connector_kinds as known_kinds
    from fleetsync.pull.registry import load_connector

    if output.exists():
        raise CommandError(f"{output} exists and was not changed. Choose another file with --output", EXIT_UNUSABLE)
    chosen = kinds or _ask_kinds(known_kinds())
    tables = [_source_table(kind, load_connector(kind).__doc__ or "") for kind in chosen]
    parts = [CONFIG_HEAD.format(name=name.replace('"', "'")), *tables]
    output.parent.mkdir(parents=True, exist_ok=True)
    (output.parent / "secrets").mkdir(mode=0o700, exist_ok=True)
    output.write_text("\n".join(parts), encoding="utf-8")
    click.echo(f"{output} is written. Fill in what is marked <…>, then run: fleetsync --config {output} check")


def _ask_kinds(known: tuple[str, ...]) -> tuple[str, ...]:
    import sys

    if not sys.stdin.isatty():
        return ()
    return tuple(kind for kind in known if click.confirm(f"Read {kind}?", default=False))


def _source_table(kind: str, about: str) -> str:
    """A commented `[[source]]` table with the required keys, under the first sentence of the connector's docstring."""
    from pydantic_core import PydanticUndefined

    from fleetsync.pull.registry import load_connector

    lines = [
        f"# {about.strip().splitlines()[0]}",
        "# [[source]]",
        f'# kind = "{kind}"',
        f'# name = "{kind.replace("_", "-")}"',
    ]
    for key, field in load_connector(kind).Settings.model_fields.items():
        if key in {"kind", "name"} or field.default is not PydanticUndefined or field.default_factory is not None:
            continue
        lines.append(f'# {key} = "<…>"')
    lines += _secret_lines(kind, tuple(load_connector(kind).Settings.model_fields))
    return "\n".join([*lines, ""])


def _secret_lines(kind: str, keys: tuple[str, ...]) -> list[str]:
    """A line for each secret that the kind takes: a key that also has a `<key>_file`."""
    secrets = [key for key in keys if f"{key}_file" in keys]
    # The password of a certificate's key is needed only with a certificate.
    secrets = [key for key in secrets if "password" not in key] or secrets
    about = ["# One of these; each is a file with the secret alone:"] if len(secrets) > 1 else []
    return about + [f'# {key}_file = "secrets/{kind}-{key}"' for key in secrets]


COMMANDS = {"init": init}
