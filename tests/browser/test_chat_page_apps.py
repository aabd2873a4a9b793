"""Mini Apps in their frame, and what waits for the other person."""

import asyncio
import json
from collections.abc import AsyncIterator
from urllib.parse import parse_qs

import pytest
import pytest_asyncio
from aiohttp import web

from tests.browser.chat_desk import becomes, chat
from tests.browser.chromium import needs_chromium

playwright_api = pytest.importorskip("playwright.async_api", reason="playwright is not installed")

__all__ = ["chat"]
APP = """<!doctype html><html lang="en"><head><title>app</title></head><body><main><h1>Keys</h1>
<p id="who"></p><button id="done">Done</button></main><script>
const told = new URLSearchParams(location.hash.slice(1));
document.getElementById("who").textContent = JSON.parse(new URLSearchParams(told.get("tgWebAppData")).get("user")).first_name;
fetch("/told", {method: "POST", body: location.hash.slice(1)});
try { parent.document.title = "taken over"; } catch {}
document.getElementById("done").onclick = () => parent.postMessage(JSON.stringify({eventType: "web_app_close"}), "*");
</script></body></html>"""

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.browser, needs_chromium]


class App:
    """The bot's own web server behind a button."""

    def __init__(self) -> None:
        self.told: asyncio.Queue[str] = asyncio.Queue()
        self.url = ""

    async def page(self, request: web.Request) -> web.Response:
        del request
        return web.Response(text=APP, content_type="text/html")

    async def hear(self, request: web.Request) -> web.Response:
        self.told.put_nowait(await request.text())
        return web.Response()


@pytest_asyncio.fixture(loop_scope="module")
async def mini_app() -> AsyncIterator[App]:
    made = App()
    routes = web.Application()
    routes.router.add_get("/app", made.page)
    routes.router.add_post("/told", made.hear)
    runner = web.AppRunner(routes, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/app?for=keys"
    yield made
    await runner.cleanup()


async def test_a_mini_app_opens_in_a_frame_knows_its_person_and_closes(chat, mini_app):
    checked = pytest.importorskip(
        "aiogram.utils.web_app", reason="aiogram, a foreign client, is not installed"
    )
    page = chat.page
    await chat.begin()
    keyboard = {"inline_keyboard": [[{"text": "Abrir chaves", "web_app": {"url": mini_app.url}}]]}
    sent = await chat.say("aqui", reply_markup=keyboard)
    await chat.message(sent).get_by_role("button", name="Abrir chaves").click()
    dialog = page.get_by_role("dialog", name="Abrir chaves")
    await dialog.wait_for()
    inside = page.frame_locator("#web-app iframe")
    await playwright_api.expect(inside.locator("#who")).to_have_text("Ana")
    told = parse_qs(await asyncio.wait_for(mini_app.told.get(), 30))
    proven = checked.safe_parse_webapp_init_data(chat.server.token, told["tgWebAppData"][0])
    assert (proven.user.id, proven.user.language_code) == (1, "pt-br")
    assert json.loads(told["tgWebAppThemeParams"][0])["bg_color"].startswith("#")
    with pytest.raises(ValueError, match="Invalid init data"):
        checked.safe_parse_webapp_init_data("1:other", told["tgWebAppData"][0])
    assert await page.title() == "Trader Automata", "the frame may not reach out of itself"
    sandbox = await page.locator("#web-app iframe").get_attribute("sandbox")
    assert "allow-top-navigation" not in sandbox

    await inside.locator("#done").click()
    await playwright_api.expect(dialog).to_be_hidden()
    await playwright_api.expect(page.locator("iframe")).to_have_count(0)
    await chat.message(sent).get_by_role("button", name="Abrir chaves").click()
    await dialog.get_by_role("button", name="Fechar").click()
    await playwright_api.expect(dialog).to_be_hidden()
    await becomes(lambda: page.evaluate("document.activeElement.textContent"), "Abrir chaves")  # where it was


async def test_what_waits_for_the_other_person_is_counted_at_the_switch_and_in_the_title(chat):
    page = chat.page
    await chat.begin()
    await chat.session.post(
        f"{chat.server.url}/chat/send",
        json={"user": 2, "text": "/start"},
        headers={"X-Chat-Key": chat.server.key},
    )
    for text in ("um", "dois"):
        sent = await chat.bot("sendMessage", chat_id=2, text=text)
    await chat.bot("editMessageText", chat_id=2, message_id=sent["message_id"], text="dois e meio")
    opener = page.get_by_role("button", name="Pessoa: Ana; Bob: 2 não lidas")
    await opener.wait_for()
    await playwright_api.expect(page).to_have_title("(2) Trader Automata")
    await page.reload()
    await opener.click()
    await playwright_api.expect(page.locator("#unread-2")).to_have_text("2")
    await playwright_api.expect(page.get_by_label("Ana · pt-br · dono")).to_be_checked()
    await page.get_by_label("Bob · en").check()
    await page.get_by_text("dois e meio").wait_for()
    await playwright_api.expect(page).to_have_title("Trader Automata")
    await chat.bot("sendMessage", chat_id=1, text="para Ana")
    await page.get_by_role("button", name="Person: Bob; Ana: 1 unread").click()
    await page.get_by_label("Ana · pt-br").check()
    await page.get_by_text("para Ana").wait_for()
    await playwright_api.expect(page).to_have_title("Trader Automata")


async def test_what_comes_while_the_line_is_still_opening_is_counted_too(chat):
    page = chat.page
    await chat.begin()
    answer = await chat.session.post(
        f"{chat.server.url}/chat/send",
        json={"user": 2, "text": "/start"},
        headers={"X-Chat-Key": chat.server.key},
    )
    assert answer.ok
    asked, sent = asyncio.Event(), asyncio.Event()

    async def hold(route):
        asked.set()
        await sent.wait()
        await route.continue_()

    await page.route("**/events", hold)
    await page.reload()
    await asyncio.wait_for(asked.wait(), 30)
    await chat.bot("sendMessage", chat_id=2, text="um")
    sent.set()
    await page.get_by_role("button", name="Pessoa: Ana; Bob: 1 não lida").wait_for()
    await playwright_api.expect(page).to_have_title("(1) Trader Automata")
