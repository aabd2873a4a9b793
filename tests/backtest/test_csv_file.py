"""A file of one's own: read exactly and fast, kept once parsed, refused by the row that is wrong."""

import gzip
import os
import random
import time
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from bot.backtest.csv_file import USER_CACHE, read_csv
from bot.backtest.csv_rows import read_slowly
from bot.backtest.parsed_cache import user_cache
from bot.candle_rows import BadCandles, symbol_in

SHARED = Path(
    os.environ.get("TRADER_AUTOMATA_DATA") or Path(__file__).resolve().parents[2] / "../shared/data"
)
HEADER = "open_time_ms,open,high,low,close,volume\n"
GOOD = "60000,100,110,90,105,1.5\n120000,105,106,104,104,0\n"
REAL = (
    ("binance_BTCUSDT_5m_202208-202309.csv.gz", 121_739, 300_000, 2, 1),
    ("binance_ETHUSDT_5m_202208-202309.csv.gz", 121_743, 300_000, 2, 1),
    ("binanceus_BTCUSDT_1m_202303.csv.gz", 30_240, 60_000, 2, 0),
    ("bitfinex_BTCUSD_1m_2018.csv.gz", 520_499, 60_000, 8, 3_992),
    ("ftx_BTC-PERP_1m_202201.csv.gz", 45_031, 60_000, 3, 0),
)

BAD = [
    ("", None, "is empty"),
    ("\n\n", None, "is empty"),
    (HEADER, None, "holds no candle"),
    (HEADER + "\n\n", None, "holds no candle"),
    ("open_time_ms,open,high,low,volume\n1,1,1,1,1\n", 1, "column close is missing"),
    ("open_time_ms,open,high,low,close,close\n1,1,1,1,1,2\n", 1, "column close is given twice"),
    ("60000,100,110,90,105,1.5\n", 1, "column open_time_ms, open, high, low, close is missing"),
    (HEADER + "60000,100,110,90\n", 2, "4 cells, 5 wanted"),
    (HEADER + '60000,100,110,90,"101,5",1\n', 2, "close is '101,5', a number is wanted"),
    (HEADER + "60000,100,110,90,101,5,1\n", 2, "7 cells under 6 columns: decimals take a point"),
    (HEADER + GOOD + "90000,1,1,1,1,1\n", 4, "not sorted by time"),
    (HEADER + GOOD + "120000,1,1,1,1,1\n", 4, "same time as the row before"),
    (HEADER + GOOD + "\n\n120000,1,1,1,1,1\n", 6, "same time as the row before"),
    (HEADER + GOOD + "270000,1,1,1,1,1\n", 4, "150000 ms after the row before, which is no multiple of 60000"),
    (HEADER + "1659312000,1,1,1,1,1\n1659312060,1,1,1,1,1\n", 3, "are these seconds?"),
    (HEADER + "1659312000000000,1,1,1,1,1\n", 2, "are these microseconds?"),
    (HEADER + "9" * 5000 + ",1,1,1,1,1\n", 2, "more than 13 digits"),
    (HEADER + "60000,NaN,110,90,105,1\n", 2, "open is 'NaN', a number is wanted"),
    (HEADER + "60000,100,Infinity,90,105,1\n", 2, "high is 'Infinity'"),
    (HEADER + "60000,100,inf,90,105,1\n", 2, "high is 'inf'"),
    (HEADER + "60000,100,110,abc,105,1\n", 2, "low is 'abc'"),
    (HEADER + "60000,100,110,90,,1\n", 2, "close is ''"),
    (HEADER + "60000,100,110,0,105,1\n", 2, "low is 0, more than 0 is wanted"),
    (HEADER + "60000,-100,110,90,105,1\n", 2, "open is -100"),
    (HEADER + GOOD + "180000,100,90,110,105,1\n", 4, "high 90 is below low 110"),
    (HEADER + "60000,120,110,90,105,1\n", 2, "open or close lies outside low to high"),
    (HEADER + "60000,100,110,90,89.99999999,1\n", 2, "open or close lies outside low to high"),
    (HEADER + "60000,100,110,90,110.00000001,1\n", 2, "open or close lies outside low to high"),
    (HEADER + "60000,89,110,90,100,1\n", 2, "open or close lies outside low to high"),
    (HEADER + "1.5,100,110,90,105,1\n", 2, "open_time_ms is '1.5'"),
    (HEADER + "-60000,100,110,90,105,1\n", 2, "open_time_ms is '-60000'"),
    (HEADER + "60000,1234567890.123456789,9999999999,1,1,1\n", 2, "too many digits (at most 18)"),
    (HEADER + "60000,1e40,1e40,1e40,1e40,1\n", 2, "too many digits"),
    (
        HEADER + "60000,1,1,1,1,1\n120000,0.00000000000001,1,0.00000000000001,1,1\n180000,1000000,1000000,1,1,1\n",
        4,
        "1000000 with the 14 decimals that other rows have is too many digits",
    ),
]  # fmt: skip


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def columns(history) -> list[list[int]]:
    return [list(map(int, getattr(history, name))) for name in ("times", "opens", "highs", "lows", "closes")]


