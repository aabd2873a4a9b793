"""Months of candles on disk: exact, whole or not at all, never written twice, and every harm noticed."""

import os
import random
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from bot.backtest.month_file import BadMonth, MonthFile, NotKept
from bot.backtest.store import HistoryStore, Span
from bot.errors import InvalidInput
from bot.ports.history import Interval, Kline, Month, months_between

ROOT = Path(__file__).resolve().parents[2]
HOUR = 3_600_000
H1 = Interval.H1
PAIR = ("binance", "BTCUSDT", H1)


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


JAN, FEB, MAR, APR = (at(f"2023-0{month}-01") for month in (1, 2, 3, 4))


def klines(
    start: int, end: int, *, step: int = HOUR, places: int = 2, without: tuple[int, ...] = ()
) -> list[Kline]:
    chance = random.Random(start)
    rows = []
    for time in range(start, end, step):
        low = chance.randint(10**places, 10 ** (places + 5))
        first, last, high = (low + chance.randint(0, 50) for _ in range(3))
        high = max(first, last, high)
        prices = (Decimal(number).scaleb(-places) for number in (first, high, low, last))
        rows.append(Kline(time, *prices, Decimal(chance.randint(0, 10**12)).scaleb(-8)))
    return [row for row in rows if row.at not in without]


def rows_of(history) -> list[tuple]:
    columns = (history.opens, history.highs, history.lows, history.closes)
    return [
        (int(time), *(history.price(column[i]).value for column in columns))
        for i, time in enumerate(history.times)
    ]


def wanted(rows: list[Kline]) -> list[tuple]:
    return [tuple(row[:5]) for row in rows]


@pytest.fixture
def store(tmp_path: Path) -> HistoryStore:
    return HistoryStore(tmp_path / "history")


def files(store: HistoryStore) -> dict[str, Path]:
    return {path.stem: path for path in store._root.rglob("*.parquet")}


def test_what_is_appended_is_loaded_back_to_the_last_digit(store: HistoryStore):
    rows = klines(JAN, MAR, places=8)
    store.append(*PAIR, rows, start=JAN, until=MAR)
    history = store.load(*PAIR, JAN, MAR)
    assert rows_of(history) == wanted(rows)
    assert (history.source, history.symbol, history.step_ms, history.scale) == ("binance", "BTCUSDT", HOUR, 8)
    assert sorted(files(store)) == ["2023-01", "2023-02"]
    assert rows_of(store.load(*PAIR, JAN + 5 * HOUR, JAN + 9 * HOUR)) == wanted(rows[5:9])


def test_the_volume_is_kept_on_disk(store: HistoryStore):
    rows = klines(JAN, FEB)
    store.append(*PAIR, rows, start=JAN, until=FEB)
    volumes = pq.read_table(files(store)["2023-01"]).column("volume").to_pylist()
    assert volumes == [row.volume for row in rows]


def test_a_month_grows_while_it_is_not_over_and_is_then_never_written_again(store: HistoryStore):
    rows = klines(JAN, MAR)
    for start, until in ((JAN, JAN + 30 * HOUR), (JAN + 30 * HOUR, JAN + 31 * HOUR), (JAN + 31 * HOUR, FEB)):
        store.append(*PAIR, [r for r in rows if start <= r.at < until], start=start, until=until)
        assert store.missing(*PAIR, JAN, FEB) == (() if until == FEB else (Span(until, FEB),))
    january = files(store)["2023-01"].stat()
    store.append(*PAIR, [r for r in rows if r.at >= FEB], start=FEB, until=MAR)
    again = files(store)["2023-01"].stat()
    assert (again.st_ino, again.st_mtime_ns) == (january.st_ino, january.st_mtime_ns)
    assert rows_of(store.load(*PAIR, JAN, MAR)) == wanted(rows)


def test_months_of_different_decimals_stand_in_one_table(store: HistoryStore):
    old, new = klines(JAN, JAN + 50 * HOUR, places=2), klines(JAN + 50 * HOUR, FEB, places=6)
    late = klines(FEB, MAR, places=1)
    store.append(*PAIR, old, start=JAN, until=JAN + 50 * HOUR)
    store.append(*PAIR, new, start=JAN + 50 * HOUR, until=FEB)
    store.append(*PAIR, late, start=FEB, until=MAR)
    history = store.load(*PAIR, JAN, MAR)
    assert history.scale == 6
    assert rows_of(history) == wanted([*old, *new, *late])


