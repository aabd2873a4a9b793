"""`plan FILE.js --price P`: the ladder of a strategy file, before any money moves."""

import json
from decimal import Decimal, InvalidOperation
from pathlib import Path

import click

from bot.domain.market import MarketRules, Symbol
from bot.domain.money import Price, Quote, plain
from bot.domain.plan import Plan, build_plan, plan_as_json
from bot.domain.strategy_file import load
from bot.domain.validation import validated
from bot.errors import InvalidInput

_QUOTES = ("USDT", "USDC", "FDUSD", "BRL", "USD", "EUR", "BTC", "ETH", "BNB")


class Number(click.ParamType[Decimal]):
    """A positive decimal, exactly as typed."""

    name = "number"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> Decimal:
        try:
            number = Decimal(str(value))
        except InvalidOperation:
            number = Decimal("NaN")
        if not number.is_finite() or number < 0:
            self.fail(f"{value!r} is not a positive number such as 60000 or 0.01", param, ctx)
        return number


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--price", type=Number(), required=True, help="The first buy's price.")
@click.option("--tick", type=Number(), default="0.01", show_default=True, help="Price step.")
@click.option("--step", type=Number(), default="0.000001", show_default=True, help="Quantity step.")
@click.option("--min-notional", type=Number(), default="5", show_default=True, help="Least order, in quote.")
@click.option("--json", "as_json", is_flag=True)
def plan(
    *, file: Path, price: Decimal, tick: Decimal, step: Decimal, min_notional: Decimal, as_json: bool
) -> None:
    """Print the plan of a strategy FILE at an entry price."""
    if price == 0:
        raise InvalidInput("price", "a price above 0")
    strategy = load(file.read_text(encoding="utf-8-sig"))
    rules = MarketRules(
        symbol=symbol_of(strategy.par),
        tick=tick,
        lot_step=step,
        quote_step=Decimal("0.00000001"),
        min_notional=Quote(min_notional),
    )
    made = build_plan(validated(strategy.params), rules, Price(price))
    if as_json:
        click.echo(json.dumps(plan_as_json(made), indent=2))
    else:
        _print(made, rules.symbol)


def symbol_of(pair: str) -> Symbol:
    """The coins of a pair's name, by the quote coins that both exchanges trade in."""
    for quote in _QUOTES:
        if pair.endswith(quote) and len(pair) > len(quote):
            return Symbol(pair, pair.removesuffix(quote), quote)
    return Symbol(pair, pair, "")


def _print(made: Plan, symbol: Symbol) -> None:
    click.echo(
        f"{'k':>3} {'drop %':>7} {'price':>12} {'amount':>10} {'cumulative':>11} {'average':>12} {'exit':>12}"
    )
    for rung in made.rungs:
        cut = "" if rung.placed else "  over saldo_limite: not placed"
        click.echo(
            f"{rung.k:>3} {rung.drop * 100:>7.2f} {plain(rung.price.value):>12} {rung.amount.value:>10.2f} "
            f"{rung.cumulative_cost.value:>11.2f} {rung.average.value:>12.2f} {plain(rung.exit_price.value):>12}{cut}"
        )
    click.echo(
        f"total cost {made.total_cost.value:.2f} {symbol.quote}, with fees {made.total_with_fees.value:.2f}"
    )
    click.echo(f"deepest drop covered {made.deepest_drop * 100:.2f} %")
    for problem in made.problems:
        click.echo(f"! {problem}")