@pytest.mark.parametrize(
    ("text", "row", "words"), BAD, ids=[f"{n} {words}" for n, (_, _, words) in enumerate(BAD)]
)
def test_a_bad_file_is_refused_with_its_row(tmp_path: Path, text, row, words):
    with pytest.raises(BadCandles) as refused:
        read_csv(written(tmp_path / "bad.csv", text), cache=tmp_path / "cache")
    assert words in str(refused.value)
    assert refused.value.row == row
    assert (f"row {row}:" in str(refused.value)) is (row is not None)
    assert not list(tmp_path.glob("cache/**/*.npz"))


def test_the_first_bad_row_of_a_long_file_is_named(tmp_path: Path):
    rows = [f"{n * 60000},100,110,90,105,1" for n in range(1, 30_001)]
    rows[20_000] = rows[20_000].replace("90", "111")
    rows[25_000] = rows[25_000].replace("90", "nan")
    with pytest.raises(BadCandles, match="row 20002: high 110 is below low 111"):
        read_csv(written(tmp_path / "long.csv", HEADER + "\n".join(rows)), cache=None)


@pytest.mark.parametrize("missing", [4, 2000])
def test_a_gzip_cut_short_is_refused(tmp_path: Path, missing):
    path = tmp_path / "cut.csv.gz"
    rows = "".join(f"{n * 60000},100,110,90,{100 + n % 7},{n * 7919 % 1000}\n" for n in range(1, 5000))
    path.write_bytes(gzip.compress((HEADER + rows).encode())[:-missing])
    with pytest.raises(BadCandles, match=r"row \d+: cannot be read"):
        read_csv(path, cache=None)


def test_a_gzip_with_a_flipped_bit_is_refused(tmp_path: Path):
    path = tmp_path / "flipped.csv.gz"
    packed = bytearray(gzip.compress((HEADER + GOOD).encode()))
    packed[-6] ^= 1
    path.write_bytes(packed)
    with pytest.raises(BadCandles, match="cannot be read"):
        read_csv(path, cache=None)


@pytest.mark.parametrize(
    "content",
    [b"\xff\xfe\x00bad", gzip.compress(b"\xff\xfe\x00bad", mtime=0), bytes(range(256)) * 9],
    ids=["plain", "packed", "every byte"],
)
def test_what_is_no_text_is_refused(tmp_path: Path, content):
    path = tmp_path / "odd.csv.gz"
    path.write_bytes(content)
    with pytest.raises(BadCandles, match="is not text"):
        read_csv(path, cache=None)


def test_a_missing_file_and_a_folder_are_refused_by_name(tmp_path: Path):
    with pytest.raises(BadCandles, match=r"nowhere\.csv: cannot be read"):
        read_csv(tmp_path / "nowhere.csv", cache=tmp_path)
    with pytest.raises(BadCandles, match="cannot be read"):
        read_csv(tmp_path, cache=tmp_path)


@pytest.mark.parametrize("name", ["plain.csv", "packed.csv.gz", "packed-without-saying.csv"])
def test_a_good_file_is_read_plain_or_packed(tmp_path: Path, name):
    path = tmp_path / name
    text = ("\ufeff" + HEADER + GOOD).replace("\n", "\r\n").encode()
    path.write_bytes(gzip.compress(text) if "packed" in name else text)
    history = read_csv(path, cache=None)
    assert columns(history) == [[60000, 120000], [100, 105], [110, 106], [90, 104], [105, 104]]
    assert (history.scale, history.step_ms, history.source) == (0, 60000, name)


