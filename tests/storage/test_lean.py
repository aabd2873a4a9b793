"""The bot's own process carries nothing that only backtests need."""

import subprocess
import sys


def test_the_whole_program_is_loaded_without_numpy() -> None:
    told = "import sys, bot.cli.run; print([n for n in ('numpy', 'pandas', 'numba', 'pyarrow', 'optuna') if n in sys.modules])"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_numpy_can_be_loaded_afterwards() -> None:
    told = "import storage.database, numpy; print(numpy.arange(3).sum())"
    done = subprocess.run([sys.executable, "-c", told], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "3"
