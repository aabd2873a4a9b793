"""Backtests in a real browser on a phone's width: from the command to the pictures, cancelled, compared, optimised."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.browser.chromium import needs_chromium
from tests.browser.demo_desk import demo, phone
from tests.browser.phone import Phone
from tests.end_to_end.processes import BTC_5M, Street

PATIENCE = 90
"""Seconds: the first optimisation of a version compiles."""

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.browser,
    needs_chromium,
    pytest.mark.timeout(600),  # half a minute of work, drawn out by a busy machine
    pytest.mark.skipif(not BTC_5M.exists(), reason=f"real candles are not here: {BTC_5M.name}"),
]


@dataclass(frozen=True)
class Words:
    """What is pressed and seen, in one language."""

    language: str
    scheme: str
    buttons: Mapping[str, str]
    seen: Mapping[str, str]


PT = Words(
    "pt",
    "light",
    {
        "language": "🇧🇷 Português",
        "start": "Começar",
        "rest": "Padrões no resto »",
        "save": "8 Salvar",
        "use": "Usar BTC 300 1%",
        "later": "Agora não",
        "test": "📈 Backtest",
        "plan": "7 Plano",
        "year": "1 ano",
        "all": "Tudo",
        "stop": "✖ Cancelar o teste",
        "retry": "↻ Pedir de novo",
        "compare": "⚖️ Comparar",
        "survival": "🛟 Sobrevivência",
        "optimize": "🎯 Otimizar",
        "go": "🎯 Começar",
        "try": "1️⃣ Experimentar esta",
        "drop": "Cancelar",
        "dates": "📅 Digitar datas",
    },
    {
        "language": "Certo",
        "environment": "Nova estratégia",
        "review": "Revisão",
        "line": "História, não previsão",
        "name": "salvar_estrategia",
        "run": "executar_estrategia",
        "choose": "Escolha uma",
        "since": "Desde quando",
        "progress": "%",
        "stopped": "Nada ficou rodando",
        "net": "Lucro líquido",
        "which": "Comparar BTC",
        "side": "Lado a lado",
        "survived": "horas do passado",
        "fields": "Quais campos",
        "unseen": "não visto:",
        "trying": "Nada foi salvo ainda",
        "ask": "De quando até quando",
        "wrong": "não dá para ler",
    },
)
EN = Words(
    "en",
    "dark",
    {
        "language": "🇬🇧 English",
        "start": "Começar",
        "rest": "Defaults for the rest »",
        "save": "8 Save",
        "use": "Use BTC 300 1%",
        "later": "Not now",
        "test": "📈 Backtest",
        "plan": "7 Plan",
        "year": "1 year",
        "all": "All",
        "stop": "✖ Cancel the test",
        "retry": "↻ Ask again",
        "compare": "⚖️ Compare",
        "survival": "🛟 Survival",
        "optimize": "🎯 Optimize",
        "go": "🎯 Start",
        "try": "1️⃣ Try this one",
        "drop": "Cancel",
        "dates": "📅 Type dates",
    },
    {
        "language": "English it is",
        "environment": "New strategy",
        "review": "Review",
        "line": "History, not a forecast",
        "name": "salvar_estrategia",
        "run": "executar_estrategia",
        "choose": "Choose one",
        "since": "Since when",
        "progress": "%",
        "stopped": "Nothing is left running",
        "net": "Net profit",
        "which": "Compare BTC",
        "side": "Side by side",
        "survived": "hours of the past",
        "fields": "Which fields",
        "unseen": "unseen:",
        "trying": "Nothing is saved yet",
        "ask": "From when to when",
        "wrong": "cannot be read as dates",
    },
)


@pytest.mark.parametrize("words", [PT, EN], ids=lambda words: words.language)
async def test_a_person_asks_the_past(browser, tmp_path: Path, words: Words):
    async with demo(tmp_path, candles=BTC_5M, skip=35_000) as (street, process):
        async with phone(browser, street, tmp_path, words.language, words.scheme) as chat:
            person = Asking(chat, words)
            await person.saves_two()
            await person.tests_and_cancels(street)
            await person.compares()
            await person.asks_for_survival()
            await person.optimises()
        assert await process.end() == 0


@dataclass
class Asking:
    """A person who asks the past, by buttons."""

    chat: Phone
    words: Words

    async def press(self, key: str) -> None:
        await self.chat.press(self.words.buttons[key])

    async def sees(self, key: str, *, edited: bool = False, timeout: float = PATIENCE) -> str:  # noqa: ASYNC109
        return await self.chat.sees(self.words.seen[key], edited=edited, timeout=timeout)

    async def saves_two(self) -> None:
        """The second with another first buy; the plan of the first gets its line of survival."""
        chat = self.chat
        await self.press("start")
        await chat.sees("Olá, Ana")
        await chat.type("/language")
        await chat.sees("idioma|language")
        await chat.press(self.words.buttons["language"])
        await self.sees("language", edited=True)
        for first, amount in (("BTC 300 1%", None), ("BTC 150 1%", "150")):
            await chat.type("/newstrategy")
            await self.sees("environment")
            await chat.press("🧪 sandbox-bybit · SIM")
            await chat.sees("qual par|Qual par|Which pair|which pair")
            await chat.press("BTCUSDT")
            await chat.sees("1 qty_inicial")
            if amount is not None:
                await chat.type(amount)
                await chat.sees("1.1 multiplicador_qty")
            await self.press("rest")
            await self.sees("review")
            if amount is None:
                await self.press("plan")
                await self.sees("line", edited=True)
                await chat.shoot("plan-line")
            await self.press("save")
            await self.sees("name")
            await chat.press(self.words.buttons["use"].replace("BTC 300 1%", first))
            await self.sees("run")
            await self.press("later")

    async def tests_and_cancels(self, street: Street) -> None:
        """The exchange's candles are held back meanwhile, or it may be done before the button is pressed."""
        chat = self.chat
        await chat.type("/backtest")
        await self.sees("choose")
        await chat.shoot("choose")
        await chat.press("⚪️ BTC 300 1% · BTCUSDT")
        await self.sees("since", edited=True)
        await chat.shoot("since")
        await self.press("dates")
        await self.sees("ask")
        await chat.type("ontem")
        await self.sees("wrong")
        await self.press("drop")
        await street.exchange_faults(
            "POST", {"path": "/v5/market/kline", "answer": "none", "delay_ms": 60_000, "count": 99}
        )
        await self.press("all")
        await self.sees("progress")
        await chat.shoot("progress", at="BTCUSDT · (tudo|all)")
        await self.press("stop")
        await self.sees("stopped", edited=True)
        await chat.shoot("stopped")
        await street.exchange_faults("DELETE")
        await self.press("retry")
        await self.sees("net")
        pictures = chat.page.locator("#log .photo img, #log .album img")
        for place in range(-2, 0):
            picture = pictures.nth(await pictures.count() + place)
            await picture.scroll_into_view_if_needed()
            assert await picture.evaluate("e => e.decode().then(() => e.naturalWidth)") > 500
        await chat.shoot("pictures")
        await chat.shoot("files", at=r"\.html", edge="start")
        await chat.shoot("card", at=self.words.seen["net"], edge="start")
        await chat.shoot("card-end")
        await chat.stays_in_width()

    async def compares(self) -> None:
        await self.press("compare")
        await self.sees("which")
        await self.chat.press("⚪️ BTC 150 1% · BTCUSDT")
        await self.sees("side")
        await self.chat.shoot("compare", at=self.words.seen["side"], edge="start")
        await self.chat.stays_in_width()

    async def asks_for_survival(self) -> None:
        await self.chat.type("/backtest")
        await self.sees("choose")
        await self.chat.press("⚪️ BTC 300 1% · BTCUSDT")
        await self.sees("since", edited=True)
        await self.press("survival")
        await self.sees("survived")
        await self.chat.shoot("survival", at=self.words.seen["survived"], edge="end")
        await self.chat.stays_in_width()

    async def optimises(self) -> None:
        await self.press("optimize")
        await self.sees("fields")
        await self.chat.shoot("fields")
        await self.press("go")
        await self.sees("unseen")
        await self.chat.shoot("optimize-picture", at=self.words.seen["unseen"], edge="start")
        await self.chat.shoot("optimize", at=self.words.seen["unseen"], edge="end")
        await self.chat.stays_in_width()
        await self.press("try")
        await self.sees("trying")
        await self.chat.shoot("trying")
        await self.press("drop")
