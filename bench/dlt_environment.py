"""dlt in an environment of its own: it brings some hundred megabytes that fleetsync needs nothing of."""

import subprocess
import sys
from pathlib import Path

from bench.server_process import ROOT

REQUIREMENTS = ROOT / "bench/requirements-dlt.txt"
ENVIRONMENT = ROOT / ".tools/dlt"


def installed_dlt() -> Path:
    """The Python of the environment, which is made when it is not there yet."""
    python, stamp = ENVIRONMENT / "bin/python", ENVIRONMENT / "installed.txt"
    wanted = REQUIREMENTS.read_text(encoding="utf-8")
    if not stamp.exists() or stamp.read_text(encoding="utf-8") != wanted:
        subprocess.run([sys.executable, "-m", "venv", str(ENVIRONMENT)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-qq", "-r", str(REQUIREMENTS)], check=True)
        stamp.write_text(wanted, encoding="utf-8")
    return python
