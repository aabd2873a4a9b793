"""Unique fake secrets travel by the chat, the page and the prompt, through failures and a kill; none is found after."""

import asyncio
import base64
import fcntl
import logging
import os
import pty
import re
import subprocess
import sys
import termios
import time
from pathlib import Path

import pytest

from bot.errors import StoreError
from bot.logs import _QUIET
from tests.end_to_end.processes import ROOT, street
from tests.handlers.household import PASSWORD, a_household
from tests.handlers.past import a_household_with_a_past
from tests.web.visitor import Visitor, link_in, ticket_in

OLD = "canary-page-password-71d0"
NEW = "canary-typed-newpass-02ba"
WRONG = "canary-wrong-guess-5ce9"
SHORT = "cnry-9b1f"
BAD_KEY, BAD_SECRET = "canaryRefusedKey4711", "canaryRefusedSecret8fa2"
RICH_KEY, RICH_SECRET = "canaryRichKey33aa51", "canaryRichSecret9d04c7"
GOOD_KEY, GOOD_SECRET = "canaryGoodKey10fe77", "canaryGoodSecret5b6612"
CANARIES = (OLD, NEW, WRONG, SHORT, BAD_KEY, BAD_SECRET, RICH_KEY, RICH_SECRET, GOOD_KEY, GOOD_SECRET)


def forms(text):
    raw = text.encode()
    yield raw
    yield raw.hex().encode()
    yield base64.b64encode(raw).rstrip(b"=")[:-1]
    yield text.encode("utf-16-le")


def found_in(content, canaries=CANARIES):
    return [text for text in canaries if any(form in content for form in forms(text))]


def found_under(folder, canaries=CANARIES, *, but=()):
    return {
        str(file.relative_to(folder)): found
        for file in sorted(folder.rglob("*"))
        if file.is_file() and file.name not in but and (found := found_in(file.read_bytes(), canaries))
    }


async def by_page(home):
    """Refused, then a key that may withdraw, then a good one; a wrong password."""
    visitor = Visitor(home)
    home.venue.add_account("rich", wallet_permissions=("Withdraw",), api_key=RICH_KEY, api_secret=RICH_SECRET)
    home.venue.add_account("good", api_key=GOOD_KEY, api_secret=GOOD_SECRET)
    await home.ask("/keys", "ainda não tem senha")
    await home.tap("Adicionar chave", "qual ambiente")
    form = await visitor.open(ticket_in(link_in(await home.tap("Sandbox", "Telegram nunca veja"))))
    short = {"new_password": SHORT, "new_password_again": SHORT}
    both = {"new_password": OLD, "new_password_again": OLD}
    status, form = await visitor.send(form, **short, api_key=BAD_KEY, api_secret=BAD_SECRET)
    assert status == 422
    status, form = await visitor.send(form, **both, api_key=BAD_KEY, api_secret=BAD_SECRET)
    assert status == 422
    status, form = await visitor.send(form, api_key=RICH_KEY, api_secret=RICH_SECRET)
    assert status == 422
    home.mark()
    assert (await visitor.send(form, api_key=GOOD_KEY, api_secret=GOOD_SECRET))[0] == 200
    await home.wait_for("pode negociar")
    await home.ask("/lock", "Trancado")
    form = await visitor.open(ticket_in(link_in(await home.ask("/unlock", "Envie sua senha"))))
    status, form = await visitor.send(form, password=WRONG)
    assert status == 422
    home.mark()
    assert (await visitor.send(form, password=OLD))[0] == 200
    await home.wait_for("Nenhuma estratégia")


async def by_chat(home):
    await home.ask("/keys", "Sandbox")
    await home.tap("Trocar a senha", "senha atual")
    await home.ask(OLD, "Escolha uma senha")
    await home.ask(SHORT, "menos de 12")
    await home.ask(NEW, "Mais uma vez")
    await home.ask(NEW, "senha nova já vale")
    await home.ask("/keys", "Sandbox")
    await home.tap("Adicionar chave", "qual ambiente")
    await home.tap("Sandbox", "API key")
    await home.ask(BAD_KEY, "API secret")
    await home.ask(BAD_SECRET, "recusa a chave")
    await home.ask("/keys", "Sandbox")
    await home.tap("Testar", "Tudo funciona")
    await home.restart()
    await home.ask("/unlock", "Envie sua senha")
    await home.ask(WRONG, "A senha não é essa")
    await home.ask(NEW, "Nenhuma estratégia")


