"""The questions of the setup conversation: the real program, by updates over HTTP."""

from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path

import pytest

from bot.domain.params import PARAMETERS, Curve, CurveChoice, Kind
from bot.sandbox.exchange_faults import Answer, RequestFault
from tests.handlers.household import Household, a_household
from tests.handlers.setup_talk import ANA, CHAT, Chat, draft_of, labels, to_field, to_item_1, to_review


@pytest.fixture
async def household(tmp_path: Path) -> AsyncIterator[Household]:
    """Served however many messages come: the quota has tests of its own."""
    async with a_household(tmp_path, max_commands_a_minute=1_000) as opened:
        yield opened


@pytest.fixture
def chat(household: Household) -> Chat:
    return Chat(household)


async def test_every_question_can_be_answered_by_typing_and_each_is_echoed(
    household: Household, chat: Chat
) -> None:
    answers = {
        "qty_inicial": ("R$ 1.000,50", "1.000,5"),
        "multiplicador_qty": ("1,03", "1,03"),
        "qty_minima": ("20", "20"),
        "qty_maxima": ("2.000,00", "2.000"),
        "lucro_alvo_inicial": ("4%", "4%"),
        "multiplicador_lucro": ("0.9", "0,9"),
        "lucro_alvo_minimo": ("0,006", "0,6%"),
        "lucro_alvo_maximo": ("4,5%", "4,5%"),
        "recompra_queda_inicial": ("0,015", "1,5%"),
        "multiplicador_recompra": ("1,1", "1,1"),
        "recompra_queda_minimo": ("1%", "1%"),
        "recompra_queda_maximo": ("2.5%", "2,5%"),
        "limite_recompras": ("7", "7"),
        "taxa": ("0.075%", "0,075%"),
        "saldo_limite": ("0", "0 (tudo"),
        "lucro_reaplicar": ("não", "n (não)"),
    }
    await chat.ask("/novaestrategia", "🧪")
    await chat.ask("sandbox-bybit", "ambiente = sandbox-bybit")
    await chat.ask("btc/usdt", "par = BTCUSDT")
    for parameter in PARAMETERS:
        typed, echoed = answers[parameter.name]
        await chat.ask(typed, f"✓ {parameter.item} {parameter.name} = {echoed}")
    draft = await draft_of(household)
    assert draft is not None
    assert draft.cursor == "review"
    assert draft.answers["qty_inicial"] == "1000.50".rstrip("0")
    assert draft.answers["taxa"] == "0.00075"
    assert draft.answers["limite_recompras"] == "7"


BAD = (
    "trezentos",
    "NaN",
    "Infinity",
    "-1",
    "9" * 70,
    "1e5",
    "<b>300</b>",
    "🤑",
    "x" * 4096,
    "1.2.3,4",
    "٣٠٠",
)


async def test_bad_answers_are_told_what_would_pass_and_asked_again(household: Household, chat: Chat) -> None:
    await to_review(chat)
    before = await draft_of(household)
    assert before is not None
    for parameter in PARAMETERS:
        await to_field(chat, parameter.name)
        bad = (
            (*BAD, "0") if parameter.name in {"qty_inicial", "lucro_alvo_inicial", "qty_minima"} else BAD[:4]
        )
        for text in bad:
            asked = await chat.ask(text, f"⚠️ {parameter.item} {parameter.name}: ")
            assert f"{parameter.item} {parameter.name}  (" in asked["text"]
            assert "aceita" in asked["text"]
            assert asked["buttons"]
        await chat.tap("Deixar como está", "Revisão")
    after = await draft_of(household)
    assert after is not None
    changed = {name for name in after.answers if after.answers[name] != before.answers.get(name)}
    assert changed <= {"_seen"}


async def test_an_answer_of_4096_characters_loses_nothing(household: Household, chat: Chat) -> None:
    await to_item_1(chat)
    await chat.ask("x" * 4096, "⚠️ 1 qty_inicial")
    draft = await draft_of(household)
    assert draft is not None
    assert draft.cursor == "ask:qty_inicial"


async def test_an_ambiguous_number_is_asked_back_with_two_buttons(household: Household, chat: Chat) -> None:
    await to_item_1(chat)
    asked = await chat.ask("1.000", "pode ser 1 ou 1.000")
    assert labels(asked)[:2] == ["Usar 1", "Usar 1.000"]
    await chat.tap("Usar 1.000", "✓ 1 qty_inicial = 1.000")


