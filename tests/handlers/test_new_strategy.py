"""The whole setup conversation: the real program, by updates over HTTP."""

import asyncio
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from telegram import Update

from bot.domain.params import PARAMETERS, Curve, CurveChoice, Kind, StrategyParams
from bot.ports import Draft, Role, RunStatus
from bot.sandbox.exchange_faults import Answer, RequestFault
from tests.handlers.household import PASSWORD, SECONDS, Household, Message

PT, EN = "pt_BR", "en"
LABELS = {
    PT: {"rest": "Padrões no resto", "plan": "7 Plano", "save": "8 Salvar", "use": "Usar BTC 300 1%"}
    | {"run": "9 Executar", "yes": "Executar em simulação", "done": "Era só isso"},
    EN: {"rest": "Defaults for the rest", "plan": "7 Plan", "save": "8 Save", "use": "Use BTC 300 1%"}
    | {"run": "9 Run", "yes": "Run in simulation", "done": "That was all"},
}
SAID = {
    PT: {"review": "Revisão", "fine": "Nada nela fere", "cost": "Custo total", "started": "está rodando"}
    | {"sim": "SIMULAÇÃO", "over": "Certo."},
    EN: {"review": "Review", "fine": "Nothing in it breaks", "cost": "Total cost", "started": "is running"}
    | {"sim": "SIMULATION", "over": "All right."},
}


class Chat:
    """Waits for new messages only: an answered question is edited too, for its buttons go."""

    def __init__(self, home: Household) -> None:
        self.home = home

    async def ask(self, text: str, part: str, user: int = 1) -> Message:
        last = await self._last(user)
        await self.home.say(text, user)
        return await self.wait_for(part, last, user)

    async def tap(self, label: str, part: str, user: int = 1, *, exactly: bool = False) -> Message:
        """Press the last button whose label contains this, or is this."""
        last = await self._last(user)
        for message in reversed(await self.home.messages(user)):
            for found in labels(message):
                if found == label or (label in found and not exactly):
                    body = {"user": user, "message_id": message["message_id"], "text": found}
                    await self.home._post("press", **body)
                    return await self.wait_for(part, last, user)
        raise AssertionError(f"no button {label!r}: {await self.home.buttons(user)}")

    async def wait_for(self, part: str, last: int, user: int = 1) -> Message:
        fresh: list[Message] = []
        try:
            async with asyncio.timeout(SECONDS):
                while True:
                    fresh = [m for m in await self.home.messages(user) if m["message_id"] > last]
                    for message in fresh:
                        if message["from"] == "bot" and part in message["text"]:
                            return message
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"{part!r} never came; there was {[m['text'] for m in fresh]}") from None

    async def again(self, update_id: int, **update: Any) -> None:
        """Hand an update over as the inbox does after a crash."""
        assert self.home.app is not None
        application = self.home.app.application
        await application.process_update(Update.de_json({"update_id": update_id, **update}, application.bot))

    async def _last(self, user: int) -> int:
        return max((m["message_id"] for m in await self.home.messages(user)), default=0)


@pytest.fixture
def chat(household: Household) -> Chat:
    return Chat(household)


async def to_item_1(chat: Chat, user: int = 1) -> Message:
    """Two presses: the environment and the pair."""
    await chat.ask("/newstrategy", "🧪", user)
    await chat.tap("sandbox-bybit", "ETHUSDT", user)
    return await chat.tap("BTCUSDT", "1 qty_inicial", user)


async def to_review(chat: Chat) -> Message:
    await to_item_1(chat)
    return await chat.tap("Padrões no resto", "Revisão")


async def to_field(chat: Chat, name: str) -> Message:
    """From the review card to one field's question."""
    item = next(p.item for p in PARAMETERS if p.name == name)
    return await chat.tap(f"✎ {item}", f"{item} {name}  (", exactly=True)


async def draft_of(home: Household, user: int = 1) -> Draft | None:
    assert home.app is not None
    return await home.app.service.draft(await home.person(user))


def labels(message: Message) -> list[str]:
    return [b["text"] for row in message["buttons"] for b in row]