@pytest.mark.parametrize(
    "text",
    [
        "close,trades,open_time_ms,open,high,low\n105.5,9,60000,100,110,90\n",
        "open_time_ms,open,high,low,close\n60000,100,110,90,105.5,\n",
        'open_time_ms, "open",high,low,close\n 60000 , "100" , 110.0 ,90,105.50\n',
        "open_time_ms,open,high,low,close\n60000,1e2,110.000000000000000000000,90,105.5000000000000\n",
    ],
)
def test_other_orders_spaces_quotes_and_more_columns_are_read_alike(tmp_path: Path, text):
    history = read_csv(written(tmp_path / "wide.csv", text), cache=None)
    assert (columns(history), history.scale) == ([[60000], [1000], [1100], [900], [1055]], 1)


@pytest.mark.parametrize(
    ("price", "scale"),
    [
        ("0.00000001", 8),
        ("0.00000000012345", 14),
        ("0.000000000000000001", 18),
        ("9999999999.99999999", 8),
        ("70000", 0),
    ],
)
def test_prices_of_any_size_stay_exact(tmp_path: Path, price, scale):
    text = f"open_time_ms,open,high,low,close\n1677542400000,{price},{price},{price},{price}\n"
    history = read_csv(written(tmp_path / "exact.csv", text), cache=None)
    assert history.scale == scale
    assert history.price(history.closes[0]).value == Decimal(price)


@pytest.mark.parametrize(("name", "rows", "step", "scale", "gaps"), REAL, ids=[one[0] for one in REAL])
def test_real_files_are_read_whole_and_exactly(tmp_path: Path, name, rows, step, scale, gaps):
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"the candles of {name} are not here")
    history = read_csv(path, cache=tmp_path)
    assert (len(history), history.step_ms, history.scale, len(history.gaps())) == (rows, step, scale, gaps)
    with gzip.open(path, "rt") as lines:
        next(lines)
        for at, line in enumerate(lines):
            if at % 101 == 0 or at < 100:
                cells = line.split(",")
                assert int(history.times[at]) == int(cells[0])
                for cell, column in zip(cells[1:5], columns_of(history), strict=True):
                    assert Decimal(int(column[at])).scaleb(-scale) == Decimal(cell)
    assert columns(read_csv(path, cache=tmp_path)) == columns(history)


ODD_CELLS = [
    *(
        '"1.5',
        '"1.5"',
        '1"5',
        '""',
        '"',
        "NaN",
        "inf",
        "-1",
        "0",
        "1e3",
        "1_000",
        "\u0661",
        "0x10",
        "+5",
        "1,5",
    ),
    *(" 7 ", "1e400", "9" * 30, "0.00000000000000000001", "\x00", "1.", ".5", "null", "\xe9", "\t3", "3\xa0"),
]


def spoilt(chance: random.Random) -> bytes:
    """A small file with some harm done to it, now and then none."""
    rows = [["open_time_ms", "open", "high", "low", "close", "volume"]]
    for number in range(chance.randint(0, 5)):
        low = chance.randint(1, 10**6)
        rows.append(
            [
                f"{1677542400000 + number * 60_000}",
                f"{low}.{low % 100}",
                f"{low + 9}",
                f"{low}",
                f"{low + 2}",
                "3",
            ]
        )
    for _ in range(chance.randint(0, 2)):
        chance.choice(rows)[chance.randrange(6)] = chance.choice(ODD_CELLS)
    return chance.choice(["\n", "\r\n", "\n\n", "\r"]).join(map(",".join, rows)).encode()


def test_harm_of_any_kind_is_judged_by_both_readers_alike(tmp_path: Path):
    chance, path = random.Random(11), tmp_path / "odd.csv"
    good = 0
    for _ in range(400):
        path.write_bytes(spoilt(chance))
        try:
            slow = read_slowly(path)
        except BadCandles as exc:
            with pytest.raises(BadCandles) as refused:
                read_csv(path, cache=None)
            assert str(refused.value) == str(exc)
            continue
        fast = read_csv(path, cache=None)
        assert slow.scale == fast.scale
        assert np.array_equal(slow.table, np.array([fast.times, *columns_of(fast)])), path.read_bytes()
        good += 1
    assert good > 50


def test_a_quote_left_open_swallows_no_row(tmp_path: Path):
    rows = "".join(f"{1677542400000 + number * 60_000},2,3,1,2,3\n" for number in range(9))
    text = "open_time_ms,open,high,low,close,volume\n" + rows.replace(",3\n", ',"3\n', 1)
    assert len(read_csv(written(tmp_path / "quote.csv", text), cache=None)) == 9


