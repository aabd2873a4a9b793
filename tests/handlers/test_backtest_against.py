"""Real fills against the backtest, all of it real: the chat, the engine, the stand-in exchange and the worker."""

import asyncio
from decimal import Decimal

from bot.sandbox.telegram_html import parse_html
from bot.service.backtests import Done
from handlers.backtest_against_views import against_screen
from handlers.callback import Press
from handlers.texts import texts_for
from tests.handlers.household import Household
from tests.handlers.test_backtest_studies import AGAINST, patiently

AGAIN = Press("bt_against", ("1",))
LIVELY = {
    "lucro_alvo_inicial": Decimal("0.006"),
    "lucro_alvo_minimo": Decimal("0.004"),
    "recompra_queda_inicial": Decimal("0.003"),
    "recompra_queda_minimo": Decimal("0.001"),
}


async def trade(household: Household, cycles: int) -> None:
    """Candle by candle, until so many cycles are over and the next one has bought."""
    async with asyncio.timeout(60):
        while (await household.rows("SELECT MAX(cycle) FROM fills"))[0][0] <= cycles:
            await household.venue.market.step()
            await asyncio.sleep(0.02)


async def test_a_strategy_of_the_sandbox_is_laid_over_the_sandboxs_own_candles(household):
    await household.ready()
    strategy = await household.strategy("lenta", **LIVELY)
    await household.ask("/estrategias", "lenta")
    await household.tap("lenta", "Primeira compra")
    await household.tap("Executar", "SIM")
    await household.tap("executar a simulação", "lenta")
    await household.wait_for("Primeira compra do ciclo 1")
    await household.forge(f"v1:bt_against:{strategy.id}")
    await patiently(household, "vela que ainda não fechou")
    await trade(household, 2)
    await household.forge(f"v1:bt_against:{strategy.id}")
    told = await patiently(household, "são os das velas do sandbox")
    assert "14 de nov. de 2023" in told["text"]
    assert "velas de 5 min · preços do sandbox" in told["text"]
    assert "velas do sandbox" in told["text"].splitlines()[-1]
    assert "ciclos" in told["text"]
    await household.tap("Pedir de novo", "execuções reais contra o backtest")
    async with asyncio.timeout(90):
        while sum("são os das velas" in one["text"] for one in await household.messages()) < 2:
            await asyncio.sleep(0.05)


def test_where_times_are_the_clocks_they_are_said_to_be_utc():
    for locale in ("pt_BR", "en"):
        texts = texts_for(locale)
        for source, last in (("bybit", texts("against.how")), ("sandbox", texts("against.how_sandbox"))):
            screen = against_screen(texts, Done({**AGAINST, "source": source}), AGAIN)
            assert screen.text.endswith(last)
        left = {"kind": "LeftOpen", "cycle": 3, "time": 1655510400000}
        screen = against_screen(
            texts, Done({**AGAINST, "differences": [left], "differences_in_all": 1}), AGAIN
        )
        assert texts("against.differences") in screen.text
        assert "3" in parse_html(screen.text)[0].split("\n• ")[1]


def test_profit_is_told_once_a_cycle_has_closed():
    texts = texts_for("pt_BR")
    none = {**AGAINST, "net_profit": "0", "tested_net_profit": "0"}
    assert "Nenhum ciclo encerrado ainda" in against_screen(texts, Done(none), AGAIN).text
    for name in ("net_profit", "tested_net_profit"):
        text = against_screen(texts, Done({**none, name: "-1.5"}), AGAIN).text
        assert "-1,50" in text
        assert "Nenhum" not in text
