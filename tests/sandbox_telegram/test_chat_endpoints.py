"""The documented user side, as scripts use it."""

import hashlib
import hmac
import json
from urllib.parse import parse_qsl, urlsplit

import aiohttp

KEYS = {
    "message_id",
    "from",
    "text",
    "entities",
    "buttons",
    "photo",
    "document",
    "edited",
    "deleted",
}


async def test_messages_have_the_documented_shape(sides, form, picture):
    await sides.raw(
        "sendPhoto", data=form({"chat_id": "1", "photo": ("p.png", picture(9, 8)), "caption": "ladder"})
    )
    await sides.raw("sendDocument", data=form({"chat_id": "1", "document": ("a b.js", b"12345")}))
    start, photo, document = await sides.messages()
    assert all(set(message) >= KEYS for message in (start, photo, document))
    assert (start["from"], start["text"], start["photo"], start["document"]) == ("user", "/start", None, None)
    assert (photo["from"], photo["text"], photo["photo_size"]) == ("bot", "ladder", [9, 8])
    assert document["document"]["name"] == "a b.js"
    async with sides.session.get(sides.server.url + photo["photo"], headers=sides.key) as response:
        assert (response.content_type, await response.read()) == ("image/png", picture(9, 8))
    async with sides.session.get(
        sides.server.url + document["document"]["url"], headers=sides.key
    ) as response:
        assert await response.read() == b"12345"


async def test_after_and_revision_and_last_choose_messages(sides):
    for text in ("a", "b", "c"):
        await sides.call("sendMessage", chat_id=1, text=text)
    assert [m["text"] for m in await sides.messages(query="&after=2")] == ["b", "c"]
    assert [m["text"] for m in await sides.messages(query="&last=1")] == ["c"]
    revision = (await sides.get("messages?user=1"))["revision"]
    await sides.call("editMessageText", chat_id=1, message_id=2, text="A")
    await sides.call("deleteMessage", chat_id=1, message_id=3)
    changed = await sides.messages(query=f"&revision={revision}")
    assert [(m["message_id"], m["text"], m["edited"], m["deleted"]) for m in changed] == [
        (2, "A", True, False),
        (3, "", False, True),
    ]


async def test_a_press_names_the_button_by_label_or_data(sides):
    keyboard = {
        "inline_keyboard": [
            [{"text": "Yes ✅", "callback_data": "y"}, {"text": "Site", "url": "https://x.com"}]
        ]
    }
    sent = await sides.call("sendMessage", chat_id=1, text="sure?", reply_markup=keyboard)
    number = sent["message_id"]
    await sides.press(number, "Yes ✅")
    status, _ = await sides.post("press", {"user": 1, "message_id": number, "data": "y"})
    assert status == 200
    queries = [update["callback_query"] for update in await sides.updates()]
    assert [query["data"] for query in queries] == ["y", "y"]
    assert queries[0]["id"] != queries[1]["id"]
    assert queries[0]["message"]["text"] == "sure?"
    assert queries[0]["chat_instance"] == queries[1]["chat_instance"]


async def test_a_reply_keyboards_button_sends_its_label(sides):
    sent = await sides.call("sendMessage", chat_id=1, text="which?", reply_markup={"keyboard": [["Bybit"]]})
    assert (await sides.messages())[-1]["keyboard"] == [["Bybit"]]
    await sides.press(sent["message_id"], "Bybit")
    assert (await sides.updates())[-1]["message"]["text"] == "Bybit"
    assert (await sides.get("state?user=1"))["keyboard"]["keyboard"] == [[{"text": "Bybit"}]]
    await sides.call("sendMessage", chat_id=1, text="thanks", reply_markup={"remove_keyboard": True})
    assert (await sides.get("state?user=1"))["keyboard"] is None


async def test_what_cannot_be_says_what_could(sides):
    keyboard = {
        "inline_keyboard": [[{"text": "Go", "callback_data": "go"}, {"text": "Site", "url": "https://x.com"}]]
    }
    await sides.call("sendMessage", chat_id=1, text="x", reply_markup=keyboard)
    cases = [
        ("send", {"user": 9, "text": "x"}, 404, "the users are 1 (Ana), 2 (Bob)"),
        ("send", {"user": 1, "text": " "}, 400, "the text is empty"),
        ("send", {"user": 1}, 400, '"text" must be a text'),
        ("press", {"user": 1, "message_id": 2, "text": "Nope"}, 404, "its buttons are ['Go', 'Site']"),
        ("press", {"user": 1, "message_id": 2, "text": "Site"}, 400, "https://x.com/"),
        ("press", {"user": 1, "message_id": 99, "text": "Go"}, 404, "no message 99"),
        ("press", {"user": 2, "message_id": 2, "text": "Go"}, 404, "no message 2"),
        ("press", {"user": 1, "message_id": 2}, 400, "name the button"),
        ("press", {"user": 1, "message_id": "two", "text": "Go"}, 400, "whole number"),
        ("user", {"user": 1, "language": "Klingon!"}, 400, "pt-br"),
        ("user", {"user": 1, "blocked": "yes"}, 400, "true or false"),
    ]
    for path, body, status, words in cases:
        answered, answer = await sides.post(path, body)
        assert (answered, answer["ok"]) == (status, False), (path, body)
        assert words in answer["error"], (path, body, answer)
    async with sides.session.post(f"{sides.server.url}/chat/send", data=b"[1", headers=sides.key) as response:
        assert response.status == 400


