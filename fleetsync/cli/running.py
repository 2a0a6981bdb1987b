"""run and healthcheck: start the daemon, and ask whether it is alive."""

import socket
from typing import TYPE_CHECKING

import click

from fleetsync.cli.errors import CommandError

if TYPE_CHECKING:
    from fleetsync.settings.listening import ListenAddress

MAX_STATUS_LINE_BYTES = 200


@click.command(help="Run the daemon: pull on schedule and serve the page and /metrics until it is stopped.")
@click.pass_context
def run(ctx: click.Context) -> None:
    """SIGTERM and SIGINT stop it, SIGHUP reloads the configuration."""
    from fleetsync.cli.application import load_settings
    from fleetsync.daemon.service import Daemon

    Daemon(load_settings(ctx, is_daemon=True)).run()


@click.command(help="Exit 0 if the daemon of this configuration answers. For containers.")
@click.pass_context
def healthcheck(ctx: click.Context) -> None:
    """Requests /livez, as an orchestrator would."""
    from fleetsync.settings.listening import health_address

    address = health_address(ctx.obj["path"]) or _configured_health_address(ctx)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # noqa: S104 - the reverse of binding
    try:
        status_line = _livez_status_line(host, address.port)
    except OSError as error:
        raise CommandError(
            f"the daemon does not answer at {host}:{address.port} ({error.strerror or type(error).__name__})"
        ) from None
    if not status_line.startswith("HTTP/"):
        raise CommandError(f"what answers at {host}:{address.port} is not the daemon: look at [web] metrics_listen")
    status = status_line.partition(" ")[2][:3]
    if status != "200":
        raise CommandError(f"the daemon answers {status} at {host}:{address.port}/livez: its main loop hangs")


def _livez_status_line(host: str, port: int) -> str:
    """The first line of the answer. Raises OSError. Importing http.client would take a quarter of the whole check."""
    with socket.create_connection((host, port), timeout=5) as connection, connection.makefile("rb") as answer:
        connection.sendall(b"GET /livez HTTP/1.0\r\n\r\n")
        return answer.readline(MAX_STATUS_LINE_BYTES).decode("latin-1")


def _configured_health_address(ctx: click.Context) -> "ListenAddress":
    """The address as the whole configuration gives it, or what is wrong with the configuration. Raises SettingsError."""
    from fleetsync.cli.application import load_settings

    web = load_settings(ctx).web
    return web.metrics_address or web.address


COMMANDS = {"run": run, "healthcheck": healthcheck}
