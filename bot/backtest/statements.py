"""What the report says in words and numbers, ready in the reader's language and escaped by nobody yet."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from bot.backtest.figures import Figures
from bot.backtest.model import BacktestRun, Engine
from bot.backtest.words import Words
from bot.domain.market import MarketRules
from bot.domain.money import Quote

Row = tuple[str, str, str]
"""A name, its value, and `gain`, `loss` or nothing for its colour."""


class Headline(NamedTuple):
    name: str
    value: str
    more: str
    tint: str


def headlines(words: Words, run: BacktestRun, found: Figures) -> tuple[Headline, ...]:
    """The five numbers to look at first, the open cycle and the loss among them."""
    symbol = run.terms.rules.symbol

    def signed(amount: Quote) -> str:
        return words.quote(amount, symbol, signed=True)

    share = words.percent(found.result_of_budget, signed=True)
    hold_share = words.percent(found.hold.of_budget, signed=True)
    worst, still = found.worst, found.open
    loss = signed(Quote.zero() - worst.amount) if worst.amount else words("worst.none")
    loss_share = words("headline.of_budget", share=words.percent(worst.of_budget)) if worst.amount else ""
    unrealised = signed(still.unrealised) if still else words("headline.no_open")
    rebuys = words("headline.rebuys", n=still.rebuys, most=run.params.limite_recompras) if still else ""
    return (
        Headline(words("headline.result"), signed(found.result), _of(words, share), tint(found.result)),
        Headline(
            words("headline.net"), signed(found.net_profit), _cycles(words, found), tint(found.net_profit)
        ),
        Headline(words("headline.open"), unrealised, rebuys, tint(still.unrealised) if still else ""),
        Headline(words("headline.worst"), loss, loss_share, "loss" if worst.amount else ""),
        Headline(
            words("headline.hold"), signed(found.hold.net), _of(words, hold_share), tint(found.hold.net)
        ),
    )


def facts(words: Words, run: BacktestRun, found: Figures) -> Iterator[tuple[str, Sequence[Row]]]:
    """The sections of figures by their key; no rows for the open cycle where none is open."""
    yield "money", _money(words, run, found)
    yield "risk", _risk(words, run, found)
    yield "cycles", _cycle_facts(words, found)
    yield "open", _open(words, run, found)
    yield "hold", _hold(words, run, found)


def assumptions(words: Words, run: BacktestRun, found: Figures) -> Iterator[str]:
    """What the figures rest on, a sentence or two each."""
    told, symbol = found.assumptions, run.terms.rules.symbol
    yield words("assume.path")
    yield words("assume.limit")
    slippage = words("assume.slippage", share=words.percent(told.slippage)) if told.slippage else ""
    yield words("assume.first", slippage=slippage)
    yield words("assume.taxa", share=words.percent(told.taxa), coin=symbol.quote, base=symbol.base)
    yield counted_with(words, told.rules)
    balance = words.quote(run.terms.opening_balance(run.params), symbol)
    key = "assume.balance" if told.balance is None else "assume.balance.given"
    yield words(key, balance=balance, ends=words("assume.balance.ends"))
    gaps = {0: "assume.no_gaps", 1: "assume.gap"}.get(told.gaps, "assume.gaps")
    yield words(gaps, gaps=words.tick(told.gaps), missing=words.tick(told.missing))
    yield words("assume.source", source=found.timeline.history.source)
    if told.fell_back is not None:
        yield words("assume.fell_back", reason=words.reason(told.fell_back).rstrip("."))
    elif told.engine is Engine.FAST:
        yield words("assume.engine.fast")
    else:
        yield words("assume.engine.exact")
    yield words("assume.funding")


def counted_with(words: Words, rules: MarketRules) -> str:
    """The exchange's rules of the pair."""
    symbol = rules.symbol
    return words(
        "assume.rules",
        tick=words.number(rules.tick, most=18),
        lot=words.number(rules.lot_step, most=18),
        minimum=words.quote(rules.min_notional, symbol),
        coin=symbol.quote,
        base=symbol.base,
    )


def tint(amount: Quote) -> str:
    return "gain" if amount.value > 0 else "loss" if amount.value < 0 else ""


def _of(words: Words, share: str) -> str:
    return words("headline.of_budget", share=share)


def _cycles(words: Words, found: Figures) -> str:
    key = {0: "headline.no_cycle", 1: "headline.cycle"}.get(found.cycles, "headline.cycles")
    return words(key, n=words.tick(found.cycles))


