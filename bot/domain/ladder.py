"""Amount, drop and target of the k-th order of a cycle (docs/strategy.md, "The ladder")."""

from dataclasses import dataclass
from decimal import Decimal

from bot.domain.market import MarketRules
from bot.domain.money import EXACT, Base, Price, Quote
from bot.domain.params import StrategyParams


@dataclass(frozen=True, slots=True)
class Ladder:
    """The three progressions of one set of parameters, unrounded.

    `amounts[k]` (quote) and `targets[k]` (fraction) for k = 0 .. limite_recompras; `drops[k - 1]` (fraction)
    for the re-buy k = 1 .. limite_recompras.
    """

    amounts: tuple[Decimal, ...]
    targets: tuple[Decimal, ...]
    drops: tuple[Decimal, ...]

    @property
    def max_rebuys(self) -> int:
        return len(self.drops)

    def amount(self, k: int, increment: Quote) -> Quote:
        """What the k-th buy spends: q(k) plus the reinvested increment."""
        return Quote(self.amounts[k]) + increment

    def rebuy_price(self, k: int, last_buy: Price, rules: MarketRules) -> Price:
        """P(k) = tick_down(P(k-1) * (1 - d(k)))."""
        return rules.tick_down(last_buy.times(EXACT.subtract(Decimal(1), self.drops[k - 1])))

    def exit_price(self, k: int, spent: Quote, bought: Base, rules: MarketRules) -> Price:
        """S(k) = tick_up(A * (1 + p(k))), A = spent / bought; multiplied first, so that only one step rounds."""
        return rules.tick_up(spent.times(EXACT.add(Decimal(1), self.targets[k])).per(bought))


def build_ladder(params: StrategyParams) -> Ladder:
    """The progressions of `params`, by the curve chosen for each."""
    count = params.limite_recompras + 1
    amounts, targets, drops = (
        [params.qty_inicial],
        [params.lucro_alvo_inicial],
        [params.recompra_queda_inicial],
    )
    for _ in range(1, count):
        amounts.append(
            _clamp(
                EXACT.multiply(amounts[-1], params.multiplicador_qty), params.qty_minima, params.qty_maxima
            )
        )
        targets.append(
            _clamp(
                EXACT.multiply(targets[-1], params.multiplicador_lucro),
                params.lucro_alvo_minimo,
                params.lucro_alvo_maximo,
            )
        )
    for _ in range(2, count):
        drops.append(
            _clamp(
                EXACT.multiply(drops[-1], params.multiplicador_recompra),
                params.recompra_queda_minimo,
                params.recompra_queda_maximo,
            )
        )
    return Ladder(tuple(amounts), tuple(targets), tuple(drops[: params.limite_recompras]))


def _clamp(value: Decimal, low: Decimal, high: Decimal) -> Decimal:
    return max(low, min(high, value))
