"""Whatever a person sends, the form stands where it stood, says what would pass, and nothing breaks."""

import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from bot.domain.params import PARAMETERS, Kind, Parameter
from bot.errors import InvalidInput
from bot.ports import Role
from bot.sandbox.telegram_html import parse_html
from handlers.form import Form, Step, typed_value
from handlers.form_views import question
from handlers.texts import texts_for
from tests.handlers.household import Household, a_household
from tests.handlers.setup_talk import ANA, CHAT, Chat, draft_of, labels, saved, to_item_1

TEXTS = ("trezentos", "NaN", "-NaN", "Infinity", "-Infinity", "1e400", "1e-400")
SIGNS = ("-1", "-0.5", "- 5", "9" * 60, "0." + "0" * 40 + "1")
MARKUP = (
    "<b>300</b>",
    "</b></i>",
    "&lt;",
    "<script>alert(1)</script>",
    "🤑",
    "👨‍👩‍👧",
    "٣٠٠",
    "1.2.3,4",
    "{0}",
)
MANY = 1_000
NOT_YES = ("talvez", "2", "-1", "<b>s</b>", "🤑", "NaN")


@pytest.fixture
async def household(tmp_path: Path) -> AsyncIterator[Household]:
    """Served however many messages come: the quota has tests of its own."""
    async with a_household(tmp_path, max_commands_a_minute=MANY) as opened:
        yield opened


@pytest.fixture
async def chat(household: Household) -> AsyncIterator[Chat]:
    yield Chat(household)


LONG = ("x" * 5000, "9" * 5000, "<b>" * 1700, "🤑" * 2500)


@pytest.mark.parametrize("parameter", PARAMETERS, ids=lambda p: p.name)
def test_every_field_refuses_what_is_no_value_for_it_in_words_telegram_takes(parameter: Parameter) -> None:
    form = Form().at(Step.EDIT, parameter.name)
    bad = NOT_YES if parameter.kind is Kind.YES_NO else (*TEXTS, *SIGNS, *MARKUP)
    zero = () if parameter.name in ZERO_PASSES else ("0", "0,0", "-0")
    for text in (*bad, *zero, *LONG):
        with pytest.raises(InvalidInput) as refused:
            form.answered(parameter.name, typed_value(parameter.name, text))
        for locale in ("pt_BR", "en"):
            screen = question(texts_for(locale), form, parameter.name, (), wrong=refused.value)
            shown = parse_html(screen.text)[0]
            assert shown.startswith(f"⚠️ {parameter.item} {parameter.name}: "), (text, shown)
            assert len(shown) < 1000


ZERO_PASSES = {"taxa", "saldo_limite", "limite_recompras", "lucro_reaplicar"}


async def test_five_thousand_characters_come_as_two_messages_and_each_is_answered(
    household: Household, chat: Chat
) -> None:
    await to_item_1(chat)
    before = len(await household.messages())
    await household.say("x" * 5000)
    await household.settled()
    told = [m for m in (await household.messages())[before:] if m["from"] == "bot"]
    assert len(told) == 2
    assert all("⚠️ 1 qty_inicial: " in m["text"] for m in told)
    await chat.ask("444", "1.1 multiplicador_qty")


async def test_names_pairs_and_curves_refuse_the_same(household: Household, chat: Chat) -> None:
    await chat.ask("/newstrategy", "🧪")
    for text in ("nenhuma", "-1", "<b>bybit</b>", "🤑", "x" * 4096):
        await chat.ask(text, "⚠️ ambiente")
    await chat.tap("sandbox-bybit", "ETHUSDT")
    for text in ("", " ", "-1", "<b>BTC</b>", "🤑", "x" * 4096, "NaN"):
        if text.strip():
            await chat.ask(text, "⚠️ par")
    await chat.tap("BTCUSDT", "1 qty_inicial")
    await chat.tap("Usar 300", "1.1 multiplicador_qty")
    await chat.tap("Curva", "potencia")
    await chat.tap("spline", "3 pontos")
    for text in (
        "NaN",
        "0:NaN; 1:2; 20:3",
        "0:-5; 10:1; 20:2",
        "0:300",
        "<b>",
        "🤑",
        "9:9;" * 900,
        "-1:5;2:6;20:7",
    ):
        await chat.ask(text, "⚠️")
    await chat.tap("Voltar", "1.1 multiplicador_qty")
    await chat.tap("Padrões no resto", "Revisão")
    await chat.tap("8 Salvar", "8 salvar_estrategia")
    for text in ("x" * 65, "a\nb", "x" * 4096):
        await chat.ask(text, "⚠️ nome")
    await chat.ask("<b>ok</b> 🤑", "9 executar")


