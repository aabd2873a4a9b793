"""The words of the real server, one refusal a line."""

import pytest

MARKUP = {"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]}
NOT_MODIFIED = (
    "Bad Request: message is not modified: specified new message content and reply markup are exactly the same as "
    "a current content and reply markup of the message"
)


def keyboard(**button):
    return {"inline_keyboard": [[{"text": "x", **button}]]}


def send(**params):
    return ("sendMessage", {"chat_id": 1, "text": "x", **params})


REFUSALS = [
    (("sendMessage", {"text": "x"}), 400, "Bad Request: chat_id is empty"),
    (("sendMessage", {"chat_id": 77, "text": "x"}), 400, "Bad Request: chat not found"),
    (("sendMessage", {"chat_id": "@somebody", "text": "x"}), 400, "Bad Request: chat not found"),
    (
        ("sendMessage", {"chat_id": 2, "text": "x"}),
        403,
        "Forbidden: bot can't initiate conversation with a user",
    ),
    (("sendMessage", {"chat_id": 1}), 400, "Bad Request: message text is empty"),
    (send(text=""), 400, "Bad Request: message text is empty"),
    (send(text=" \n "), 400, "Bad Request: text must be non-empty"),
    (send(text="<b></b>", parse_mode="HTML"), 400, "Bad Request: text must be non-empty"),
    (send(text="a" * 4097), 400, "Bad Request: message is too long"),
    (send(text="a" * 32769), 400, "Bad Request: text is too long"),
    (
        send(text="*x*", parse_mode="MarkdownV2"),
        400,
        "Bad Request: parse_mode MarkdownV2 is not supported by the sandbox",
    ),
    (send(parse_mode="rst"), 400, "Bad Request: unsupported parse_mode"),
    (
        send(text="<b>x", parse_mode="HTML"),
        400,
        "Bad Request: can't parse entities: Can't find end tag corresponding to start tag \"b\"",
    ),
    (send(reply_markup="{"), 400, "Bad Request: can't parse reply keyboard markup JSON object"),
    (send(reply_markup=[1]), 400, "Bad Request: object expected as reply markup"),
    (
        send(reply_markup={"inline_keyboard": [{}]}),
        400,
        'Bad Request: field "inline_keyboard" of the InlineKeyboardMarkup must be an Array of Arrays',
    ),
    (
        send(reply_markup=keyboard()),
        400,
        "Bad Request: can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
    ),
    (send(reply_markup=keyboard(callback_data="é" * 33)), 400, "Bad Request: BUTTON_DATA_INVALID"),
    (
        send(reply_markup=keyboard(web_app={"url": "http://x.com"})),
        400,
        "Bad Request: inline keyboard button Web App URL 'http://x.com' is invalid: Only HTTPS links are allowed",
    ),
    (
        send(reply_markup=keyboard(url="http://localhost:80/")),
        400,
        "Bad Request: inline keyboard button URL 'http://localhost:80/' is invalid: Wrong HTTP URL",
    ),
    (send(reply_parameters={"message_id": 99}), 400, "Bad Request: message to be replied not found"),
    (send(frobnicate=1), 400, "Bad Request: the sandbox knows no parameter frobnicate of sendMessage"),
    (
        send(message_thread_id=3),
        400,
        "Bad Request: the parameter message_thread_id is not supported by the sandbox",
    ),
    (
        ("sendChatAction", {"chat_id": 1, "action": "dance"}),
        400,
        "Bad Request: wrong parameter action in request",
    ),
    (
        ("editMessageText", {"chat_id": 1, "message_id": 99, "text": "y"}),
        400,
        "Bad Request: message to edit not found",
    ),
    (
        ("editMessageText", {"chat_id": 1, "message_id": 1, "text": "y"}),
        400,
        "Bad Request: message can't be edited",
    ),
    (("editMessageText", {"chat_id": 1, "message_id": 2, "text": "x"}), 400, NOT_MODIFIED),
    (("editMessageText", {"chat_id": 1, "message_id": 2, "text": " x "}), 400, NOT_MODIFIED),
    (
        ("editMessageText", {"chat_id": 1, "message_id": 3, "text": "y"}),
        400,
        "Bad Request: message can't be edited",
    ),
    (
        ("editMessageText", {"chat_id": 1, "message_id": 4, "text": "y"}),
        400,
        "Bad Request: there is no text in the message to edit",
    ),
    (("editMessageReplyMarkup", {"chat_id": 1, "message_id": 2}), 400, NOT_MODIFIED),
    (
        ("editMessageReplyMarkup", {"chat_id": 1, "message_id": 2, "reply_markup": {"keyboard": [["a"]]}}),
        400,
        "Bad Request: inline keyboard expected",
    ),
    (
        ("editMessageCaption", {"chat_id": 1, "message_id": 2}),
        400,
        "Bad Request: there is no caption in the message to edit",
    ),
    (
        ("editMessageCaption", {"chat_id": 1, "message_id": 4, "caption": "c" * 1025}),
        400,
        "Bad Request: message caption is too long",
    ),
    (("deleteMessage", {"chat_id": 1, "message_id": 99}), 400, "Bad Request: message to delete not found"),
    (("deleteMessages", {"chat_id": 1}), 400, "Bad Request: message identifiers are not specified"),
    (
        ("deleteMessages", {"chat_id": 1, "message_ids": list(range(1, 102))}),
        400,
        "Bad Request: too many message identifiers specified",
    ),
    (("pinChatMessage", {"chat_id": 1, "message_id": 99}), 400, "Bad Request: message to pin not found"),
    (("unpinChatMessage", {"chat_id": 1}), 400, "Bad Request: message to unpin not found"),
    (
        ("answerCallbackQuery", {"callback_query_id": "123"}),
        400,
        "Bad Request: query is too old and response timeout expired or query ID is invalid",
    ),
    (
        ("answerCallbackQuery", {"callback_query_id": "1", "text": "t" * 201}),
        400,
        "Bad Request: MESSAGE_TOO_LONG",
    ),
    (("sendPhoto", {"chat_id": 1}), 400, "Bad Request: there is no photo in the request"),
    (("sendDocument", {"chat_id": 1}), 400, "Bad Request: there is no document in the request"),
    (
        ("sendDocument", {"chat_id": 1, "document": "nothing"}),
        400,
        "Bad Request: wrong file identifier/HTTP URL specified",
    ),
    (
        ("sendPhoto", {"chat_id": 1, "photo": "https://x.com/p.png"}),
        400,
        "Bad Request: photo as a URL is not supported by the sandbox",
    ),
    (("sendMediaGroup", {"chat_id": 1}), 400, 'Bad Request: parameter "media" is required'),
    (("sendMediaGroup", {"chat_id": 1, "media": "{"}), 400, "Bad Request: can't parse media JSON object"),
    (("sendMediaGroup", {"chat_id": 1, "media": {}}), 400, "Bad Request: expected an Array of InputMedia"),
    (("sendMediaGroup", {"chat_id": 1, "media": []}), 400, "Bad Request: there are no messages to send"),
    (
        ("sendMediaGroup", {"chat_id": 1, "media": [{"type": "photo"}]}),
        400,
        "Bad Request: can't parse InputMedia: media not found",
    ),
    (
        ("sendMediaGroup", {"chat_id": 1, "media": [{"type": "video", "media": "x"}]}),
        400,
        "Bad Request: media of type video is not supported by the sandbox",
    ),
    (("getFile", {"file_id": "nothing"}), 400, "Bad Request: invalid file_id"),
    (
        ("setMyCommands", {"commands": [{"command": "Start!", "description": "d"}]}),
        400,
        "Bad Request: BOT_COMMAND_INVALID",
    ),
    (
        ("setMyCommands", {"commands": [{"command": "start", "description": " "}]}),
        400,
        "Bad Request: command description must be non-empty",
    ),
    (
        ("setMyCommands", {"commands": [{"command": "start", "description": "d" * 257}]}),
        400,
        "Bad Request: command description length must not exceed 256",
    ),
    (
        ("setMyCommands", {"commands": [{"command": "s" * 33, "description": "d"}]}),
        400,
        "Bad Request: command length must not exceed 32",
    ),
    (
        ("setMyCommands", {"commands": [{"command": f"c{n}", "description": "d"} for n in range(101)]}),
        400,
        "Bad Request: BOT_COMMANDS_TOO_MUCH",
    ),
    (
        ("setMyCommands", {"commands": [], "language_code": "pt-br"}),
        400,
        "Bad Request: invalid language code specified",
    ),
    (
        ("setWebhook", {"url": "https://x.com/hook"}),
        400,
        "Bad Request: a webhook that is not http:// on a loopback address is not supported by the sandbox",
    ),
    (("logOut", {}), 400, "Bad Request: logOut is not supported by the sandbox"),
    (send(reply_parameters={"message_id": "x"}), 400, 'Bad Request: can\'t parse as an integer string "x"'),
    (
        send(reply_parameters={"message_id": []}),
        400,
        'Bad Request: field "message_id" must be of type Number',
    ),
    (
        send(entities=[{"offset": "x", "length": 1, "type": "bold"}]),
        400,
        "Bad Request: can't parse MessageEntity: Can't parse as an integer string \"x\"",
    ),
    (
        send(entities=[{"offset": 0, "length": 1, "type": [1]}]),
        400,
        'Bad Request: can\'t parse MessageEntity: Field "type" must be of type String',
    ),
    (
        send(reply_markup=keyboard(callback_data="a", style=[1])),
        400,
        'Bad Request: can\'t parse inline keyboard button: Field "style" must be of type String',
    ),
    (
        ("setChatMenuButton", {"menu_button": {"type": [1]}}),
        400,
        'Bad Request: can\'t parse menu button: Field "type" must be of type String',
    ),
    (
        ("editMessageText", {"chat_id": 1, "message_id": 10**30, "text": "y"}),
        400,
        "Bad Request: message to edit not found",
    ),
    (("sendVoice", {"chat_id": 1}), 404, "Not Found: method not found"),
    (("close", {}), 429, "Too Many Requests: retry after 600"),
]


@pytest.fixture
async def room(open_sides, clock, form, picture):
    """1: /start of Ana · 2: "x" · 3: sent with a reply keyboard · 4: a photo."""
    async with open_sides(clock=clock) as sides:
        await sides.begin()
        await sides.call("sendMessage", chat_id=1, text="x")
        await sides.call("sendMessage", chat_id=1, text="k", reply_markup={"keyboard": [["a"]]})
        await sides.raw("sendPhoto", data=form({"chat_id": "1", "photo": ("p.png", picture(9, 9))}))
        clock.now += 0.5
        yield sides


async def test_every_refusal_has_the_status_and_the_words_of_the_real_server(room):
    for (method, params), status, description in REFUSALS:
        assert await room.refused(method, **params) == (status, description), (method, params)


async def test_a_refused_call_leaves_no_trace_in_the_chat(room):
    before = await room.messages()
    for (method, params), _, _ in REFUSALS:
        await room.refused(method, **params)
    assert await room.messages() == before


async def test_lengths_are_counted_in_characters_after_parsing(sides):
    await sides.call("sendMessage", chat_id=1, text="😀" * 4096)
    await sides.call("sendMessage", chat_id=1, text="<b>" + "a" * 4096 + "</b>", parse_mode="HTML")
    await sides.call("sendMessage", chat_id=1, text="x", reply_markup=keyboard(callback_data="é" * 32))


async def test_an_edit_that_omits_the_keyboard_removes_it(sides):
    sent = await sides.call("sendMessage", chat_id=1, text="x", reply_markup=MARKUP)
    assert sent["reply_markup"] == MARKUP
    edited = await sides.call("editMessageText", chat_id=1, message_id=sent["message_id"], text="x")
    assert "reply_markup" not in edited
    assert edited["edit_date"] >= sent["date"]


async def test_a_query_is_answered_once_and_within_fifteen_seconds(open_sides, clock):
    async with open_sides(clock=clock) as sides:
        await sides.begin()
        sent = await sides.call("sendMessage", chat_id=1, text="x", reply_markup=MARKUP)
        query = (await sides.press(sent["message_id"], "Go"))["query_id"]
        late = (await sides.press(sent["message_id"], "Go"))["query_id"]
        clock.now += 14.9
        assert await sides.call("answerCallbackQuery", callback_query_id=query, text="ok", show_alert=True)
        gone = (400, "Bad Request: query is too old and response timeout expired or query ID is invalid")
        assert await sides.refused("answerCallbackQuery", callback_query_id=query) == gone
        clock.now += 0.2
        assert await sides.refused("answerCallbackQuery", callback_query_id=late) == gone


async def test_messages_can_be_deleted_for_two_days_even_the_persons_own(open_sides, clock):
    async with open_sides(clock=clock) as sides:
        await sides.begin()
        secret = await sides.send("my secret")
        clock.now += 47 * 3600
        await sides.call("deleteMessage", chat_id=1, message_id=secret)
        clock.now += 2 * 3600
        too_old = (400, "Bad Request: message can't be deleted for everyone")
        assert await sides.refused("deleteMessage", chat_id=1, message_id=1) == too_old
        assert await sides.refused("deleteMessages", chat_id=1, message_ids=[1]) == too_old
        texts = [(m["message_id"], m["text"], m["deleted"]) for m in await sides.messages()]
        assert texts == [(1, "/start", False), (secret, "", True)]


async def test_files_are_held_to_their_limits(sides, form, picture):
    async def refused(method, kind, name, content):
        _, body, _ = await sides.raw(method, data=form({"chat_id": "1", kind: (name, content)}))
        return body["error_code"], body["description"]

    big = picture(100, 100) + bytes(10 * 1024 * 1024)
    assert await refused("sendPhoto", "photo", "p.png", b"no picture") == (
        400,
        "Bad Request: IMAGE_PROCESS_FAILED",
    )
    assert await refused("sendPhoto", "photo", "p.png", picture(9000, 1001)) == (
        400,
        "Bad Request: PHOTO_INVALID_DIMENSIONS",
    )
    assert await refused("sendPhoto", "photo", "p.png", picture(2100, 100)) == (
        400,
        "Bad Request: PHOTO_INVALID_DIMENSIONS",
    )
    assert await refused("sendDocument", "document", "e.txt", b"") == (
        400,
        "Bad Request: file must be non-empty",
    )
    assert (await refused("sendPhoto", "photo", "p.png", big))[1].startswith(
        f"Bad Request: file of size {len(big)} bytes is too big"
    )
    too_much = bytes(50 * 1024 * 1024 + 1)
    assert await refused("sendDocument", "document", "b.bin", too_much) == (413, "Request Entity Too Large")
    large = bytes(20 * 1024 * 1024 + 1)
    _, body, _ = await sides.raw("sendDocument", data=form({"chat_id": "1", "document": ("b.bin", large)}))
    file_id = body["result"]["document"]["file_id"]
    assert await sides.refused("getFile", file_id=file_id) == (400, "Bad Request: file is too big")


async def test_an_album_is_of_one_kind_and_of_ten_at_most(sides, form, picture):
    async def album(*kinds):
        media = [{"type": kind, "media": f"attach://f{at}"} for at, kind in enumerate(kinds)]
        files = {f"f{at}": ("p.png", picture(9, 9)) for at in range(len(kinds))}
        _, body, _ = await sides.raw("sendMediaGroup", data=form({"chat_id": "1", "media": media, **files}))
        return body.get("description") or len(body["result"])

    mixed = "Bad Request: document can't be mixed with other media types"
    assert await album("photo", "document") == mixed
    assert await album(*["photo"] * 11) == "Bad Request: too many messages to send as an album"
    assert await album("document", "document") == 2
    assert await album("photo") == 1
    assert (
        "media_group_id" not in (await sides.call("sendMediaGroup", chat_id=1, media=[one_photo(sides)]))[0]
    )


def one_photo(sides):
    stored = sides.server.world.store.file(path="photos/file_2.png")
    return {"type": "photo", "media": stored.file_id}


async def test_a_command_is_kept_trimmed_and_without_its_slash(sides):
    await sides.call("setMyCommands", commands=[{"command": " /status ", "description": " How it goes "}])
    assert await sides.call("getMyCommands") == [{"command": "status", "description": "How it goes"}]


async def test_the_bots_own_messages_are_editable_without_a_time_limit(open_sides, clock):
    async with open_sides(clock=clock) as sides:
        await sides.begin()
        sent = await sides.call("sendMessage", chat_id=1, text="card")
        clock.now += 400 * 24 * 3600
        edited = await sides.call("editMessageText", chat_id=1, message_id=sent["message_id"], text="new")
        assert edited["edit_date"] - edited["date"] == 400 * 24 * 3600
