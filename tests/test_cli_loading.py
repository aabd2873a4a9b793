"""A command loads what it needs and no more: a person at a prompt does not wait for SDKs that will not be used."""

import subprocess
import sys
from pathlib import Path

import click
import pytest

from bot.cli import COMMANDS, UNLISTED, main

ROOT = Path(__file__).resolve().parents[1]
HEAVY = {
    "aiohttp",
    "asyncio",
    "binance",
    "cryptography",
    "matplotlib",
    "numba",
    "numpy",
    "optuna",
    "pyarrow",
    "pybit",
    "pydantic",
    "sqlite_utils",
    "telegram",
    "websockets",
}
PROBE = """
import sys
from bot.cli import main
try:
    main(sys.argv[1:], standalone_mode=False)
except (SystemExit, Exception) as exc:
    print(repr(exc), file=sys.stderr)
print(*sorted({name.partition(".")[0] for name in sys.modules}))
"""


def loaded(*args: str) -> set[str]:
    """The top-level packages that a process has loaded once it has carried out a command."""
    done = subprocess.run(
        [sys.executable, "-c", PROBE, *args], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return set(done.stdout.splitlines()[-1].split())


@pytest.fixture
def strategy(tmp_path: Path) -> str:
    file = tmp_path / "one.js"
    file.write_text("module.exports = { nome: 'minha', par: 'BTCUSDT' };")
    return str(file)


@pytest.mark.parametrize("args", [("--help",), ("--version",), ("nonsense",), ("plan", "--help")])
def test_help_loads_nothing_heavy(args: tuple[str, ...]) -> None:
    assert loaded(*args) & HEAVY == set()


def test_a_plan_loads_nothing_heavy(strategy: str) -> None:
    assert loaded("plan", strategy, "--price", "60000") & HEAVY == set()


def test_the_probe_sees_what_a_heavy_command_loads() -> None:
    assert {"telegram", "pybit"} <= loaded("run", "--help")


@pytest.mark.parametrize("name", [*COMMANDS, *sorted(UNLISTED)])
def test_every_command_is_there_and_listed_with_its_own_words(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert command is not None
    assert command.name == name
    if name in COMMANDS:
        assert command.get_short_help_str(200) == COMMANDS[name]
    assert command.hidden == (name in UNLISTED)
