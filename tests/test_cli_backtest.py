"""`backtest` and `compare` at the prompt, as a person types them."""

import asyncio
import gzip
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.backtest.exact import run_exact
from bot.backtest.model import Terms
from bot.cli import main
from bot.domain.params import StrategyParams
from bot.sandbox.binance import BinanceOptions, SandboxBinance
from bot.sandbox.exchange import ExchangeOptions, SandboxExchange
from tests.backtest.candles import DATA, real, rules_of

ROOT = Path(__file__).resolve().parents[1]
HEAD = "open_time_ms,open,high,low,close,volume\n"
GOOD = "1700000040000,100,100,100,100,1\n1700000100000,100,104,99,104,1\n"
NAME = "binanceus_BTCUSDT_1m_202303"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a strategy and a few candles, and caches of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LC_ALL", "C.UTF-8")
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("TRADER_AUTOMATA_CACHE", str(tmp_path / "cache"))
    (tmp_path / "one.js").write_text("module.exports = { nome: 'minha', par: 'BTCUSDT' };")
    (tmp_path / "good.csv").write_text(HEAD + GOOD)
    return tmp_path


def call(*args: str) -> Result:
    return CliRunner().invoke(main, args)


def refused(*args: str) -> str:
    """What is said of an input that cannot be used: words on standard error, nothing else."""
    answer = call(*args)
    assert answer.exit_code == 2, answer.output
    assert answer.stdout == ""
    assert "Traceback" not in answer.stderr
    assert answer.exception is None or isinstance(answer.exception, SystemExit)
    return answer.stderr


# --- the answer ---------------------------------------------------------------------------------------


def test_the_json_is_what_the_contract_says() -> None:
    answer = call("backtest", "one.js", "--candles", "good.csv", "--json")
    told = json.loads(answer.stdout)
    assert answer.stderr == ""
    assert list(told) == ["fills", "cycles", "net_profit", "open", "engine", "seconds"]
    assert told["fills"][0] == {
        "time": 1700000040000,
        "side": "buy",
        "k": 0,
        "price": "100",
        "quantity": "3",
    }
    assert [(fill["side"], fill["k"]) for fill in told["fills"]] == [("buy", 0), ("buy", 1), ("sell", 1)]
    (cycle,) = told["cycles"]
    assert list(cycle) == ["start", "end", "rebuys", "net_profit"]
    assert (cycle["start"], cycle["end"], cycle["rebuys"]) == (1700000040000, 1700000100000, 1)
    assert told["net_profit"] == cycle["net_profit"]
    assert told["open"] is None
    assert told["engine"] == "fast"
    assert set(told["seconds"]) == {"load", "run"}
    assert all(isinstance(seconds, float) for seconds in told["seconds"].values())


def test_the_open_cycle_stands_apart_with_its_value_and_loss() -> None:
    Path("open.csv").write_text(HEAD + "1700000040000,100,100,95,95,1\n")
    told = json.loads(call("backtest", "one.js", "--candles", "open.csv", "--json").stdout)
    held = told["open"]
    assert list(held) == ["held", "cost", "rebuys", "value", "unrealised"]
    assert held["rebuys"] == 5
    assert Decimal(held["value"]) == Decimal(held["held"]) * 95 * Decimal("0.999")
    assert abs(Decimal(held["unrealised"]) - (Decimal(held["value"]) - Decimal(held["cost"]))) < Decimal(
        "1e-20"
    )
    assert told["net_profit"] == "0"


@pytest.mark.parametrize("engine", ["fast", "exact"])
def test_both_engines_tell_the_fills_of_the_exact_path(engine: str) -> None:
    wanted = run_exact(StrategyParams(), Terms(rules_of()), real(NAME))
    file = str(DATA / f"{NAME}.csv.gz")
    told = json.loads(call("backtest", "one.js", "--candles", file, "--engine", engine, "--json").stdout)
    assert told["engine"] == engine
    ours = [
        (f["time"], f["side"], f["k"], Decimal(f["price"]), Decimal(f["quantity"])) for f in told["fills"]
    ]
    assert ours == [(f.time, f.side.value, f.k, f.price.value, f.quantity.value) for f in wanted.fills]
    assert len(ours) > 50


def test_rules_balance_slippage_and_a_period_change_the_run() -> None:
    def first(*options: str) -> dict[str, str]:
        told = json.loads(call("backtest", "one.js", "--candles", "good.csv", "--json", *options).stdout)
        return told["fills"][0] if told["fills"] else {}

    assert first("--slippage", "0.00123")["price"] == "100.13"
    assert first("--slippage", "0.123%", "--tick", "0.5")["price"] == "100.5"
    assert first("--step", "2")["quantity"] == "2"
    assert first("--balance", "299") == {}
    assert first("--balance", "300")["quantity"] == "3"
    assert first("--min-notional", "301") == {}
    assert first("--from", "1700000100000")["time"] == 1700000100000
    assert first("--to", "2023-11-14T22:15")["time"] == 1700000040000