def _money(words: Words, run: BacktestRun, found: Figures) -> list[Row]:
    symbol = run.terms.rules.symbol

    def signed(key: str, amount: Quote) -> Row:
        return words(key), words.quote(amount, symbol, signed=True), tint(amount)

    def share(key: str) -> Row:
        text = words.percent(getattr(found, key), signed=True)
        year = getattr(found, f"{key}_a_year")
        if year is not None:
            text = words("a_year", share=text, year=words.percent(year, signed=True))
        return words(key), text, ""

    return [
        (words("budget"), words.quote(found.budget, symbol), ""),
        signed("net", found.net_profit),
        signed("unrealised", found.unrealised),
        signed("result", found.result),
        share("on_budget"),
        share("on_invested"),
        (words("result_of_budget"), words.percent(found.result_of_budget, signed=True), ""),
        (words("most_invested"), words.quote(found.most_invested, symbol), ""),
        (words("mean_invested"), words.quote(found.mean_invested, symbol), ""),
        (words("fees"), words.quote(found.fees.total, symbol), ""),
        (words("fees.buys"), words.quote(found.fees.buys, symbol), ""),
        (words("fees.sells"), words.quote(found.fees.sells, symbol), ""),
    ]


def _risk(words: Words, run: BacktestRun, found: Figures) -> list[Row]:
    symbol, worst, under = run.terms.rules.symbol, found.worst, found.under_water
    loss = words("worst.none")
    if worst.at is not None:
        loss = words(
            "worst.parts",
            amount=words.quote(Quote.zero() - worst.amount, symbol),
            share=words.percent(worst.of_budget),
            at=words.moment(worst.at),
        )
    stretch = words("exhausted.none")
    if under.length_ms:
        stretch = words(
            "under.parts" if under.ended else "under.open",
            length=words.duration(under.length_ms),
            start=words.date(under.start),
            end=words.date(under.end),
        )
    exhausted = words("exhausted.none")
    if found.exhausted_share or found.exhausted_longest_ms:
        exhausted = words(
            "exhausted.parts",
            share=words.percent(found.exhausted_share),
            longest=words.duration(found.exhausted_longest_ms),
        )
    return [
        (words("worst"), loss, "loss" if worst.amount else ""),
        (words("under"), stretch, ""),
        (words("drawdown"), words.quote(Quote.zero() - found.drawdown.amount, symbol), ""),
        (words("exhausted"), exhausted, ""),
    ]


def _cycle_facts(words: Words, found: Figures) -> list[Row]:
    used = [k for k, count in enumerate(found.rebuys_used) if count]
    rows = [(
        words("cycles.closed"),
        words("cycles.parts", all=words.tick(found.cycles), won=words.tick(found.won), lost=words.tick(found.lost)),
        "",
    )]  # fmt: skip
    if found.longest_cycle_ms is not None and found.median_cycle_ms is not None:
        rows += [
            (words("cycles.longest"), words.duration(found.longest_cycle_ms), ""),
            (words("cycles.median"), words.duration(found.median_cycle_ms), ""),
            (words("rebuys.most"), str(used[-1]), ""),
        ]
    return rows


def _open(words: Words, run: BacktestRun, found: Figures) -> list[Row]:
    still, symbol = found.open, run.terms.rules.symbol
    if still is None:
        return []
    return [
        (words("open.since"), words.moment(still.start), ""),
        (words("open.rebuys"), f"{still.rebuys} / {run.params.limite_recompras}", ""),
        (words("open.held"), words.base(still.held, symbol), ""),
        (words("open.cost"), words.quote(still.cost, symbol), ""),
        (words("open.value"), words.quote(still.value, symbol), ""),
        (words("open.unrealised"), words.quote(still.unrealised, symbol, signed=True), tint(still.unrealised)),
    ]  # fmt: skip


def _hold(words: Words, run: BacktestRun, found: Figures) -> list[Row]:
    hold, symbol = found.hold, run.terms.rules.symbol
    bought = words(
        "hold.bought.parts", quantity=words.base(hold.bought, symbol), cost=words.quote(hold.cost, symbol)
    )
    net = words.quote(hold.net, symbol, signed=True)
    return [
        (words("hold.bought"), bought, ""),
        (words("hold.value"), words.quote(hold.value, symbol), ""),
        (words("hold.net"), f"{net} ({words.percent(hold.of_budget, signed=True)})", tint(hold.net)),
        (
            words("hold.worst"),
            words.quote(Quote.zero() - hold.worst, symbol),
            "loss" if hold.worst else "",
        ),
    ]
