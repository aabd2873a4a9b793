"""Many sets of parameters over the same candles, compiled: what a sweep and a survival study are made of.

Amounts are doubles in quote: good for choosing and for pictures. What is chosen is run again by bot.backtest.fast,
in decimals. A row with `proven` 0 means nothing but that: its set must be run by the exact path.
"""

import gc
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from types import MappingProxyType
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from bot.backtest import kernel
from bot.backtest.kernel_cycle import (
    AGAINST_RULES,
    LIMIT_REACHED,
    NO_FUNDS,
    NO_PRICE,
    Rows,
    World,
    scratch,
)
from bot.backtest.model import Terms
from bot.backtest.prepared import Prepared, prepare
from bot.backtest.rungs import Beyond, Scale, Wholes, packed, unit_of
from bot.domain.params import StrategyParams

__all__ = ["CYCLE", "REASONS", "SUMMARY", "Prepared", "evaluate", "fills_of", "first_cycles", "prepare"]

SUMMARY = np.dtype(
    [
        ("net_profit", "f8"),
        ("unrealised", "f8"),
        ("max_invested", "f8"),
        ("worst_loss", "f8"),
        ("fees", "f8"),
        ("cycles", "i8"),
        ("fills", "i8"),
        ("rebuys", "i8"),
        ("open_rebuys", "i8"),
        ("proven", "u1"),
        ("why", "i1"),
    ]
)
"""A run. `net_profit` of the closed cycles, `unrealised` of what is held at the last close, less taxa and its cost.

`max_invested` is the most that one cycle's buys and what was carried into it cost; `worst_loss` the largest of
cost - held * low * (1 - taxa) at any low; `fees` both sides' in quote. `rebuys` of all cycles, `open_rebuys` of the
open one, -1 where none is. `why`: see REASONS.
"""

CYCLE = np.dtype(
    [
        ("exit", "i8"),
        ("rebuys", "i8"),
        ("cut_short", "u1"),
        ("worst_loss", "f8"),
        ("max_invested", "f8"),
        ("proven", "u1"),
        ("why", "i1"),
        ("started", "u1"),
    ]
)
"""One cycle. `exit` is its exit's candle, -1 where it is still open at the end. `cut_short`: saldo_limite, the free
money or the exchange's rules ended the ladder before its last re-buy. `started` 0: the balance does not pay for the
first buy.
"""

REASONS: MappingProxyType[int, str] = MappingProxyType(
    {
        0: "proven",
        1: "a price, a quantity or a limit lies too near a boundary of rounding",
        2: "an exit is under the exchange's minimum order",
        3: "an exit is over the exchange's largest order",
        4: "a first buy is less than a lot",
        5: "amounts are too large for 64 bits",
        6: "a parameter cannot be had in whole ticks and lots",
    }
)
Array = TypeVar("Array", bound=NDArray[Any])
_NOT_WHOLE = 6
_AT_ONCE = 512
_CUT_SHORT = (LIMIT_REACHED, NO_FUNDS, AGAINST_RULES, NO_PRICE)


def evaluate(prepared: Prepared, terms: Terms, sets: Sequence[StrategyParams]) -> NDArray[Any]:
    """A run of each set (valid ones), as rows of SUMMARY in their order; ValueError where `prepared` is of other terms."""
    _same(prepared, terms)
    answer = np.zeros(len(sets), dtype=SUMMARY)
    for start in range(0, len(sets), _AT_ONCE):
        _evaluate(prepared, terms, sets[start : start + _AT_ONCE], answer[start : start + _AT_ONCE])
    return answer


def _evaluate(prepared: Prepared, terms: Terms, sets: Sequence[StrategyParams], answer: NDArray[Any]) -> None:
    wholes = _wholes(terms, sets)
    able = [one for one in wholes if one is not None]
    answer["why"] = _NOT_WHOLE
    if not able:
        return
    counts = np.zeros((len(able), kernel.COUNTS_SIZE), dtype=np.int64)
    sums = np.zeros((len(able), kernel.SUMS_SIZE), dtype=np.float64)
    kernel.run_sets(_world(prepared), Rows(*packed(able)), scratch(), counts, sums)
    sums *= _unit(terms)
    part = np.zeros(len(able), dtype=SUMMARY)
    for name, at in _SUMS.items():
        part[name] = sums[:, at]
    for name, at in _COUNTS.items():
        part[name] = counts[:, at]
    part["proven"] = counts[:, kernel.WHY] == 0
    answer[[one is not None for one in wholes]] = part


