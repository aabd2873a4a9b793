"""The bot's own process stays small: what backtests need is loaded by their workers."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("numpy", "numba", "pyarrow", "optuna", "matplotlib", "distributed")
LOADED = f"import sys, bot.app.program; print([name for name in {HEAVY} if name in sys.modules])"


def test_the_program_loads_nothing_of_what_backtests_need():
    done = subprocess.run(
        [sys.executable, "-c", LOADED], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
