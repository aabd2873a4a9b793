"""Candle files with volumes: good ones are streamed, bad ones are refused with the row's number."""

import gzip
from decimal import Decimal
from itertools import islice, pairwise
from pathlib import Path

import pytest

from bot.candle_rows import BadCandles
from bot.sandbox.candles import file_source, random_source, read_candles
from tests.sandbox_exchange.client import real_candles

HEADER = "open_time_ms,open,high,low,close,volume\n"
GOOD = "60000,100,110,90,105,1.5\n120000,105,106,104,104,0\n"

BAD = [
    ("open_time_ms,open,high,low,close\n1,1,1,1,1\n", 1, "column volume is missing"),
    (HEADER + "60000,100,110,90,105\n", 2, "5 cells, 6 wanted"),
    (HEADER + GOOD + "120000,1,1,1,1,1\n", 4, "same time as the row before"),
    (HEADER + "60000,100,110,90,101,5,1\n", 2, "7 cells under 6 columns: decimals take a point"),
    (HEADER + "60000,100,110,90,105,-1\n", 2, "volume is -1, 0 or more is wanted"),
    (HEADER + "60000,100,110,90,105,\n", 2, "volume is '', a number is wanted"),
]
"""What a volume adds; all the rest that is refused stands with the reader that own files share."""


@pytest.mark.parametrize(("text", "row", "words"), BAD, ids=[words for _, _, words in BAD])
def test_a_bad_file_is_refused_with_its_row(tmp_path: Path, text, row, words):
    path = tmp_path / "bad.csv"
    path.write_text(text)
    with pytest.raises(BadCandles) as refused:
        file_source(path)
    assert words in str(refused.value)
    assert refused.value.row == row
    if row:
        assert f"row {row}:" in str(refused.value)


@pytest.mark.parametrize("name", ["plain.csv", "packed.csv.gz"])
def test_a_good_file_is_read_plain_or_packed(tmp_path: Path, name):
    path = tmp_path / name
    text = ("\ufeff" + HEADER + GOOD).replace("\n", "\r\n").encode()
    path.write_bytes(gzip.compress(text) if name.endswith(".gz") else text)
    source = file_source(path)
    assert (source.rows, source.step_ms) == (2, 60000)
    assert [candle.close for candle in source.stream()] == [Decimal(105), Decimal(104)]


def test_columns_may_come_in_another_order_and_more_of_them(tmp_path: Path):
    path = tmp_path / "wide.csv"
    path.write_text("close,trades,open_time_ms,open,high,low,volume\n105,9,60000,100,110,90,1\n")
    assert next(read_candles(path)).close == Decimal(105)


def test_a_year_of_real_candles_is_streamed_and_counted():
    source = file_source(real_candles("binanceus_BTCUSDT_1m_202303.csv.gz"))
    assert (source.rows, source.step_ms) == (30_240, 60_000)


def test_the_random_walk_is_the_same_for_the_same_seed_and_keeps_to_ticks():
    def first(seed):
        return list(islice(random_source(seed).stream(), 500))

    assert first(7) == first(7)
    assert first(7) != first(8)
    walk = first(7)
    assert walk[0].open == Decimal("60000.00")
    for before, candle in pairwise(walk):
        assert candle.open == before.close
        assert candle.low <= min(candle.open, candle.close) <= max(candle.open, candle.close) <= candle.high
        assert all(price % Decimal("0.01") == 0 for price in candle[1:5])
        assert candle.high / candle.low < Decimal("1.03")