def test_a_day_given_as_the_last_one_is_whole() -> None:
    days = ["1680134400000", "1680220800000", "1680307200000"]  # 30 March 2023 and the two days after
    Path("days.csv").write_text(HEAD + "".join(f"{day},100,100,100,100,1\n" for day in days))
    (Path("one.js")).write_text("module.exports = { par: 'BTCUSDT', recompra_queda_inicial: 0.5 };")
    answer = call("backtest", "one.js", "--candles", "days.csv", "--from", "2023-03-31", "--to", "2023-03-31")
    assert "Mar 31, 2023" in answer.stdout
    assert "one candle of" in answer.stdout


def test_without_json_a_person_reads_figures_and_what_they_rest_on() -> None:
    answer = call("backtest", "one.js", "--candles", "good.csv")
    assert answer.exit_code == 0
    for words in ("minha, BTCUSDT", "Net profit", "Worst paper loss", "Buy and hold", "The open cycle"):
        assert words in answer.stdout
    for words in ("Tick: assumed", "smallest order: assumed", "5,000.00", "fast engine", "the ladder ends"):
        assert words in " ".join(answer.stdout.split())
    exact = call("backtest", "one.js", "--candles", "good.csv", "--engine", "exact", "--language", "pt_BR")
    assert "Lucro líquido" in exact.stdout
    assert "a escada termina" in " ".join(exact.stdout.split())
    assert "assumed" not in exact.stdout
    assert "Tick: as given;" in call("backtest", "one.js", "--candles", "good.csv", "--tick", "0.1").stdout


def test_what_was_never_bought_is_told_beside_the_json() -> None:
    answer = call("backtest", "one.js", "--candles", "good.csv", "--balance", "10", "--json")
    assert json.loads(answer.stdout)["fills"] == []
    assert "the first buy takes 300 and the balance is 10" in answer.stderr


def test_a_run_that_ends_for_want_of_money_says_since_when() -> None:
    """All profit is reinvested in the one buy, and what its dust cost is not there to pay with."""
    Path("one.js").write_text(
        "module.exports = { limite_recompras: 0, saldo_limite: 0, qty_inicial: 100.5 };"
    )
    rows = "".join(f"{1700000040000 + 60_000 * i},100,104,100,104,1\n" for i in range(4))
    Path("up.csv").write_text(HEAD + rows)
    asked = ("backtest", "one.js", "--candles", "up.csv", "--step", "0.1", "--json")
    answer = call(*asked)
    assert [fill["side"] for fill in json.loads(answer.stdout)["fills"]] == ["buy", "sell"]
    assert "nothing was bought after the exit of 2023-11-14 22:14" in answer.stderr
    assert call(*asked, "--balance", "200").stderr == ""


def test_a_run_that_the_fast_engine_cannot_make_is_made_by_the_exact_one_and_says_so() -> None:
    answer = call("backtest", "one.js", "--candles", "good.csv", "--step", "4", "--json")
    assert json.loads(answer.stdout)["engine"] == "exact"
    assert "the exact engine ran" in answer.stderr


def test_what_the_setup_would_refuse_is_told() -> None:
    Path("small.js").write_text("module.exports = { multiplicador_qty: 0.01, qty_minima: 4 };")
    answer = call("backtest", "small.js", "--candles", "good.csv", "--json")
    assert answer.exit_code == 0
    assert "qty_minima" in answer.stderr
    assert "at its setup" in answer.stderr


def test_a_report_is_written_beside_the_json(home: Path) -> None:
    answer = call("backtest", "one.js", "--candles", "good.csv", "--json", "--report", "told")
    assert json.loads(answer.stdout)["fills"]
    kinds = sorted(path.suffix for path in (home / "told").iterdir())
    assert kinds == [".csv", ".csv", ".html", ".json", ".png", ".png", ".png", ".png"]
    assert all(str(Path("told") / path.name) in answer.stderr for path in (home / "told").iterdir())


def test_two_strategies_are_compared_on_the_same_candles() -> None:
    Path("two.js").write_text("module.exports = { nome: 'outra', par: 'BTCUSDT', qty_inicial: 100 };")
    answer = call("compare", "one.js", "two.js", "--candles", "good.csv", "--json")
    first, second = json.loads(answer.stdout)["runs"]
    assert (first["name"], second["name"]) == ("minha", "outra")
    assert (first["fills"][0]["quantity"], second["fills"][0]["quantity"]) == ("3", "1")
    read = call("compare", "one.js", "two.js", "--candles", "good.csv").stdout
    assert read.splitlines()[:2] == ["A: minha", "B: outra"]
    (line,) = [one for one in read.splitlines() if "Most ever invested" in one]
    assert line.split()[3::2] == ["606.00", "202.00"]