@pytest.fixture
def loudest(caplog):
    """As loud as LOG_LEVEL=DEBUG makes the program; the third parties that it keeps quiet stay so."""
    caplog.set_level(logging.DEBUG)
    before = {name: logging.getLogger(name).level for name in _QUIET}
    for name, level in _QUIET.items():
        logging.getLogger(name).setLevel(level)
    yield caplog
    for name, level in before.items():
        logging.getLogger(name).setLevel(level)


async def test_no_secret_is_found_after_every_way_in_the_chat_and_on_the_page(tmp_path, loudest, capfd):
    async with a_household(tmp_path, web_port=0) as home:
        await by_page(home)
        await home.app.database.backup(tmp_path / "data" / "backups" / "1.sqlite")
        await by_chat(home)
        await home.app.database.backup(tmp_path / "data" / "backups" / "2.sqlite")
        await home.settled()
        assert (tmp_path / "data" / "trader.sqlite-wal").stat().st_size > 0, (
            "the log is looked at while it is full"
        )
        assert (tmp_path / "telegram.sqlite-wal").exists()
        assert found_under(tmp_path) == {}
        shown = " ".join(m["text"] for m in await home.messages() if not m["deleted"])
        assert found_in(shown.encode()) == []
        await break_the_vault(home)
    assert found_under(tmp_path) == {}
    said = capfd.readouterr()
    logged = loudest.text + said.out + said.err
    assert "page_refused" in logged, "the log is looked at"
    assert "Traceback" in logged, "a traceback is among what is looked at"
    assert found_in(logged.encode()) == []


async def break_the_vault(home):
    """The table is gone while a password is on its way: our own failure, with a traceback in the log."""
    await home.ask("/lock", "Trancado")
    await home.ask("/unlock", "Envie sua senha")
    await home.app.database.run(lambda db: db.execute("ALTER TABLE vaults RENAME TO gone"))
    await home.say(NEW)
    await home.until(home.app.database.faulted.is_set)
    try:
        await home.rows("SELECT 1 FROM vaults")
    except StoreError:
        logging.getLogger("canary").exception("the vault broke")


async def test_a_kill_while_secrets_are_on_their_way_leaves_none(tmp_path):
    """The bot as a process: typed, then `kill -9`, then started again; its arguments are looked at too."""
    async with street(tmp_path, "--venue", "bybit", "--paused") as place:
        await place.start_bot()
        chat = place.chat()
        await chat.say("/start")
        await chat.sees("Trader Automata")
        await chat.say("/keys")
        await chat.sees("Chaves")
        await chat.press("chave do sandbox")
        await chat.sees("12 caracteres")
        await chat.say(OLD)
        await chat.sees("Mais uma vez")
        arguments = Path(f"/proc/{place.bot.child.pid}/cmdline").read_bytes()
        limits = Path(f"/proc/{place.bot.child.pid}/limits").read_text()
        await chat.say(WRONG)
        await place.kill_bot()
        await place.start_bot()
        await chat.sees("reiniciado|apaguei|secreto|não eram iguais", timeout=60)
        await chat.say("/keys")
        await chat.sees("Chaves")
        await place.bot_ends()
        assert b"bot" in arguments
        assert re.search(r"Max core file size +0 ", limits), "a crash leaves no dump of memory"
        assert found_in(arguments) == []
        assert found_under(tmp_path / "data") == {}
        assert found_in((tmp_path / "bot.log").read_bytes()) == []


class Onlooker:
    """Whoever may look at the processes of this machine and at the files of a run, again and again."""

    def __init__(self, folder):
        self._folder = folder
        self.arguments, self.seen = set(), bytearray()

    def look(self):
        ours = os.getpid()
        for place in Path("/proc").glob("[0-9]*"):
            try:
                parent = int((place / "stat").read_text().rpartition(")")[2].split()[1])
                if parent == ours:
                    self.arguments.add((place / "cmdline").read_bytes())
                    self.seen += (place / "environ").read_bytes()
            except OSError:  # it has ended meanwhile
                continue
        for file in self._folder.rglob("*.json"):
            try:
                self.seen += file.read_bytes()
            except OSError:
                continue


WORKER = b"\0".join([sys.executable.encode(), b"-m", b"bot", b"worker", b""])


async def backtest_under_the_eyes_of(onlooker, home):
    await home.ask("/backtest", "Escolha uma")
    await home.tap("lenta", "Desde quando")
    await home.press("1 mês")
    async with asyncio.timeout(120):
        while not any("Lucro líquido" in m["text"] for m in await home.messages(revision=home._mark)):
            onlooker.look()
            await asyncio.sleep(0.02)


