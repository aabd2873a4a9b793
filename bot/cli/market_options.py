"""The options of every command that runs strategies over candles, and what they come to: candles and terms."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from time import perf_counter
from typing import Any, TypeVar

import click

from bot.backtest.history import History
from bot.backtest.model import BacktestRun, Engine, Terms
from bot.cli.language import in_file
from bot.cli.moments import Moment, Share
from bot.cli.plan import Number, symbol_of
from bot.domain.market import MarketRules
from bot.domain.money import EXACT, Quote
from bot.domain.params import StrategyParams
from bot.domain.strategy_file import StrategyFile, load, pair_name
from bot.errors import InvalidInput

_TICK, _STEP, _MIN_NOTIONAL = Decimal("0.01"), Decimal("0.000001"), Decimal(5)
_LEAST, _MOST = Decimal("1e-18"), Decimal("1e15")
_EXCHANGES = ("binance", "bybit", "sandbox-binance", "sandbox-bybit")
_INTERVALS = ("1m", "3m", "5m", "15m", "30m", "1h", "2h", "4h", "6h", "12h", "1d")
_Command = TypeVar("_Command", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Asked:
    """What was typed; None where nothing was. `start` and `end` are ms UTC, the end not included."""

    candles: Path | None = None
    symbol: str | None = None
    exchange: str | None = None
    start: int | None = None
    end: int | None = None
    interval: str | None = None
    rest: str | None = None
    archive: str | None = None
    tick: Decimal | None = None
    step: Decimal | None = None
    min_notional: Decimal | None = None
    balance: Decimal | None = None
    slippage: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class Market:
    """Candles and terms to run on; `load_s` are the seconds it took.

    `whose` tells of "tick", "lot" and "minimum" where each is from: "given", "exchange" or "assumed". `file` is that of
    the candles, None where an exchange gave them, and `skipped` how many of its candles lie before the period.
    """

    history: History
    terms: Terms
    whose: Mapping[str, str]
    load_s: float
    file: Path | None = None
    skipped: int = 0


def market_options(command: _Command) -> _Command:
    """Adds the options; the command takes what was typed as `**asked`, which `Asked(**asked)` understands."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


_OPTIONS: tuple[Callable[[_Command], _Command], ...] = (
    click.option(
        "--candles", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="csv or csv.gz."
    ),
    click.option("--symbol", help="The pair; without it, the strategy file's."),
    click.option(
        "--exchange",
        type=click.Choice(_EXCHANGES),
        help="Whose public history, fetched if missing; binance if not said.",
    ),
    click.option(
        "--from",
        "start",
        type=Moment(),
        help="First day (UTC), such as 2023-03-01; else a year's, or a file's.",
    ),
    click.option("--to", "end", type=Moment(last=True), help="Last day, whole (UTC)."),
    click.option(
        "--interval", type=click.Choice(_INTERVALS), help="Of an exchange's candles; 1m if not said."
    ),
    click.option("--rest", help="Another address of the exchange's public data, such as a sandbox's."),
    click.option("--archive", help="Another address of Binance's monthly archives; with --rest alone, none."),
    click.option("--tick", type=Number(), help=f"Price step; else the exchange's, or {_TICK}."),
    click.option("--step", type=Number(), help=f"Quantity step; else the exchange's, or {_STEP}."),
    click.option(
        "--min-notional",
        type=Number(),
        help=f"Least order, in quote; else the exchange's, or {_MIN_NOTIONAL}.",
    ),
    click.option(
        "--balance", type=Number(), help="Free quote at the start; else saldo_limite, or the whole ladder."
    ),
    click.option(
        "--slippage", type=Share(), default="0", help="On top of each first buy's price: 0.001 or 0.1%."
    ),
)


def engine_option(command: _Command) -> _Command:
    """Adds `--engine`, one of the two values of `Engine`."""
    chosen = click.Choice([Engine.FAST.value, Engine.EXACT.value])
    words = "The exact one is the definition, in the live core; the fast one gives the same fills."
    return click.option("--engine", type=chosen, default="fast", show_default=True, help=words)(command)


