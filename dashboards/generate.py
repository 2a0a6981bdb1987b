"""Write the Grafana dashboards beside this file: `python dashboards/generate.py`, or `--check` to compare only.

There are three dashboards, each in two languages, as classic JSON that Grafana 10 and newer provision from a folder. They
show only numbers that fleetsync's page has too, and call them by the page's words. The content is in `grafana_dashboards`.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from grafana_dashboards.dashboard import BASE_URL, DASHBOARD_FILES, dashboard_json

HERE = Path(__file__).parent


def main(arguments: Sequence[str]) -> int:
    """Write or compare the files. Returns 1 when a file differs from what would be written."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0] if __doc__ else "")
    parser.add_argument("--base-url", default=BASE_URL, help="address of fleetsync's page")
    parser.add_argument("--to", type=Path, default=HERE, help="folder to write into")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is not up to date")
    options = parser.parse_args(arguments)
    texts = {options.to / name: dashboard_json(name, options.base_url.rstrip("/")) for name in DASHBOARD_FILES}
    if options.check:
        return int(any(not path.is_file() or path.read_text(encoding="utf-8") != text for path, text in texts.items()))
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
