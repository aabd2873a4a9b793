"""One Chromium for the tests of a file."""

import pytest
import pytest_asyncio

from tests.browser.chromium import ARGUMENTS, CHROMIUM


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def browser():
    playwright_api = pytest.importorskip("playwright.async_api", reason="playwright is not installed")
    playwright_api.expect.set_options(
        timeout=30_000
    )  # how long a fact is waited for, not how long it may take
    async with playwright_api.async_playwright() as player:
        started = await player.chromium.launch(executable_path=str(CHROMIUM), args=ARGUMENTS)
        yield started
        await started.close()