async def test_half_of_everything_is_asked_back_as_percent_or_fraction(
    household: Household, chat: Chat
) -> None:
    await to_review(chat)
    await to_field(chat, "lucro_alvo_inicial")
    asked = await chat.ask("0,5", "50%")
    assert labels(asked)[:2] == ["Usar 50%", "Usar 0,5%"]
    await chat.tap("Usar 0,5%", "✓ 2 lucro_alvo_inicial = 0,5%")


async def test_back_shows_the_earlier_answer_and_keeps_it(household: Household, chat: Chat) -> None:
    await to_item_1(chat)
    await chat.ask("450", "1.1 multiplicador_qty")
    asked = await chat.tap("Voltar", "1 qty_inicial")
    assert "Agora: 450" in asked["text"]
    await chat.tap("Usar 450", "✓ 1 qty_inicial = 450")


async def test_a_field_is_changed_from_the_review_and_the_card_shows_it(
    household: Household, chat: Chat
) -> None:
    await to_review(chat)
    await to_field(chat, "saldo_limite")
    card = await chat.ask("2500,75", "✓ 5 saldo_limite = 2.500,75")
    assert "5 saldo_limite: 2.500,75" in card["text"]
    await chat.tap("✎ ambiente", "Em qual")
    await chat.tap("sandbox-bybit", "Par")
    await chat.tap("BTCUSDT", "Revisão")


async def test_an_unknown_pair_is_asked_again_with_one_that_trades(household: Household, chat: Chat) -> None:
    await chat.ask("/newstrategy", "🧪")
    await chat.tap("sandbox-bybit", "ETHUSDT")
    for bad in ("NOPEUSDT", "💰", "x" * 100):
        asked = await chat.ask(bad, "⚠️ par")
        assert "BTCUSDT" in asked["text"]
        assert labels(asked)[0] == "BTCUSDT"
    await chat.ask("btc-usdt", "1 qty_inicial")


async def test_an_exchange_out_of_reach_loses_nothing(household: Household, chat: Chat) -> None:
    await chat.ask("/newstrategy", "🧪")
    await chat.tap("sandbox-bybit", "ETHUSDT")
    household.venue.faults.add(RequestFault("/v5/market/instruments-info", Answer.HTTP, count=9))
    asked = await chat.tap("BTCUSDT", "não responde agora")
    household.venue.faults.clear()
    assert "Par" in asked["text"]
    await chat.tap("BTCUSDT", "1 qty_inicial")


async def test_a_photo_is_no_answer(household: Household, chat: Chat) -> None:
    await to_item_1(chat)
    photo = [{"file_id": "a", "file_unique_id": "b", "width": 1, "height": 1}]
    message = {"message_id": 9000, "date": 1_700_000_000, "chat": CHAT, "from": ANA, "photo": photo}
    await chat.again(900_001, message=message)
    assert any("Digite a resposta em texto" in m["text"] for m in await household.messages())
    await chat.ask("444", "1.1 multiplicador_qty")


async def test_curves_are_chosen_beside_their_items(household: Household, chat: Chat) -> None:
    await to_item_1(chat)
    await chat.tap("Usar 300", "1.1 multiplicador_qty")
    await chat.tap("Curva", "potencia")
    await chat.tap("potencia", "expoente")
    await chat.tap("Valor final", "qty_maxima")
    await chat.ask("muito", "⚠️")
    await chat.ask("500,5", "potencia → 500,5")
    await chat.ask("2", "✓ 1.1 multiplicador_qty = 2")
    await chat.tap("Padrões no resto", "curva potencia → 500,5")
    await to_field(chat, "multiplicador_lucro")
    await chat.tap("Curva", "spline")
    await chat.tap("spline", "3 pontos")
    await chat.ask("0: 3,5%; 20: 1%", "pelo menos 3 pontos")
    await chat.ask("0: 3,5%; 10: 2%; 19: 1%", "do degrau 0 ao 20")
    await chat.ask("0: 3,5%; 10: 2%; 20: 1%", "spline 0: 3,5%")
    await chat.tap("Deixar como está", "Revisão")
    await chat.tap("7 Plano", "Nada nela fere")
    await chat.tap("8 Salvar", "8 salvar_estrategia")
    await chat.tap("Usar BTC", "9 executar")
    assert household.app is not None
    (saved,) = await household.app.service.strategies(await household.person())
    assert saved.params.curva_qty == CurveChoice(Curve.POWER, Decimal("500.5"))
    assert saved.params.curva_lucro.points[1] == (10, Decimal("0.02"))


def test_yes_or_no_is_the_last_question() -> None:
    assert PARAMETERS[-1].kind is Kind.YES_NO