TYPED = (
    *TEXTS,
    *SIGNS,
    *MARKUP,
    "0",
    "%s",
    "a:b:c",
    "' OR 1=1 --",
    "../../etc/passwd",
    "2022-13-45 2022-01-01",
)


async def to_pair(household: Household, chat: Chat) -> None:
    await household.forge("v1:bt_pair:1")
    await household.wait_for("Em qual par")


async def to_dates(household: Household, chat: Chat) -> None:
    await household.forge("v1:bt_dates:1:BTCUSDT")
    await household.wait_for("De quando até quando")


async def to_rename(household: Household, chat: Chat) -> None:
    await household.forge("v1:rename:1")
    await household.wait_for("novo nome")


async def to_search(household: Household, chat: Chat) -> None:
    await household.forge("v1:search")
    await household.wait_for("rocurar")


PLACES = {"pair": to_pair, "dates": to_dates, "rename": to_rename, "search": to_search}


@pytest.mark.parametrize("place", PLACES)
async def test_what_is_typed_outside_the_form_is_answered_too(
    household: Household, chat: Chat, place: str
) -> None:
    await household.ask("/start", "Trader")
    await household.strategy("lenta")
    for text in (*TYPED, *LONG):
        await PLACES[place](household, chat)
        before = max(m["message_id"] for m in await household.messages())
        await household.say(text)
        await household.settled()
        told = [m for m in await household.messages() if m["message_id"] > before and m["from"] == "bot"]
        assert told, text
        assert not _failed(told), text
    assert household.app is not None
    assert len(await household.app.service.strategies(await household.person())) == 1
    assert household.app.backtests.queue.of(1) is None


async def test_what_stands_behind_a_command_is_answered_too(household: Household, chat: Chat) -> None:
    await household.ask("/start", "Trader")
    await household.strategy("lenta")
    for command in ("timezone", "start", "strategies", "backtest", "optimize", "stop", "profit", "language"):
        for text in (*TYPED, "x" * 4000):
            before = max(m["message_id"] for m in await household.messages())
            await household.say(f"/{command} {text}")
            await household.settled()
            told = [m for m in await household.messages() if m["message_id"] > before and m["from"] == "bot"]
            assert told, (command, text)
            assert not _failed(told), (command, text)


STICKER = {"file_id": "s", "file_unique_id": "t", "width": 9, "height": 9, "is_animated": False}
OTHER: dict[str, dict[str, Any]] = {
    "voice": {"voice": {"file_id": "v", "file_unique_id": "w", "duration": 1}},
    "sticker": {"sticker": {**STICKER, "is_video": False, "type": "regular"}},
    "place": {"location": {"longitude": 1.0, "latitude": 2.0}},
    "contact": {"contact": {"phone_number": "1", "first_name": "x"}},
    "dice": {"dice": {"emoji": "🎲", "value": 3}},
    "photo": {"photo": [{"file_id": "a", "file_unique_id": "b", "width": 1, "height": 1}]},
}


async def test_what_is_no_text_is_no_answer_and_the_question_stands(household: Household, chat: Chat) -> None:
    await to_item_1(chat)
    before = await draft_of(household)
    for number, content in enumerate(OTHER.values()):
        message = {
            "message_id": 9000 + number,
            "date": int(time.time()) + 1,
            "chat": CHAT,
            "from": ANA,
            **content,
        }
        await chat.again(900_001 + number, message=message)
        assert "Digite a resposta em texto" in (await household.messages())[-1]["text"]
    assert await draft_of(household) == before
    await household.say("/cancelar")
    await household.wait_for("Cancelado")
    for number, content in enumerate(OTHER.values()):
        message = {
            "message_id": 9100 + number,
            "date": int(time.time()) + 1,
            "chat": CHAT,
            "from": ANA,
            **content,
        }
        await chat.again(900_101 + number, message=message)
        assert (await household.messages())[-1]["buttons"]


