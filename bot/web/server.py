"""The web part: /entry, the one-time page for secrets, and /health."""

import socket
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from aiohttp import web

from bot.errors import ConfigError
from bot.ports import Clock, Secret
from bot.service import Service
from bot.web.entry import Entry, OnNews, Words
from bot.web.guard import Guard, is_loopback, origin_of

_PAGE = Path(__file__).parent / "page"
_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css"}
_LARGEST_BODY = 16 * 1024
_Get = Callable[[web.Request], Awaitable[web.Response]]


class WebPart:
    """Listens on `host` and `port` (0 takes a free one) until `close`.

    `public_url` is where people reach the page. Without one there is no page, but for port 0: then it is
    offered on this machine alone, for trying it out. `sandbox_chat` is the address of a stand-in's chat page, which
    opens a page of this machine as a Mini App; Telegram's own takes https only.
    """

    def __init__(
        self, *, host: str, port: int, public_url: str | None, sandbox_chat: str | None = None
    ) -> None:
        """ConfigError when the port is taken."""
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        try:
            self._socket = socket.create_server((host, port), family=family)
        except OSError as exc:
            raise ConfigError([f"WEB_PORT {port} cannot be listened on: {exc.strerror}"]) from exc
        self.port = int(self._socket.getsockname()[1])
        chance = f"http://127.0.0.1:{self.port}" if port == 0 else None
        self.page_url = public_url.rstrip("/") if public_url else chance
        self._sandbox_chat = sandbox_chat
        self._runner: web.AppRunner | None = None

    async def start(
        self,
        *,
        service: Service,
        words: Words,
        bot_token: Secret,
        on_news: OnNews,
        clock: Clock,
        ill: Callable[[], Sequence[str]],
    ) -> None:
        """`ill` names what keeps the program from its work, in plain words without secrets."""
        guard = Guard(origin_of(self.page_url or ""), sandbox_chat=self._sandbox_chat)
        app = web.Application(client_max_size=_LARGEST_BODY, middlewares=[guard.middleware])
        app.router.add_get("/health", _health(ill))
        if self.page_url is not None:
            entry = Entry(
                service=service, words=words, bot_token=bot_token, on_news=on_news, guard=guard, clock=clock
            )
            app.router.add_post("/entry/open", entry.open)
            app.router.add_post("/entry/submit", entry.submit)
            app.router.add_get("/entry", _page("entry.html"))
            app.router.add_get("/entry/entry.js", _page("entry.js"))
            app.router.add_get("/entry/entry.css", _page("entry.css"))
            service.care.page_url = self.page_url
            service.care.page_in_chat = self._opens_in_chat()
        self._runner = web.AppRunner(app, access_log=None, keepalive_timeout=15, shutdown_timeout=2)
        await self._runner.setup()
        await web.SockSite(self._runner, self._socket).start()

    def _opens_in_chat(self) -> bool:
        if self.page_url is None:
            return False
        if self.page_url.startswith("https://"):
            return True
        return (
            self._sandbox_chat is not None and is_loopback(self.page_url) and is_loopback(self._sandbox_chat)
        )

    async def close(self) -> None:
        if self._runner is not None:
            await self._runner.cleanup()
        self._socket.close()


def _health(ill: Callable[[], Sequence[str]]) -> _Get:
    async def health(_: web.Request) -> web.Response:
        reasons = list(ill())
        return web.json_response({"ready": not reasons, "reasons": reasons}, status=503 if reasons else 200)

    return health


def _page(name: str) -> _Get:
    content = (_PAGE / name).read_bytes()
    kind = _TYPES[Path(name).suffix]

    async def page(_: web.Request) -> web.Response:
        return web.Response(body=content, content_type=kind, charset="utf-8")

    return page
