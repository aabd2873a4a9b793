"""Who may ask, and what each answer carries: same origin only, nothing kept, nothing foreign."""

import time
from collections import deque
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
_STRANGERS_A_MINUTE = 60


def origin_of(url: str) -> str:
    """Scheme, host and port, as a browser writes them in Origin."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()


def is_loopback(url: str) -> bool:
    """Whether this address leads to this machine and nowhere else."""
    return urlsplit(url).hostname in _LOOPBACK


def _framed_by(sandbox_chat: str | None) -> str:
    """The chat page of the stand-in answers to both names of this machine."""
    if sandbox_chat is None or not is_loopback(sandbox_chat):
        return "'none'"
    port = urlsplit(sandbox_chat).port
    return f"http://127.0.0.1:{port} http://localhost:{port}"


class Guard:
    """The middleware of the page. `origin` is the page's own.

    `sandbox_chat` is the origin of a stand-in's chat page that may frame a page of this machine; a public one is
    framed by Telegram's own web client and by nobody else.
    """

    def __init__(
        self, origin: str, clock: Callable[[], float] = time.monotonic, *, sandbox_chat: str | None = None
    ) -> None:
        self._origin = origin
        self._loopback = is_loopback(origin)
        self._framed_by = _framed_by(sandbox_chat) if self._loopback else "https://web.telegram.org"
        self._clock = clock
        self._strangers: deque[float] = deque()

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            answer = await handler(request) if self._welcome(request) else web.Response(status=403)
        except web.HTTPException as exc:  # of aiohttp itself: an unknown path, a body too large
            answer = web.Response(status=exc.status)
        answer.headers.update(self._headers())
        return answer

    def stranger(self) -> bool:
        """Count somebody without a good ticket; whether it is too many. A good ticket is never held up by them."""
        now = self._clock()
        while self._strangers and now - self._strangers[0] > 60:
            self._strangers.popleft()
        if len(self._strangers) >= _STRANGERS_A_MINUTE:
            return True
        self._strangers.append(now)
        return False

    def _welcome(self, request: web.Request) -> bool:
        if request.path == "/health":
            return True
        if self._loopback and request.host.lower() != urlsplit(self._origin).netloc:
            return False  # another name for this machine: a page elsewhere may be behind it (DNS rebinding)
        if request.method in {"GET", "HEAD"}:
            return True
        same_site = request.headers.get("Sec-Fetch-Site", "same-origin") == "same-origin"
        return request.headers.get("Origin", "").lower() == self._origin and same_site

    def _headers(self) -> dict[str, str]:
        headers = {
            "Content-Security-Policy": (
                "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
                f"base-uri 'none'; form-action 'none'; frame-ancestors {self._framed_by}"
            ),
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
            "X-Robots-Tag": "noindex",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
            "Server": "trader-automata",
        }
        if not self._loopback:
            headers["Strict-Transport-Security"] = "max-age=31536000"
        return headers