def test_strategies_of_two_pairs_are_not_compared_by_accident() -> None:
    Path("two.js").write_text("module.exports = { par: 'ETHUSDT' };")
    assert "BTCUSDT and ETHUSDT" in refused("compare", "one.js", "two.js", "--candles", "good.csv")
    assert call("compare", "one.js", "two.js", "--candles", "good.csv", "--symbol", "ETHUSDT").exit_code == 0


def test_the_command_in_a_process_of_its_own_loads_no_sdk() -> None:
    probe = (
        "import sys; from bot.cli import main; main(sys.argv[1:], standalone_mode=False); print(*sys.modules)"
    )
    args = ["backtest", "one.js", "--candles", "good.csv", "--json"]
    for _ in range(2):  # the second reads what the first has kept
        done = subprocess.run(
            [sys.executable, "-c", probe, *args],
            env={"PYTHONPATH": str(ROOT), "TRADER_AUTOMATA_CACHE": "cache"},
            capture_output=True,
            text=True,
            check=True,
        )
    loaded = set(done.stdout.splitlines()[-1].split())
    heavy = {
        "pybit",
        "telegram",
        "sqlite_utils",
        "aiohttp",
        "pydantic",
        "matplotlib",
        "numba",
        "pyarrow",
        "binance",
    }
    assert {"numpy", "bot.backtest.fast"} <= loaded
    assert not loaded & {"bot.backtest.figures", "bot.domain.cycle"}  # of reports, and of the exact path
    assert loaded & heavy == set()


# --- bad candles --------------------------------------------------------------------------------------

ROW = "1700000160000,100,101,99,100,1\n"
BAD_FILES = {
    "a column is missing": ("open_time_ms,open,high,low\n1,1,1,1\n", ["close", "row 1"]),
    "not sorted": (HEAD + GOOD + "1700000070000,100,100,100,100,1\n", ["row 4", "sorted"]),
    "the same time twice": (HEAD + GOOD + "1700000100000,100,100,100,100,1\n", ["row 4", "same time"]),
    "not a number": (HEAD + GOOD + ROW.replace(",99,", ",NaN,"), ["row 4", "low", "NaN"]),
    "an empty cell": (HEAD + GOOD + ROW.replace(",99,", ",,"), ["row 4", "low"]),
    "zero": (HEAD + GOOD + ROW.replace(",99,", ",0,"), ["row 4", "low", "more than 0"]),
    "a negative price": (HEAD + GOOD + ROW.replace(",100,1\n", ",-100,1\n"), ["row 4", "close", "-100"]),
    "high below low": (HEAD + GOOD + ROW.replace(",101,", ",98,"), ["row 4", "below low"]),
    "open above high": (HEAD + GOOD + ROW.replace(",100,101,", ",102,101,"), ["row 4", "outside"]),
    "0 bytes": ("", ["empty"]),
    "a header alone": (HEAD, ["no candle"]),
    "a row cut short": (HEAD + GOOD + "1700000160000,100", ["row 4"]),
}


@pytest.mark.parametrize("what", BAD_FILES)
@pytest.mark.parametrize("command", [("backtest", "one.js"), ("compare", "one.js", "one.js")])
def test_candles_that_cannot_be_used_are_refused_with_their_row(what: str, command: tuple[str, ...]) -> None:
    text, words = BAD_FILES[what]
    Path("bad.csv").write_text(text)
    said = refused(*command, "--candles", "bad.csv", "--json")
    assert "bad.csv" in said
    for word in words:
        assert word in said, said


def test_a_gzip_cut_short_is_refused() -> None:
    rows = "".join(f"{1700000040000 + 60_000 * i},100,101,99,100,{i}\n" for i in range(5000))
    Path("bad.csv.gz").write_bytes(gzip.compress((HEAD + rows).encode())[:-2000])
    said = refused("backtest", "one.js", "--candles", "bad.csv.gz")
    assert "bad.csv.gz" in said
    assert "row" in said


def test_what_is_no_gzip_and_no_text_is_refused() -> None:
    Path("bad.csv.gz").write_bytes(b"\x1f\x8b nonsense")
    Path("bad.csv").write_bytes(b"\xff\xfe\x00\x01" * 99)
    assert "bad.csv.gz" in refused("backtest", "one.js", "--candles", "bad.csv.gz")
    assert "bad.csv" in refused("backtest", "one.js", "--candles", "bad.csv")


def test_gaps_are_counted_and_not_filled() -> None:
    Path("gap.csv").write_text(HEAD + GOOD + "1700000340000,104,104,104,104,1\n")
    answer = call("backtest", "one.js", "--candles", "gap.csv")
    assert answer.exit_code == 0
    assert "3 candles" in answer.stdout
    (said,) = [line for line in answer.stdout.splitlines() if "gap" in line and "gap.csv" not in line]
    assert "3" in said


