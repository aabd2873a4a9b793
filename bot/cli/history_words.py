"""What is to be known about a run's candles before its figures are believed."""

import gzip
from collections.abc import Iterator
from itertools import islice

from bot.backtest.words import Words
from bot.candle_rows import is_gzip
from bot.cli.market_options import Market

_HEADER = 1


def of_candles(market: Market, language: str) -> Iterator[str]:
    """That candles are missing, where first and how many in all; and that the file seems to be another pair's."""
    history, pair = market.history, market.terms.rules.symbol.name
    gaps, other = history.gaps(), market.file is not None and history.symbol not in {"", pair}
    if not gaps and not other:
        return
    words = Words(language)
    if other:
        yield words("warn.other_pair", file=history.source, theirs=history.symbol, ours=pair)
    if gaps:
        row, after = _row_of(market, gaps[0].after), words.moment(gaps[0].after)
        yield words(
            "warn.gap" if len(gaps) == 1 else "warn.gaps",
            missing=words.tick(sum(gap.missing for gap in gaps)),
            gaps=words.tick(len(gaps)),
            after=after if row is None else words("warn.gap.row", row=row, after=after),
        )


def _row_of(market: Market, time: int) -> int | None:
    """The row (the header is row 1) of the candle that opens then; None where empty lines make it another."""
    if market.file is None:
        return None
    row = _HEADER + 1 + market.skipped + int(market.history.times.searchsorted(time))
    opened = gzip.open if is_gzip(market.file) else open
    with opened(market.file, "rt", encoding="utf-8-sig") as lines:
        line = next(islice(lines, row - 1, None), "")
    return row if str(time) in line else None