def test_a_gap_stays_a_gap_and_is_not_asked_for_again(store: HistoryStore):
    away = tuple(range(FEB - 3 * HOUR, FEB + 4 * HOUR, HOUR))
    store.append(*PAIR, klines(JAN, MAR, without=away), start=JAN, until=MAR)
    assert store.missing(*PAIR, JAN, MAR) == ()
    (gap,) = store.load(*PAIR, JAN, MAR).gaps()
    assert (gap.after, gap.before, gap.missing) == (FEB - 4 * HOUR, FEB + 4 * HOUR, 7)
    (verdict,) = store.verify()
    assert (verdict.gaps, verdict.problems) == ((gap,), ())


def test_a_month_without_any_candle_is_known_to_be_empty(store: HistoryStore):
    store.append(*PAIR, [*klines(JAN, FEB), *klines(MAR, APR)], start=JAN, until=APR)
    assert store.missing(*PAIR, JAN, APR) == ()
    assert len(store.load(*PAIR, JAN, APR)) == 31 * 24 * 2
    with pytest.raises(InvalidInput, match="has no candle from 2023-02-01 to 2023-03-01"):
        store.load(*PAIR, FEB, MAR)


def test_what_is_missing_is_named_from_month_beginnings_and_joined(store: HistoryStore):
    assert store.missing(*PAIR, JAN + 9 * HOUR, MAR + HOUR) == (Span(JAN, MAR + HOUR),)
    store.append(*PAIR, klines(FEB, MAR), start=FEB, until=MAR)
    assert store.missing(*PAIR, JAN, APR) == (Span(JAN, FEB), Span(MAR, APR))
    with pytest.raises(
        InvalidInput, match=r"not kept from 2023-01-01 to 2023-02-01 and 2023-03-01 to 2023-04-01"
    ):
        store.load(*PAIR, JAN, APR)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda rows: [*rows[:5], rows[4], *rows[5:]], "twice"),
        (lambda rows: [*rows[:5], rows[6], rows[5], *rows[7:]], "not sorted"),
        (lambda rows: [rows[0]._replace(at=rows[0].at + 1), *rows[1:]], "no start of an interval"),
        (lambda rows: [*rows, rows[0]._replace(at=MAR)], "are not from"),
        (lambda rows: [rows[0]._replace(at=JAN - HOUR), *rows], "are not from"),
        (lambda rows: [rows[0]._replace(low=rows[0].high + 1), *rows[1:]], "impossible candle"),
        (lambda rows: [rows[0]._replace(low=Decimal(0)), *rows[1:]], "impossible candle"),
        (lambda rows: [rows[0]._replace(high=Decimal("1e20")), *rows[1:]], "too many digits"),
    ],
)
def test_bad_candles_are_refused_and_nothing_is_written(store: HistoryStore, harm, words):
    with pytest.raises(BadMonth, match=words):
        store.append(*PAIR, harm(klines(JAN, FEB)), start=JAN, until=FEB)
    assert files(store) == {}


def test_candles_that_would_leave_a_hole_are_refused(store: HistoryStore):
    with pytest.raises(BadMonth, match="would leave a hole"):
        store.append(*PAIR, klines(JAN + HOUR, FEB), start=JAN + HOUR, until=FEB)
    assert files(store) == {}


def test_a_candle_after_the_moment_that_is_known_is_refused(store: HistoryStore):
    with pytest.raises(BadMonth, match="candles of another time"):
        store.append(*PAIR, klines(JAN, JAN + 10 * HOUR), start=JAN, until=JAN + 9 * HOUR)
    assert files(store) == {}