def read_strategy(path: Path) -> StrategyFile:
    """A strategy file that may run; InvalidInput names what is wrong with it, and where."""
    try:
        return load(path.read_bytes())
    except InvalidInput as wrong:
        raise in_file(path, wrong) from None


def open_market(asked: Asked, pair: str) -> Market:
    """The candles and terms that were asked for; `pair` is the strategy's, where none was typed."""
    began = perf_counter()
    _check(asked)
    symbol = pair_name(asked.symbol or pair)
    if asked.candles is None:
        from bot.cli.market_fetch import fetched  # noqa: PLC0415 - SDKs and sockets, for those who ask an exchange

        (history, rules), skipped = fetched(asked, symbol), 0
    else:
        (history, skipped), rules = _from_file(asked, asked.candles), None
    made = _rules(asked, symbol, rules)
    balance = None if asked.balance is None else Quote(asked.balance)
    terms = Terms(made, asked.slippage, balance)
    return Market(history, terms, _whose(asked, rules), perf_counter() - began, asked.candles, skipped)


def ran(params: StrategyParams, market: Market, engine: str) -> BacktestRun:
    """The run by the engine of that name; the fast one falls back to the exact one where it must, and says why."""
    from bot.backtest.fast import run  # noqa: PLC0415 - after the candles, which may be refused

    return run(params, market.terms, market.history, Engine(engine))


def _check(asked: Asked) -> None:
    if asked.candles is None and asked.symbol is None and asked.exchange is None:
        raise InvalidInput("candles", "takes --candles FILE, or --exchange with --from and --to")
    if asked.candles is not None and asked.exchange is not None:
        raise InvalidInput("candles", "takes --candles FILE or --exchange, not both")
    if asked.candles is not None and (asked.interval, asked.rest, asked.archive) != (None, None, None):
        raise InvalidInput(
            "candles", "--interval, --rest and --archive are for an exchange's: leave them out"
        )
    if asked.start is not None and asked.end is not None and asked.start >= asked.end:
        raise InvalidInput("from", "takes a day before --to: the two are turned round")
    for name, value in (("tick", asked.tick), ("step", asked.step)):
        if value is not None and not _LEAST <= value <= _MOST:
            raise InvalidInput(name, f"takes a number above 0 such as 0.01 (1e-18 to 1e15), not {value}")
    for name, value in (("min-notional", asked.min_notional), ("balance", asked.balance)):
        if value is not None and (value > _MOST or EXACT.remainder(value, _LEAST)):
            raise InvalidInput(name, f"takes a number from 0 to 1e15, to 18 places, not {value}")


def _from_file(asked: Asked, path: Path) -> tuple[History, int]:
    """The period's candles, and how many lie before it."""
    from bot.backtest.csv_file import read_csv  # noqa: PLC0415 - not needed where an exchange is asked

    whole = read_csv(path)
    part = whole.between(asked.start, asked.end)
    if not len(part):
        first, last = _day(int(whole.times[0])), _day(int(whole.times[-1]))
        raise InvalidInput("from", f"{path.name} has candles from {first} to {last}, and none in that period")
    return part, int((whole.times < part.times[0]).sum())


def _rules(asked: Asked, symbol: str, rules: MarketRules | None) -> MarketRules:
    """The exchange's rules where it was asked, with what was typed in their place."""
    known = rules or MarketRules(symbol_of(symbol), _TICK, _STEP, Decimal(0), Quote(_MIN_NOTIONAL))
    return MarketRules(
        symbol=known.symbol,
        tick=known.tick if asked.tick is None else asked.tick,
        lot_step=known.lot_step if asked.step is None else asked.step,
        quote_step=known.quote_step,
        min_notional=known.min_notional if asked.min_notional is None else Quote(asked.min_notional),
        min_quantity=known.min_quantity,
        max_quantity=known.max_quantity,
    )


def _whose(asked: Asked, rules: MarketRules | None) -> dict[str, str]:
    typed = {"tick": asked.tick, "lot": asked.step, "minimum": asked.min_notional}
    otherwise = "exchange" if rules is not None else "assumed"
    return {name: otherwise if value is None else "given" for name, value in typed.items()}


def _day(at: int) -> str:
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M}"
