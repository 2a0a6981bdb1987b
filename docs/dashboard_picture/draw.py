"""Draws `docs/images/dashboard.png`: Exempelby's replayed past in a real Prometheus, drawn by Grafana's own front-end code.

    PYTHONPATH=. .venv/bin/python docs/dashboard_picture/draw.py BUNDLE

BUNDLE is the folder with main.js and main.css; README.md beside this file says how to make it. Takes ten minutes.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Thread

from playwright.sync_api import sync_playwright

from fleetsync import log
from fleetsync.clock import Clock
from fleetsync.demo.days import DEMO_DAY
from fleetsync.demo.replay import DemoEnvironment, publish_all_units
from tests.dashboards.monitoring_stack import PrometheusServer, write
from tests.dashboards.scenario import replay_days
from tests.dashboards.series_catalogue import DASHBOARDS, RULES_FILE
from tests.serving import free_port

DASHBOARD = DASHBOARDS / "coverage.json"
PICTURE = Path(__file__).parents[1] / "images" / "dashboard.png"
REPLAYED_DAYS = 60
WIDTH, HEIGHT = 1500, 1768
LARGEST_BYTES = 400_000
PAGE_HTML = """<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="main.css">
<style>body {{ margin: 0; background: #f4f5f5; font-family: Inter, sans-serif }}
#root {{ padding: 16px; display: flex; flex-direction: column; min-height: 100vh }}</style><div id="root"></div>
<script>window.PROMETHEUS = {prometheus}; window.LOCALE = "sv-SE"; window.DASHBOARD = {dashboard}</script>
<script src="main.js"></script>"""


def main(bundle: Path) -> None:
    """Write the picture. Fails when a query had no answer, or when the picture is too large for a document."""
    log.setup("ERROR")
    with TemporaryDirectory(prefix="fleetsync-picture-") as name:
        prometheus = PrometheusServer(Path(name), free_port())
        feed_prometheus(prometheus)
        write(prometheus.folder / "now.yml", {"rule_files": [str(RULES_FILE)], "global": {"evaluation_interval": "5s"}})
        # A day has four samples, and the picture may be drawn at night.
        with (
            prometheus.running("now.yml", "--web.cors.origin=.*", lookback="24h"),
            serve_page(bundle, prometheus.port) as address,
        ):
            prometheus.wait_for(
                "the rules", lambda: bool(prometheus.query("unit_entitlement:fleetsync_below_limit:school_days"))
            )
            take_screenshot(address)
    if PICTURE.stat().st_size > LARGEST_BYTES:
        sys.exit(f"{PICTURE.name} has {PICTURE.stat().st_size} bytes, more than {LARGEST_BYTES}: crop it")


def feed_prometheus(prometheus: PrometheusServer) -> None:
    """Give Prometheus Exempelby's past, moved so that its last day is today."""
    moved_by = timedelta(days=(Clock().now().date() - DEMO_DAY).days)
    environment = DemoEnvironment(prometheus.folder / "exempelby", with_schools=True)
    with environment.open() as settings:
        publish_all_units(environment, settings)
        days = [DEMO_DAY - timedelta(days=number) for number in range(REPLAYED_DAYS, -1, -1)]
        past = replay_days(environment, settings, days, lambda *_: None)
    expositions = {at: text for at, text in past.items() if at + moved_by < Clock().now()}
    prometheus.load_past(expositions, moved_by, "127.0.0.1:8470")


@contextmanager
def serve_page(bundle: Path, prometheus_port: int) -> Iterator[str]:
    """Serve the page that draws the dashboard; gives its address."""
    page = PAGE_HTML.format(
        prometheus=json.dumps(f"http://127.0.0.1:{prometheus_port}"),
        dashboard=DASHBOARD.read_text(encoding="utf-8"),
    )
    (bundle / "index.html").write_text(page, encoding="utf-8")
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietFileHandler, directory=bundle))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/index.html"
    server.shutdown()


class QuietFileHandler(SimpleHTTPRequestHandler):
    """Serves files without logging."""

    def log_message(self, *arguments: object) -> None:
        """Log nothing. The icons and fonts of Grafana's application do not exist here, and are not needed."""


def take_screenshot(address: str) -> None:
    """Wait until every query was answered, and take the picture."""
    queries = sum(
        len(panel.get("targets", ())) for panel in json.loads(DASHBOARD.read_text(encoding="utf-8"))["panels"]
    )
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(
            viewport={"width": WIDTH, "height": HEIGHT}, locale="sv-SE", timezone_id="Europe/Stockholm"
        )
        page.goto(address)
        page.wait_for_function(f"window.answeredQueries?.length >= {queries}", timeout=120_000)
        page.wait_for_timeout(3000)  # until the answers are drawn
        page.screenshot(path=PICTURE)
        empty = page.evaluate("window.answeredQueries.filter(query => query.series === 0).map(query => query.expr)")
        browser.close()
    if empty:
        sys.exit(f"without an answer: {empty}")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
