"""What one set of parameters comes to over a history, in the few figures that sets are compared by."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from bot.domain.money import plain

_PLACES = Decimal("1E-8")


@dataclass(frozen=True, slots=True)
class Outcome:
    """Amounts in quote, to 8 decimal places.

    `net_profit` is that of the closed cycles, `unrealised` what the open one would make at the last close less taxa;
    `worst_loss` (0 or more) and `most_invested` as in bot.backtest.figures. `rebuys` counts all that filled,
    `open_rebuys` those of the open cycle, None where none is open.
    """

    net_profit: Decimal
    unrealised: Decimal
    worst_loss: Decimal
    most_invested: Decimal
    cycles: int
    rebuys: int
    open_rebuys: int | None

    @property
    def result(self) -> Decimal:
        """Profit with the open cycle at its last price: a ladder that never sells at a loss hides its losses there."""
        return self.net_profit + self.unrealised

    def packed(self) -> list[Any]:
        amounts = (self.net_profit, self.unrealised, self.worst_loss, self.most_invested)
        return [*map(plain, amounts), self.cycles, self.rebuys, self.open_rebuys]

    @classmethod
    def unpacked(cls, packed: Sequence[Any]) -> "Outcome":
        """ValueError or TypeError for what `packed` never wrote."""
        profit, unrealised, loss, most, cycles, rebuys, open_rebuys = packed
        return cls(
            Decimal(profit), Decimal(unrealised), Decimal(loss), Decimal(most), cycles, rebuys, open_rebuys
        )  # fmt: skip


def brief(amount: Decimal) -> Decimal:
    """The amount to 8 places, as outcomes keep it."""
    return amount.quantize(_PLACES)


def front(outcomes: Sequence[Outcome]) -> list[int]:
    """The places of those that no other beats in result and worst loss at once, from the least loss to the most.

    Of equals the first stands for all.
    """
    order = sorted(range(len(outcomes)), key=lambda i: (outcomes[i].worst_loss, -outcomes[i].result))
    best: list[int] = []
    for place in order:
        if not best or outcomes[place].result > outcomes[best[-1]].result:
            best.append(place)
    return best


def choice(outcomes: Sequence[Outcome], most_loss: Decimal) -> int | None:
    """The place of the largest result whose worst loss is at most `most_loss` (quote); None where there is none."""
    within = [i for i, outcome in enumerate(outcomes) if outcome.worst_loss <= most_loss]
    return max(within, key=lambda i: (outcomes[i].result, -outcomes[i].worst_loss, -i), default=None)
