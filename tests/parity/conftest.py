"""The benchmarks lie beside the tests, outside the installed packages; last on the path, they shadow none."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = str(Path(__file__).parents[2])
if ROOT not in sys.path:
    sys.path.append(ROOT)
