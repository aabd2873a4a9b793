"""`sweep` and `survival` as a person types them: real processes, real signals."""

import csv
import json
import os
import pty
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli import main
from tests.backtest.labour import heed_ctrl_c

ROOT = Path(__file__).resolve().parents[2]
STRATEGY = (
    "module.exports = { nome: 'minha', ambiente: 'bybit-demo', par: 'BTCUSDT', limite_recompras: 4, "
    "saldo_limite: 2000, lucro_alvo_inicial: 0.012 };\n"
)
VARY = ("--vary", "lucro_alvo_inicial=0.005:0.02:0.001", "--vary", "recompra_queda_inicial=0.005:0.02:0.005")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a strategy and candles; sweeps are kept in it, compiled code where it always is."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setattr("bot.cli.sweep_told.user_cache", lambda: tmp_path / "cache")
    (tmp_path / "one.js").write_text(STRATEGY)
    draw, price, lines = random.Random(2), 20_000.0, ["open_time_ms,open,high,low,close,volume"]
    for i in range(6000):
        opened, price = price, price * (1 + draw.gauss(0, 0.003))
        high, low = max(opened, price) * 1.0005, min(opened, price) * 0.9995
        lines.append(f"{1_677_628_800_000 + 60_000 * i},{opened:.2f},{high:.2f},{low:.2f},{price:.2f},1")
    (tmp_path / "candles.csv").write_text("\n".join(lines) + "\n")
    return tmp_path


def call(*args: str) -> Result:
    return CliRunner().invoke(main, [*args, "--candles", "candles.csv"])


def answer(*args: str) -> dict[str, object]:
    result = call("sweep", "one.js", *args, "--workers", "1", "--json")
    assert result.exit_code == 0, result.output
    return timeless(result.stdout)


def timeless(text: str) -> dict[str, object]:
    found = dict(json.loads(text))
    found.pop("seconds")
    return found


def until(fact: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not fact():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.01)


class Command:
    """The real command, in a process of its own, with a cache of its own."""

    def __init__(self, home: Path, cache: str, *more: str) -> None:
        self.cache = home / cache
        env = {**os.environ, "TRADER_AUTOMATA_CACHE": str(self.cache), "PYTHONPATH": str(ROOT)}
        args = ("sweep", "one.js", *VARY, "--candles", "candles.csv", "--engine", "exact", "--json", *more)
        self.process = subprocess.Popen(
            [sys.executable, "-m", "bot", *args], cwd=home, env=env, start_new_session=True,
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, preexec_fn=heed_ctrl_c,  # noqa: PLW1509
        )  # fmt: skip

    def kept(self) -> int:
        """The chunks in its journal: each set is one, by the exact path."""
        return sum(len(file.read_bytes().splitlines()) - 1 for file in self.cache.glob("sweeps/*.jsonl"))

    def workers(self) -> list[int]:
        listed = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [pid for pid in map(int, listed) if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]

    def end(self) -> tuple[int, str, str]:
        out, err = self.process.communicate(timeout=150)
        return self.process.returncode, out, err


def test_ctrl_c_keeps_what_is_done_and_the_same_command_goes_on(home: Path) -> None:
    """The terminal's Ctrl-C reaches the workers too; a worker killed afterwards changes nothing either."""
    whole = Command(home, "undisturbed")
    first = Command(home, "stopped")
    until(lambda: first.kept() >= 5)
    os.killpg(first.process.pid, signal.SIGINT)
    code, out, err = first.end()
    assert code == 130
    stopped = json.loads(out)
    assert not stopped["complete"]
    assert 5 <= stopped["judged"] < 64
    assert "Traceback" not in err
    assert "are kept; the same command goes on" in err

    second = Command(home, "stopped")
    before = first.kept()
    until(lambda: second.kept() > before + 5)
    os.kill(second.workers()[0], signal.SIGKILL)
    code, out, err = second.end()
    assert code == 0, err
    assert second.kept() == 65
    code, expected, err = whole.end()
    assert code == 0, err
    assert timeless(out) == timeless(expected)
    assert timeless(out)["judged"] == 64