@pytest.mark.parametrize("locale", [PT, EN])
async def test_by_defaults_eight_presses_lead_to_a_running_strategy(
    household: Household, chat: Chat, locale: str
) -> None:
    await household.ready()
    assert household.app is not None
    service, person = household.app.service, await household.person()
    await service.set_locale(person, locale)
    press, said = LABELS[locale], SAID[locale]
    await to_item_1(chat)
    await chat.tap(press["rest"], said["review"])
    await chat.tap(press["plan"], said["fine"])
    photos = [m for m in await household.messages() if m["photo"]]
    assert len(photos) == 1
    assert said["cost"] in photos[0]["text"]
    await chat.tap(press["save"], "8 salvar_estrategia")
    await chat.tap(press["use"], "9 executar_estrategia")
    document = next(m for m in await household.messages() if m["document"])
    assert document["document"]["name"].endswith(".js")
    asked = await chat.tap(press["run"], said["sim"])
    for part in ("sandbox-bybit", "BTCUSDT", "SIM"):
        assert part in asked["text"]
    for money in ("300,00", "4.791,83", "5.000,00") if locale == PT else ("300.00", "4,791.83", "5,000.00"):
        assert money in asked["text"]
    await chat.tap(press["yes"], said["started"])
    await chat.tap(press["done"], said["over"])
    (saved,) = await service.strategies(person)
    assert saved.status is RunStatus.RUNNING
    assert saved.params == StrategyParams()
    assert await draft_of(household) is None


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


async def test_an_answer_of_5000_characters_or_a_photo_loses_nothing(
    household: Household, chat: Chat
) -> None:
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


async def test_a_restart_resumes_at_the_same_question_with_every_answer(
    household: Household, chat: Chat
) -> None:
    await to_item_1(chat)
    await chat.ask("444", "1.1 multiplicador_qty")
    await household.restart()
    await chat.ask("1,07", "✓ 1.1 multiplicador_qty = 1,07")
    await household.restart()
    await chat.tap("Padrões no resto", "qty_inicial: 444")
    await household.restart()
    await chat.tap("8 Salvar", "8 salvar_estrategia")
    await household.restart()
    await chat.ask("quatro quatro", "9 executar_estrategia")
    await household.restart()
    await chat.tap("Agora não", "10 configurar")


async def test_a_left_draft_is_offered_and_can_be_thrown_away(household: Household, chat: Chat) -> None:
    await to_item_1(chat)
    await chat.ask("444", "1.1 multiplicador_qty")
    offered = await chat.ask("/newstrategy", "pela metade")
    assert "1.1 multiplicador_qty" in offered["text"]
    await chat.ask("555", "Toque num dos botões")
    await chat.tap("Continuar", "1.1 multiplicador_qty")
    await chat.ask("/newstrategy", "pela metade")
    await chat.tap("Começar de novo", "🧪")
    draft = await draft_of(household)
    assert draft is not None
    assert draft.answers == {}


CHAT = {"id": 1, "type": "private", "first_name": "Ana"}
ANA = {"id": 1, "is_bot": False, "first_name": "Ana"}


def pressed(message: Message, carried: str) -> dict[str, Any]:
    on = {"message_id": message["message_id"], "date": 1_700_000_000, "chat": CHAT, "text": message["text"]}
    return {"id": "77", "from": ANA, "chat_instance": "1", "message": on, "data": carried}


async def test_an_answered_question_loses_its_buttons(household: Household, chat: Chat) -> None:
    old = await to_item_1(chat)
    await chat.tap("Usar 300", "1.1 multiplicador_qty")
    left = next(m for m in await household.messages() if m["message_id"] == old["message_id"])
    assert left["buttons"] == []
    assert left["text"] == old["text"]


async def test_a_press_on_an_old_question_changes_nothing(household: Household, chat: Chat) -> None:
    """Two quick presses: the second is on its way when the buttons go."""
    old = await to_item_1(chat)
    await chat.tap("Usar 300", "1.1 multiplicador_qty")
    before = await draft_of(household)
    for carried in ("v1:ns:rest:qty_inicial", "v1:ns:set:qty_inicial:999", "v1:ns:cancel", "v1:ns:plan"):
        await chat.again(900_001, callback_query=pressed(old, carried))
    assert await draft_of(household) == before
    assert before is not None
    assert before.cursor == "ask:multiplicador_qty"


