"""pyTelegramBotAPI, a second foreign client, synchronous and fond of query strings, holds a whole conversation too.

Its calls run in threads. Its constructors take every required field as an argument of its own, so that an answer
without one fails here by itself.
"""

import asyncio
import io
import threading
from collections.abc import AsyncIterator

import pytest
import requests

telebot = pytest.importorskip("telebot", reason="pyTelegramBotAPI, a foreign client, is not installed")

from telebot import apihelper  # noqa: E402 - only where it is installed
from telebot.apihelper import ApiTelegramException  # noqa: E402
from telebot.types import (  # noqa: E402
    BotCommand,
    BotCommandScopeAllPrivateChats,
    InaccessibleMessage,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputFile,
    InputMediaDocument,
    InputMediaPhoto,
    Message,
)

PLAN = InlineKeyboardMarkup([[InlineKeyboardButton("Plan", callback_data="plan")]])


@pytest.fixture
async def client(sides, monkeypatch) -> AsyncIterator[telebot.TeleBot]:
    """The library keeps a session per thread and never closes it: here it sends through one that is closed."""
    session = requests.Session()
    monkeypatch.setattr(apihelper, "CUSTOM_REQUEST_SENDER", session.request)
    monkeypatch.setattr(apihelper, "API_URL", sides.server.url + "/bot{0}/{1}")
    monkeypatch.setattr(apihelper, "FILE_URL", sides.server.url + "/file/bot{0}/{1}")
    yield telebot.TeleBot(sides.server.token, parse_mode="HTML", threaded=False)
    session.close()


async def refused(call, *args, **kwargs) -> str:
    with pytest.raises(ApiTelegramException) as seen:
        await asyncio.to_thread(call, *args, **kwargs)
    return f"{seen.value.error_code} {seen.value.description}"


async def test_telebot_holds_a_whole_conversation_by_polling(sides, client, wait_until):
    seen: list[object] = []

    @client.message_handler(commands=["start"])
    def start(message):
        seen.append(message)
        seen.append(client.reply_to(message, "<b>Hi</b> $BTC", reply_markup=PLAN))

    @client.callback_query_handler(func=lambda query: query.data == "plan")
    def pressed(query):
        seen.append(query)
        client.answer_callback_query(query.id, "here it is")
        place = {"chat_id": query.message.chat.id, "message_id": query.message.message_id}
        seen.append(client.edit_message_text("plan: <code>1.000 USDT</code>", **place))
        with pytest.raises(ApiTelegramException, match="message is not modified: specified new message"):
            client.edit_message_text("plan: <code>1.000 USDT</code>", **place)
        with pytest.raises(ApiTelegramException, match="query is too old and response timeout expired"):
            client.answer_callback_query(query.id)
        client.delete_message(**place)

    poll = {"non_stop": False, "interval": 0, "timeout": 10, "long_polling_timeout": 1}
    polling = threading.Thread(target=client.polling, kwargs=poll)
    polling.start()
    try:
        await sides.send("/start")
        asked = await wait_until(lambda: shown(sides, "Hi $BTC"))
        await sides.press(asked["message_id"], "Plan")
        await wait_until(lambda: gone(sides, asked["message_id"]))
    finally:
        client.stop_polling()
        await asyncio.to_thread(polling.join)
    assert (seen[0].entities[0].type, seen[0].from_user.language_code) == ("bot_command", "pt-br")
    assert (seen[1].html_text, seen[1].reply_to_message.message_id) == ("<b>Hi</b> $BTC", seen[0].message_id)
    assert (seen[2].data, isinstance(seen[2].message, Message)) == ("plan", True)
    assert (seen[3].html_text, seen[3].reply_markup) == ("plan: <code>1.000 USDT</code>", None)


async def shown(sides, text):
    return next((m for m in await sides.messages() if m["text"] == text), None)


async def gone(sides, message_id):
    return next(m for m in await sides.messages() if m["message_id"] == message_id)["deleted"]


