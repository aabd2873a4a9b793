"""The living card: one for each strategy, edited in place, found again after a restart."""

from decimal import Decimal

from handlers.limiter import Limiter
from handlers.status_live import LiveCards
from tests.handlers.test_trading_chat import running


class Moment:
    at = 0

    def now(self):
        return self.at


def live(household) -> LiveCards:
    """With limits of its own, so that a test does not wait for its chat to calm down."""
    cards = household.app.application.bot_data["live_cards"]
    cards._limiter = Limiter()
    return cards


def move(household, price):
    household.venue.effects.finish()
    while not household.venue.core.advance("BTCUSDT", Decimal(price)):
        pass


async def cards(household):
    """The messages that show a card, those that were deleted left out."""
    return [m for m in await household.messages() if "Ciclo 1 · recompras" in m["text"] and not m["deleted"]]


def edits(household):
    return [c for c in household.telegram.calls if c.method.lower() == "editmessagetext"]


async def test_a_card_is_edited_only_when_its_figures_changed(household):
    await running(household)
    card = await household.ask("/status", "Ciclo 1")
    before = len(edits(household))
    assert await live(household).round()
    assert len(edits(household)) == before
    move(household, "60100")
    household.mark()
    assert await live(household).round()
    edited = await household.wait_for("60.100")
    assert edited["message_id"] == card["message_id"]
    assert len(edits(household)) == before + 1


async def test_status_sends_a_fresh_card_and_the_old_one_goes(household):
    await running(household)
    old = await household.ask("/status", "Ciclo 1")
    new = await household.ask("/status", "Ciclo 1")
    await household.settled()
    assert new["message_id"] > old["message_id"]
    assert [m["message_id"] for m in await cards(household)] == [new["message_id"]]
    assert await household.rows("SELECT message_id FROM live_cards") == [(new["message_id"],)]


async def test_a_restart_goes_on_with_the_same_card_and_the_pin(household):
    await running(household)
    card = await household.ask("/status", "Ciclo 1")
    await household.press("Fixar")
    await household.until_rows("SELECT pinned FROM live_cards", [(1,)])
    await household.restart()
    move(household, "60200")
    household.mark()
    assert await live(household).round()
    edited = await household.wait_for("60.200")
    assert edited["message_id"] == card["message_id"]
    assert any("Desafixar" in b["text"] for row in edited["buttons"] for b in row)


async def test_a_card_that_was_deleted_is_sent_anew(household):
    await running(household)
    card = await household.ask("/status", "Ciclo 1")
    await household.app.application.bot.delete_message(1, card["message_id"])
    move(household, "60300")
    household.mark()
    assert await live(household).round()
    anew = await household.wait_for("60.300")
    assert anew["message_id"] > card["message_id"]
    assert await household.rows("SELECT message_id FROM live_cards") == [(anew["message_id"],)]


async def test_a_strategy_without_a_card_gets_one_and_keeps_it_until_it_stops(household):
    await running(household)
    live(household)._first_after = 0.0
    household.mark()
    await live(household).round()
    card = await household.wait_for("Ciclo 1")
    assert await live(household).round()
    assert len(await cards(household)) == 1
    await household.ask("/stop", "Como ela deve parar")
    await household.tap("2. Cancelar", "Tem certeza")
    await household.tap("Sim, cancelar e manter", "nenhuma ordem dela está aberta")
    household.mark()
    await live(household).round()
    ended = await household.wait_for("parada")
    assert ended["message_id"] == card["message_id"]
    assert await household.rows("SELECT message_id FROM live_cards") == []


async def test_a_card_that_is_sent_anew_during_a_round_stays_the_only_one(household, monkeypatch):
    await running(household)
    person, strategy = (
        await household.person(),
        await household.app.service.strategy(await household.person(), 1),
    )
    preferences, seen = household.app.reports.preferences, []
    read = preferences.cards

    async def read_and_then_sent_anew(*of_whom):
        found = await read(*of_whom)
        if not of_whom and len(seen) < 2:
            seen.append(found)
            await live(household).fresh(person, strategy)
        return found

    live(household)._first_after = 0.0
    monkeypatch.setattr(preferences, "cards", read_and_then_sent_anew)
    for _ in range(2):
        assert await live(household).round()
    assert [len(found) for found in seen] == [0, 1]
    (card,) = await cards(household)
    assert await household.rows("SELECT message_id FROM live_cards") == [(card["message_id"],)]


async def test_while_telegram_is_away_a_card_waits_and_then_shows_the_newest_figures(household):
    await running(household)
    card = await household.ask("/status", "Ciclo 1")
    household.telegram.faults.add("editMessageText", "reset", 2)
    move(household, "60400")
    assert not await live(household).round()
    move(household, "60500")
    household.telegram.faults.clear()
    household.mark()
    assert await live(household).round()
    edited = await household.wait_for("60.500")
    assert edited["message_id"] == card["message_id"]


async def test_telegrams_wish_to_wait_is_kept(household):
    await running(household)
    await household.ask("/status", "Ciclo 1")
    household.telegram.faults.add("editMessageText", "429", 1, retry_after=20)
    move(household, "60400")
    cards, before = live(household), len(edits(household))
    await cards.round()
    await cards.round()
    assert len(edits(household)) == before + 1


async def test_the_card_is_pinned_and_let_go_by_its_button(household):
    await running(household)
    await household.ask("/status", "Ciclo 1")
    await household.press("Fixar")
    await household.until_rows("SELECT pinned FROM live_cards", [(1,)])
    await household.settled()
    await household.press("Desafixar")
    await household.until_rows("SELECT pinned FROM live_cards", [(0,)])
    methods = [c.method.lower() for c in household.telegram.calls]
    assert "pinchatmessage" in methods
    assert "unpinchatmessage" in methods


async def test_the_picture_comes_with_the_press_of_a_button(household):
    await running(household)
    await household.ask("/status", "Ciclo 1")
    await household.press("Imagem")
    await household.settled()
    photos = [c for c in household.telegram.calls if c.method.lower() == "sendphoto"]
    assert [c.status for c in photos] == [200]


async def test_candles_of_another_year_do_not_stand_beside_todays_fills(household):
    await running(household)
    reports, person = household.app.reports, await household.person()
    strategy = await household.app.service.strategy(person, 1)
    past = await reports.past(person, strategy)
    assert past.fills
    assert past.candles == ()
    candles = await household.app.service.public(strategy.environment).candles("BTCUSDT", minutes=5, limit=9)
    assert candles
    moment = Moment()
    moment.at = candles[-1].at + 60_000
    reports._clock = moment
    assert (await reports.past(person, strategy)).candles
