"""The demo as one process, and a phone before its chat page."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from tests.browser.chromium import PHONE, complaints_of
from tests.browser.phone import Phone, pictures_in
from tests.end_to_end.processes import Process, Street, spawn


@asynccontextmanager
async def demo(
    folder: Path, *, candles: Path | None = None, skip: int = 0
) -> AsyncIterator[tuple[Street, Process]]:
    """`python -m bot demo`, its market standing still until it may run as fast as it can.

    It stands at the first candle, or after `skip` of them, which are the past.
    """
    words = ["--json", "--port", "0", "--speed", "1", "--data-dir", str(folder / "data")]
    if candles is not None:
        words += ["--candles", str(candles), "--skip", str(skip)]
    process = await spawn("demo", "demo", *words, log=folder / "demo.log")
    try:
        exchange, telegram = await process.first_line(), await process.first_line()
        async with aiohttp.ClientSession() as http:
            street = Street(folder, exchange, telegram, http)
            await street.market(do="pause", speed=0)
            yield street, process
    finally:
        assert await process.end() == 0, process.log.read_text()[-3000:]


@asynccontextmanager
async def phone(
    browser, street: Street, folder: Path, name: str, colours: str, *, but: str = "\n"
) -> AsyncIterator[Phone]:
    """The chat page at a phone's width; what its console complains of fails the test, `but` for such lines."""
    context = await browser.new_context(
        viewport=PHONE, color_scheme=colours, has_touch=True, device_scale_factor=2
    )
    page = await context.new_page()
    page.set_default_timeout(30_000)
    complaints = complaints_of(page)
    await page.goto(street.telegram["chat_url"])
    yield Phone(page, pictures_in(folder), name)
    await context.close()
    left = [said for said in complaints if but not in said]
    assert left == [], left
