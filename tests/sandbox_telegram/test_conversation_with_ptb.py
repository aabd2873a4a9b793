"""The real python-telegram-bot holds a whole conversation with the stand-in, over HTTP."""

import io
from collections.abc import AsyncIterator

import pytest
from telegram import (
    BotCommandScopeAllPrivateChats,
    BotCommandScopeChat,
    CallbackQuery,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    Message,
    ReplyKeyboardMarkup,
    TelegramObject,
    Update,
)
from telegram.constants import ZERO_DATE, ParseMode
from telegram.error import BadRequest, Conflict, EndPointNotFound, Forbidden, InvalidToken, RetryAfter
from telegram.ext import Application, ApplicationBuilder, CallbackQueryHandler, CommandHandler


def builder(server, token=None):
    made = ApplicationBuilder().token(token or server.token)
    return made.base_url(f"{server.url}/bot").base_file_url(f"{server.url}/file/bot")


@pytest.fixture
async def client(sides) -> AsyncIterator[Application]:
    application = builder(sides.server).build()
    async with application:
        yield application.bot


def assert_known(thing: object) -> None:
    """No field that python-telegram-bot does not know, at any depth."""
    if isinstance(thing, TelegramObject):
        assert not thing.api_kwargs, (type(thing).__name__, thing.api_kwargs)
        for name in thing._get_attrs_names(include_private=False):
            assert_known(getattr(thing, name))
    elif isinstance(thing, list | tuple):
        for each in thing:
            assert_known(each)


async def test_a_polling_bot_is_started_pressed_edits_and_deletes(sides, wait_until):
    seen: list[object] = []

    async def start(update: Update, context) -> None:
        seen.append(update)
        keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Plan", callback_data="v1:plan:7")]])
        seen.append(await update.message.reply_html("<b>Hi</b> $BTC", reply_markup=keyboard))

    async def pressed(update: Update, context) -> None:
        query = update.callback_query
        seen.append(query)
        await query.answer("here it is")
        seen.append(await query.edit_message_text("plan: 1.000 USDT"))
        with pytest.raises(BadRequest, match="Message is not modified: specified new message content"):
            await query.edit_message_text("plan: 1.000 USDT")
        await context.bot.delete_message(query.message.chat_id, 1)

    application = builder(sides.server).build()
    application.add_handler(CommandHandler("start", start))
    application.add_handler(CallbackQueryHandler(pressed))
    async with application:
        await application.start()
        await application.updater.start_polling(timeout=25, bootstrap_retries=-1)
        await sides.send("/start")
        asked = await wait_until(lambda: shown(sides, "Hi $BTC"))
        assert asked["entities"] == [
            {"type": "bold", "offset": 0, "length": 2},
            {"type": "cashtag", "offset": 3, "length": 4},
        ]
        assert asked["buttons"] == [[{"text": "Plan", "data": "v1:plan:7"}]]
        await sides.press(asked["message_id"], "Plan")
        edited = await wait_until(lambda: shown(sides, "plan: 1.000 USDT"))
        assert edited["edited"] and edited["buttons"] == []
        await wait_until(lambda: deleted(sides, 1))
        await application.updater.stop()
        await application.stop()
    assert [type(each) for each in seen] == [Update, Message, CallbackQuery, Message]
    for each in seen:
        assert_known(each)
    assert seen[0].effective_user.language_code == "pt-br"


async def shown(sides, text):
    return next((m for m in await sides.messages() if m["text"] == text), None)


async def deleted(sides, message_id):
    return next(m for m in await sides.messages() if m["message_id"] == message_id)["deleted"]


async def test_files_go_down_and_up_and_are_sent_again_by_their_id(sides, client, picture):
    content = picture(640, 480)
    message = await client.send_photo(
        1, io.BytesIO(content), caption="<i>ladder</i>", parse_mode=ParseMode.HTML
    )
    assert_known(message)
    assert (message.photo[-1].width, message.photo[-1].height) == (640, 480)
    assert message.caption_html == "<i>ladder</i>"
    again = await client.send_photo(1, message.photo[-1].file_id)
    assert again.photo[-1].file_unique_id == message.photo[-1].file_unique_id

    document = await client.send_document(1, io.BytesIO(b"module.exports = {};"), filename="plano é.js")
    assert_known(document)
    assert document.document.file_name == "plano é.js"
    file = await document.document.get_file()
    assert_known(file)
    assert bytes(await file.download_as_bytearray()) == b"module.exports = {};"

    edited = await client.edit_message_media(
        InputMediaPhoto(io.BytesIO(picture(10, 20))), 1, message.message_id
    )
    assert_known(edited)
    assert edited.photo[-1].height == 20
    captioned = await client.edit_message_caption(1, document.message_id, caption="corrected")
    assert captioned.caption == "corrected"