# --- bad options --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ((), "--candles FILE, or --exchange"),
        (("--candles", "nowhere.csv"), "nowhere.csv"),
        (("--candles", "good.csv", "--exchange", "binance"), "not both"),
        (("--candles", "good.csv", "--interval", "5m"), "leave them out"),
        (("--candles", "good.csv", "--from", "2023-03-02", "--to", "2023-03-01"), "turned round"),
        (("--candles", "good.csv", "--from", "2023-03-01", "--to", "2023-03-02"), "2023-11-14"),
        (("--candles", "good.csv", "--from", "yesterday"), "2023-03-31"),
        (("--candles", "good.csv", "--slippage", "1"), "fraction"),
        (("--candles", "good.csv", "--slippage", "-0.1"), "fraction"),
        (("--candles", "good.csv", "--tick", "0"), "above 0"),
        (("--candles", "good.csv", "--step", "0"), "above 0"),
        (("--candles", "good.csv", "--balance", "NaN"), "positive number"),
        (("--candles", "good.csv", "--engine", "float"), "exact"),
        (("--candles", "good.csv", "--symbol", "B T C !"), "par"),
    ],
)
def test_options_that_make_no_sense_are_refused_with_words(options: tuple[str, ...], words: str) -> None:
    assert words in refused("backtest", "one.js", *options)


def test_a_strategy_that_may_not_run_is_refused_as_at_its_setup() -> None:
    Path("bad.js").write_text("module.exports = { multiplicador_lucro: 0.01, lucro_alvo_minimo: 0.0001 };")
    assert "lucro_alvo_minimo" in refused("backtest", "bad.js", "--candles", "good.csv")
    Path("bad.js").write_bytes(b"\xff\xfe")
    assert refused("backtest", "bad.js", "--candles", "good.csv")


# --- an exchange --------------------------------------------------------------------------------------


@contextmanager
def elsewhere(stand_in: SandboxBinance | SandboxExchange) -> Iterator[str]:
    """A stand-in in a thread of its own: the command has the event loop to itself."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(stand_in.start(), loop).result(60)
        yield stand_in.rest_url
    finally:
        asyncio.run_coroutine_threadsafe(stand_in.stop(), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def binance() -> SandboxBinance:
    real(NAME)
    return SandboxBinance(BinanceOptions(candles=DATA / f"{NAME}.csv.gz"))


def test_bybits_history_runs_by_its_own_rules_as_far_as_its_market_has_come() -> None:
    history = real(NAME)
    options = ExchangeOptions(candles=DATA / f"{NAME}.csv.gz", offset=5000, paused=True)
    asked = ("backtest", "one.js", "--exchange", "sandbox-bybit", "--json", "--from", "2023-03-02")
    with elsewhere(SandboxExchange(options)) as rest:
        told = call(*asked, "--rest", rest)
        whole = call(*asked[:-2], "--rest", rest)
    assert json.loads(whole.stdout)["fills"][0]["time"] == int(history.times[0])
    assert told.exit_code == 0, told.output
    part = history.between(1677715200000, int(history.times[5000]))
    wanted = run_exact(StrategyParams(), Terms(rules_of()), part)
    assert [f["time"] for f in json.loads(told.stdout)["fills"]] == [f.time for f in wanted.fills]
    assert len(wanted.fills) > 5


def test_an_exchanges_history_is_fetched_kept_and_run_by_its_own_rules() -> None:
    days = ("--from", "2023-03-02", "--to", "2023-03-03")
    with elsewhere(binance()) as rest:
        asked = ("backtest", "one.js", "--exchange", "binance", "--rest", rest, *days)
        first = call(*asked, "--json")
        assert first.exit_code == 0, first.output
        read = call(*asked)
        absent = refused(*asked, "--symbol", "NOSUCHUSDT")
        early = refused(*asked[:-4], "--from", "2020-01-01", "--to", "2020-02-01")
        turned = refused(*asked[:-4], "--from", "2023-03-03", "--to", "2023-03-01")
    given = ("--tick", "0.01", "--step", "0.000001", "--min-notional", "5")
    kept = call("backtest", "one.js", "--exchange", "binance", "--rest", rest, *days, *given, "--json")
    assert kept.exit_code == 0, kept.output
    part = real(NAME).between(1677715200000, 1677888000000)
    wanted = run_exact(StrategyParams(), Terms(rules_of()), part)
    ours = json.loads(first.stdout)["fills"]
    assert [f["price"] for f in ours] == [str(f.price) for f in wanted.fills]
    assert json.loads(kept.stdout)["fills"] == ours
    assert "the exchange's" in read.stdout
    assert "NOSUCHUSDT" in absent
    assert "2023-03-01" in early
    assert "turned round" in turned
