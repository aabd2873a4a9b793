"""Candles: the market's past in the house's words."""

import pytest

from bot.domain.market import Symbol
from bot.errors import InvalidInput, Unavailable
from tests.exchanges.scripted import envelope


async def test_candles_come_oldest_first_and_end_at_the_last_price(stage):
    for price in ("60100", "59900", "60050"):
        stage.move_price(price)
    exchange = stage.exchange()
    candles = await exchange.candles("BTCUSDT", minutes=5, limit=50)
    assert candles
    assert [c.at for c in candles] == sorted({c.at for c in candles})
    assert candles[-1].close == await exchange.last_price("BTCUSDT")
    for candle in candles:
        assert candle.low <= min(candle.open, candle.close) <= max(candle.open, candle.close) <= candle.high
    assert len(await exchange.candles("BTCUSDT", minutes=5, limit=1)) == 1
    with pytest.raises(InvalidInput):
        await exchange.candles("NOPEUSDT", minutes=5, limit=5)


@pytest.mark.parametrize("row", [["1", "2"], ["x", "1", "1", "1", "1"], [1, 1.5, "1", "1", "1"]])
async def test_candles_that_cannot_be_read_are_unavailable(scripted, exchange, row):
    scripted.answers["/v5/market/kline"] = envelope({"list": [row]})
    exchange._market.know(Symbol("BTCUSDT", "BTC", "USDT"))
    with pytest.raises(Unavailable):
        await exchange.candles("BTCUSDT", minutes=5, limit=5)
