"""`history get|list|verify` as a person types them, against a stand-in's real socket."""

import asyncio
import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli import main
from bot.sandbox.binance import BinanceOptions, SandboxBinance
from bot.sandbox.exchange_faults import Answer, RequestFault
from tests.backtest.labour import heed_ctrl_c
from tests.exchanges.history_kit import HALF, at, made, written

START, END = at("2024-12-05"), at("2025-03-02")
AWAY = range(at("2025-01-20"), at("2025-01-20") + 9 * HALF, HALF)
ALL = made(START, END, without=AWAY)


@pytest.fixture
def exchange(tmp_path: Path) -> Iterator[SandboxBinance]:
    """In a loop and a thread of its own: the command has its own loop."""
    running = SandboxBinance(BinanceOptions(candles=written(tmp_path / "BTCUSDT.csv", ALL)))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    asyncio.run_coroutine_threadsafe(running.start(), loop).result(20)
    yield running
    asyncio.run_coroutine_threadsafe(running.stop(), loop).result(20)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    return tmp_path


def call(*args: str) -> Result:
    return CliRunner().invoke(main, ["history", *args])


def get(exchange: SandboxBinance, *args: str, symbol: str = "BTCUSDT") -> Result:
    where = ("--rest", exchange.rest_url, "--symbol", symbol, "--interval", "30m")
    return call("get", *where, *args)


def test_a_period_is_fetched_listed_and_verified(home: Path, exchange: SandboxBinance):
    answer = get(exchange, "--from", "2025-01-10", "--to", "2025-01-31")
    assert answer.exit_code == 0, answer.output
    assert "binance BTCUSDT 30m: 1,047 candles from 2025-01-10 00:00 to 2025-02-01 00:00" in answer.stdout
    assert "1 gap, 9 candles in all" in answer.stdout
    assert "9 after 2025-01-19 23:30" in answer.stdout
    assert (home / "data/history/binance/BTCUSDT/30m/2025-01.parquet").exists()
    listed = call("list")
    assert listed.stdout == "binance  BTCUSDT   30m     1,479 candles  2025-01-01 to 2025-01-31   0.0 MB\n"
    checked = call("verify")
    assert checked.exit_code == 0
    assert "1,479 candles, 1 month\n" in checked.stdout


def test_the_answers_as_json(home: Path, exchange: SandboxBinance):
    got = json.loads(get(exchange, "--from", "2025-01-10", "--to", "2025-01-31", "--json").stdout)
    assert (got["candles"], got["from"], got["to"]) == (1047, at("2025-01-10"), at("2025-02-01"))
    assert got["gaps"] == [{"after": AWAY[0] - HALF, "before": AWAY[-1] + HALF, "missing": 9}]
    (listed,) = json.loads(call("list", "--json").stdout)
    assert (listed["candles"], listed["known_until"]) == (1479, at("2025-02-01"))
    (verdict,) = json.loads(call("verify", "--json").stdout)
    assert (verdict["problems"], verdict["gaps"]) == ([], got["gaps"])


def test_without_dates_everything_is_fetched(home: Path, exchange: SandboxBinance):
    got = json.loads(get(exchange, "--json").stdout)
    assert (got["candles"], got["from"], got["to"]) == (len(ALL) - 1, START, END - HALF)


def test_a_broken_file_is_told_and_fails_the_check(home: Path, exchange: SandboxBinance):
    get(exchange, "--from", "2025-01-10", "--to", "2025-01-31")
    (path,) = home.rglob("*.parquet")
    path.write_bytes(path.read_bytes()[:1000])
    checked = call("verify")
    assert checked.exit_code == 1
    assert "! binance/BTCUSDT/30m/2025-01.parquet cannot be read" in checked.stdout
    assert "! 1 month cannot be read: history verify names them" in call("list").stdout
    mended = get(exchange, "--from", "2025-01-10", "--to", "2025-01-31")
    assert "fetched anew: binance/BTCUSDT/30m/2025-01.parquet\n" in mended.stderr
    assert "1,047 candles" in mended.stdout
    assert call("verify").exit_code == 0
    assert "cannot be read" not in call("list").stdout


@pytest.mark.parametrize(
    ("args", "words"),
    [
        (
            ("--from", "2025-02-01", "--to", "2025-01-01"),
            "from: takes a day before --to: the two are turned round",
        ),
        (
            ("--from", "2017-01-01"),
            "BTCUSDT is traded on binance since 2024-12-05: 2017-01-01 is before that",
        ),
        (("--from", "2031-01-01"), "2031-01-01 is after that"),
        (("--from", "yesterday"), "is not a day such as"),
    ],
)
def test_a_period_that_cannot_be_had_is_refused_in_one_line(
    home: Path, exchange: SandboxBinance, args, words
):
    answer = get(exchange, *args)
    assert answer.exit_code == 2
    assert words in answer.stderr
    assert "Traceback" not in answer.output


def test_a_pair_that_does_not_exist_is_refused_in_one_line(home: Path, exchange: SandboxBinance):
    answer = get(exchange, "--from", "2025-01-01", symbol="NOPEUSDT")
    assert answer.exit_code == 2
    assert "par: NOPEUSDT is no spot pair traded at binance" in answer.stderr


def test_an_empty_disk_says_how_to_begin(home: Path):
    assert "nothing yet in" in call("list").stdout
    assert call("verify").exit_code == 0


async def test_ctrl_c_keeps_what_came_and_the_same_command_goes_on(home: Path, tmp_path: Path):
    path = written(tmp_path / "BTCUSDT.csv", ALL)
    async with SandboxBinance(BinanceOptions(candles=path)) as exchange:
        asked = asyncio.Event()
        take = exchange.faults.take

        def noted(path: str) -> RequestFault | None:
            fault = take(path)
            if fault is not None and fault.delay_ms:
                asked.set()
            return fault

        exchange.faults.take = noted
        for delay in (0, 0, 0, 0, 60_000):
            exchange.faults.add(RequestFault("/api/v3/klines", Answer.NONE, delay_ms=delay))
        words = ("history", "get", "--rest", exchange.rest_url, "--symbol", "BTCUSDT", "--interval", "30m")
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", *words, env=os.environ | {"DATA_DIR": str(home / "data")},
            cwd=Path(__file__).parents[2], stderr=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
            preexec_fn=heed_ctrl_c,
        )  # fmt: skip
        await asyncio.wait_for(asked.wait(), 60)
        process.send_signal(signal.SIGINT)
        _, said = await asyncio.wait_for(process.communicate(), 60)
        assert process.returncode == 130, said
        assert b"what came is kept" in said
        assert b"Traceback" not in said
        (listed,) = json.loads(call("list", "--json").stdout)
        assert 1000 <= listed["candles"] < len(ALL) - 1
        exchange.faults.clear()
        got = await asyncio.to_thread(get, exchange, "--json")
        assert json.loads(got.stdout)["candles"] == len(ALL) - 1
