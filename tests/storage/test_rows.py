import json
from dataclasses import replace
from decimal import Decimal
from enum import Enum
from types import NoneType, UnionType
from typing import Literal, Union, get_args, get_origin, get_type_hints

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from bot.domain.accounting import Holding
from bot.domain.events import Event
from bot.domain.money import Base, Quote
from bot.domain.notices import Notice
from bot.domain.orders import Fill, Leg, OrderId, OwnOrder
from bot.domain.params import StrategyParams
from bot.domain.state import State
from bot.errors import StoreError
from storage import rows

decimals = some.decimals(allow_nan=False, allow_infinity=False) | some.decimals(-1, 1, places=40)
simple = {
    Decimal: decimals,
    str: some.text(alphabet=some.characters(exclude_categories=["Cs"]), max_size=20),
    int: some.integers(),
    bool: some.booleans(),
    NoneType: some.none(),
}
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def drawn(kind):
    """Values of a type; of a dataclass with every field drawn, the defaulted ones too."""
    if kind in simple:
        return simple[kind]
    arguments = get_args(kind)
    if get_origin(kind) is tuple and arguments[-1] is Ellipsis:
        return some.lists(drawn(arguments[0]), max_size=3).map(tuple)
    if get_origin(kind) is tuple:
        return some.tuples(*map(drawn, arguments))
    if get_origin(kind) in {Union, UnionType}:
        return some.one_of(*map(drawn, arguments))
    if get_origin(kind) is Literal:
        return some.sampled_from(arguments)
    if issubclass(kind, Enum):
        return some.sampled_from(kind)
    return some.builds(kind, **{name: drawn(hint) for name, hint in get_type_hints(kind).items()})


@quick
@given(drawn(State))
def test_a_state_comes_back_equal(state):
    assert rows.state_from(rows.state_json(state)) == state


@quick
@given(drawn(Event))
def test_an_event_comes_back_equal_and_of_its_kind(event):
    back = rows.event_from(rows.event_json(event))
    assert back == event
    assert type(back) is type(event)


@quick
@given(drawn(Notice))
def test_a_notice_comes_back_equal_and_of_its_kind(notice):
    back = rows.notice_from(rows.notice_json(notice))
    assert back == notice
    assert type(back) is type(notice)


@quick
@given(drawn(StrategyParams))
def test_parameters_come_back_equal(params):
    assert rows.params_from(rows.params_json(params)) == params


own_ids = some.builds(
    OrderId,
    some.just("a1"),
    some.integers(0, 999),
    some.sampled_from(Leg),
    some.integers(0, 200),
    some.integers(0, 9999),
).map(str)


@quick
@given(drawn(Fill), own_ids)
def test_a_fill_comes_back_equal_and_its_row_holds_no_float(fill, order_id):
    fill = replace(fill, order_id=order_id)
    row = rows.fill_row(fill, strategy_id=1, environment="bybit", symbol="BTCUSDT")
    assert {type(v) for v in row.values()} <= {int, str}
    assert all("E" not in row[name] for name in ("price", "quantity", "value", "fee", "fee_value"))
    record = rows.fill_from(row)
    own = OrderId.parse(order_id)
    assert (record.fill, record.leg, record.k, record.cycle) == (fill, own.leg.value, own.k, own.cycle)


def test_amounts_are_written_as_text():
    def no_number(value, path=""):
        if isinstance(value, dict):
            for name, inner in value.items():
                no_number(inner, f"{path}.{name}")
        if isinstance(value, list):
            for inner in value:
                no_number(inner, path)
        assert not isinstance(value, float), path

    no_number(json.loads(rows.state_json(State("a1", limit=Quote.of("0.1")))))
    assert json.loads(rows.state_json(State("a1", limit=Quote.of("0.10"))))["limit"] == {"value": "0.10"}


def test_an_older_versions_state_takes_defaults_for_what_is_new():
    """The least that was ever written, with a field that has gone since."""
    old = {
        "token": "a1",
        "sequence": 4,
        "forgotten": {"value": "1"},
        "holding": {"bought": {"value": "1.5"}},
        "orders": [{"order_id": "ta-a1-1-x0-4", "leg": "x", "k": 0, "status": "live"}],
    }
    assert rows.state_from(json.dumps(old)) == State(
        "a1",
        sequence=4,
        holding=Holding(bought=Base.of("1.5")),
        orders=(OwnOrder("ta-a1-1-x0-4", Leg.EXIT, 0, "live"),),
    )


def test_older_parameters_take_defaults_for_what_is_new():
    assert rows.params_from('{"qty_inicial": "20"}') == StrategyParams(qty_inicial=Decimal(20))


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"kind": "nonsense"}', '{"token": 1'])
def test_what_cannot_be_read_is_a_store_error(text):
    for read in (rows.state_from, rows.event_from, rows.notice_from):
        with pytest.raises(StoreError, match="cannot be read"):
            read(text)


def test_every_field_of_a_state_but_its_token_has_a_default():
    """A new field without one would make every saved state unreadable."""
    assert State("a1") == rows.state_from('{"token": "a1"}')
