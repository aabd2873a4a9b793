"""aiogram, a client that was not written for this stand-in, holds a whole conversation with it.

Its models are strict (pydantic): a missing or misshapen field of an answer fails here by itself; a field that the
library does not know is looked for by name.
"""

import asyncio
from collections.abc import AsyncIterator

import pytest
from pydantic import BaseModel

aiogram = pytest.importorskip("aiogram", reason="aiogram, a foreign client, is not installed")

from aiogram import Bot, Dispatcher, F  # noqa: E402 - only where it is installed
from aiogram.client.default import DefaultBotProperties  # noqa: E402
from aiogram.client.session.aiohttp import AiohttpSession  # noqa: E402
from aiogram.client.telegram import TelegramAPIServer  # noqa: E402
from aiogram.exceptions import (  # noqa: E402
    TelegramBadRequest,
    TelegramConflictError,
    TelegramForbiddenError,
    TelegramNotFound,
    TelegramRetryAfter,
    TelegramUnauthorizedError,
)
from aiogram.filters import Command  # noqa: E402
from aiogram.types import (  # noqa: E402
    BotCommand,
    BotCommandScopeAllPrivateChats,
    BufferedInputFile,
    CallbackQuery,
    ChatMemberBanned,
    ChatMemberMember,
    InaccessibleMessage,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaDocument,
    InputMediaPhoto,
    Message,
    Update,
)

PLAN = InlineKeyboardMarkup(inline_keyboard=[[InlineKeyboardButton(text="Plan", callback_data="plan")]])


@pytest.fixture
async def client(sides) -> AsyncIterator[Bot]:
    session = AiohttpSession(api=TelegramAPIServer.from_base(sides.server.url))
    made = Bot(sides.server.token, session=session, default=DefaultBotProperties(parse_mode="HTML"))
    yield made
    await session.close()


def assert_known(thing: object) -> None:
    """No field that aiogram does not know, at any depth: extra fields are kept by its models, so they show."""
    if isinstance(thing, BaseModel):
        assert not thing.model_extra, (type(thing).__name__, thing.model_extra)
        for name in type(thing).model_fields:
            assert_known(getattr(thing, name))
    elif isinstance(thing, list | tuple):
        for each in thing:
            assert_known(each)


async def test_aiogram_holds_a_whole_conversation_by_its_dispatcher(sides, client, wait_until):
    seen: list[object] = []
    dispatcher = Dispatcher()

    @dispatcher.message(Command("start"))
    async def start(message: Message) -> None:
        seen.append(message)
        seen.append(await message.answer("<b>Hi</b> $BTC", reply_markup=PLAN))

    @dispatcher.callback_query(F.data == "plan")
    async def pressed(query: CallbackQuery) -> None:
        seen.append(query)
        assert isinstance(query.message, Message)
        await query.answer("here it is", show_alert=True)
        seen.append(await query.message.edit_text("plan: <code>1.000 USDT</code>"))
        with pytest.raises(TelegramBadRequest, match="message is not modified: specified new message"):
            await query.message.edit_text("plan: <code>1.000 USDT</code>")
        with pytest.raises(TelegramBadRequest, match="query is too old and response timeout expired"):
            await query.answer("twice")
        await query.message.delete()

    polling = asyncio.create_task(
        dispatcher.start_polling(client, handle_signals=False, close_bot_session=False)
    )
    await sides.send("/start")
    asked = await wait_until(lambda: shown(sides, "Hi $BTC"))
    await sides.press(asked["message_id"], "Plan")
    await wait_until(lambda: gone(sides, asked["message_id"]))
    await dispatcher.stop_polling()
    await polling
    assert [type(each) for each in seen] == [Message, Message, CallbackQuery, Message]
    for each in seen:
        assert_known(each)
    assert (seen[0].from_user.language_code, seen[0].entities[0].type) == ("pt-br", "bot_command")
    assert (seen[3].html_text, seen[3].reply_markup) == ("plan: <code>1.000 USDT</code>", None)


async def shown(sides, text):
    return next((m for m in await sides.messages() if m["text"] == text), None)


async def gone(sides, message_id):
    return next(m for m in await sides.messages() if m["message_id"] == message_id)["deleted"]


