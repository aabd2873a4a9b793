"""What a person's request says: a user, texts and numbers, each refused in words."""

from typing import Any, Final

from aiohttp import web

from bot.sandbox.telegram_people import UserError
from bot.sandbox.telegram_world import Person, World

Json = dict[str, Any]

_NO_ID: Final = 1 << 63


async def body_of(request: web.Request) -> Json:
    try:
        body = await request.json()
    except (ValueError, RecursionError) as exc:
        raise UserError("the body must be a JSON object") from exc
    if not isinstance(body, dict):
        raise UserError("the body must be a JSON object")
    return body


def person_of(world: World, given: object) -> Person:
    try:
        return world.people[int(str(given))]
    except (ValueError, KeyError):
        known = ", ".join(f"{person.id} ({person.profile['first_name']})" for person in world.people.values())
        raise UserError(f"there is no user {given}; the users are {known}", 404) from None


def text_of(body: Json, name: str) -> str:
    given = body.get(name)
    if not isinstance(given, str):
        raise UserError(f'"{name}" must be a text')
    if any("\ud800" <= char <= "\udfff" for char in given):
        raise UserError(f'"{name}" has half a character: no keyboard types that')
    return given


def number_of(source: Any, name: str) -> int:  # noqa: ANN401 - a JSON object or a query
    given = source.get(name) or 0
    try:
        number = int(str(given))
    except ValueError:
        number = _NO_ID
    if abs(number) >= _NO_ID:
        raise UserError(f'"{name}" must be a whole number, not {given!r}')
    return number