async def test_telebot_sends_and_fetches_photos_albums_and_documents(sides, client, picture, form):
    def talk():
        photo = client.send_photo(1, io.BytesIO(picture(64, 48)), caption="<i>ladder</i>")
        again = client.send_photo(1, photo.photo[-1].file_id)
        document = client.send_document(1, InputFile(io.BytesIO(b"one"), "plano é.js"))
        changed = client.edit_message_media(
            InputMediaDocument(InputFile(io.BytesIO(b"[]"), "b.json"), caption="new"), 1, document.message_id
        )
        album = client.send_media_group(
            1,
            [
                InputMediaPhoto(InputFile(io.BytesIO(picture(9, 9)), "a.png"), caption="<b>two</b>"),
                InputMediaPhoto(photo.photo[-1].file_id),
            ],
        )
        return photo, again, document, changed, album

    photo, again, document, changed, album = await asyncio.to_thread(talk)
    assert (photo.photo[-1].width, photo.html_caption) == (64, "<i>ladder</i>")
    assert again.photo[-1].file_unique_id == photo.photo[-1].file_unique_id
    assert document.document.file_name == "plano é.js"
    assert (changed.document.file_name, changed.caption) == ("b.json", "new")
    first, second = (message.media_group_id for message in album)
    assert first == second is not None
    upload = form({"user": "1", "file": ("mine.js", b"var x = 1")})
    async with sides.session.post(f"{sides.server.url}/chat/upload", data=upload, headers=sides.key) as sent:
        assert sent.status == 200
    (update,) = await asyncio.to_thread(client.get_updates, timeout=10)

    def fetch() -> bytes:
        return client.download_file(client.get_file(update.message.document.file_id).file_path)

    # downloads do not go through the custom sender: the library opens its own session for this thread
    downloaded = await asyncio.to_thread(with_own_session, fetch)
    assert downloaded == b"var x = 1"


def with_own_session(call):
    try:
        return call()
    finally:
        apihelper._get_req_session().close()


async def test_telebot_reads_back_what_it_sets(sides, client):
    def talk():
        scope = BotCommandScopeAllPrivateChats()
        client.set_my_commands([BotCommand("status", "How it goes")], scope)
        client.set_my_commands([BotCommand("status", "Como vai")], scope, "pt")
        read = [client.get_my_commands(scope, language)[0].description for language in (None, "pt")]
        client.delete_my_commands(scope, "pt")
        sent = client.send_message(1, "card", disable_notification=True)
        client.pin_chat_message(1, sent.message_id)
        pinned = client.get_chat(1).pinned_message.message_id == sent.message_id
        return client.get_me().is_bot, read, client.get_my_commands(scope, "pt"), pinned

    assert await asyncio.to_thread(talk) == (True, ["How it goes", "Como vai"], [], True)
    assert (await asyncio.to_thread(client.get_webhook_info)).pending_update_count == 0


async def test_telebot_learns_of_a_block_and_of_a_message_that_is_gone(sides, client):
    sent = await asyncio.to_thread(client.send_message, 1, "x", reply_markup=PLAN)
    await asyncio.to_thread(client.delete_message, 1, sent.message_id)
    await sides.press(sent.message_id, "Plan")
    await sides.post("user", {"user": 1, "blocked": True})
    assert await refused(client.send_message, 1, "x") == "403 Forbidden: bot was blocked by the user"
    pressed, blocked = await asyncio.to_thread(client.get_updates, timeout=10)
    assert isinstance(pressed.callback_query.message, InaccessibleMessage)
    assert blocked.my_chat_member.new_chat_member.status == "kicked"


async def test_telebot_is_told_what_the_real_server_tells(sides, client):
    sides.server.faults.add("sendMessage", "429", retry_after=7)
    assert await refused(client.send_message, 1, "x") == "429 Too Many Requests: retry after 7"
    assert await refused(client.send_dice, 1) == "404 Not Found: method not found"
    assert await refused(client.send_message, 77, "x") == "400 Bad Request: chat not found"
    assert await refused(client.delete_message, 1, 99) == "400 Bad Request: message to delete not found"
    stranger = telebot.TeleBot("7000000000:" + "A" * 35)
    try:
        assert await refused(stranger.get_me) == "401 Unauthorized"
    finally:
        await asyncio.to_thread(stranger.stop_bot)
