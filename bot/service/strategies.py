"""What a person does with saved strategies beside running them: find, change, delete, export, weigh together."""

import re
import textwrap
import unicodedata
from collections.abc import Awaitable, Callable, Sequence

from bot.domain.market import MarketRules, Symbol
from bot.domain.money import Price
from bot.domain.params import StrategyParams, as_answers
from bot.domain.strategy_file import StrategyFile, dump
from bot.domain.validation import validated
from bot.engine.supervisor import Supervisor
from bot.errors import ExchangeError, NotAllowed, VaultError
from bot.ports import BookStore, Environment, Person, RunStatus, Strategy
from bot.service.worst_case import Player, Shortage, shortage

PriceOf = Callable[[Strategy], Awaitable[Price | None]]
RulesOf = Callable[[Strategy], Awaitable[MarketRules]]
Note = Callable[[Person, str, str], Awaitable[None]]
_LONGEST_NOTE = 200


class SavedStrategies:
    """Every call names the person; another's strategy is NotAllowed("no_such_strategy").

    `note(person, deed, about)` is called after each change.
    """

    def __init__(
        self, *, store: BookStore, supervisor: Supervisor, note: Note, price_of: PriceOf, rules_of: RulesOf
    ) -> None:
        self._store = store
        self._supervisor = supervisor
        self._note = note
        self._price_of = price_of
        self._rules_of = rules_of

    async def find(self, person: Person, words: str) -> Sequence[Strategy]:
        """Those whose name, pair or environment holds every word; all of them for none."""
        wanted = _plain(words).split()
        mine = await self._store.strategies(person.id)
        return [s for s in mine if all(word in _searched(s) for word in wanted)]

    async def pair_is_fixed(self, strategy: Strategy) -> bool:
        """Its fills are in this pair: another pair takes a clone."""
        return strategy.status is not RunStatus.IDLE or await self._store.has_traded(strategy.id)

    async def edit(
        self,
        person: Person,
        strategy_id: int,
        params: StrategyParams,
        *,
        environment: Environment,
        symbol: Symbol,
    ) -> Strategy:
        """Keep new parameters; a strategy that has run takes them when its next cycle begins.

        InvalidInput for a bad parameter, NotAllowed("pair_is_fixed") for another pair once it has run.
        """
        before = await self._store.strategy(person.id, strategy_id)
        kept = await self._store.edit_strategy(
            person.id, strategy_id, validated(params), environment=environment, symbol=symbol
        )
        if before is not None and (changed := _changed(before, kept)):
            about = f"{kept.name}: {', '.join(changed)}"
            await self._note(person, "edited", textwrap.shorten(about, _LONGEST_NOTE, placeholder=" …"))
        return kept

    async def rename(self, person: Person, strategy_id: int, name: str) -> Strategy:
        """InvalidInput("nome") for a name in use."""
        before = await self._store.strategy(person.id, strategy_id)
        kept = await self._store.rename_strategy(person.id, strategy_id, name)
        if before is not None and before.name != kept.name:
            await self._note(person, "renamed", f"{before.name} → {kept.name}")
        return kept

    async def delete(self, person: Person, strategy_id: int) -> Strategy:
        """NotAllowed("running_not_deleted") unless it is idle; its fills and profits stay in the books."""
        gone = await self._store.delete_strategy(person.id, strategy_id)
        await self._note(person, "deleted", gone.name)
        return gone

    def export(self, strategy: Strategy, kind: str = "js") -> tuple[str, str]:
        """File name and text, as `.js` or `.json`; both can be sent back to the chat."""
        text = dump(
            StrategyFile(strategy.name, strategy.environment.value, strategy.symbol.name, strategy.chosen)
        )
        safe = "".join(c if c.isalnum() or c in "-_" else "-" for c in strategy.name).strip("-")
        return f"{safe or 'estrategia'}.{kind}", as_json(text) if kind == "json" else text

    async def shortage(self, person: Person, about: Strategy) -> Shortage | None:
        """Whether `about` and what runs on its purse may together need more than is free; None also when unknown."""
        sharing = [about]
        for other in await self._store.strategies(person.id):
            same = (other.environment, other.symbol.quote) == (about.environment, about.symbol.quote)
            if same and other.id != about.id and other.status is RunStatus.RUNNING:
                sharing.append(other)
        try:
            free = await self._supervisor.free(person.id, about.environment, about.symbol.quote)
            players = [await self._player(strategy) for strategy in sharing]
        except (ExchangeError, NotAllowed, VaultError):
            return None
        return shortage(free, [player for player in players if player is not None])

    async def _player(self, strategy: Strategy) -> Player | None:
        price = await self._price_of(strategy)
        if price is None:
            return None
        state = await self._supervisor.state(strategy.id)
        return Player(strategy, state, await self._rules_of(strategy), price)


def as_json(text: str) -> str:
    """A `.js` file's text as JSON: the same numbers, digit for digit."""
    quoted = re.sub(r"^  (\w+):", r'  "\1":', text, flags=re.MULTILINE)
    inner = quoted.partition("{\n")[2].rpartition("};")[0].rstrip().removesuffix(",")
    return f"{{\n{inner}\n}}\n"


def _changed(before: Strategy, kept: Strategy) -> list[str]:
    """The names of the fields that are chosen otherwise now."""
    old, new = _fields(before), _fields(kept)
    return [name for name in new if new[name] != old[name]]


def _fields(strategy: Strategy) -> dict[str, object]:
    place = {"ambiente": strategy.environment.value, "par": strategy.symbol.name}
    return {**place, **as_answers(strategy.chosen)}


def _searched(strategy: Strategy) -> str:
    return _plain(f"{strategy.name} {strategy.symbol.name} {strategy.environment.value}")


def _plain(text: str) -> str:
    """Without case and accents."""
    split = unicodedata.normalize("NFD", text.casefold())
    return "".join(c for c in split if not unicodedata.combining(c))
