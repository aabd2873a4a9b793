"""Which points of a sweep are no strategy, told before any of them is run."""

from collections.abc import Iterator
from decimal import Decimal

from bot.backtest.space import Point, Space
from bot.domain.cross_rules import OUTCOME, STRUCTURE, Rule, earns
from bot.domain.ladder import amounts
from bot.domain.money import plain
from bot.domain.params import StrategyParams
from bot.errors import InvalidInput

_AMOUNT_FIELDS = ("qty_inicial", "multiplicador_qty", "qty_minima", "qty_maxima", "limite_recompras")
_MOST_KEPT = 4096
"""Verdicts of one rule: grids ask again and again, draws never do."""


class Sieve:
    """Says which points are no strategy, by the rules between parameters that the axes touch.

    Each value was judged by itself when its axis was read, and the base as a whole, so nothing else can break.
    Verdicts are kept by the values a rule reads: a grid asks the same question many times. A point of which an
    order would be under `min_notional` (quote) is none either: the setup would refuse it.
    """

    def __init__(self, space: Space, min_notional: Decimal = Decimal(0)) -> None:
        varied = {axis.name for axis in space.axes}
        self._space = space
        first_earns, later_earn = OUTCOME
        rules = (*((rule, None) for rule in (*STRUCTURE, first_earns)), (later_earn, _floor_earns))
        small = (_large_enough(min_notional), lambda params: _floor_is_enough(params, min_notional))
        self._rules = [(rule, sure) for rule, sure in (*rules, small) if rule.fields & varied]
        self._reads = [[i for i, a in enumerate(space.axes) if a.name in r.fields] for r, _ in self._rules]
        self._kept: list[dict[Point, str | None]] = [{} for _ in self._rules]

    def fault(self, point: Point) -> InvalidInput | None:
        """What is wrong with a point, with the value that would pass; None where it is a strategy."""
        params = self._space.params(point)
        return next((fault for rule, _ in self._rules for fault in rule.broken(params, "")), None)

    def params(self, point: Point) -> StrategyParams | str:
        """The strategy at a point, or which parameter is to blame that there is none."""
        params = self._space.params(point)
        for (rule, sure), reads, kept in zip(self._rules, self._reads, self._kept, strict=True):
            if sure is not None and sure(params):
                continue
            asked = tuple(point[i] for i in reads)
            blamed = kept.get(asked, "")
            if blamed == "":
                blamed = kept[asked] = next((fault.field for fault in rule.broken(params, "")), None)
                if len(kept) > _MOST_KEPT:
                    kept.clear()
            if blamed is not None:
                return blamed
        return params


def _floor_earns(params: StrategyParams) -> bool:
    """No target after the first is under the floor, so nothing has to be computed where that earns."""
    return earns(params.lucro_alvo_minimo, params.taxa)


def _floor_is_enough(params: StrategyParams, min_notional: Decimal) -> bool:
    return params.qty_inicial >= min_notional and params.qty_minima >= min_notional


def _large_enough(min_notional: Decimal) -> Rule:
    def broken(params: StrategyParams, _blamed: str) -> Iterator[InvalidInput]:
        least = min(amounts(params))
        if least < min_notional:
            reason = f"takes orders of {plain(min_notional)} or more, not {plain(least)}"
            yield InvalidInput("min_notional", reason)

    return Rule(frozenset(_AMOUNT_FIELDS), broken)
