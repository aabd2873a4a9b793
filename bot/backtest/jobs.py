"""A job for a worker process, as one JSON object: nothing in it is secret. No heavy import: the bot writes these."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Any

from bot.domain.market import MarketRules, Side, Symbol
from bot.domain.money import Base, Price, Quote, plain
from bot.domain.params import StrategyParams
from bot.domain.strategy_file import StrategyFile, dump, load


class Kind(StrEnum):
    """What a worker can be asked for."""

    BACKTEST = "backtest"
    COMPARE = "compare"
    OPTIMIZE = "optimize"
    SURVIVAL = "survival"
    LINE = "line"
    """Survival in short, from what lies on disk; nothing is fetched."""
    AGAINST = "against"


@dataclass(frozen=True, slots=True)
class Source:
    """Whose candles: the exchange, and its REST address where that is not the published one (the sandbox)."""

    exchange: str
    rest: str | None = None


@dataclass(frozen=True, slots=True)
class Contender:
    """A strategy under its name."""

    name: str
    params: StrategyParams


@dataclass(frozen=True, slots=True)
class RealFill:
    """A fill of the live strategy: `time` ms UTC, `leg` as the store writes it, `fee` in `fee_coin`.

    `exec_id` is the exchange's own.
    """

    time: int
    cycle: int
    leg: str
    k: int
    side: Side
    price: Price
    quantity: Base
    fee: Decimal
    fee_coin: str
    exec_id: str = ""


@dataclass(frozen=True, slots=True)
class Job:
    """The candles that open in `start` <= time < `end` (ms UTC), `step_ms` long.

    Without `end` they are the last `length_ms` of the exchange's own time, as far back as the pair goes; None for
    all there are. Without `end` and with `start`, from there on.

    `shelf` is the folder of histories, kept under `shelf_mb`; `folder` takes pictures and files. `fields` are what an
    optimisation varies, within `most_sets` and `most_s`.

    `fills` are laid over the candles; `unplaced` are of cycles whose candles nobody knows, and count in the books only.
    `over`: their strategy runs no longer.
    """

    kind: Kind
    source: Source
    rules: MarketRules
    contenders: tuple[Contender, ...]
    step_ms: int
    start: int | None
    end: int | None
    length_ms: int | None
    shelf: Path
    shelf_mb: int
    locale: str
    dark: bool = False
    folder: Path = Path()
    fields: tuple[str, ...] = ()
    most_sets: int = 0
    most_s: float = 0.0
    fills: tuple[RealFill, ...] = ()
    unplaced: tuple[RealFill, ...] = ()
    over: bool = False

    def packed(self) -> dict[str, Any]:
        """Plain JSON; amounts as decimal text."""
        return {
            "kind": self.kind.value,
            "source": asdict(self.source),
            "rules": packed_rules(self.rules),
            "contenders": [[c.name, _written(c.params, self.rules.symbol.name)] for c in self.contenders],
            "step_ms": self.step_ms,
            "start": self.start,
            "end": self.end,
            "length_ms": self.length_ms,
            "shelf": str(self.shelf),
            "shelf_mb": self.shelf_mb,
            "locale": self.locale,
            "dark": self.dark,
            "folder": str(self.folder),
            "fields": list(self.fields),
            "most_sets": self.most_sets,
            "most_s": self.most_s,
            "fills": [_packed_fill(fill) for fill in self.fills],
            "unplaced": [_packed_fill(fill) for fill in self.unplaced],
            "over": self.over,
        }

    @classmethod
    def unpacked(cls, packed: Mapping[str, Any]) -> "Job":
        """KeyError or ValueError for what `packed` never wrote."""
        return cls(
            kind=Kind(packed["kind"]),
            source=Source(**packed["source"]),
            rules=unpacked_rules(packed["rules"]),
            contenders=tuple(Contender(name, load(text).params) for name, text in packed["contenders"]),
            step_ms=packed["step_ms"],
            start=packed["start"],
            end=packed["end"],
            length_ms=packed["length_ms"],
            shelf=Path(packed["shelf"]),
            shelf_mb=packed["shelf_mb"],
            locale=packed["locale"],
            dark=packed["dark"],
            folder=Path(packed["folder"]),
            fields=tuple(packed["fields"]),
            most_sets=packed["most_sets"],
            most_s=packed["most_s"],
            fills=_unpacked_fills(packed["fills"]),
            unplaced=_unpacked_fills(packed["unplaced"]),
            over=packed["over"],
        )


def _written(params: StrategyParams, pair: str) -> str:
    return dump(StrategyFile("a", par=pair, params=params))


def packed_symbol(symbol: Symbol) -> dict[str, str]:
    return {"name": symbol.name, "base": symbol.base, "quote": symbol.quote}


def packed_rules(rules: MarketRules) -> dict[str, str]:
    return {
        **packed_symbol(rules.symbol),
        "tick": plain(rules.tick),
        "lot_step": plain(rules.lot_step),
        "quote_step": plain(rules.quote_step),
        "min_notional": plain(rules.min_notional.value),
        "min_quantity": plain(rules.min_quantity.value),
        "max_quantity": plain(rules.max_quantity.value),
    }


def unpacked_rules(packed: Mapping[str, str]) -> MarketRules:
    return MarketRules(
        symbol=Symbol(packed["name"], packed["base"], packed["quote"]),
        tick=Decimal(packed["tick"]),
        lot_step=Decimal(packed["lot_step"]),
        quote_step=Decimal(packed["quote_step"]),
        min_notional=Quote(Decimal(packed["min_notional"])),
        min_quantity=Base(Decimal(packed["min_quantity"])),
        max_quantity=Base(Decimal(packed["max_quantity"])),
    )


def _packed_fill(fill: RealFill) -> list[Any]:
    return [
        fill.time,
        fill.cycle,
        fill.leg,
        fill.k,
        fill.side.value,
        plain(fill.price.value),
        plain(fill.quantity.value),
        plain(fill.fee),
        fill.fee_coin,
        fill.exec_id,
    ]


def _unpacked_fills(packed: Sequence[Sequence[Any]]) -> tuple[RealFill, ...]:
    return tuple(
        RealFill(
            time,
            cycle,
            leg,
            k,
            Side(side),
            Price(Decimal(price)),
            Base(Decimal(quantity)),
            Decimal(fee),
            coin,
            exec_id,
        )
        for time, cycle, leg, k, side, price, quantity, fee, coin, exec_id in packed
    )
