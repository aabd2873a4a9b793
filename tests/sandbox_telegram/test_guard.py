"""Who is let in: this machine, a loopback name, the key."""

import pytest
from aiohttp import CookieJar

from bot.sandbox.telegram_server import SandboxTelegram


async def status(sides, path="messages?user=1", method="GET", **request):
    async with sides.session.request(method, f"{sides.server.url}/chat/{path}", **request) as response:
        return response.status


@pytest.mark.parametrize("host", ["0.0.0.0", "192.168.1.10", "::"])
def test_only_loopback_addresses_are_bound(host):
    with pytest.raises(ValueError, match="loopback addresses only"):
        SandboxTelegram(host=host)


async def test_without_the_key_nothing_of_the_chat_is_shown(sides):
    for path in ("", "chat.js", "messages?user=1", "state?user=1", "events", "faults", "file/x/y"):
        assert await status(sides, path) == 401, path
        assert await status(sides, path, headers={"X-Chat-Key": "wrong"}) == 401, path
    assert await status(sides, "send", "POST", json={"user": 1, "text": "x"}) == 401


async def test_the_key_goes_in_the_link_in_a_header_or_in_the_cookie_of_the_page(sides):
    assert await status(sides, headers=sides.key) == 200
    assert await status(sides, f"messages?user=1&key={sides.server.key}") == 200
    sides.session._cookie_jar = CookieJar(unsafe=True)
    async with sides.session.get(sides.server.chat_url) as response:
        cookie = response.headers["Set-Cookie"]
        assert response.status == 200
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie
    assert await status(sides) == 200
    own = {"Origin": sides.server.url}
    assert await status(sides, "send", "POST", json={"user": 1, "text": "x"}, headers=own) == 200
    assert await status(sides, "send", "POST", json={"user": 1, "text": "x"}) == 403


async def test_a_foreign_origin_or_host_is_refused_even_with_the_key(sides):
    foreign = sides.key | {"Origin": "http://evil.example"}
    assert await status(sides, "send", "POST", json={"user": 1, "text": "x"}, headers=foreign) == 403
    assert await status(sides, headers=sides.key | {"Origin": "null"}) == 403
    assert await status(sides, headers=sides.key | {"Host": "evil.example"}) == 403
    port = sides.server.url.rpartition(":")[2]
    assert await status(sides, headers=sides.key | {"Host": f"localhost:{port}"}) == 200
    url = f"{sides.server.url}/bot{sides.server.token}/getMe"
    async with sides.session.get(url, headers={"Host": "evil.example"}) as response:
        assert response.status == 403


async def test_the_page_allows_nothing_but_itself(sides):
    async with sides.session.get(sides.server.chat_url) as response:
        text = await response.text()
        assert "default-src 'self'" in response.headers["Content-Security-Policy"]
        assert "unsafe" not in response.headers["Content-Security-Policy"]
        assert response.headers["Referrer-Policy"] == "no-referrer"
    assert "<style" not in text and "onclick" not in text and "http://" not in text


async def test_an_uploaded_page_is_never_shown_as_one(sides, form):
    await sides.raw("sendDocument", data=form({"chat_id": "1", "document": ("x.html", b"<script>")}))
    url = (await sides.messages())[-1]["document"]["url"]
    async with sides.session.get(sides.server.url + url, headers=sides.key) as response:
        assert response.content_type == "application/octet-stream"
        assert response.headers["Content-Disposition"] == "attachment"


def test_no_script_of_the_page_builds_markup_from_text():
    from bot.sandbox import chat_page

    for script in chat_page._PAGE.glob("*.js"):
        words = script.read_text()
        for banned in ("innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval("):
            assert banned not in words, (script.name, banned)
