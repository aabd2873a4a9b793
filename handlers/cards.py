"""Strategies as text: the list, the card, the status, the questions before running and stopping. Pure."""

from collections.abc import Sequence
from decimal import Decimal
from zoneinfo import ZoneInfo

from bot.domain.events import StopMode
from bot.domain.money import EXACT, Quote
from bot.domain.orders import Leg
from bot.domain.state import Phase
from bot.engine.status import Status
from bot.ports import RunStatus, Strategy
from bot.service import StatusCard, StopOutcome
from handlers.formats import Formats
from handlers.start import environment_name, mode_name
from handlers.texts import Texts

_MARKS = {RunStatus.IDLE: "⚪️", RunStatus.RUNNING: "🟢", RunStatus.PAUSED: "🟠"}


def header(texts: Texts, strategy: Strategy) -> str:
    """Name, pair and SIM or REAL: the first line of everything that is said of a strategy."""
    mode = mode_name(texts, strategy.environment)
    return texts("strategy.header", name=strategy.name, pair=strategy.symbol.name, mode=mode)


def strategy_label(strategy: Strategy) -> str:
    """One line for a button, as plain text."""
    name = strategy.name if len(strategy.name) <= 40 else f"{strategy.name[:39]}…"
    return f"{_MARKS[strategy.status]} {name} · {strategy.symbol.name}"


def list_text(texts: Texts, strategies: Sequence[Strategy]) -> str:
    if not strategies:
        return texts("strategies.none")
    lines = [
        texts(
            "strategies.line",
            mark=_MARKS[s.status],
            name=s.name,
            pair=s.symbol.name,
            mode=mode_name(texts, s.environment),
            status=texts.plain(f"run_status.{s.status.value}"),
        )
        for s in strategies
    ]
    return "\n".join([texts("strategies.head"), "", *lines])


def strategy_text(texts: Texts, strategy: Strategy) -> str:
    """What was set up, in short, and whether it runs."""
    lines = [header(texts, strategy), *_setup(texts, strategy)]
    lines.append(
        texts(
            "strategy.status",
            mark=_MARKS[strategy.status],
            status=texts.plain(f"run_status.{strategy.status.value}"),
        )
    )
    if strategy.pause_reason:
        lines.append(texts("strategy.pause_reason", reason=pause_reason(texts, strategy.pause_reason)))
    return "\n".join(lines)


def _setup(texts: Texts, strategy: Strategy) -> list[str]:
    formats, params, symbol = Formats(texts.locale), strategy.params, strategy.symbol
    limit = formats.quote(Quote(params.saldo_limite), symbol)
    return [
        texts("strategy.environment", environment=environment_name(texts, strategy.environment)),
        texts("strategy.first_buy", amount=formats.quote(Quote(params.qty_inicial), symbol)),
        _rebuys(texts, strategy, formats),
        texts("strategy.target", target=formats.percent(params.lucro_alvo_inicial)),
        texts("strategy.limit", limit=limit)
        if params.saldo_limite
        else texts("strategy.no_limit", coin=symbol.quote),
    ]


def _rebuys(texts: Texts, strategy: Strategy, formats: Formats) -> str:
    count = strategy.params.limite_recompras
    if not count:
        return texts("strategy.no_rebuys")
    return texts.count("strategy.rebuys", count, drop=formats.percent(strategy.params.recompra_queda_inicial))


def pause_reason(texts: Texts, reason: str) -> str:
    """A known reason in the person's language, any other as it came."""
    key = f"error.{reason}"
    return texts.plain(key) if key in texts else reason


def run_question(texts: Texts, strategy: Strategy) -> str:
    """Item 9: everything that matters before money moves, in one look."""
    head = "run.ask_real" if strategy.environment.real_money else "run.ask_simulation"
    return "\n".join(
        [texts(head), "", header(texts, strategy), *_setup(texts, strategy), "", texts("run.valid")]
    )


def status_text(texts: Texts, card: StatusCard, zone: ZoneInfo) -> str:
    """The figures of one strategy now, with the moment they are of."""
    moment = texts("status.at", moment=Formats(texts.locale, zone).moment(card.at))
    return f"{status_figures(texts, card)}\n\n{moment}"


def status_figures(texts: Texts, card: StatusCard) -> str:
    """The figures alone: the same text as long as nothing has changed."""
    strategy, status, formats = card.strategy, card.status, Formats(texts.locale)
    lines = [header(texts, strategy), *_state_lines(texts, card)]
    if status is not None:
        lines += ["", *_position(texts, strategy, status, formats)]
        lines += ["", *_profit(texts, strategy, status, formats)]
    return "\n".join(lines)


