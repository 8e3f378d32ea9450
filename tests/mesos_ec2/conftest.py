"""The bridges of the EC2 tests, and the search for a Python 2.7, are used here too."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[1] / name) for name in ("ec2", "clients27")]
