"""A strategy file sent to the chat: read as data, its first fault named, its review shown, a draft never lost."""

import json
import re
from collections.abc import AsyncIterator
from io import BytesIO

import aiohttp
import pytest

from bot.domain.params import Curve, StrategyParams
from bot.domain.strategy_file import StrategyFile, dump
from bot.service.strategies import as_json
from tests.handlers.household import Household, Message
from tests.handlers.setup_talk import ANA, CHAT, Chat, draft_of, labels, to_item_1

GOOD = """module.exports = {
  nome: "do arquivo",
  ambiente: "sandbox-bybit",
  par: "BTCUSDT",
  qty_inicial: 120.5,
  curva_qty: "potencia",
};
"""


class Sender(Chat):
    """Sends files as a phone does."""

    async def upload(self, name: str, content: bytes, part: str, user: int = 1) -> Message:
        last = await self._last(user)
        form = aiohttp.FormData()
        form.add_field("user", str(user))
        form.add_field("file", BytesIO(content), filename=name, content_type="application/octet-stream")
        url = f"{self.home.telegram.url}/chat/upload"
        async with self.home.http.post(url, data=form) as answered:
            found = await answered.json()
        assert found["ok"], found
        return await self.wait_for(part, last, user)


@pytest.fixture
async def chat(household: Household) -> AsyncIterator[Sender]:
    yield Sender(household)


async def test_a_file_is_read_reviewed_saved_and_its_defaults_are_named(
    household: Household, chat: Sender
) -> None:
    card = await chat.upload("x.js", GOOD.encode(), "Revisão")
    assert "1 qty_inicial: 120,5" in card["text"]
    assert "curva potencia" in card["text"]
    assert "Faltaram 15 valores" in card["text"]
    assert "lucro_reaplicar" in card["text"]
    assert {"7 Plano", "8 Salvar"} <= {label.strip() for label in labels(card)}
    await chat.tap("8 Salvar", "8 salvar_estrategia")
    await chat.tap("Usar do arquivo", "9 executar")
    assert household.app is not None
    (saved,) = await household.app.service.strategies(await household.person())
    assert saved.name == "do arquivo"
    assert saved.params.curva_qty.curve is Curve.POWER


async def test_what_is_exported_comes_back_the_same_as_js_and_as_json(
    household: Household, chat: Sender
) -> None:
    strategy = await household.strategy("ida & volta", limite_recompras=3)
    assert household.app is not None
    for kind in ("js", "json"):
        name, text = household.app.service.saved.export(strategy, kind)
        assert name == f"ida---volta.{kind}"
        card = await chat.upload(name, text.encode(), "traz todos os valores")
        assert "3.1c limite_recompras: 3" in card["text"]
        draft = await draft_of(household)
        assert draft is not None
        assert draft.answers["_wish"] == "ida & volta"


def test_json_keeps_every_digit() -> None:
    text = as_json(dump(StrategyFile(params=StrategyParams())))
    assert json.loads(text)["taxa"] == 0.001
    assert '"lucro_reaplicar": "s"' in text


LINES = "module.exports = {{\n  qty_inicial: 300,\n  {}\n}};\n"
REFUSED: dict[str, tuple[str | bytes, str]] = {
    "code": (LINES.format("taxa: require('fs').readFileSync('/etc/passwd'),"), "linha 3, coluna 9"),
    "call": (LINES.format("taxa: (() => 1)(),"), "linha 3, coluna 9"),
    "template": (LINES.format("nome: `x`,"), "linha 3, coluna 9"),
    "unknown": (LINES.format("qty_inicail: 1,"), "qty_inicial"),
    "twice": (LINES.format("qty_inicial: 1,"), "linha 2"),
    "text": (LINES.format('taxa: "muito",'), "linha 3, coluna 9"),
    "negative": (LINES.format("taxa: -1,"), "linha 3, coluna 9"),
    "huge": (LINES.format("qty_maxima: 1e99,"), "linha 3, coluna 15"),
    "tiny": (LINES.format("qty_minima: 1e-99,"), "linha 3, coluna 15"),
    "nan": (LINES.format("taxa: NaN,"), "linha 3, coluna 9"),
    "infinity": (LINES.format("taxa: Infinity,"), "linha 3, coluna 9"),
    "list": (LINES.format("taxa: [1],"), "linha 3, coluna 9"),
    "html": (LINES.format('nome: "<b>' + "x" * 99 + '</b>",'), "<b>"),
    "comma": (LINES.format("taxa: 0,001,"), "0.001"),
    "deep": ("[" * 5000, "linha 1"),
    "deeper": ('{"a":' * 9000 + "1", "linha 1"),
    "prose": ("bom dia", "linha 1, coluna 1"),
    "picture": (b"\x89PNG\r\n\x1a\n\xff\xfe", "UTF-8"),
    "utf-16": (GOOD.encode("utf-16"), "UTF-8"),
    "no object": (b" ", "linha 1"),
}