_SUMS = {
    "net_profit": kernel.NET,
    "unrealised": kernel.UNREALISED,
    "max_invested": kernel.INVESTED,
    "worst_loss": kernel.WORST,
    "fees": kernel.FEES,
}
_COUNTS = {
    "cycles": kernel.CYCLES,
    "fills": kernel.FILLS_DONE,
    "rebuys": kernel.REBUYS,
    "open_rebuys": kernel.OPEN_REBUYS,
    "why": kernel.WHY,
}


def first_cycles(
    prepared: Prepared, params: StrategyParams, terms: Terms, starts: NDArray[np.int64]
) -> NDArray[Any]:
    """One cycle from the open of each candle in `starts`, each by itself, as rows of CYCLE in their order."""
    _same(prepared, terms)
    answer = np.zeros(len(starts), dtype=CYCLE)
    (wholes,) = _wholes(terms, [params])
    if wholes is None:
        answer["why"] = _NOT_WHOLE
        return answer
    counts = np.zeros((len(starts), kernel.FIRST_COUNTS_SIZE), dtype=np.int64)
    sums = np.zeros((len(starts), kernel.FIRST_SUMS_SIZE), dtype=np.float64)
    rows = Rows(*(column[0] for column in packed([wholes])))
    kernel.run_starts(_world(prepared), rows, scratch(), np.asarray(starts, dtype=np.int64), counts, sums)
    sums *= _unit(terms)
    exits = counts[:, kernel.EXIT]
    answer["exit"] = np.maximum(exits, -1)
    answer["rebuys"] = counts[:, kernel.USED]
    answer["cut_short"] = np.isin(counts[:, kernel.ENDED], _CUT_SHORT)
    answer["worst_loss"] = sums[:, kernel.FIRST_WORST]
    answer["max_invested"] = sums[:, kernel.FIRST_INVESTED]
    answer["why"] = counts[:, kernel.FAULT_IN]
    answer["proven"] = counts[:, kernel.FAULT_IN] == 0
    answer["started"] = exits >= -1
    return answer


def fills_of(
    prepared: Prepared, terms: Terms, params: StrategyParams, most: int = 1 << 20
) -> tuple[NDArray[np.int64], int]:
    """The first `most` fills of one run, and why it is not proven (REASONS; 0 where it is).

    A row is candle, cycle (from 1), k (-1 - k for an exit), price in ticks, quantity in lots.
    """
    _same(prepared, terms)
    (wholes,) = _wholes(terms, [params])
    if wholes is None:
        return np.zeros((0, 5), dtype=np.int64), _NOT_WHOLE
    counts, sums = (
        np.zeros((1, kernel.COUNTS_SIZE), dtype=np.int64),
        np.zeros((1, kernel.SUMS_SIZE), dtype=np.float64),
    )
    space = scratch(most)
    kernel.run_sets(_world(prepared), Rows(*packed([wholes])), space, counts, sums)
    return space.fills[: counts[0, kernel.FILLS_DONE]], int(counts[0, kernel.WHY])


def _wholes(terms: Terms, sets: Sequence[StrategyParams]) -> list[Wholes | None]:
    """Each set as the kernel reads it; None where it cannot be had in whole ticks and lots."""
    wholes: list[Wholes | None] = []
    try:
        scale = _scale(terms)
    except Beyond:
        return [None] * len(sets)
    with _no_collecting():
        for params in sets:
            try:
                wholes.append(scale.wholes(params))
            except Beyond:
                wholes.append(None)
    return wholes


_scale = lru_cache(maxsize=4)(Scale)
"""Kept from batch to batch, for what it keeps."""


@contextmanager
def _no_collecting() -> Iterator[None]:
    """Many small things are made here and none that only the collector could free: it took an eighth of a sweep."""
    running = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if running:
            gc.enable()


def _unit(terms: Terms) -> float:
    return float(unit_of(terms.rules))


def _world(prepared: Prepared) -> World:
    """Read-only wherever the arrays are from (memory, a file, a pickle), so that code is compiled for one kind alone."""
    return World(
        _read_only(prepared.lows),
        _read_only(prepared.highs),
        _read_only(prepared.levels),
        _read_only(prepared.marks),
        _read_only(prepared.depths),
        _read_only(prepared.units),
    )


def _read_only(array: Array) -> Array:
    view = array.view()
    view.setflags(write=False)
    return view


def _same(prepared: Prepared, terms: Terms) -> None:
    if not prepared.fits(terms):
        raise ValueError("the candles were prepared for another tick or another slippage")