def test_what_another_process_was_faster_to_bring_stays_as_it_is(store: HistoryStore):
    mine, other = klines(JAN, FEB), klines(JAN, FEB, places=3)
    store.append(*PAIR, other[:9], start=JAN, until=JAN + 9 * HOUR)
    store.append(*PAIR, mine, start=JAN, until=FEB)
    assert rows_of(store.load(*PAIR)) == wanted([*other[:9], *mine[9:]])
    stamp = files(store)["2023-01"].stat().st_mtime_ns
    store.append(*PAIR, other[:9], start=JAN, until=JAN + 9 * HOUR)
    store.append(*PAIR, other, start=JAN, until=FEB)
    assert files(store)["2023-01"].stat().st_mtime_ns == stamp


def test_a_parquet_file_of_somebody_elses_is_refused(store: HistoryStore, tmp_path: Path):
    store.append(*PAIR, klines(JAN, FEB), start=JAN, until=FEB)
    path = files(store)["2023-01"]
    table = pq.read_table(path)
    pq.write_table(table.replace_schema_metadata({}), path)
    with pytest.raises(BadMonth, match="cannot be read"):
        store.load(*PAIR, JAN, FEB)
    pq.write_table(table.drop_columns(["low"]), path)
    with pytest.raises(BadMonth, match="columns missing"):
        store.load(*PAIR, JAN, FEB)


def test_two_processes_that_write_and_one_that_reads_never_meet_a_half_file(
    store: HistoryStore, tmp_path: Path
):
    """Two appenders race for each piece while a reader loads: whole candles, in order, at every moment."""
    rows = klines(JAN, FEB)
    store.append(*PAIR, rows[:24], start=JAN, until=JAN + 24 * HOUR)

    def write() -> None:
        own = HistoryStore(store._root)
        for days in range(2, 32):
            start = own.missing(*PAIR, JAN, FEB)[:1]
            begin, until = (start[0].start if start else FEB), JAN + days * 24 * HOUR
            if begin < until:
                own.append(*PAIR, [r for r in rows if begin <= r.at < until], start=begin, until=until)

    with ThreadPoolExecutor(2) as pool:
        writers = [pool.submit(write), pool.submit(write)]
        seen = 0
        while not all(writer.done() for writer in writers):
            history = store.load(*PAIR)
            assert rows_of(history) == wanted(rows[: len(history)])
            seen += 1
        assert [writer.result() for writer in writers] == [None, None]
    assert seen
    assert rows_of(store.load(*PAIR)) == wanted(rows)


def test_a_month_that_grows_by_more_decimals_while_it_is_read_is_read_again(store: HistoryStore, monkeypatch):
    store.append(*PAIR, klines(JAN, JAN + 9 * HOUR), start=JAN, until=JAN + 9 * HOUR)
    summary, finer = MonthFile.summary, klines(JAN + 9 * HOUR, JAN + 12 * HOUR, places=4)

    def told(file: MonthFile):
        found = summary(file)
        if finer:
            rows = finer.copy()
            finer.clear()
            file.extend(rows, JAN + 12 * HOUR)
        return found

    files = [store._file(*PAIR, Month(2023, 1))]
    monkeypatch.setattr(MonthFile, "summary", told)
    table, scale = store._table(files)
    assert (scale, table.shape) == (4, (5, 12))


def test_an_interrupted_write_leaves_what_was_there(store: HistoryStore, monkeypatch):
    first = klines(JAN, JAN + 9 * HOUR)
    store.append(*PAIR, first, start=JAN, until=JAN + 9 * HOUR)

    def broken(_):
        raise OSError("disk full")

    monkeypatch.setattr(os, "fsync", broken)
    with pytest.raises(NotKept, match=r"2023-01\.parquet cannot be written \(disk full\)"):
        store.append(*PAIR, klines(JAN + 9 * HOUR, FEB), start=JAN + 9 * HOUR, until=FEB)
    monkeypatch.undo()
    assert rows_of(store.load(*PAIR)) == wanted(first)
    assert [path.name for path in (store._root / "binance/BTCUSDT/1h").iterdir()] == ["2023-01.parquet"]


