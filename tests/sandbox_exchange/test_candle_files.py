"""Candle files: good ones are streamed, bad ones are refused with the row's number."""

import gzip
from decimal import Decimal
from itertools import islice, pairwise
from pathlib import Path

import pytest

from bot.sandbox.candles import BadCandles, file_source, random_source, read_candles, symbol_in
from tests.sandbox_exchange.client import real_candles

HEADER = "open_time_ms,open,high,low,close,volume\n"
GOOD = "60000,100,110,90,105,1.5\n120000,105,106,104,104,0\n"

BAD = [
    ("", None, "is empty"),
    (HEADER, None, "holds no candle"),
    ("open_time_ms,open,high,low,volume\n1,1,1,1,1\n", 1, "column close is missing"),
    (HEADER + "60000,100,110,90\n", 2, "4 cells, 6 wanted"),
    (HEADER + GOOD + "90000,1,1,1,1,1\n", 4, "not sorted by time"),
    (HEADER + GOOD + "120000,1,1,1,1,1\n", 4, "same time as the row before"),
    (HEADER + "60000,NaN,110,90,105,1\n", 2, "open is 'NaN', a number is wanted"),
    (HEADER + "60000,100,Infinity,90,105,1\n", 2, "high is 'Infinity'"),
    (HEADER + "60000,100,110,abc,105,1\n", 2, "low is 'abc'"),
    (HEADER + "60000,100,110,90,,1\n", 2, "close is ''"),
    (HEADER + "60000,100,110,0,105,1\n", 2, "low is 0, more than 0 is wanted"),
    (HEADER + "60000,-100,110,90,105,1\n", 2, "open is -100"),
    (HEADER + GOOD + "180000,100,90,110,105,1\n", 4, "high 90 is below low 110"),
    (HEADER + "60000,120,110,90,105,1\n", 2, "open or close lies outside low to high"),
    (HEADER + "60000,100,110,90,105,-1\n", 2, "volume is -1"),
    (HEADER + "1.5,100,110,90,105,1\n", 2, "open_time_ms is '1.5'"),
    (HEADER + "-60000,100,110,90,105,1\n", 2, "open_time_ms is '-60000'"),
]


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


def test_a_truncated_gzip_is_refused_after_the_rows_that_could_be_read(tmp_path: Path):
    path = tmp_path / "cut.csv.gz"
    rows = "".join(f"{n * 60000},100,110,90,{100 + n % 7},{n * 7919 % 1000}\n" for n in range(1, 5000))
    path.write_bytes(gzip.compress((HEADER + rows).encode())[:-2000])
    with pytest.raises(BadCandles, match="cannot be read"):
        file_source(path)


@pytest.mark.parametrize(
    "content", [b"not gzip at all", gzip.compress(b"\xff\xfe\x00bad", mtime=0)], ids=["no gzip", "no text"]
)
def test_what_is_no_gzip_or_no_text_is_refused(tmp_path: Path, content):
    path = tmp_path / "odd.csv.gz"
    path.write_bytes(content)
    with pytest.raises(BadCandles):
        file_source(path)


def test_a_missing_file_is_refused_by_name(tmp_path: Path):
    with pytest.raises(BadCandles, match=r"nowhere\.csv"):
        file_source(tmp_path / "nowhere.csv")


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


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("binance_BTCUSDT_5m_202208-202309.csv.gz", "BTCUSDT"),
        ("binance_ETHUSDT_5m.csv", "ETHUSDT"),
        ("bitfinex_BTCUSD_1m_2018.csv.gz", "BTCUSD"),
        ("mine.csv", "BTCUSDT"),
    ],
)
def test_the_pair_is_told_by_the_file_name(name, symbol):
    assert symbol_in(Path(name)) == symbol


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
