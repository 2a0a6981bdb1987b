"""Draws the pictures of the dashboards: Exempelby's replayed past in a real Prometheus, drawn by Grafana's own front-end code.

    PYTHONPATH=. .venv/bin/python docs/dashboard_picture/draw.py BUNDLE [DAYS]

BUNDLE is the folder with main.js and main.css; README.md beside this file says how to make it. DAYS of the past are
replayed, 60 unless given, which takes ten minutes.
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
from typing import NamedTuple

from playwright.sync_api import sync_playwright

from fleetsync import log
from fleetsync.clock import Clock
from fleetsync.demo.days import DEMO_DAY
from fleetsync.demo.mornings import first_run_at
from fleetsync.demo.replay import DemoEnvironment, publish_all_units
from fleetsync.settings import load
from tests.dashboards.monitoring_stack import PrometheusServer, write
from tests.dashboards.scenario import replay_days, shift_instants, with_backups
from tests.dashboards.series_catalogue import DASHBOARDS, RULES_FILE
from tests.serving import free_port

IMAGES = Path(__file__).parents[1] / "images"
REPLAYED_DAYS = 60
WIDTH, LARGEST_BYTES = 1500, 400_000
INSTANCE = "127.0.0.1:8470"
PAGE_HTML = """<!doctype html><meta charset="utf-8"><link rel="stylesheet" href="main.css">
<style>body {{ margin: 0; background: #f4f5f5; font-family: Inter, sans-serif }}
#root {{ padding: 16px; display: flex; flex-direction: column; min-height: 100vh }}</style><div id="root"></div>
<script>window.PROMETHEUS = {prometheus}; window.LOCALE = "sv-SE"; window.DASHBOARD = {dashboard}</script>
<script src="main.js"></script>"""


class Picture(NamedTuple):
    """A dashboard's file, and the picture of it with the height at which it is cropped."""

    dashboard: str
    image: str
    height: int

    @property
    def text(self) -> str:
        """The JSON of the dashboard."""
        return (DASHBOARDS / self.dashboard).read_text(encoding="utf-8")


PICTURES = (
    Picture("coverage.json", "dashboard.png", 1768),
    Picture("lifecycle.json", "dashboard-lifecycle.png", 1790),
    Picture("sync.json", "dashboard-sync.png", 1860),
)


def main(bundle: Path, replayed_days: int) -> None:
    """Write the pictures. Fails when a query had no answer, or when a picture is too large for a document."""
    log.setup("ERROR")
    with TemporaryDirectory(prefix="fleetsync-picture-") as name, serve_files(bundle) as address:
        prometheus = PrometheusServer(Path(name), free_port())
        newest = feed_prometheus(prometheus, replayed_days)
        (bundle / "metrics").write_text(newest, encoding="utf-8")
        write(prometheus.folder / "now.yml", prometheus_config(address))
        # A day has four samples, and the pictures may be drawn at night.
        with prometheus.running("now.yml", "--web.cors.origin=.*", lookback="24h"):
            for recorded in ("unit_entitlement:fleetsync_below_limit:school_days", 'up{job="fleetsync"}'):
                prometheus.wait_for(recorded, partial(prometheus.has_result, recorded))
            for picture in PICTURES:
                draw(picture, bundle, f"http://127.0.0.1:{prometheus.port}", f"http://{address}/index.html")


def prometheus_config(address: str) -> object:
    """Prometheus goes on with what was replayed: it scrapes the newest exposition as if it came from the daemon."""
    target = {"targets": [address], "labels": {"instance": INSTANCE}}
    return {
        "rule_files": [str(RULES_FILE)],
        "global": {"evaluation_interval": "5s", "scrape_interval": "5s"},
        "scrape_configs": [{"job_name": "fleetsync", "static_configs": [target]}],
    }


def feed_prometheus(prometheus: PrometheusServer, replayed_days: int) -> str:
    """Give Prometheus Exempelby's past, moved so that its last day is today. Returns the newest exposition."""
    moved_by = timedelta(days=(Clock().now().date() - DEMO_DAY).days)
    environment = DemoEnvironment(prometheus.folder / "exempelby", with_schools=True)
    with environment.open() as written:
        config = written.path
        assert config is not None, "the demo writes its configuration into a file"
        config.write_text(with_backups(config.read_text(encoding="utf-8")), encoding="utf-8")
        settings = load(config)
        publish_all_units(environment, settings)
        days = [DEMO_DAY - timedelta(days=number) for number in range(replayed_days, -1, -1)]
        past = replay_days(environment, settings, days, lambda *_: None)
    expositions = {at: text for at, text in past.items() if at + moved_by < Clock().now()}
    prometheus.load_past(expositions, moved_by, INSTANCE)
    # What is scraped now speaks for this moment, whatever the hour of the drawing.
    return shift_instants(past[max(past)], Clock().now() - first_run_at(DEMO_DAY) - timedelta(minutes=20))


def draw(picture: Picture, bundle: Path, prometheus: str, address: str) -> None:
    """Write one picture."""
    page = PAGE_HTML.format(prometheus=json.dumps(prometheus), dashboard=picture.text)
    (bundle / "index.html").write_text(page, encoding="utf-8")
    image = IMAGES / picture.image
    take_screenshot(picture, address, image)
    if image.stat().st_size > LARGEST_BYTES:
        sys.exit(f"{image.name} has {image.stat().st_size} bytes, more than {LARGEST_BYTES}: crop it")


@contextmanager
def serve_files(bundle: Path) -> Iterator[str]:
    """Serve the bundle, and what is written beside it; gives host and port."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietFileHandler, directory=bundle))
    Thread(target=server.serve_forever, daemon=True).start()
    yield f"127.0.0.1:{server.server_port}"
    server.shutdown()


class QuietFileHandler(SimpleHTTPRequestHandler):
    """Serves files without logging."""

    def log_message(self, *arguments: object) -> None:
        """Log nothing. The icons and fonts of Grafana's application do not exist here, and are not needed."""


def take_screenshot(picture: Picture, address: str, image: Path) -> None:
    """Wait until every query was answered, and take the picture. Exits when a query had no answer."""
    queries = sum(len(panel.get("targets", ())) for panel in json.loads(picture.text)["panels"])
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path="/usr/bin/chromium", args=["--no-sandbox", "--disable-gpu"]
        )
        page = browser.new_page(
            viewport={"width": WIDTH, "height": picture.height}, locale="sv-SE", timezone_id="Europe/Stockholm"
        )
        page.goto(address)
        page.wait_for_function(f"window.answeredQueries?.length >= {queries}", timeout=120_000)
        page.wait_for_timeout(3000)  # until the answers are drawn
        page.screenshot(path=image)
        empty = page.evaluate("window.answeredQueries.filter(query => query.series === 0).map(query => query.expr)")
        browser.close()
    if empty:
        sys.exit(f"without an answer: {empty}")


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]) if len(sys.argv) > 2 else REPLAYED_DAYS)