def columns_of(history):
    return (history.opens, history.highs, history.lows, history.closes)


def test_the_fast_and_the_slow_reader_read_the_same(tmp_path: Path):
    path = SHARED / "binanceus_BTCUSDT_1m_202303.csv.gz"
    if not path.exists():
        pytest.skip("the candles are not here")
    fast, slow = read_csv(path, cache=None), read_slowly(path)
    assert slow.scale == fast.scale
    assert np.array_equal(slow.table, np.array([fast.times, *columns_of(fast)]))


def test_a_second_read_comes_from_what_was_kept_and_a_changed_file_does_not(tmp_path: Path, monkeypatch):
    path, cache = written(tmp_path / "BTCUSDT.csv", HEADER + GOOD), tmp_path / "cache"
    first = read_csv(path, cache=cache)
    monkeypatch.setattr("bot.backtest.csv_file._parse", lambda _: pytest.fail("parsed again"))
    assert columns(read_csv(path, cache=cache)) == columns(first)
    monkeypatch.undo()
    stamp = path.stat()
    written(path, HEADER + GOOD.replace("105", "106"))
    os.utime(path, ns=(stamp.st_atime_ns, stamp.st_mtime_ns))
    assert read_csv(path, cache=cache).closes[0] == 106


@pytest.mark.parametrize("harm", [b"", b"nonsense", "flip", "cut"])
def test_a_broken_cache_is_made_anew(tmp_path: Path, harm):
    path, cache = written(tmp_path / "BTCUSDT.csv", HEADER + GOOD), tmp_path / "cache"
    first = read_csv(path, cache=cache)
    (kept,) = cache.glob("candles/*.npz")
    whole = kept.read_bytes()
    at = whole.index((110).to_bytes(8, "little"))
    harmed = {"flip": whole[:at] + b"\x6f" + whole[at + 1 :], "cut": whole[: at + 40]}.get(harm, harm)
    kept.write_bytes(harmed)
    assert columns(read_csv(path, cache=cache)) == columns(first)
    assert kept.read_bytes() == whole


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path):
    path = written(tmp_path / "BTCUSDT.csv", HEADER + GOOD)
    assert len(read_csv(path, cache=written(tmp_path / "no folder", "a file"))) == 2


def test_the_cache_is_where_the_environment_says(tmp_path: Path, monkeypatch):
    monkeypatch.setenv("TRADER_AUTOMATA_CACHE", str(tmp_path / "mine"))
    read_csv(written(tmp_path / "BTCUSDT.csv", HEADER + GOOD), cache=USER_CACHE)
    assert len(list((tmp_path / "mine").glob("candles/*.npz"))) == 1
    monkeypatch.delenv("TRADER_AUTOMATA_CACHE")
    assert user_cache().name == "trader-automata"


def test_the_oldest_parsed_files_go_when_they_grow_too_many(tmp_path: Path, monkeypatch):
    monkeypatch.setattr("bot.backtest.parsed_cache._MOST_BYTES", 1500)
    for number in range(5):
        read_csv(written(tmp_path / "a.csv", HEADER + GOOD.replace("1.5", f"1.{number}")), cache=tmp_path)
        (newest,) = [one for one in tmp_path.glob("candles/*") if one.stat().st_mtime_ns > 10**18]
        os.utime(newest, ns=(0, number))
    assert len(list(tmp_path.glob("candles/*.npz"))) < 5


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("binance_BTCUSDT_5m_202208-202309.csv.gz", "BTCUSDT"),
        ("BTCUSDT-1m-2024-01.csv", "BTCUSDT"),
        ("bitfinex_BTCUSD_1m_2018.csv.gz", "BTCUSD"),
        ("mine.csv", ""),
    ],
)
def test_the_pair_is_told_by_the_file_name(name, symbol):
    assert symbol_in(name) == symbol


def test_a_year_of_minutes_is_read_fast_and_at_once_when_kept(tmp_path: Path):
    path = SHARED / "bitfinex_BTCUSD_1m_2018.csv.gz"
    if not path.exists():
        pytest.skip("the candles are not here")
    took = []
    for _ in range(3):
        before = time.process_time()
        read_csv(path, cache=tmp_path)
        took.append(time.process_time() - before)
    assert took[0] < 2
    assert min(took[1:]) < took[0] / 3