async def test_a_document_is_uploaded_with_its_caption(sides, form):
    data = form({"user": "1", "caption": "my plan /import", "file": ("plan.js", b"module.exports = {}")})
    async with sides.session.post(
        f"{sides.server.url}/chat/upload", data=data, headers=sides.key
    ) as response:
        assert (await response.json())["ok"]
    message = (await sides.updates())[-1]["message"]
    assert message["document"]["file_name"] == "plan.js"
    assert (message["caption"], message["caption_entities"][0]["type"]) == ("my plan /import", "bot_command")
    assert (await sides.call("getFile", file_id=message["document"]["file_id"]))["file_size"] == 19


async def test_a_picture_is_uploaded_as_a_photo_when_asked(sides, form, picture):
    data = form({"user": "1", "as": "photo", "file": ("p.png", picture(5, 4))})
    async with sides.session.post(
        f"{sides.server.url}/chat/upload", data=data, headers=sides.key
    ) as response:
        assert response.status == 200
    assert (await sides.updates())[-1]["message"]["photo"][-1]["width"] == 5
    nothing = form({"user": "1", "caption": "x"})
    async with sides.session.post(
        f"{sides.server.url}/chat/upload", data=nothing, headers=sides.key
    ) as response:
        assert response.status == 400


async def test_a_long_text_goes_in_pieces_as_from_a_phone(sides):
    status, body = await sides.post("send", {"user": 1, "text": "a" * 5000})
    assert status == 200
    assert [len(u["message"]["text"]) for u in await sides.updates()] == [4096, 904]
    assert body["message_id"] == body["message_ids"][0]


async def test_events_tell_of_everything_in_one_persons_chat(sides):
    await sides.begin(2)
    url = f"{sides.server.url}/chat/events?user=1"
    timeout = aiohttp.ClientTimeout(total=10)
    async with sides.session.get(url, headers=sides.key, timeout=timeout) as stream:
        assert stream.content_type == "text/event-stream"
        keyboard = {"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]}
        sent = await sides.call("sendMessage", chat_id=1, text="x", reply_markup=keyboard)
        await sides.call("sendMessage", chat_id=2, text="not for Ana")
        await sides.call("sendChatAction", chat_id=1, action="typing")
        query = (await sides.press(sent["message_id"], "Go"))["query_id"]
        await sides.call("answerCallbackQuery", callback_query_id=query, text="done", show_alert=True)
        await sides.call("deleteMessage", chat_id=1, message_id=sent["message_id"])
        await sides.call("setMyCommands", commands=[{"command": "a", "description": "b"}])
        await sides.post("user", {"user": 1, "language": "en"})
        events = []
        async for line in stream.content:
            if line.startswith(b"data: "):
                events.append(json.loads(line[6:]))
            if events and events[-1]["type"] == "user":
                break
    kinds = [event["type"] for event in events]
    assert kinds == ["hello", "message", "typing", "press", "answer", "message", "commands", "user"]
    assert events[3]["query_id"] == events[4]["query_id"] == query
    assert (events[4]["text"], events[4]["alert"]) == ("done", True)
    assert events[5]["message"]["deleted"]


async def test_a_pin_is_marked_and_leaves_its_service_line(sides):
    sent = await sides.call("sendMessage", chat_id=1, text="living card")
    await sides.call("pinChatMessage", chat_id=1, message_id=sent["message_id"])
    await sides.call("pinChatMessage", chat_id=1, message_id=sent["message_id"])
    _, card, service = await sides.messages()
    assert (card["pinned"], service["service"], service["text"]) == (True, "pinned", "")
    assert (await sides.call("getChat", chat_id=1))["pinned_message"]["text"] == "living card"
    await sides.call("unpinAllChatMessages", chat_id=1)
    assert (await sides.get("state?user=1"))["pinned"] == []


async def test_a_web_app_button_leads_to_an_address_with_signed_init_data(sides):
    app = {"url": "https://example.org/app?for=keys#at=1"}
    keyboard = {"inline_keyboard": [[{"text": "Open", "web_app": app}]]}
    sent = await sides.call("sendMessage", chat_id=1, text="x", reply_markup=keyboard)
    asked = {"user": 1, "message_id": sent["message_id"], "text": "Open", "theme": {"bg_color": "#ffffff"}}
    status, body = await sides.post("web_app", asked)
    assert status == 200
    page, _, fragment = body["url"].partition("&tgWebAppData=")
    assert page == app["url"]
    told = dict(parse_qsl("tgWebAppData=" + fragment))
    fields = dict(parse_qsl(told["tgWebAppData"]))
    claimed = fields.pop("hash")
    lines = "\n".join(sorted(f"{name}={value}" for name, value in fields.items()))
    secret = hmac.new(b"WebAppData", sides.server.token.encode(), hashlib.sha256).digest()
    assert claimed == hmac.new(secret, lines.encode(), hashlib.sha256).hexdigest()
    user = json.loads(fields["user"])
    assert (user["id"], user["first_name"], user["language_code"]) == (1, "Ana", "pt-br")
    assert json.loads(told["tgWebAppThemeParams"]) == {"bg_color": "#ffffff"}
    assert urlsplit(body["url"]).query == "for=keys"
    for wrong in ({"text": "Nope"}, {"user": 2}, {"message_id": 99}):
        assert (await sides.post("web_app", asked | wrong))[0] == 404, wrong
    assert (await sides.post("web_app", asked | {"theme": "dark"}))[0] == 400
    local = {"inline_keyboard": [[{"text": "Open", "web_app": {"url": "http://127.0.0.1:8080/entry"}}]]}
    await sides.call("sendMessage", chat_id=1, text="here", reply_markup=local)