@pytest.mark.parametrize(("language", "told"), [("en", b"of 64, "), ("pt_BR", b"de 64, faltam ")])
def test_a_terminal_sees_how_far_it_is_and_how_long_it_takes(home: Path, language: str, told: bytes) -> None:
    """On standard error, where that is a terminal; a pipe sees nothing, and standard output the answer alone."""
    args = ("sweep", "one.js", *VARY, "--candles", "candles.csv", "--engine", "exact", "--json")
    env = {
        **os.environ,
        "TRADER_AUTOMATA_CACHE": str(home / "here"),
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "100",
    }
    terminal, theirs = pty.openpty()
    command = [sys.executable, "-m", "bot", *args, "--language", language]
    with subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=theirs) as process:
        os.close(theirs)
        shown = b""
        with suppress(OSError):  # the terminal's end, as Linux tells it
            while part := os.read(terminal, 4096):
                shown += part
        os.close(terminal)
        assert process.stdout is not None
        answered = process.stdout.read()
    assert process.returncode == 0, shown
    assert json.loads(answered)["judged"] == 64
    assert told in shown
    assert b"64 of 64" in shown or b"64 de 64" in shown
    piped = subprocess.run(command, env=env, capture_output=True, check=True)
    assert piped.stderr == b""
    assert json.loads(piped.stdout)["judged"] == 64


def test_a_second_ctrl_c_ends_at_once(tmp_path: Path) -> None:
    """Though its workers are in the middle of something long."""
    script = (
        "from pathlib import Path\n"
        "from bot.backtest.executors import run_batches\n"
        "from bot.backtest.pools import LocalPool\n"
        "from bot.cli.studies import stoppable\n"
        "from tests.backtest.labour import Held, Numbers, hold\n"
        "if __name__ == '__main__':\n"
        f"    held = [(n, Held(Path({str(tmp_path)!r}), n)) for n in range(4)]\n"
        "    with stoppable('stopping') as stop:\n"
        "        list(run_batches(LocalPool(2), Numbers('n', (1,)), hold, held, stop))\n"
    )
    (tmp_path / "long.py").write_text(script)
    env = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(tmp_path / "long.py")]
    with subprocess.Popen(
        command,
        env=env,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_ctrl_c,  # noqa: PLW1509
    ) as process:
        assert process.stderr is not None
        until(lambda: len(list(tmp_path.glob("[0-9]*.*"))) == 2)
        pids = [int(file.name.split(".")[1]) for file in tmp_path.glob("[0-9]*.*")]
        process.send_signal(signal.SIGINT)
        assert process.stderr.readline() + process.stderr.readline() == "\nstopping\n"
        process.send_signal(signal.SIGINT)
        began = time.monotonic()
        assert process.wait(20) != 0
        assert time.monotonic() - began < 10
        process.stderr.read()
    until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))


def test_a_cache_that_cannot_be_written_is_told(home: Path) -> None:
    (home / "cache").write_text("a file, no folder")
    result = call("sweep", "one.js", *VARY)
    assert result.exit_code == 2
    assert "cannot be written" in result.stderr


def test_a_sweep_tells_front_choice_neighbours_and_walk(home: Path) -> None:
    found = call(
        "sweep", "one.js", *VARY, "--walk", "3", "--workers", "1", "--csv", "sets.csv", "--picture", "f.png"
    )
    assert found.exit_code == 0, found.output
    for words in (
        "64 of 64 sets judged", "as it is", "* the largest result with", "sets next to it", "together:",
        "the median set", "History, not a forecast",
    ):  # fmt: skip
        assert words in " ".join(found.stdout.split())
    rows = list(csv.DictReader((home / "sets.csv").read_text().splitlines()))
    assert len(rows) == 64
    assert {row["front"] for row in rows} == {"0", "1"}
    assert {"result_1", "worst_loss_3", "lucro_alvo_inicial"} <= set(rows[0])
    assert (home / "f.png").read_bytes().startswith(b"\x89PNG")
    again = answer(*VARY, "--walk", "3")
    front = again["front"]
    assert isinstance(front, list)
    assert len(front) == sum(row["front"] == "1" for row in rows)
    shown = {one["number"]: one for one in front}
    for row in rows:
        if row["front"] == "1":
            exact = shown[int(row["number"])]
            assert float(exact["result"]) == pytest.approx(float(row["result"]), abs=1e-6)
            assert exact["values"]["lucro_alvo_inicial"] == row["lucro_alvo_inicial"]


