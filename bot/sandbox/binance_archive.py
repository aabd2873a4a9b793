"""The tree of monthly archives, as data.binance.vision publishes it, made from a stand-in's candles.

`data/spot/monthly/klines/BTCUSDT/1m/BTCUSDT-1m-2023-03.zip` holds one csv without a header; beside it lies
`.zip.CHECKSUM` in the form of sha256sum. Times are in milliseconds, from 2025 on in microseconds. A month is
published once it is over.
"""

import hashlib
import io
import re
import threading
import zipfile
from collections import OrderedDict
from collections.abc import Mapping
from datetime import UTC, datetime

from bot.sandbox.binance_rows import INTERVAL_MS, kline_row
from bot.sandbox.candle_archive import CandleArchive

_PATH = re.compile(
    r"/data/spot/monthly/klines/(?P<symbol>[A-Z0-9]+)/(?P<interval>\d+[mhd])"
    r"/(?P=symbol)-(?P=interval)-(?P<year>\d{4})-(?P<month>0[1-9]|1[0-2])\.zip(?P<checksum>\.CHECKSUM)?"
)
_MICROSECONDS_SINCE = 2025
_KEPT = 8


class ArchiveTree:
    """The files of some pairs, made when they are asked for; the latest few are kept, so that a checksum fits."""

    def __init__(self, archives: Mapping[str, CandleArchive]) -> None:
        self._archives = archives
        self._made: OrderedDict[str, bytes] = OrderedDict()
        self._lock = threading.Lock()

    def file(self, path: str) -> bytes | None:
        """The content of one path, None where nothing is published there."""
        found = _PATH.fullmatch(path)
        if found is None:
            return None
        name = f"{found['symbol']}-{found['interval']}-{found['year']}-{found['month']}"
        with self._lock:
            packed = self._made.get(name) or self._zip(found, name)
        if packed is None or not found["checksum"]:
            return packed
        return f"{hashlib.sha256(packed).hexdigest()}  {name}.zip\n".encode()

    def _zip(self, found: re.Match[str], name: str) -> bytes | None:
        archive, step = self._archives.get(found["symbol"]), INTERVAL_MS.get(found["interval"], 0)
        if archive is None or not step or step % archive.step_ms:
            return None
        year, month = int(found["year"]), int(found["month"])
        start, end = _first_moment(year, month), _first_moment(year + month // 12, month % 12 + 1)
        if not archive.bars(step, end, end + step, 1, oldest=True):
            return None
        unit = 1000 if year >= _MICROSECONDS_SINCE else 1
        bars = archive.bars(step, start, end - 1, (end - start) // step, oldest=True)
        lines = [",".join(map(str, kline_row(bar, step, unit=unit))) for bar in bars]
        if not lines:
            return None
        packed = io.BytesIO()
        with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED, compresslevel=6) as made:
            made.writestr(
                zipfile.ZipInfo(f"{name}.csv", (year, month, 1, 0, 0, 0)), "\n".join(lines) + "\n", 8, 6
            )
        self._made[name] = packed.getvalue()
        if len(self._made) > _KEPT:
            self._made.popitem(last=False)
        return self._made[name]


def _first_moment(year: int, month: int) -> int:
    return int(datetime(year, month, 1, tzinfo=UTC).timestamp()) * 1000