def _state_lines(texts: Texts, card: StatusCard) -> list[str]:
    """What the strategy does now, and what it waits for."""
    strategy, status = card.strategy, card.status
    lines = []
    if strategy.status is RunStatus.PAUSED:
        reason = pause_reason(texts, strategy.pause_reason or "")
        lines.append(texts("status.paused", reason=reason))
    elif status is None or strategy.status is RunStatus.IDLE:
        lines.append(texts("status.idle"))
    elif status.waiting_for_money:
        lines.append(texts("status.no_money"))
    else:
        lines.append(texts(f"status.phase_{status.phase.value}"))
    if card.locked and strategy.status is not RunStatus.IDLE:
        lines.append(texts("status.locked"))
    if card.wish is not None and strategy.status is not RunStatus.IDLE:
        lines.append(texts("status.stop_noted"))
    if status is not None and status.stop is StopMode.AFTER_CYCLE:
        lines.append(texts("status.last_cycle"))
    if status is not None and status.rebuys_paused:
        lines.append(texts("status.rebuys_paused"))
    return lines


def _position(texts: Texts, strategy: Strategy, status: Status, formats: Formats) -> list[str]:
    symbol = strategy.symbol
    lines = []
    if status.phase not in {Phase.IDLE, Phase.STARTING}:
        lines.append(texts("status.cycle", cycle=status.cycle, k=status.rebuys, limit=status.max_rebuys))
    if status.average is not None:
        lines.append(texts("status.average", price=formats.price(status.average)))
    if status.last_price is None:
        lines.append(texts("status.no_price"))
    else:
        lines.append(texts("status.last_price", price=formats.price(status.last_price)))
    if status.exit_price is not None:
        lines.append(_resting(texts, "status.exit", formats.price(status.exit_price), status.exit_distance))
    if status.rebuy_price is not None:
        lines.append(
            _resting(texts, "status.rebuy", formats.price(status.rebuy_price), status.rebuy_distance)
        )
    if status.held:
        lines.append(texts("status.held", quantity=formats.base(status.held, symbol)))
        lines.append(texts("status.invested", amount=formats.quote(status.invested, symbol)))
    if status.unrealised is not None:
        share = status.unrealised.over(status.invested) if status.invested else Decimal(0)
        lines.append(
            texts(
                "status.unrealised",
                amount=formats.quote(status.unrealised, symbol, signed=True),
                percent=formats.percent(share, signed=True),
            )
        )
    return lines


def _resting(texts: Texts, key: str, price: str, distance: Decimal | None) -> str:
    if distance is None:
        return texts(key, price=price)
    return texts(f"{key}_away", price=price, distance=Formats(texts.locale).percent(distance, signed=True))


def _profit(texts: Texts, strategy: Strategy, status: Status, formats: Formats) -> list[str]:
    profit = formats.quote(status.total_profit, strategy.symbol, signed=True)
    done = status.cycles_done
    cycles = texts.count("status.cycles", done) if done else texts("status.no_cycles")
    return [texts("status.profit", amount=profit), cycles]


def stop_question(texts: Texts, outcome: StopOutcome) -> str:
    """The three ways of stopping, each with what it means in money now."""
    strategy = outcome.strategy
    ways = [stop_way(texts, outcome, mode) for mode in StopMode]
    return "\n\n".join([f"{header(texts, strategy)}\n{texts('stop.how')}", *ways])


def stop_way(texts: Texts, outcome: StopOutcome, mode: StopMode) -> str:
    """What one way of stopping would do."""
    formats, symbol = Formats(texts.locale), outcome.strategy.symbol
    state, held = outcome.state, outcome.state.holding.held
    if not held:
        return texts(f"stop.{mode.value}_nothing_held")
    match mode:
        case StopMode.AFTER_CYCLE:
            resting = state.live(Leg.EXIT)
            if resting is None or resting.price is None:
                return texts("stop.after_cycle")
            return texts("stop.after_cycle_exit", price=formats.price(resting.price))
        case StopMode.KEEP_COINS:
            cost = state.holding.held_cost
            return texts(
                "stop.keep_coins", quantity=formats.base(held, symbol), cost=formats.quote(cost, symbol)
            )
        case StopMode.SELL_NOW:
            return _sell_now(texts, outcome, formats)


def _sell_now(texts: Texts, outcome: StopOutcome, formats: Formats) -> str:
    holding, symbol, fee = outcome.state.holding, outcome.strategy.symbol, outcome.strategy.params.taxa
    if outcome.last_price is None:
        return texts("stop.sell_now_blind", quantity=formats.base(holding.held, symbol))
    received = holding.held.at(outcome.last_price).times(EXACT.subtract(Decimal(1), fee))
    return texts(
        "stop.sell_now",
        quantity=formats.base(holding.held, symbol),
        price=formats.price(outcome.last_price),
        received=formats.quote(received, symbol),
        result=formats.quote(received - holding.held_cost, symbol, signed=True),
    )


def stop_confirmation(texts: Texts, outcome: StopOutcome, mode: StopMode) -> str:
    """The second look before orders are cancelled or coins sold."""
    parts = [
        header(texts, outcome.strategy),
        stop_way(texts, outcome, mode),
        texts("stop.sure"),
        texts("run.valid"),
    ]
    return "\n\n".join(parts)
