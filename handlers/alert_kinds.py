"""Which alerts may be chosen, which always ring, and how waiting ones are put together. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from bot.domain.notices import (
    CycleClosed,
    Digest,
    FirstBuyFilled,
    KeyExpires,
    KeyMayWithdraw,
    NotEnough,
    Notice,
    Paused,
    RebuyFilled,
    Refused,
    StrayFill,
    VaultLockedNotice,
)
from bot.ports import OutboxItem
from bot.ports.preferences import Choice

CHOOSABLE = ("started", "first_buy", "rebuy", "cycle_closed", "put_back")
"""Kinds of notices that a person may silence; whatever is not here is always told, with a sound."""
MOST_IN_ONE = 20
_FILLS = FirstBuyFilled | RebuyFilled | CycleClosed
_URGENT = Paused | Refused | VaultLockedNotice | NotEnough | StrayFill | KeyExpires | KeyMayWithdraw


@dataclass(frozen=True, slots=True)
class Batch:
    """Notices of one strategy that go out as one message, oldest first."""

    items: tuple[OutboxItem, ...]
    silent: bool
    last: bool
    """Nothing of this strategy waits behind it."""
    rank: int = 1
    """That of its strategy: 0 needs its reader, 2 is for an idle moment."""

    @property
    def fills(self) -> bool:
        return isinstance(self.items[0].notice, _FILLS)

    @property
    def urgent(self) -> bool:
        """Whether it needs its reader, or stands before something that does."""
        return self.rank == 0

    @property
    def may_grow(self) -> bool:
        """Whether another fill could still join it."""
        return self.fills and self.last and len(self.items) < MOST_IN_ONE


def is_last_rebuy(notice: Notice) -> bool:
    """The ladder has ended: from here on only the exit waits."""
    if not isinstance(notice, RebuyFilled):
        return False
    return notice.k >= notice.limit or (notice.next_rebuy is None and not notice.rebuys_paused)


def choice_for(notice: Notice, choices: Mapping[str, Choice]) -> Choice:
    """How this notice is told; the last re-buy rings whatever was chosen."""
    if notice.kind not in CHOOSABLE or is_last_rebuy(notice):
        return Choice.ON
    return choices.get(notice.kind, Choice.ON)


def batches(items: Sequence[OutboxItem], choices: Mapping[str, Choice]) -> list[Batch]:
    """One person's waiting notices as messages: urgent strategies first, digests last.

    Fills of one strategy that follow each other come together; a strategy's own order is never changed.
    """
    queues: dict[int | None, list[OutboxItem]] = {}
    for item in items:
        queues.setdefault(item.strategy_id, []).append(item)
    ranked = [batch for queue in queues.values() for batch in _in_order(queue, choices)]
    ranked.sort(key=lambda batch: (batch.rank, batch.items[0].id))
    return ranked


def _in_order(queue: Sequence[OutboxItem], choices: Mapping[str, Choice]) -> Iterable[Batch]:
    groups: list[list[OutboxItem]] = []
    for item in queue:
        fits = groups and len(groups[-1]) < MOST_IN_ONE and isinstance(groups[-1][0].notice, _FILLS)
        if fits and isinstance(item.notice, _FILLS):
            groups[-1].append(item)
        else:
            groups.append([item])
    for number, group in enumerate(groups, 1):
        silent = all(choice_for(item.notice, choices) is Choice.SILENT for item in group)
        yield Batch(tuple(group), silent, last=number == len(groups), rank=_rank(queue))


def _rank(queue: Sequence[OutboxItem]) -> int:
    if any(isinstance(item.notice, _URGENT) or is_last_rebuy(item.notice) for item in queue):
        return 0
    return 2 if all(isinstance(item.notice, Digest) for item in queue) else 1