def test_what_is_kept_is_listed(store: HistoryStore):
    store.append(*PAIR, klines(JAN, FEB + 9 * HOUR), start=JAN, until=FEB + 9 * HOUR)
    store.append("bybit", "ETHUSDT", Interval.D1, klines(MAR, APR, step=24 * HOUR), start=MAR, until=APR)
    (store._root / "notes.txt").write_text("not ours")
    (store._root / "bybit" / "ETHUSDT" / "nonsense").mkdir()
    btc, eth = store.kept()
    assert (btc.symbol, btc.first, btc.last, btc.until) == ("BTCUSDT", JAN, FEB + 8 * HOUR, FEB + 9 * HOUR)
    assert (btc.rows, btc.months) == (31 * 24 + 9, 2)
    assert (eth.exchange, eth.interval, eth.rows) == ("bybit", Interval.D1, 31)
    assert eth.size == sum(path.stat().st_size for path in store._root.glob("bybit/**/*.parquet"))


def test_every_harm_to_a_file_is_found(store: HistoryStore):
    store.append(*PAIR, klines(JAN, APR), start=JAN, until=APR)
    (clean,) = store.verify()
    assert clean.problems == ()
    path = files(store)["2023-02"]
    whole = path.read_bytes()
    for harm in (b"", b"PAR1", whole[: len(whole) // 2], b"x" * len(whole)):
        path.write_bytes(harm)
        (verdict,) = store.verify()
        assert "2023-02.parquet cannot be read" in " ".join(verdict.problems)
        with pytest.raises(BadMonth, match="cannot be read"):
            store.load(*PAIR, JAN, APR)
    path.unlink()
    (verdict,) = store.verify()
    assert verdict.problems == ("2023-02-01 00:00 to 2023-03 was never fetched",)
    assert verdict.gaps == ()


def test_a_flipped_bit_in_a_price_is_found(store: HistoryStore):
    store.append(*PAIR, klines(JAN, FEB), start=JAN, until=FEB)
    path = files(store)["2023-01"]
    whole = path.read_bytes()
    column = pq.read_metadata(path).row_group(0).column(2)
    middle = column.data_page_offset + column.total_compressed_size // 2
    path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    (verdict,) = store.verify()
    assert len(verdict.problems) == 1
    with pytest.raises(BadMonth):
        store.load(*PAIR, JAN, FEB)


def test_no_flipped_bit_changes_what_a_month_tells(store: HistoryStore):
    """Not in its footer either, where a wrong `until` would hide candles for good."""
    store.append(*PAIR, klines(JAN, JAN + 48 * HOUR), start=JAN, until=JAN + 48 * HOUR)
    path, chance = files(store)["2023-01"], random.Random(5)
    whole, file = path.read_bytes(), MonthFile(path.parent, Month(2023, 1), H1)
    good, told, found = file.columns(), file.summary(), 0
    for place in [*range(0, len(whole) - 1500, 5), *range(len(whole) - 1500, len(whole))]:
        changed = bytes([whole[place] ^ (1 << chance.randrange(8))])
        path.write_bytes(whole[:place] + changed + whole[place + 1 :])
        try:
            columns, summary = file.columns(), file.summary()
        except BadMonth:
            found += 1
            continue
        assert summary == told
        assert (columns.table == good.table).all()
    assert found > 500


def test_files_of_the_first_form_are_read(store: HistoryStore, monkeypatch):
    monkeypatch.setattr("bot.backtest.month_file._FORM", 1)
    monkeypatch.setattr("bot.backtest.month_file._checked", lambda _: None)
    rows = klines(JAN, FEB)
    store.append(*PAIR, rows, start=JAN, until=FEB)
    monkeypatch.undo()
    assert rows_of(store.load(*PAIR)) == wanted(rows)
    assert store.verify()[0].problems == ()


def test_a_month_under_another_name_is_found(store: HistoryStore):
    store.append(*PAIR, klines(JAN, FEB), start=JAN, until=FEB)
    files(store)["2023-01"].rename(store._root / "binance/BTCUSDT/1h/2023-02.parquet")
    (verdict,) = store.verify()
    assert "2023-02.parquet holds candles of another time" in " ".join(verdict.problems)


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        ((*PAIR, None, None), "nothing is kept of binance BTCUSDT 1h"),
        ((*PAIR, FEB, JAN), "from 2023-02-01 to 2023-01-01 is the wrong way round"),
        ((*PAIR, JAN, JAN), "wrong way round"),
        (("binance", "../../etc", H1, JAN, FEB), "are no exchange and pair"),
        (("../x", "BTCUSDT", H1, JAN, FEB), "are no exchange and pair"),
    ],
)
def test_nonsense_is_refused_in_words(store: HistoryStore, ask, words):
    with pytest.raises(InvalidInput, match=words):
        store.load(*ask)


