"""The commands at the prompt, as a person types them."""

import asyncio
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bot.cli import main
from bot.sandbox.exchange import SandboxExchange
from storage.database import Database
from storage.store import SqliteStore

FILE = "module.exports = { nome: 'minha', ambiente: 'bybit-demo', par: 'BTCUSDT', qty_inicial: 300 };\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with nothing in it and an environment with nothing set."""
    for name in ("TELEGRAM_BOT_TOKEN", "TELEGRAM_OWNER_ID", "DYNO", "PORT", "RENDER"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DATA_DIR", str(tmp_path / "data"))
    return tmp_path


def call(*args: str, typed: str = "") -> Result:
    return CliRunner().invoke(main, args, input=typed)


def test_the_plan_as_json_is_the_ladder_of_the_definition(home: Path) -> None:
    (home / "one.js").write_text(FILE)
    answer = call("plan", "one.js", "--price", "60000", "--json")
    plan = json.loads(answer.stdout)
    assert answer.exit_code == 0
    assert list(plan) == ["rungs", "total_cost", "total_with_fees", "deepest_drop", "cut_by_limit_at"]
    assert plan["cut_by_limit_at"] == 14
    assert plan["rungs"][1]["price"] == "59400"
    assert plan["rungs"][1]["exit_price"] == "61680.42"
    assert plan["rungs"][14]["placed"] is False
    assert Decimal(plan["total_cost"]) == Decimal("4791.82975211")


@pytest.mark.parametrize("price", ["0", "-1", "abc", "NaN", "inf", "1e999999"])
def test_a_price_that_is_none_is_refused_with_words(home: Path, price: str) -> None:
    (home / "one.js").write_text(FILE)
    answer = call("plan", "one.js", "--price", price)
    assert answer.exit_code == 2
    assert "Traceback" not in answer.output
    assert answer.stderr


def test_a_faulty_file_is_told_with_its_place(home: Path) -> None:
    (home / "one.js").write_text("module.exports = {\n  qty_inicial: fetch('x'),\n};")
    answer = call("plan", "one.js", "--price", "60000")
    assert answer.exit_code == 2
    assert "line 2" in answer.stderr


def test_run_without_a_token_says_where_to_get_one(home: Path) -> None:
    answer = call("run")
    assert answer.exit_code == 2
    assert "TELEGRAM_BOT_TOKEN is missing" in answer.stderr
    assert "make demo" in answer.stderr


def test_run_lists_every_problem_at_once(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DYNO", "worker.1")
    monkeypatch.setenv("VAULT_MASTER_KEYS", "k1:short")
    monkeypatch.setenv("SANDBOX_BYBIT_REST", "http://127.0.0.1:1")
    answer = call("run")
    assert answer.exit_code == 2
    for problem in ("TELEGRAM_BOT_TOKEN", "DATA_IS_DURABLE", "VAULT_MASTER_KEYS", "SANDBOX_BYBIT_WS_PRIVATE"):
        assert problem in answer.stderr


def test_a_wrong_setting_is_named_without_showing_its_value(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEGRAM_OWNER_ID", "canary-value")
    answer = call("doctor", "--offline")
    assert answer.exit_code == 1
    assert "TELEGRAM_OWNER_ID" in answer.output
    assert "canary-value" not in answer.output


@pytest.mark.parametrize("name", ["DYNO", "PORT"])
def test_the_demo_refuses_to_run_on_a_host(home: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "1")
    answer = call("demo")
    assert answer.exit_code == 2
    assert "your own machine" in answer.stderr


def test_the_doctor_finds_a_sound_database_and_a_missing_token(home: Path) -> None:
    answer = call("doctor", "--offline")
    assert answer.exit_code == 1
    assert "BAD settings" in answer.output
    assert "ok  database" in answer.output


@contextmanager
def exchange_elsewhere() -> Iterator[SandboxExchange]:
    """A stand-in exchange in a thread of its own: the command has the event loop to itself."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    exchange = SandboxExchange()
    try:
        asyncio.run_coroutine_threadsafe(exchange.start(), loop).result(20)
        yield exchange
    finally:
        asyncio.run_coroutine_threadsafe(exchange.stop(), loop).result(20)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def test_keys_are_checked_kept_listed_and_removed_without_being_shown(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with exchange_elsewhere() as exchange:
        monkeypatch.setenv("TELEGRAM_OWNER_ID", "7")
        monkeypatch.setenv("SANDBOX_BYBIT_REST", exchange.rest_url)
        monkeypatch.setenv("SANDBOX_BYBIT_WS_PRIVATE", exchange.ws_private_url)
        password = "correct horse battery\n"
        add = ("keys", "add", "--environment", "sandbox-bybit")
        wrong = call(*add, typed=f"{password * 2}{exchange.api_key}\nnot-the-secret\n")
        added = call(*add, typed=f"{password}{exchange.api_key}\n{exchange.api_secret}\n")
    assert wrong.exit_code == 2
    assert added.exit_code == 0, added.output
    assert "kept: sandbox-bybit" in added.output
    listed = call("keys", "list")
    assert listed.stdout == "sandbox-bybit\n"
    assert exchange.api_secret not in wrong.output + added.output + listed.output
    for file in (home / "data").iterdir():
        assert exchange.api_secret.encode() not in file.read_bytes()
    assert "forgotten" in call("keys", "remove", "--environment", "sandbox-bybit").output
    assert call("keys", "list").stdout == "no keys\n"


def test_keys_of_a_second_person_do_not_make_a_second_owner(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TELEGRAM_OWNER_ID", "7")
    call("keys", "list")
    call("keys", "list", "--person", "8")

    async def roles() -> list[str]:
        database = await Database.open(home / "data" / "trader.sqlite")
        try:
            return [p.role.value for p in await SqliteStore(database).people()]
        finally:
            await database.close()

    assert asyncio.run(roles()) == ["owner", "user"]


async def test_the_exchange_stand_in_tells_its_addresses(home: Path) -> None:
    async with SandboxExchange() as exchange:
        assert set(json.loads(exchange.announcement())) == {
            "rest",
            "ws_private",
            "ws_public",
            "api_key",
            "api_secret",
        }