async def test_the_command_menu_follows_scope_and_language(sides, client):
    await client.set_my_commands(
        [("/start", "Begin"), ("status", "How it goes")], BotCommandScopeAllPrivateChats()
    )
    await client.set_my_commands([("start", "Começar")], BotCommandScopeAllPrivateChats(), language_code="pt")
    assert [c["description"] for c in (await sides.get("state?user=1"))["commands"]] == ["Começar"]
    assert [c["command"] for c in (await sides.get("state?user=2"))["commands"]] == ["start", "status"]
    await client.set_my_commands([("invite", "Let somebody in")], BotCommandScopeChat(2))
    assert [c["command"] for c in (await sides.get("state?user=2"))["commands"]] == ["invite"]
    await client.delete_my_commands(BotCommandScopeChat(2))
    mine = await client.get_my_commands(BotCommandScopeAllPrivateChats())
    assert [c.command for c in mine] == ["start", "status"]


async def test_everything_that_is_answered_has_only_fields_the_library_knows(sides, client):
    sent = await client.send_message(
        1,
        "x",
        protect_content=True,
        disable_notification=True,
        reply_to_message_id=1,
        link_preview_options={"is_disabled": True},
    )
    assert sent.has_protected_content and sent.reply_to_message.text == "/start"
    await client.pin_chat_message(1, sent.message_id)
    for answer in (
        sent,
        await client.get_me(),
        await client.get_chat(1),
        await client.get_webhook_info(),
        await client.get_chat_menu_button(1),
        await client.get_my_name(),
        await client.get_my_description(),
        await client.get_my_short_description(),
        await client.edit_message_text("y", 1, sent.message_id),
    ):
        assert_known(answer)
    assert await client.unpin_chat_message(1, sent.message_id)
    assert await client.send_chat_action(1, "typing")
    assert await client.delete_messages(1, [1, sent.message_id])


async def test_a_press_on_a_message_just_deleted_brings_an_inaccessible_one(sides, client):
    keyboard = InlineKeyboardMarkup([[InlineKeyboardButton("Go", callback_data="go")]])
    sent = await client.send_message(1, "x", reply_markup=keyboard)
    await client.delete_message(1, sent.message_id)
    await sides.press(sent.message_id, "Go")
    (update,) = await client.get_updates(timeout=0)
    assert_known(update)
    # the library makes a Message of it all the same: its date is the only mark
    assert update.callback_query.message.date == ZERO_DATE
    assert update.callback_query.message.text is None


async def test_a_block_arrives_as_my_chat_member_and_sends_are_forbidden(sides, client):
    await sides.post("user", {"user": 1, "blocked": True})
    (update,) = await client.get_updates(timeout=0)
    assert_known(update)
    change = update.my_chat_member
    assert (change.old_chat_member.status, change.new_chat_member.status) == ("member", "kicked")
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await client.send_message(1, "are you there?")


async def test_the_library_sees_its_own_errors(sides, client, monkeypatch):
    monkeypatch.setenv("PTB_TIMEDELTA", "1")
    with pytest.raises(EndPointNotFound):
        await client.do_api_request("sendRichMessage", {"chat_id": 1})
    stranger = builder(sides.server, "7000000000:" + "A" * 35).build().bot
    with pytest.raises(InvalidToken):
        await stranger.initialize()
    await stranger.shutdown()
    sides.server.faults.add("sendMessage", "429", retry_after=7)
    with pytest.raises(RetryAfter) as flood:
        await client.send_message(1, "x")
    assert flood.value.retry_after.total_seconds() == 7
    kept = ReplyKeyboardMarkup([["a", "b"]])
    sent = await client.send_message(1, "x", reply_markup=kept)
    with pytest.raises(BadRequest, match="Message can't be edited"):
        await client.edit_message_text("y", 1, sent.message_id)


async def test_a_second_poller_ends_the_first(sides, client, wait_until):
    import asyncio

    first = asyncio.create_task(client.get_updates(timeout=20))
    await wait_until(lambda: waiting(sides))
    second = asyncio.create_task(sides.updates(timeout=20))
    with pytest.raises(Conflict, match="terminated by other getUpdates request"):
        await first
    await sides.send("for the second")
    assert (await second)[0]["message"]["text"] == "for the second"


async def waiting(sides):
    return sides.server.world.updates.is_waiting