async def test_the_worker_of_a_backtest_knows_no_secret(tmp_path, monkeypatch, loudest):
    master = base64.b64encode(os.urandom(32)).decode()
    async with a_household_with_a_past(tmp_path) as home:
        secrets = (master, PASSWORD, home.telegram.token, home.venue.api_key, home.venue.api_secret)
        monkeypatch.setenv("VAULT_MASTER_KEYS", f"k1:{master}")
        monkeypatch.setenv("TELEGRAM_BOT_TOKEN", home.telegram.token)
        monkeypatch.setenv("SANDBOX_BYBIT_SECRET", home.venue.api_secret)
        await home.ready()
        await home.strategy("lenta", limite_recompras=2)
        onlooker, lives = Onlooker(tmp_path / "data" / "work"), []
        for _ in range(5):  # a machine that stalls may hide one of its lives from whoever looks
            await backtest_under_the_eyes_of(onlooker, home)
            lives = [words for words in onlooker.arguments if words.startswith(WORKER)]
            if any(b"--folder" in words for words in lives) and WORKER in lives and b"lenta" in onlooker.seen:
                break
        assert any(b"--folder" in words for words in lives), "it fetches, then it calculates"
        assert WORKER in lives
        assert b"lenta" in onlooker.seen, "its job is looked at"
        assert b"PATH=" in onlooker.seen, "its environment is looked at"
        looked_at = bytes(onlooker.seen) + b"".join(onlooker.arguments) + loudest.text.encode()
        assert found_in(looked_at, secrets) == []
        assert found_under(tmp_path / "data", (master, PASSWORD, home.venue.api_secret)) == {}


def typed_at_a_prompt(env, answers):
    """`keys add` on a terminal of its own: what it shows, and its arguments while it runs."""
    ours, theirs = pty.openpty()

    def take_terminal():
        os.setsid()
        fcntl.ioctl(theirs, termios.TIOCSCTTY, 0)

    command = [sys.executable, "-m", "bot", "keys", "add", "--environment", "sandbox-bybit", "--person", "1"]
    child = subprocess.Popen(
        command,
        cwd=ROOT,
        env=env,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        preexec_fn=take_terminal,  # noqa: PLW1509
    )
    os.close(theirs)
    shown, arguments = b"", b""
    try:
        for prompt, answer in answers:
            deadline = time.monotonic() + 60
            while not re.search(prompt, shown[-200:]) and time.monotonic() < deadline:
                shown += os.read(ours, 4096)
            arguments += Path(f"/proc/{child.pid}/cmdline").read_bytes()
            shown += b"\n"
            os.write(ours, answer.encode() + b"\n")
        try:
            while piece := os.read(ours, 4096):
                shown += piece
        except OSError:  # the terminal's other end is closed
            pass
        return child.wait(60), shown, arguments
    finally:
        child.kill()
        child.wait()
        os.close(ours)


async def test_what_is_typed_at_the_prompt_is_shown_and_kept_nowhere(tmp_path):
    async with a_household(tmp_path) as home:
        home.venue.add_account("good", api_key=GOOD_KEY, api_secret=GOOD_SECRET)
        settings = home.settings()
        await home.close()
        env = {k: v for k, v in os.environ.items() if k in {"PATH", "HOME", "LANG"}} | {
            "DATA_DIR": str(settings.data_dir),
            "SANDBOX_BYBIT_REST": settings.sandbox_bybit_rest,
            "SANDBOX_BYBIT_WS_PRIVATE": settings.sandbox_bybit_ws_private,
        }
        new = [(rb"password: $", OLD), (rb"(?i)repeat.*: $", OLD)]
        keys = [(rb"API key: $", GOOD_KEY), (rb"API secret: $", GOOD_SECRET)]
        bad = [(rb"API key: $", BAD_KEY), (rb"API secret: $", BAD_SECRET)]
        refused, first, args = await asyncio.to_thread(typed_at_a_prompt, env, [*new, *bad])
        kept, second, more = await asyncio.to_thread(typed_at_a_prompt, env, [(rb"password: $", OLD), *keys])
        wrong, third, last = await asyncio.to_thread(typed_at_a_prompt, env, [(rb"password: $", WRONG)])
        assert (refused, kept, wrong) == (2, 0, 2), (first, second, third)
        assert b"kept: sandbox-bybit" in second
        assert b"keys" in args
        assert found_in(first + second + third + args + more + last) == []
        assert found_under(tmp_path) == {}


def test_this_test_would_find_a_secret(tmp_path):
    (tmp_path / "a.log").write_text(f"password={NEW.encode().hex()}")
    assert found_under(tmp_path) == {"a.log": [NEW]}
