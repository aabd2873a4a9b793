"""Who may talk to the stand-in: this machine only, under a loopback name, and the page only with its key.

The Host check stops a foreign name that was pointed at 127.0.0.1, the Origin check a foreign page in the same
browser, the key everybody else on this machine.
"""

import hmac
import ipaddress
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from bot.sandbox.telegram_api import WORLD

KEY_HEADER: Final = "X-Chat-Key"
_READS: Final = frozenset({"GET", "HEAD"})
_PAGE_HEADERS: Final = {
    "Content-Security-Policy": (
        "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
        "frame-src https: http://127.0.0.1:* http://localhost:*"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
}

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def require_loopback(host: str) -> None:
    """Raises ValueError for an address that other machines could reach."""
    if host != "localhost" and not ipaddress.ip_address(host).is_loopback:
        raise ValueError(f"the Telegram sandbox listens on loopback addresses only, not on {host}")


@web.middleware
async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refuses strangers before any handler runs."""
    names = _own_names(request)
    if not _is_local(request) or request.host not in names:
        return _no(403, f"only {names[0]} on this machine is answered, not {request.host}")
    if not _is_page(request):
        return await handler(request)
    origin = request.headers.get("Origin")
    if origin is not None and origin not in {f"http://{name}" for name in names}:
        return _no(403, f"the origin {origin} may not use this chat")
    given = _given_key(request)
    if not any(hmac.compare_digest(key.encode(), request.app[WORLD].key.encode()) for key in given):
        return _no(
            401, f"the key is missing or wrong: open the link that was printed, or send it as {KEY_HEADER}"
        )
    if request.method not in _READS and origin is None and not _carries_key(request):
        return _no(403, f"a request with the cookie alone needs an Origin; scripts send {KEY_HEADER}")
    return await handler(request)


async def add_page_headers(request: web.Request, response: web.StreamResponse) -> None:
    """on_response_prepare: what a browser may do with our pages."""
    if _is_page(request):
        for name, value in _PAGE_HEADERS.items():
            response.headers.setdefault(name, value)


def cookie_name(request: web.Request) -> str:
    """Cookies ignore ports, so that the name carries it: two demos side by side keep their keys."""
    return f"chat_key_{_port(request)}"


def _is_page(request: web.Request) -> bool:
    return request.path == "/chat" or request.path.startswith("/chat/")


def _given_key(request: web.Request) -> list[str]:
    found = (
        request.query.get("key"),
        request.headers.get(KEY_HEADER),
        request.cookies.get(cookie_name(request)),
    )
    return [key for key in found if key]


def _carries_key(request: web.Request) -> bool:
    return "key" in request.query or KEY_HEADER in request.headers


def _own_names(request: web.Request) -> tuple[str, ...]:
    port = _port(request)
    return (f"127.0.0.1:{port}", f"localhost:{port}", f"[::1]:{port}")


def _port(request: web.Request) -> int:
    address = request.transport.get_extra_info("sockname") if request.transport else None
    return int(address[1]) if address else 0


def _is_local(request: web.Request) -> bool:
    return request.remote is not None and ipaddress.ip_address(request.remote).is_loopback


def _no(status: int, error: str) -> web.Response:
    return web.json_response({"ok": False, "error": error}, status=status)
