"""A person at the chat page, with a person's means only: the box, the buttons, the eyes."""

import asyncio
import os
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_SEEN = """[...document.querySelectorAll('#log > .message.bot')].map(e => ({
    id: Number(e.dataset.messageId), text: e.querySelector('.text')?.innerText ?? '',
    edited: e.querySelector('.meta')?.children.length > 1}))"""
_TOO_WIDE = """[document.documentElement, document.querySelector('#log'), ...document.querySelectorAll('pre')]
    .filter(e => e.scrollWidth > e.clientWidth).map(e => e.innerText.slice(0, 200))"""


@dataclass
class Phone:
    """`seen` is the newest message when the person last acted: what is waited for comes after it."""

    page: Any
    pictures: Path
    name: str
    seen: int = field(default=0)
    taken: int = field(default=0)

    async def type(self, text: str) -> None:
        self.seen = await self.newest()
        box = self.page.get_by_role("textbox")
        await box.fill(text)
        await box.press("Enter")

    async def press(self, label: str) -> None:
        """The newest button of exactly this name."""
        self.seen = await self.newest()
        await self.page.get_by_role("button", name=label, exact=True).last.click()

    async def refresh(self, label: str, pattern: str) -> None:
        """Press until the newest message that matches is another: its time of day is written to the second."""

        async def card() -> str:
            return [one["text"] for one in await self.messages() if re.search(pattern, one["text"])][-1]

        before = await card()
        async with asyncio.timeout(60):
            while await card() == before:
                await self.press(label)
                await asyncio.sleep(0.2)

    async def messages(self) -> list[dict[str, Any]]:
        """The bot's messages as the page shows them, oldest first."""
        return list(await self.page.evaluate(_SEEN))

    async def newest(self) -> int:
        return max((message["id"] for message in await self.messages()), default=0)

    async def sees(self, pattern: str, *, timeout: float = 60, edited: bool = False) -> str:  # noqa: ASYNC109
        """Wait for a message after the last act (or one edited since) that matches; its text."""
        end = asyncio.get_running_loop().time() + timeout
        while asyncio.get_running_loop().time() < end:
            for message in await self.messages():
                fresh = message["id"] > self.seen or (edited and message["edited"])
                if fresh and re.search(pattern, message["text"]):
                    return str(message["text"])
            await asyncio.sleep(0.05)
        told = "\n---\n".join(message["text"] for message in (await self.messages())[-6:])
        raise AssertionError(f"never saw {pattern!r} in:\n{told}")

    async def stays_in_width(self) -> None:
        """Neither the page nor a table in it scrolls sideways."""
        assert await self.page.evaluate(_TOO_WIDE) == []

    async def shoot(self, what: str, *, at: str | None = None, edge: str = "end") -> None:
        """A screenshot for the eye: the end of the chat, or the newest message with the words `at` at that edge."""
        if at is not None:
            message = self.page.locator("#log > .message.bot").filter(has_text=re.compile(at)).last
            await message.evaluate("(e, edge) => e.scrollIntoView({block: edge})", edge)
        self.taken += 1
        place = self.pictures / f"{self.name}-{self.taken:02d}-{what}.png"
        await self.page.screenshot(path=place, animations="disabled")
        if at is not None:
            await self.page.locator("#log").evaluate("e => e.scrollTo(0, e.scrollHeight)")


def pictures_in(folder: Path) -> Path:
    """Where screenshots go: the environment's TRADER_SCREENSHOTS, else `folder`."""
    place = Path(os.environ.get("TRADER_SCREENSHOTS") or folder)
    place.mkdir(parents=True, exist_ok=True)
    return place