async def test_each_bad_file_is_refused_with_its_place_and_loses_nothing_of_a_draft(
    household: Household, chat: Sender
) -> None:
    await to_item_1(chat)
    await chat.ask("444", "1.1 multiplicador_qty")
    before = await draft_of(household)
    for name, (content, said) in REFUSED.items():
        raw = content if isinstance(content, bytes) else content.encode()
        refused = await chat.upload(f"{name}.js", raw, "não pode ser usado")
        assert said in refused["text"], (name, refused["text"])
        assert not re.search(
            r"\b(the|or|an|nothing|a number|a text|a list|a name)\b [a-z]",
            refused["text"].partition("problema")[2],
        )
    assert await draft_of(household) == before
    await chat.ask("1,05", "✓ 1.1 multiplicador_qty = 1,05")
    assert household.app is not None
    assert await household.app.service.strategies(await household.person()) == []


async def test_wrong_kinds_and_sizes_are_refused_unread(household: Household, chat: Sender) -> None:
    await chat.upload("fotos.zip", b"PK", "leio .js e .json")
    await chat.upload("sem nome", b"{}", "leio .js e .json")
    await chat.upload("x" * 300 + ".exe", b"MZ", "leio .js e .json")
    await chat.upload("grande.json", b" " * (64 * 1024 + 1), "mais de 64 kB")
    await chat.upload("enorme.js", b"9" * 10_000_000, "mais de 64 kB")
    empty = {"file_id": "a", "file_unique_id": "b", "file_name": "nada.js", "file_size": 0}
    message = {"message_id": 9000, "date": 1_700_000_000, "chat": CHAT, "from": ANA, "document": empty}
    await chat.again(900_001, message=message)
    assert any("está vazio" in m["text"] for m in await household.messages())
    assert await draft_of(household) is None


async def test_a_file_sent_in_the_middle_of_a_form_is_laid_over_it(
    household: Household, chat: Sender
) -> None:
    await to_item_1(chat)
    await chat.ask("444", "1.1 multiplicador_qty")
    await chat.upload("x.js", GOOD.encode(), "Revisão")
    await chat.upload("y.js", GOOD.replace("120.5", "130.5").encode(), "130,5")
    for back_to in ("continua guardada", "continua guardada"):
        left = await chat.tap("Cancelar", back_to)
        assert "novaestrategia" in left["text"]
        await chat.ask("/newstrategy", "pela metade")
    await chat.tap("Continuar", "1.1 multiplicador_qty")
    draft = await draft_of(household)
    assert draft is not None
    assert draft.answers["qty_inicial"] == "444"
    assert "_shelf" not in draft.answers


async def test_a_market_that_cannot_be_used_here_is_asked_for(household: Household, chat: Sender) -> None:
    asked = await chat.upload(
        "x.js", GOOD.replace("sandbox-bybit", "binance").encode(), "não está configurada"
    )
    assert "Em qual" in asked["text"]
    await chat.tap("sandbox-bybit", "Par")
    await chat.tap("BTCUSDT", "Revisão")
    asked = await chat.upload("x.json", GOOD.replace("BTCUSDT", "NOPEUSDT").encode(), "⚠️ par")
    await chat.tap("Deixar como está", "Revisão")
