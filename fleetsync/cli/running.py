"""run and healthcheck: start the daemon, and ask whether it is alive."""

from typing import TYPE_CHECKING

import click

from fleetsync.cli.errors import CommandError

if TYPE_CHECKING:
    from fleetsync.settings.listening import ListenAddress


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
    from http.client import HTTPConnection

    from fleetsync.settings.listening import health_address

    address = health_address(ctx.obj["path"]) or _configured_health_address(ctx)
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(address.host, address.host)  # noqa: S104 - the reverse of binding
    try:
        connection = HTTPConnection(host, address.port, timeout=5)
        connection.request("GET", "/livez")
        status = connection.getresponse().status
    except OSError as error:
        raise CommandError(
            f"the daemon does not answer at {host}:{address.port} ({error.strerror or type(error).__name__})"
        ) from None
    if status != 200:
        raise CommandError(f"the daemon answers {status} at {host}:{address.port}/livez: its main loop hangs")


def _configured_health_address(ctx: click.Context) -> "ListenAddress":
    """The address as the whole configuration gives it, or what is wrong with the configuration. Raises SettingsError."""
    from fleetsync.cli.application import load_settings

    web = load_settings(ctx).web
    return web.metrics_address or web.address


COMMANDS = {"run": run, "healthcheck": healthcheck}