async def test_aiogram_sends_and_fetches_photos_albums_and_documents(sides, client, picture, form):
    photo = await client.send_photo(1, BufferedInputFile(picture(64, 48), "p.png"), caption="<i>ladder</i>")
    assert (photo.photo[-1].width, photo.html_text) == (64, "<i>ladder</i>")
    again = await client.send_photo(1, photo.photo[-1].file_id)
    assert again.photo[-1].file_unique_id == photo.photo[-1].file_unique_id
    document = await client.send_document(1, BufferedInputFile(b"module.exports = {};", "plano é.js"))
    assert document.document.file_name == "plano é.js"
    changed = await client.edit_message_media(
        InputMediaDocument(media=BufferedInputFile(b"[]", "b.json"), caption="new"),
        chat_id=1,
        message_id=document.message_id,
    )
    assert (changed.document.file_name, changed.caption) == ("b.json", "new")
    album = await client.send_media_group(
        1,
        [
            InputMediaPhoto(media=BufferedInputFile(picture(9, 9), "a.png"), caption="<b>two</b>"),
            InputMediaPhoto(media=photo.photo[-1].file_id),
        ],
    )
    first, second = (message.media_group_id for message in album)
    assert first == second is not None
    for each in (photo, again, document, changed, *album):
        assert_known(each)
    upload = form({"user": "1", "caption": "mine", "file": ("mine.js", b"var x = 1")})
    async with sides.session.post(f"{sides.server.url}/chat/upload", data=upload, headers=sides.key) as sent:
        assert sent.status == 200
    (update,) = await client.get_updates()
    assert_known(update)
    file = await client.get_file(update.message.document.file_id)
    assert_known(file)
    fetched = await client.download_file(file.file_path)
    assert fetched is not None and fetched.read() == b"var x = 1"


async def test_aiogram_reads_back_what_it_sets(sides, client):
    me = await client.get_me()
    assert_known(me)
    english, portuguese = (BotCommand(command="status", description=d) for d in ("How it goes", "Como vai"))
    scope = BotCommandScopeAllPrivateChats()
    assert await client.set_my_commands([english], scope)
    assert await client.set_my_commands([portuguese], scope, language_code="pt")
    for language, wanted in ((None, english), ("pt", portuguese)):
        (kept,) = await client.get_my_commands(scope, language_code=language)
        assert kept.model_dump() == wanted.model_dump()
    assert await client.delete_my_commands(scope, language_code="pt")
    assert await client.get_my_commands(scope, language_code="pt") == []
    assert await client.set_my_description("Compra em quedas.")
    assert (await client.get_my_description()).description == "Compra em quedas."
    sent = await client.send_message(1, "card", disable_notification=True)
    assert await client.pin_chat_message(1, sent.message_id)
    chat = await client.get_chat(1)
    assert_known(chat)
    assert chat.pinned_message.message_id == sent.message_id
    assert_known(await client.get_chat_menu_button(chat_id=1))
    assert_known(await client.get_webhook_info())
    assert await client.send_chat_action(1, "typing")


async def test_aiogram_learns_of_a_block_and_of_a_message_that_is_gone(sides, client):
    sent = await client.send_message(1, "x", reply_markup=PLAN)
    assert await client.delete_message(1, sent.message_id)
    await sides.press(sent.message_id, "Plan")
    await sides.post("user", {"user": 1, "blocked": True})
    with pytest.raises(TelegramForbiddenError, match="Forbidden: bot was blocked by the user"):
        await client.send_message(1, "still there?")
    pressed, blocked = await client.get_updates()
    for update in (pressed, blocked):
        assert isinstance(update, Update)
        assert_known(update)
    assert isinstance(pressed.callback_query.message, InaccessibleMessage)
    change = blocked.my_chat_member
    assert isinstance(change.old_chat_member, ChatMemberMember)
    assert isinstance(change.new_chat_member, ChatMemberBanned)


async def test_aiogram_sees_its_own_error_classes(sides, client):
    sides.server.faults.add("sendMessage", "429", retry_after=7)
    with pytest.raises(TelegramRetryAfter) as flood:
        await client.send_message(1, "x")
    assert flood.value.retry_after == 7
    with pytest.raises(TelegramNotFound, match="method not found"):
        await client.send_dice(1)
    with pytest.raises(TelegramBadRequest, match="chat not found"):
        await client.send_message(77, "x")
    session = AiohttpSession(api=TelegramAPIServer.from_base(sides.server.url))
    stranger = Bot("7000000000:" + "A" * 35, session=session)
    with pytest.raises(TelegramUnauthorizedError):
        await stranger.get_me()
    await session.close()


async def test_a_second_aiogram_poller_ends_the_first(sides, client, wait_until):
    async def waits():
        return sides.server.world.updates.is_waiting

    first = asyncio.create_task(client.get_updates(timeout=20))
    await wait_until(waits)
    second = asyncio.create_task(sides.updates(timeout=20))
    with pytest.raises(TelegramConflictError, match="terminated by other getUpdates request"):
        await first
    await sides.send("for the second")
    assert len(await second) == 1