async def test_a_press_that_is_delivered_twice_counts_once(household: Household, chat: Chat) -> None:
    """A crash after the answer was kept and before the next question was sent: the same press comes again."""
    old = await to_item_1(chat)
    await chat.tap("Usar 300", "1.1 multiplicador_qty")
    draft = await draft_of(household)
    assert draft is not None
    assert household.app is not None
    await household.app.service.save_draft(replace(draft, message_id=old["message_id"]))
    await chat.again(900_001, callback_query=pressed(old, "v1:ns:back:qty_inicial"))
    after = await draft_of(household)
    assert after is not None
    assert after.cursor == "ask:multiplicador_qty"


async def test_a_button_of_another_version_or_a_closed_form_is_answered(
    household: Household, chat: Chat
) -> None:
    old = await to_item_1(chat)
    for carried in (
        "v1:ns:teleport",
        "v1:ns",
        "v1:ns:set",
        "v1:ns:edit:nothing",
        "v1:ns:set:qty_inicial:NaN",
    ):
        await chat.again(900_001, callback_query=pressed(old, carried))
    await chat.tap("Cancelar", "Cancelado")
    await chat.again(900_002, callback_query=pressed(old, "v1:ns:rest:qty_inicial"))
    assert await draft_of(household) is None
    assert not any("número:" in m["text"] for m in await household.messages())


async def test_a_typed_answer_that_is_delivered_twice_counts_once(household: Household, chat: Chat) -> None:
    """A crash between answer and question: the inbox hands the same update over again."""
    await to_item_1(chat)
    await chat.ask("444", "1.1 multiplicador_qty")
    draft = await draft_of(household)
    assert draft is not None
    message = {"message_id": 9000, "date": 1_700_000_000, "chat": CHAT, "from": ANA, "text": "444"}
    await chat.again(int(draft.answers["_seen"]), message=message)
    after = await draft_of(household)
    assert after is not None
    assert after.cursor == "ask:multiplicador_qty"
    assert "multiplicador_qty" not in after.answers


async def test_a_photo_is_no_answer(household: Household, chat: Chat) -> None:
    await to_item_1(chat)
    photo = [{"file_id": "a", "file_unique_id": "b", "width": 1, "height": 1}]
    message = {"message_id": 9000, "date": 1_700_000_000, "chat": CHAT, "from": ANA, "photo": photo}
    await chat.again(900_001, message=message)
    assert any("Digite a resposta em texto" in m["text"] for m in await household.messages())
    await chat.ask("444", "1.1 multiplicador_qty")


async def test_two_people_at_once_do_not_mix(household: Household, chat: Chat) -> None:
    assert household.app is not None
    await household.app.store.add_person(chat_id=2, name="Bob", locale=EN, role=Role.USER)
    await to_item_1(chat)
    await to_item_1(chat, user=2)
    await chat.ask("444", "1.1 multiplicador_qty")
    await chat.ask("555", "1.1 multiplicador_qty", user=2)
    hers, his = await draft_of(household), await draft_of(household, 2)
    assert hers is not None
    assert his is not None
    assert (hers.answers["qty_inicial"], his.answers["qty_inicial"]) == ("444", "555")
    review = await chat.tap("Defaults for the rest", "Review", user=2)
    assert "qty_inicial: 555" in review["text"]


@pytest.mark.parametrize("command", ["/cancel", "/cancelar"])
async def test_cancel_ends_it_anywhere_and_forgets_the_draft(
    household: Household, chat: Chat, command: str
) -> None:
    await to_item_1(chat)
    await chat.ask(command, "Cancelado")
    assert await draft_of(household) is None
    await to_review(chat)
    await chat.tap("Cancelar", "Cancelado")
    assert await draft_of(household) is None
    assert not any("Padrões" in label for label in await household.buttons())


async def test_a_plan_under_the_minimum_cannot_be_saved_until_mended(
    household: Household, chat: Chat
) -> None:
    await to_review(chat)
    await to_field(chat, "qty_inicial")
    await chat.ask("2", "✓ 1 qty_inicial = 2")
    planned = await chat.tap("7 Plano", "Assim não pode")
    assert "8 Salvar" not in labels(planned)
    card = await chat.tap("Alterar", "Revisão")
    refused = await chat.tap("8 Salvar", "Assim não pode")
    assert "no mínimo" in refused["text"]
    assert card["message_id"] != refused["message_id"]
    await to_field(chat, "qty_inicial")
    await chat.ask("100", "✓ 1 qty_inicial = 100")
    await chat.tap("8 Salvar", "8 salvar_estrategia")


