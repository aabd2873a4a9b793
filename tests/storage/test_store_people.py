from dataclasses import replace
from decimal import Decimal

import pytest

from bot.domain.market import Side
from bot.domain.money import Base, Quote
from bot.errors import InvalidInput, StoreError
from bot.ports import Draft, LedgerTotals, Role, RunStatus
from tests.storage.samples import NOW, fill, filled, person_of, started, strategy_of


async def test_a_person_is_found_by_number_and_by_chat(store):
    ana = await person_of(store)
    assert await store.person(ana.id) == ana == await store.person_by_chat(7)
    assert await store.people() == [ana]
    assert await store.person(99) is None
    assert await store.person_by_chat(99) is None
    assert ana.role is Role.OWNER


async def test_a_chat_has_one_person(store):
    await person_of(store)
    with pytest.raises(StoreError):
        await person_of(store)


async def test_the_language_is_kept(store):
    ana = await person_of(store)
    await store.set_locale(ana.id, "en")
    assert (await store.person(ana.id)).locale == "en"


async def test_a_claim_code_works_once_and_in_time(store):
    await store.add_claim("aa" * 32, NOW + 1000)
    await store.add_claim("bb" * 32, NOW + 1000)
    assert await store.redeem_claim("cc" * 32, NOW) is False
    assert await store.redeem_claim("aa" * 32, NOW + 1000) is False
    assert await store.redeem_claim("aa" * 32, NOW + 999) is True
    assert await store.redeem_claim("aa" * 32, NOW + 999) is False
    assert await store.redeem_claim("bb" * 32, NOW) is True


async def test_a_strategy_comes_back_as_it_was_saved(store, clock):
    ana = await person_of(store)
    saved = await strategy_of(store, ana)
    assert saved.params.saldo_limite == Decimal("1234.5678901234567890")
    assert (saved.status, saved.created_at) == (RunStatus.IDLE, clock.now())
    assert await store.strategy(ana.id, saved.id) == saved
    assert await store.strategies(ana.id) == [saved]


async def test_a_name_is_taken_once_per_person(store):
    ana, rui = await person_of(store), await person_of(store, 8)
    await strategy_of(store, ana)
    await strategy_of(store, rui)
    with pytest.raises(InvalidInput) as refused:
        await strategy_of(store, ana)
    assert refused.value.field == "nome"


async def test_another_persons_rows_do_not_exist(store):
    ana, rui = await person_of(store), await person_of(store, 8)
    strategy = await strategy_of(store, ana)
    await store.commit(started(strategy))
    await store.commit(filled(strategy))
    assert await store.strategy(rui.id, strategy.id) is None
    assert await store.strategies(rui.id) == []
    assert await store.fills(rui.id, strategy.id) == []
    assert await store.cycles(rui.id, strategy.id) == []
    assert await store.totals(rui.id, strategy.id) == LedgerTotals(Base.zero(), Quote.zero(), 0)
    assert (await store.totals(ana.id, strategy.id)).fills == 1


async def test_totals_say_what_the_trades_did_to_the_wallet(store):
    ana = await person_of(store)
    strategy = await strategy_of(store, ana)
    await store.commit(started(strategy))
    trades = [
        fill("1", quantity=Base.of("1.00000000000000000001"), value=Quote.of("100"), fee=Decimal("0.001")),
        fill("2", quantity=Base.of("0.5"), value=Quote.of("50"), fee=Decimal("0.2"), fee_coin="USDT"),
        fill("3", quantity=Base.of("0.5"), value=Quote.of("50"), fee=Decimal("0.3"), fee_coin="BNB"),
        fill(
            "4",
            side=Side.SELL,
            quantity=Base.of("1.2"),
            value=Quote.of("150"),
            fee=Decimal("0.15"),
            fee_coin="USDT",
        ),
        fill("5", side=Side.SELL, quantity=Base.of("0.1"), value=Quote.of("15"), fee=Decimal("0.0001")),
    ]
    for n, trade in enumerate(trades):
        assert await store.commit(filled(strategy, trade, sequence=n + 1))
    totals = await store.totals(ana.id, strategy.id)
    assert totals.base_delta == Base.of(
        "0.69890000000000000001"
    )  # 1.00..01 - 0.001 + 0.5 + 0.5 - 1.2 - 0.1001
    assert totals.quote_delta == Quote.of("-35.35")  # -100 - 50.2 - 50 + 149.85 + 15
    assert totals.fills == 5


async def test_a_draft_is_replaced_and_dropped(store):
    ana = await person_of(store)
    assert await store.draft(ana.id) is None
    draft = Draft(ana.id, "qty_inicial", {"par": "BTCUSDT", "nome": "não “sei”"})
    await store.save_draft(draft)
    assert await store.draft(ana.id) == draft
    later = replace(draft, cursor="taxa", answers={}, message_id=12)
    await store.save_draft(later)
    assert await store.draft(ana.id) == later
    assert await store.draft(ana.id + 1) is None
    await store.drop_draft(ana.id)
    assert await store.draft(ana.id) is None