def test_a_year_of_minutes_is_small(store: HistoryStore):
    start = at("2023-01-01")
    rows = klines(start, FEB, step=60_000)
    store.append("binance", "BTCUSDT", Interval.M1, rows, start=start, until=FEB)
    (kept,) = store.kept()
    assert kept.rows == 44_640
    assert kept.size < 44_640 * 25


def test_intervals_and_months_are_what_they_say():
    assert [one.ms // 60_000 for one in Interval] == [1, 3, 5, 15, 30, 60, 120, 240, 360, 720, 1440]
    assert Month.of(FEB - 1) == Month(2023, 1)
    assert (Month(2023, 12).end, str(Month(2023, 12).next())) == (at("2024-01-01"), "2024-01")
    assert [str(one) for one in months_between(JAN, MAR)] == ["2023-01", "2023-02"]
    assert [str(one) for one in months_between(JAN, MAR + 1)] == ["2023-01", "2023-02", "2023-03"]
    assert list(months_between(MAR, JAN)) == []


def test_a_broken_month_is_put_aside_and_a_sound_one_is_left(store: HistoryStore):
    store.append(*PAIR, klines(JAN, APR), start=JAN, until=APR)
    assert store.set_aside_broken(*PAIR) == ()
    path, before = files(store)["2023-02"], {one: one.stat() for one in files(store).values()}
    path.write_bytes(path.read_bytes()[:-100])
    (reason,) = store.set_aside_broken(*PAIR)
    assert reason.startswith("binance/BTCUSDT/1h/2023-02.parquet cannot be read")
    assert store.missing(*PAIR, JAN, APR) == ((FEB, MAR),)
    assert path.with_suffix(".broken").exists()
    store.append(*PAIR, klines(FEB, MAR), start=FEB, until=MAR)
    assert store.verify()[0].problems == ()
    for one, then in before.items():
        now = path.stat() if one == path else one.stat()
        assert (one == path) != ((now.st_ino, now.st_mtime_ns) == (then.st_ino, then.st_mtime_ns))


def test_what_a_killed_writer_left_goes_with_the_next_write(store: HistoryStore):
    store.append(*PAIR, klines(JAN, FEB), start=JAN, until=FEB)
    left = files(store)["2023-01"].with_name("2023-02.4711-1.partial")
    left.write_bytes(b"half")
    assert len(store.verify()) == len(store.kept()) == 1
    store.append(*PAIR, klines(FEB, MAR), start=FEB, until=MAR)
    assert sorted(one.name for one in left.parent.iterdir()) == ["2023-01.parquet", "2023-02.parquet"]


FULL = """
import resource, signal, sys
from pathlib import Path
from bot.backtest.month_file import MonthFile
from bot.ports.history import Interval, Month
from tests.backtest.test_store import FEB, JAN, klines
from bot.errors import BotError
import pyarrow.parquet
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
try:
    MonthFile(Path(sys.argv[1]), Month(2023, 1), Interval.H1).extend(klines(JAN, FEB), FEB)
except BotError as exc:
    print(type(exc).__name__, exc)
"""


def test_a_disk_that_takes_no_more_is_told_in_words_and_nothing_is_left(tmp_path: Path):
    """By the system itself: the largest file that this process may write is 4 kB."""
    found = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path / "a")],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    )
    assert found.stdout == f"NotKept {tmp_path}/a/2023-01.parquet cannot be written (File too large)\n"
    assert list((tmp_path / "a").iterdir()) == []


def test_a_folder_that_cannot_be_is_told_in_words(tmp_path: Path):
    (tmp_path / "file").write_text("no folder")
    store = HistoryStore(tmp_path / "file")
    with pytest.raises(NotKept, match=r"2023-01\.parquet cannot be written \(Not a directory\)"):
        store.append(*PAIR, klines(JAN, FEB), start=JAN, until=FEB)