async def test_an_edited_message_changes_nothing_and_a_forwarded_one_is_a_message(
    household: Household, chat: Chat
) -> None:
    await to_item_1(chat)
    await chat.ask("444", "1.1 multiplicador_qty")
    typed = [m for m in await household.messages() if m["from"] != "bot"][-1]
    await household._post("edit", user=1, message_id=typed["message_id"], text="999")
    await household.settled()
    draft = await draft_of(household)
    assert draft is not None
    assert (draft.answers["qty_inicial"], draft.cursor) == ("444", "ask:multiplicador_qty")
    origin = {"type": "hidden_user", "sender_user_name": "x", "date": 1_600_000_000}
    message = {"message_id": 9000, "date": 1_700_000_000, "chat": CHAT, "from": ANA, "text": "1,07"}
    await chat.again(900_001, message={**message, "forward_origin": origin})
    draft = await draft_of(household)
    assert draft is not None
    assert draft.answers["multiplicador_qty"] == "1.07"


DEAD = (
    "v1:ns:set:qty_inicial:9",
    "v1:ns:nothing",
    "v1:ns",
    "v1:edit",
    "v1:edit:x",
    "v1:clone:999999",
    "v1:rename:" + "9" * 40,
    "v1:strategy:0",
    "v1:strategies:99999:zz",
    "v1:strategies:-1",
    "v1:delete_yes:1:x",
    "v1:plan:",
    "v1:file:1:exe",
    "v1:run_yes:1",
    "v0:run:1",
    "nonsense",
    "v1:run:٣",
)


async def test_dead_and_forged_buttons_do_nothing_and_break_nothing(household: Household, chat: Chat) -> None:
    await saved(chat)
    await chat.tap("Agora não", "10 configurar")
    await chat.tap("Era só isso", "Certo")
    for carried in DEAD:
        await household.forge(carried)
        await household.settled()
    messages = await household.messages()
    assert not _failed(messages)
    assert household.app is not None
    assert len(await household.app.service.strategies(await household.person())) == 1


async def test_unknown_commands_are_told_of_the_known_ones(household: Household, chat: Chat) -> None:
    for text in ("/naoexiste", "/strategies@outro_bot x" * 200, "/", "//", "/🤑", "/newstrategy@"):
        await household.say(text)
        await household.settled()
    assert not _failed(await household.messages())
    asked = await chat.ask("/naoexiste", "comando")
    assert labels(asked)


async def test_two_people_at_once_keep_their_forms_apart(household: Household, chat: Chat) -> None:
    assert household.app is not None
    await household.ask("/start", "Trader")
    await household.app.store.add_person(chat_id=2, name="Bob", locale="en", role=Role.USER)
    await to_item_1(chat)
    await to_item_1(chat, 2)
    for number in range(3):
        await household.say(f"4{number}0")
        await household.say(f"5{number}0", 2)
        await household.settled()
        await chat.tap("Voltar", "1 qty_inicial")
        await chat.tap("Back", "1 qty_inicial", 2)
    mine, theirs = await draft_of(household), await draft_of(household, 2)
    assert mine is not None
    assert theirs is not None
    assert (mine.answers["qty_inicial"], theirs.answers["qty_inicial"]) == ("420", "520")


def _failed(messages: list[dict[str, Any]]) -> list[str]:
    """Messages of a handler that broke."""
    words = texts_for("pt_BR")("error.unknown", reference="").split("\n")[0][:20]
    return [m["text"] for m in messages if m["text"].startswith(words)]


@pytest.mark.parametrize(
    ("locale", "words"), [("pt_BR", "escreva 350%, ou 3,5% se"), ("en", "350%, or 3.5% if")]
)
def test_a_percentage_is_offered_as_its_language_writes_it(locale: str, words: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        typed_value("lucro_alvo_inicial", "3.5")
    form = Form().at(Step.EDIT, "lucro_alvo_inicial")
    screen = question(texts_for(locale), form, "lucro_alvo_inicial", (), wrong=refused.value)
    assert words in parse_html(screen.text)[0]
