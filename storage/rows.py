"""Domain values to rows and back: the only place that does.

No Decimal reaches sqlite-utils (it would become a float): amounts leave as plain text. Values with a shape of
their own (state, event, notice, parameters) are JSON; a field that old JSON lacks takes its default.
"""

import json
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import Field, TypeAdapter, ValidationError

from bot.domain.events import Event
from bot.domain.market import Side, Symbol
from bot.domain.money import Base, Price, Quote, plain
from bot.domain.notices import CycleClosed, Notice
from bot.domain.orders import Fill, OrderId, OwnOrder
from bot.domain.params import StrategyParams
from bot.domain.state import State
from bot.errors import BotError, InvariantBroken, StoreError
from bot.ports.exchange import Environment
from bot.ports.store import CycleRecord, Draft, FillRecord, OutboxItem, Person, Role, RunStatus, Strategy

Row = dict[str, Any]
T = TypeVar("T")

_STATE: TypeAdapter[State] = TypeAdapter(State)
_EVENT: TypeAdapter[Event] = TypeAdapter(Annotated[Event, Field(discriminator="kind")])
_NOTICE: TypeAdapter[Notice] = TypeAdapter(Annotated[Notice, Field(discriminator="kind")])
_CYCLE: TypeAdapter[CycleClosed] = TypeAdapter(CycleClosed)
_PARAMS: TypeAdapter[StrategyParams] = TypeAdapter(StrategyParams)


def state_json(state: State) -> str:
    return _STATE.dump_json(state).decode()


def state_from(text: str) -> State:
    return _parsed(_STATE, text, "state")


def event_json(event: Event) -> str:
    return _EVENT.dump_json(event).decode()


def event_from(text: str) -> Event:
    return _parsed(_EVENT, text, "event")


def notice_json(notice: Notice) -> str:
    return _NOTICE.dump_json(notice).decode()


def notice_from(text: str) -> Notice:
    return _parsed(_NOTICE, text, "notice")


def params_json(params: StrategyParams) -> str:
    return _PARAMS.dump_json(params).decode()


def params_from(text: str) -> StrategyParams:
    return _parsed(_PARAMS, text, "parameters")


def person_from(row: Row) -> Person:
    return Person(row["id"], row["chat_id"], row["name"], row["locale"], Role(row["role"]))


def deleted_name(name: str, strategy_id: int) -> str:
    """What a deleted strategy is kept under, so that its name is free again."""
    return f"{name}{_deleted_mark(strategy_id)}"


def _deleted_mark(strategy_id: int) -> str:
    return f" †{strategy_id}"


def strategy_from(row: Row) -> Strategy:
    deleted = row.get("deleted_at") is not None
    return Strategy(
        id=row["id"],
        person_id=row["person_id"],
        name=row["name"].removesuffix(_deleted_mark(row["id"])) if deleted else row["name"],
        environment=Environment(row["environment"]),
        symbol=Symbol(row["symbol"], row["base"], row["quote"]),
        params=params_from(row["params"]),
        status=RunStatus(row["status"]),
        pause_reason=row["pause_reason"],
        created_at=row["created_at"],
        pending=params_from(row["pending_params"]) if row.get("pending_params") else None,
        deleted=deleted,
    )


def order_row(order: OwnOrder, *, strategy_id: int, at: int) -> Row:
    return {
        "order_id": order.order_id,
        "strategy_id": strategy_id,
        "leg": order.leg.value,
        "k": order.k,
        "cycle": _own_id(order.order_id).cycle,
        "price": None if order.price is None else plain(order.price.value),
        "quantity": None if order.quantity is None else plain(order.quantity.value),
        "amount": None if order.amount is None else plain(order.amount.value),
        "status": "open",
        "placed_at": at,
    }


def fill_row(fill: Fill, *, strategy_id: int, environment: str, symbol: str) -> Row:
    """Leg, k and cycle come from the order's id, which says them even when the order's row is lost."""
    own = _own_id(fill.order_id)
    return {
        "strategy_id": strategy_id,
        "environment": environment,
        "symbol": symbol,
        "exec_id": fill.exec_id,
        "order_id": fill.order_id,
        "leg": own.leg.value,
        "k": own.k,
        "cycle": own.cycle,
        "side": fill.side.value,
        "price": plain(fill.price.value),
        "quantity": plain(fill.quantity.value),
        "value": plain(fill.value.value),
        "fee": plain(fill.fee),
        "fee_coin": fill.fee_coin,
        "fee_value": plain(fill.fee_value.value),
        "at": fill.at,
        "maker": int(fill.maker),
    }


def fill_from(row: Row) -> FillRecord:
    fill = Fill(
        exec_id=row["exec_id"],
        order_id=row["order_id"],
        side=Side(row["side"]),
        price=Price.of(row["price"]),
        quantity=Base.of(row["quantity"]),
        value=Quote.of(row["value"]),
        fee=Decimal(row["fee"]),
        fee_coin=row["fee_coin"],
        fee_value=Quote.of(row["fee_value"]),
        at=row["at"],
        maker=bool(row["maker"]),
    )
    return FillRecord(row["strategy_id"], row["leg"], row["k"], row["cycle"], fill)


def cycle_row(closed: CycleClosed, *, strategy_id: int, sequence: int, at: int) -> Row:
    payload = _CYCLE.dump_json(closed).decode()
    return {
        "strategy_id": strategy_id,
        "sequence": sequence,
        "cycle": closed.cycle,
        "at": at,
        "payload": payload,
    }


def cycle_from(row: Row) -> CycleRecord:
    return CycleRecord(row["strategy_id"], _parsed(_CYCLE, row["payload"], "cycle"), row["at"])


def draft_row(draft: Draft, *, at: int) -> Row:
    return {
        "person_id": draft.person_id,
        "cursor": draft.cursor,
        "answers": json.dumps(draft.answers, ensure_ascii=False),
        "message_id": draft.message_id,
        "at": at,
    }


def draft_from(row: Row) -> Draft:
    return Draft(row["person_id"], row["cursor"], json.loads(row["answers"]), row["message_id"])


def outbox_from(row: Row) -> OutboxItem:
    return OutboxItem(
        id=row["id"],
        person_id=row["person_id"],
        strategy_id=row["strategy_id"],
        notice=notice_from(row["payload"]),
        at=row["at"],
        attempts=row["attempts"],
    )


def _own_id(order_id: str) -> OrderId:
    own = OrderId.parse(order_id)
    if own is None:
        raise InvariantBroken(f"{order_id} is not one of our order ids")
    return own


def _parsed(adapter: TypeAdapter[T], text: str, what: str) -> T:
    try:
        return adapter.validate_json(text)
    except (ValidationError, BotError) as exc:
        raise StoreError(f"a stored {what} cannot be read: {exc}") from exc