def test_what_is_wrong_with_a_run_is_told(home: Path) -> None:
    found = call("sweep", "one.js", "--vary", "taxa=0,0.001", "--balance", "10", "--workers", "1")
    assert found.exit_code == 0
    assert "! as it is: nothing was bought: the first buy takes 300 and the balance is 10" in found.stdout


def test_the_json_is_the_backtest_of_the_set_it_names(home: Path) -> None:
    found = answer(*VARY)
    best = found["best"]
    assert isinstance(best, dict)
    text = STRATEGY.replace(
        "lucro_alvo_inicial: 0.012", ", ".join(f"{k}: {v}" for k, v in best["values"].items())
    )
    (home / "best.js").write_text(text)
    ran = json.loads(call("backtest", "best.js", "--json").stdout)
    assert float(best["net_profit"]) == pytest.approx(float(ran["net_profit"]), abs=1e-9)
    assert best["cycles"] == len(ran["cycles"])


def test_draws_and_optimisers_are_the_same_each_time(home: Path) -> None:
    ranges = ("--vary", "lucro_alvo_inicial=0.005:0.03", "--vary", "recompra_queda_inicial=0.005:0.03")
    for mode in (("--random", "20"), ("--optimize", "20", "--method", "tpe"), ("--optimise", "20")):
        assert answer(*ranges, *mode) == answer(*ranges, *mode, "--fresh")
    assert answer(*ranges, "--random", "20") != answer(*ranges, "--random", "20", "--seed", "2")


@pytest.mark.parametrize(
    ("args", "told"),
    [
        ((), "vary: takes at least one parameter"),
        (("--vary", "lucro_alvo=1"), "lucro_alvo: is no parameter that varies; the nearest is lucro_alvo_"),
        (("--vary", "taxa=0:0.001"), "taxa: a grid takes from:to:step"),
        (("--vary", "taxa=0,0.001", "--random", "3", "--optimize", "3"), "--random or --optimize, not both"),
        (("--vary", "taxa=0,0.001", "--dask", "10.0.0.1:8786"), "--dask: takes an address such as tcp://"),
        (("--vary", "taxa=0,0.001", "--walk", "5000"), "walk: takes 2 to 60 windows"),
    ],
)
def test_what_does_not_fit_is_told_in_one_line(home: Path, args: tuple[str, ...], told: str) -> None:
    (home / "few.csv").write_text("\n".join((home / "candles.csv").read_text().splitlines()[:50]) + "\n")
    result = CliRunner().invoke(main, ["sweep", "one.js", *args, "--candles", "few.csv"])
    assert result.exit_code == 2
    assert told in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_survival_tells_shares_times_and_losses(home: Path) -> None:
    found = call("survival", "one.js", "--csv", "starts.csv", "--picture", "s.png")
    assert found.exit_code == 0, found.output
    assert "In 100 starts since 2023-03-01: " in found.stdout
    assert "(history, not a forecast)" in found.stdout
    told = json.loads(call("survival", "one.js", "--json").stdout)
    exact = json.loads(call("survival", "one.js", "--json", "--engine", "exact", "--workers", "2").stdout)
    assert (told.pop("engine"), exact.pop("engine")) == ("fast", "exact")
    assert {*told.pop("seconds"), *exact.pop("seconds")} == {"load", "run"}
    assert told == exact
    rows = list(csv.DictReader((home / "starts.csv").read_text().splitlines()))
    assert told["starts"] == len(rows) == 100
    assert float(told["still_open"]) == sum(row["exit_ms"] == "" for row in rows) / 100
    assert float(told["worst_loss"]["worst"]) == max(float(row["worst_loss"]) for row in rows)
    assert (home / "s.png").read_bytes().startswith(b"\x89PNG")