async def test_names_are_suggested_once_and_never_used_twice(household: Household, chat: Chat) -> None:
    await household.strategy("BTC 300 1%")
    await to_review(chat)
    asked = await chat.tap("8 Salvar", "8 salvar_estrategia")
    assert "Usar BTC 300 1% (2)" in labels(asked)
    await chat.ask("BTC 300 1%", "9 executar")  # the very same strategy, saved before: not a second one
    assert household.app is not None
    assert len(await household.app.service.strategies(await household.person())) == 1
    await chat.tap("Agora não", "10 configurar")
    await chat.tap("Outra", "🧪")
    await chat.tap("sandbox-bybit", "ETHUSDT")
    await chat.tap("BTCUSDT", "1 qty_inicial")
    await chat.ask("301", "1.1")
    await chat.tap("Padrões no resto", "Revisão")
    await chat.tap("8 Salvar", "8 salvar_estrategia")
    await chat.ask("BTC 300 1%", "Você já tem")
    await chat.ask("x" * 100, "⚠️ nome")
    await chat.ask("a <b>minha</b> & só", "9 executar")


async def test_not_saving_goes_on_to_another(household: Household, chat: Chat) -> None:
    await to_review(chat)
    await chat.tap("7 Plano", "Nada nela fere")
    await chat.tap("Não salvar", "Não foi salva")
    await chat.tap("Outra", "🧪")
    assert household.app is not None
    assert await household.app.service.strategies(await household.person()) == []


async def saved(chat: Chat) -> Message:
    await to_review(chat)
    await chat.tap("8 Salvar", "8 salvar_estrategia")
    return await chat.tap("Usar BTC", "9 executar")


async def status_of(home: Household) -> RunStatus:
    assert home.app is not None
    (found,) = await home.app.service.strategies(await home.person())
    return found.status


async def test_running_without_keys_says_so_and_keeps_the_strategy(household: Household, chat: Chat) -> None:
    await saved(chat)
    asked = await chat.tap("9 Executar", "preciso das chaves")
    assert "🔑 Chaves" in labels(asked)
    assert await status_of(household) is RunStatus.IDLE
    await household.ready()
    await chat.tap("9 Tentar", "SIMULAÇÃO")


async def test_running_with_a_locked_vault_says_so_and_keeps_the_strategy(
    household: Household, chat: Chat
) -> None:
    await household.ready()
    await saved(chat)
    await household.restart()
    asked = await chat.tap("9 Executar", "cofre precisa estar aberto")
    assert "🔓 Desbloquear" in labels(asked)
    assert await status_of(household) is RunStatus.IDLE
    await household.tap("Desbloquear", "senha")
    await household.ask(PASSWORD, "")
    await chat.tap("9 Tentar", "SIMULAÇÃO")


async def test_a_late_confirmation_is_asked_again(household: Household, chat: Chat) -> None:
    await household.ready()
    await saved(chat)
    old = await chat.tap("9 Executar", "SIMULAÇÃO")
    assert household.app is not None
    confirmations = household.app.application.bot_data["confirmations"]
    confirmations._open.clear()  # what 60 seconds do
    asked = await chat.tap("Executar em simulação", "venceu")
    assert "SIMULAÇÃO" in asked["text"]
    assert await status_of(household) is RunStatus.IDLE
    await chat.tap("Executar em simulação", "está rodando")
    assert await status_of(household) is RunStatus.RUNNING
    (carried,) = {b["data"] for row in old["buttons"] for b in row if "Executar" in b["text"]}
    await chat.again(900_001, callback_query=pressed(old, carried))


async def test_a_ladder_that_broke_a_rule_since_it_was_saved_is_not_run(
    household: Household, chat: Chat
) -> None:
    await household.ready()
    await household.strategy("pequena", qty_inicial=Decimal(2), saldo_limite=Decimal(0))
    assert household.app is not None
    service, person = household.app.service, await household.person()
    (small,) = await service.strategies(person)
    await to_item_1(chat)
    draft = await draft_of(household)
    assert draft is not None
    await service.save_draft(replace(draft, cursor=f"saved:{small.id}"))
    message = (await household.messages())[-1]
    await chat.again(900_001, callback_query=pressed(message, "v1:ns:run"))
    told = (await household.messages())[-1]
    assert "não pode rodar" in told["text"]
    assert "no mínimo" in told["text"]
    assert await status_of(household) is RunStatus.IDLE


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
