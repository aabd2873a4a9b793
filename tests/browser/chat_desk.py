"""The chat page in Chromium with the bot's side beside it: what the tests of the page share."""

import asyncio
import io
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp
import pytest
import pytest_asyncio
from PIL import Image

from bot.sandbox.telegram_server import SandboxTelegram
from tests.browser.chromium import PHONE, complaints_of

playwright_api = pytest.importorskip("playwright.async_api", reason="playwright is not installed")


class Chat:
    """A page, the stand-in behind it, and the bot's side."""

    def __init__(self, server, session, page, complaints):
        self.server, self.session, self.page, self.complaints = server, session, page, complaints
        self.seen_update = 0

    async def bot(self, method: str, *, form: aiohttp.FormData | None = None, **params: Any) -> Any:
        url = f"{self.server.url}/bot{self.server.token}/{method}"
        body = {"data": form} if form else {"json": params}
        async with self.session.post(url, **body) as response:
            answer = await response.json()
        assert answer["ok"], answer
        return answer["result"]

    async def say(self, text: str, **params: Any) -> int:
        sent = await self.bot("sendMessage", chat_id=1, text=text, parse_mode="HTML", **params)
        await self.page.locator(f"#message-{sent['message_id']}").wait_for()
        return sent["message_id"]

    async def last_update(self, kind: str = "message") -> Any:
        """The newest update, once it is of this kind and newer than the one before."""
        end = time.monotonic() + 30
        while True:
            found = await self.bot("getUpdates", offset=-1)
            if found and kind in found[-1] and found[-1]["update_id"] > self.seen_update:
                self.seen_update = found[-1]["update_id"]
                return found[-1]
            assert time.monotonic() < end, f"no new {kind}"
            await asyncio.sleep(0.02)

    async def begin(self) -> None:
        await self.page.get_by_role("button", name="Começar", exact=True).click()
        await self.page.locator("#message-1").wait_for()

    def message(self, message_id: int):
        return self.page.locator(f"#message-{message_id}")

    async def stays_in_width(self) -> None:
        wide = await self.page.evaluate(
            "[document.documentElement, document.querySelector('#log')].map(e => e.scrollWidth - e.clientWidth)"
        )
        assert wide == [0, 0]


async def becomes(look: Callable[[], Awaitable[Any]], wanted: Any, *, seconds: float = 30) -> None:
    """Look until it is so: what a page does after a press, it does when it has an answer."""
    end = time.monotonic() + seconds
    while (seen := await look()) != wanted and time.monotonic() < end:
        await asyncio.sleep(0.02)
    assert seen == wanted


@pytest_asyncio.fixture(params=["light", "dark"], loop_scope="module")
async def chat(request, browser):
    async with SandboxTelegram(poll_pacing=False) as server:
        context = await browser.new_context(viewport=PHONE, color_scheme=request.param, has_touch=True)
        page = await context.new_page()
        page.set_default_timeout(30_000)
        complaints = complaints_of(page)
        await page.goto(server.chat_url)
        async with aiohttp.ClientSession() as session:
            yield Chat(server, session, page, complaints)
        await context.close()
    assert complaints == []


def photo(width=640, height=360) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (width, height), "#3388cc").save(buffer, "PNG")
    return buffer.getvalue()


def part(kind: str, name: str, content: bytes, **fields: str) -> aiohttp.FormData:
    form = aiohttp.FormData({"chat_id": "1", **fields})
    form.add_field(kind, io.BytesIO(content), filename=name)
    return form
