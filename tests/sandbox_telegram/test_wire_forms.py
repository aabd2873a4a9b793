"""Every form in which clients of five makes send their parameters, and the envelope that goes back."""

import json

import pytest

MARKUP = {"inline_keyboard": [[{"text": "Go", "callback_data": "go"}]]}


async def _send(sides, form, way, params):
    url = f"{sides.server.url}/bot{sides.server.token}/sendMessage"
    flat = {name: value if isinstance(value, str) else json.dumps(value) for name, value in params.items()}
    match way:
        case "query by GET":
            response = await sides.session.get(url, params=flat)
        case "query by POST":
            response = await sides.session.post(url, params=flat)
        case "urlencoded":
            response = await sides.session.post(url, data=flat)
        case "JSON":
            response = await sides.session.post(url, json=params)
        case "JSON of texts":
            response = await sides.session.post(url, json=flat)
        case _:
            response = await sides.session.post(url, data=form(params))
    async with response:
        return response.status, await response.json()


@pytest.mark.parametrize(
    "way", ["query by GET", "query by POST", "urlencoded", "JSON", "JSON of texts", "multipart"]
)
async def test_parameters_arrive_in_any_form(sides, form, way):
    params = {
        "chat_id": 1,
        "text": "<b>é</b> & <i>ok</i>",
        "parse_mode": "html",
        "reply_markup": MARKUP,
        "disable_notification": True,
        "reply_parameters": {"message_id": 1},
        "entities": "",
    }
    status, body = await _send(sides, form, way, params)
    assert (status, body["ok"]) == (200, True), body
    result = body["result"]
    assert result["text"] == "é & ok"
    assert result["entities"] == [
        {"type": "bold", "offset": 0, "length": 1},
        {"type": "italic", "offset": 4, "length": 2},
    ]
    assert result["reply_markup"] == MARKUP
    assert result["reply_to_message"]["message_id"] == 1
    assert (await sides.messages())[-1]["silent"] is True


@pytest.mark.parametrize("name", ["sendmessage", "SENDMESSAGE", "sendMessage"])
async def test_method_names_ignore_case(sides, name):
    assert (await sides.call(name, chat_id=1, text="x"))["text"] == "x"


async def test_a_file_comes_as_its_own_part_or_attached_by_name(sides, form):
    own = form({"chat_id": "1", "document": ("a.js", b"one")})
    attached = form({"chat_id": "1", "document": "attach://part0", "part0": ("a.js", b"two")})
    media = form(
        {
            "chat_id": "1",
            "message_id": "2",
            "media": {"type": "document", "media": "attach://x", "caption": "<b>c</b>", "parse_mode": "HTML"},
            "x": ("c.js", b"three"),
        }
    )
    contents = []
    for method, request in (("sendDocument", own), ("sendDocument", attached), ("editMessageMedia", media)):
        _, body, _ = await sides.raw(method, data=request)
        assert body["ok"], body
        file = await sides.call("getFile", file_id=body["result"]["document"]["file_id"])
        url = f"{sides.server.url}/file/bot{sides.server.token}/{file['file_path']}"
        async with sides.session.get(url) as response:
            contents.append(await response.read())
    assert contents == [b"one", b"two", b"three"]
    assert (await sides.messages())[1]["text"] == "c"


async def test_the_status_is_the_error_code_and_a_flood_names_its_seconds(sides):
    sides.server.faults.add("getMe", "429", retry_after=4)
    status, body, response = await sides.raw("getMe")
    assert status == body["error_code"] == 429
    assert body["description"] == "Too Many Requests: retry after 4"
    assert body["parameters"] == {"retry_after": 4}
    assert response.headers["Retry-After"] == "4"


async def test_a_wrong_token_is_unauthorized(sides):
    for token, words in (
        ("1:" + "A" * 35, "Unauthorized"),
        ("nonsense", "Unauthorized: invalid token specified"),
    ):
        async with sides.session.get(f"{sides.server.url}/bot{token}/getMe") as response:
            assert response.status == 401
            assert (await response.json())["description"] == words
        async with sides.session.get(f"{sides.server.url}/file/bot{token}/documents/file_0.js") as response:
            assert response.status == 401


async def test_unknown_methods_and_parameters_are_logged_loudly(sides, caplog):
    await sides.refused("sendPoll", chat_id=1)
    await sides.refused("sendMessage", chat_id=1, text="x", colour="red")
    assert "has no method sendPoll" in caplog.text
    assert "knows no parameter colour" in caplog.text
    last = sides.server.calls[-1]
    assert (last.method, last.status, last.params["colour"]) == ("sendMessage", 400, "red")


async def test_a_body_that_is_no_json_is_refused(sides):
    status, body, _ = await sides.raw("getMe", data="{", headers={"Content-Type": "application/json"})
    assert (status, body["ok"]) == (400, False)


@pytest.mark.parametrize(
    ("disposition", "name"),
    [
        ('filename="plano \\"b\\".js"', 'plano "b".js'),
        ("filename=plano é.js", "plano é.js"),
        ("filename=\"x\"; filename*=utf-8''plano%20%C3%A9.js", "plano é.js"),
        ('filename="a;b.js"', "a;b.js"),
    ],
)
async def test_a_files_name_is_read_however_a_client_writes_it(sides, disposition, name):
    body = (
        f'--B\r\nContent-Disposition: form-data; name="chat_id"\r\n\r\n1\r\n'
        f'--B\r\nContent-Disposition: form-data; name="document"; {disposition}\r\n'
        f"Content-Type: text/plain\r\n\r\n--not the end\r\n\r\n--B--\r\n"
    )
    kind = {"Content-Type": 'multipart/form-data; boundary="B"'}
    status, answer, _ = await sides.raw("sendDocument", data=body.encode(), headers=kind)
    assert status == 200, answer
    document = answer["result"]["document"]
    assert (document["file_name"], document["file_size"]) == (name, len("--not the end\r\n"))
    status, answer, _ = await sides.raw("sendDocument", data=body.encode()[:-20], headers=kind)
    assert (status, answer["ok"]) == (400, False)
