"""Whatever a client sends, the answer is the Bot API's envelope: never a crash of the stand-in."""

import json

import pytest

from bot.sandbox.telegram_methods import METHODS

DEEP = "[" * 5000
NONSENSE = (
    "", "0", "-1", "9" * 30, "abc", "1e5", "NaN", "null", "true", "[]", "{}", "[1]", "[[1]]", '"x"',
    '{"message_id":"abc"}', '{"message_id":null}', '{"message_id":[1]}', '{"type":[1]}', '{"type":1}',
    '{"type":"photo","media":1}', '{"type":"chat","chat_id":{}}', '[{"type":[1]}]', "[null]", '[["a"]]',
    '[{"offset":"x","length":1,"type":"bold"}]', '[{"offset":0,"length":1,"type":[1]}]',
    '[{"offset":-1,"length":3,"type":"bold"}]', '[{"offset":1e30,"length":1,"type":"bold"}]',
    '{"inline_keyboard":[[null]]}', '{"inline_keyboard":{}}', '{"keyboard":[[1]]}',
    '{"inline_keyboard":[[{"text":"x","web_app":1}]]}',
    '{"inline_keyboard":[[{"text":"x","style":[1],"callback_data":"a"}]]}',
    '{"inline_keyboard":[[{"text":"x","url":"http://[::1"}]]}',
    '[{"command":1,"description":[]}]', "\x00", "🤑", "<b>", "&#99999999999;", DEEP,
)  # fmt: skip
PLAIN = {"chat_id": "1", "text": "hi", "message_id": "2", "caption": "c"}


@pytest.mark.parametrize("method", METHODS.values(), ids=lambda method: method.name)
async def test_no_value_of_any_parameter_breaks_the_stand_in(sides, method):
    await sides.begin()
    await sides.call("sendMessage", chat_id=1, text="x")
    for name in sorted(method.accepts):
        for value in NONSENSE:
            params = {key: plain for key, plain in PLAIN.items() if key in method.accepts} | {name: value}
            status, answer, _ = await sides.raw(method.name, json=params)
            assert isinstance(answer["ok"], bool), (name, value)
            assert status == (200 if answer["ok"] else answer["error_code"]), (name, value)
            assert status != 500, (name, value)


@pytest.mark.parametrize("body", [DEEP, '{"chat_id":1,"text":"\\ud800"}', "[1]", "null", '"x"', "\x00"])
async def test_a_body_that_is_nonsense_is_a_bad_request(sides, body):
    await sides.begin()
    status, answer, _ = await sides.raw(
        "sendMessage", data=body, headers={"Content-Type": "application/json"}
    )
    assert (status, answer["ok"], answer["error_code"]) == (400, False, 400)


@pytest.mark.parametrize("path", ["send", "press", "edit", "user", "web_app", "faults"])
async def test_nonsense_from_the_page_is_refused_with_words(sides, path):
    await sides.begin()
    await sides.call("sendMessage", chat_id=1, text="x")
    plain = {"user": 1, "text": "hi", "message_id": 2}
    bad = (None, -1, [], {}, 1e30, 10**30, "\ud800", "x" * 5000)
    bodies = [json.dumps({**plain, name: value}) for name in (*plain, "reply_to", "data") for value in bad]
    for body in (*bodies, DEEP, "[1]", "{"):
        url = f"{sides.server.url}/chat/{path}"
        kind = {"Content-Type": "application/json", **sides.key}
        async with sides.session.post(url, data=body, headers=kind) as response:
            assert response.status in {200, 400, 404, 409}, (body[:80], response.status)
            answer = await response.json()
            assert answer["ok"] or answer["error"], body[:80]
