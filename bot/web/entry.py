"""The one-time page's own questions: open a ticket, and do the errand with what was typed. Nothing is logged."""

import hashlib
import json
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import structlog
from aiohttp import web

from bot.errors import BotError, ExchangeError
from bot.ports import Clock, Person, Secret
from bot.service import Service
from bot.service.page_errand import NEW_PASSWORD, News, carry_out, fields
from bot.service.tickets import Errand, Purpose, Ticket
from bot.web.guard import Guard
from bot.web.init_data import MOST_AGE_SECONDS, Untrue, person_of

log = structlog.get_logger()
_LONGEST_SECRET = 512
_MOST_SIGNED = 10_000
_WORDS = (
    *("send", "sending", "show", "hide", "use_words", "words_offered"),
    *("time_left", "time_over", "unreachable", "nothing", "close"),
)

OnNews = Callable[[Person, Ticket, Sequence[News]], Awaitable[None]]


class Words(Protocol):
    """Plain text in a person's language."""

    def text(self, locale: str, key: str, **values: object) -> str: ...

    def explain(self, locale: str, error: BotError) -> str: ...

    def environment(self, locale: str, errand: Errand) -> str:
        """Where the errand's key belongs, as a person calls it; empty for an errand without one."""


@dataclass(frozen=True, slots=True)
class _Visit:
    """A good ticket and whose it is."""

    person: Person
    ticket: Ticket
    token: str


class Entry:
    """The two POST routes. `on_news` tells the chat what was done."""

    def __init__(
        self,
        *,
        service: Service,
        words: Words,
        bot_token: Secret,
        on_news: OnNews,
        guard: Guard,
        clock: Clock,
    ) -> None:
        self._service = service
        self._words = words
        self._bot_token = bot_token
        self._on_news = on_news
        self._guard = guard
        self._clock = clock
        self._signed: dict[str, int] = {}

    async def open(self, request: web.Request) -> web.Response:
        """Ticket or initData in; what to ask for out."""
        asked = await _body(request)
        visit = await self._visit(asked.get("ticket"))
        if visit is None and asked.get("init_data"):
            visit = await self._visit(await self._by_init_data(asked))
        if visit is None:
            return self._gone(request)
        return web.json_response(await self._form(visit.person, visit.ticket, visit.token))

    async def submit(self, request: web.Request) -> web.Response:
        """The ticket is used up here; what fails gets another one for the rest of its five minutes."""
        asked = await _body(request)
        visit = await self._visit(asked.get("ticket"))
        if visit is None or self._service.care.tickets.take(visit.token) is None:
            return self._gone(request)
        person, ticket, news = visit.person, visit.ticket, list[News]()
        try:
            await carry_out(self._service, person, ticket.errand, _secrets(asked.get("values")), news)
        except BotError as error:
            return web.json_response(await self._failed(person, ticket, error), status=422)
        finally:
            await self._tell(person, ticket, news)
        done = self._words.text(person.locale, f"page.done_{ticket.errand.purpose.value}")
        return web.json_response({"done": done, "back": self._words.text(person.locale, "page.back")})

    async def _tell(self, person: Person, ticket: Ticket, news: Sequence[News]) -> None:
        if news:
            await self._on_news(person, ticket, news)

    async def _failed(self, person: Person, ticket: Ticket, error: BotError) -> dict[str, Any]:
        log.info("page_refused", reason=type(error).__name__, exchange=isinstance(error, ExchangeError))
        told = {"error": self._words.explain(person.locale, error)}
        token = self._service.care.tickets.again(ticket)
        if token is None:
            return told | {"over": True}
        again = self._service.care.tickets.look(token)
        return told if again is None else told | await self._form(person, again, token)

    async def _visit(self, token: object) -> _Visit | None:
        if not isinstance(token, str) or not token:
            return None
        ticket = self._service.care.tickets.look(token)
        person = await self._service.person_by_id(ticket.person_id) if ticket else None
        return _Visit(person, ticket, token) if ticket and person else None

    async def _by_init_data(self, asked: dict[str, Any]) -> str | None:
        """A fresh ticket for the person whom Telegram has signed for; each signature is good once."""
        errand, signed, now = Errand.unpack(str(asked.get("for"))), asked["init_data"], self._clock.now()
        if errand is None or not isinstance(signed, str):
            return None
        try:
            chat_id = person_of(signed, token=self._bot_token, now=now)
        except Untrue:
            return None
        person = await self._service.person(chat_id)
        mark = hashlib.sha256(signed.encode()).hexdigest()
        keep = now - 2 * MOST_AGE_SECONDS * 1000
        self._signed = {m: at for m, at in self._signed.items() if at > keep}
        if person is None or mark in self._signed or len(self._signed) >= _MOST_SIGNED:
            return None
        self._signed[mark] = now
        return self._service.care.tickets.issue(person.id, errand)

    async def _form(self, person: Person, ticket: Ticket, token: str) -> dict[str, Any]:
        wanted = await fields(self._service, person, ticket.errand)
        text, locale, errand = self._words.text, person.locale, ticket.errand
        place = self._words.environment(locale, errand)
        notes = [text(locale, "page.note_key")] if errand.purpose is Purpose.KEY else []
        asked: dict[str, Any] = {
            "ticket": token,
            "lang": "pt-BR" if locale == "pt_BR" else "en",
            "seconds": self._service.care.tickets.seconds_left(ticket),
            "title": text(locale, f"page.title_{errand.purpose.value}", environment=place),
            "fields": [{"name": name, "label": text(locale, f"page.field_{name}")} for name in wanted],
            "words": {name: text(locale, f"page.{name}") for name in _WORDS},
            "can_send": bool(wanted) or errand.purpose is Purpose.SANDBOX,
            "notes": notes,
        }
        if NEW_PASSWORD in wanted:
            asked["suggestion"] = self._service.care.suggest().reveal()
            notes.insert(0, text(locale, "page.note_password"))
        return asked

    def _gone(self, request: web.Request) -> web.Response:
        accepted = request.headers.get("Accept-Language", "")
        locale = "pt_BR" if accepted.lower().startswith("pt") else "en"
        crowded = self._guard.stranger()
        told = self._words.text(locale, "page.crowded" if crowded else "page.gone")
        return web.json_response({"error": told, "over": True}, status=429 if crowded else 410)


async def _body(request: web.Request) -> dict[str, Any]:
    if request.content_type != "application/json":
        raise web.HTTPUnsupportedMediaType
    try:
        asked = json.loads(await request.read())
    except (ValueError, RecursionError):
        raise web.HTTPBadRequest from None
    if not isinstance(asked, dict):
        raise web.HTTPBadRequest
    return asked


def _secrets(values: object) -> dict[str, Secret]:
    """What was typed, without blanks around; what is too long or no text counts as missing."""
    if not isinstance(values, dict):
        return {}
    return {
        str(name): Secret(value.strip())
        for name, value in values.items()
        if isinstance(value, str) and len(value) <= _LONGEST_SECRET
    }
