"""What a bot says about itself: getMe, commands by scope and language, descriptions, menu button, chats."""

import json
import re
from typing import Any, Final

from bot.sandbox.telegram_errors import bad_request, flood_wait, unsupported
from bot.sandbox.telegram_request import Params
from bot.sandbox.telegram_views import api_message
from bot.sandbox.telegram_world import Person, World

Json = dict[str, Any]

COMMAND_LIMIT: Final = 100
_NAME_LIMIT: Final = 32
_DESCRIPTION_LIMIT: Final = 256
_SCOPES: Final = ("default", "all_private_chats", "all_group_chats", "all_chat_administrators")
_CHAT_SCOPES: Final = ("chat", "chat_administrators", "chat_member")
_ABOUT_LIMITS: Final = {"name": 64, "description": 512, "short_description": 120}
_CLOSE_AFTER: Final = 600


def get_me(world: World, params: Params) -> Json:
    del params
    return world.bot_user | {
        "can_join_groups": True,
        "can_read_all_group_messages": False,
        "supports_guest_queries": False,
        "supports_inline_queries": False,
        "can_connect_to_business": False,
        "has_main_web_app": False,
        "has_topics_enabled": False,
        "allows_users_to_create_topics": False,
        "can_manage_bots": False,
    }


def close(world: World, params: Params) -> bool:
    """Refused with 429 in the first ten minutes of the bot, as documented; then true."""
    del params
    left = world.started_at + _CLOSE_AFTER - world.clock()
    if left > 0:
        raise flood_wait(int(left) + 1)
    return True


def get_chat(world: World, params: Params) -> Json:
    person = world.person_of_chat(params.text("chat_id"))
    pinned = world.store.pinned(person.id)
    return (
        person.chat()
        | {
            "active_usernames": [person.profile["username"]] if "username" in person.profile else [],
            "accent_color_id": 0,
            "max_reaction_count": 11,
            "accepted_gift_types": {
                "unlimited_gifts": True,
                "limited_gifts": True,
                "unique_gifts": True,
                "premium_subscription": True,
                "gifts_from_channels": True,
            },
        }
        | ({"pinned_message": api_message(world, pinned[0])} if pinned else {})
    )


def leave_chat(world: World, params: Params) -> bool:
    world.person_of_chat(params.text("chat_id"))
    raise bad_request("Chat member status can't be changed in private chats")


# commands


def set_my_commands(world: World, params: Params) -> bool:
    scope, language = _scope(world, params), _language(params)
    listed = params.nested("commands", "Can't parse commands JSON object")
    if listed is not None and not isinstance(listed, list):
        raise bad_request("Expected an Array of BotCommand")
    commands = [_command(item) for item in listed or []]
    if len(commands) > COMMAND_LIMIT:
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    world.store.put_setting(_commands_key(scope, language), json.dumps(commands) if commands else None)
    _tell_commands(world)
    return True


def get_my_commands(world: World, params: Params) -> list[Json]:
    commands: list[Json] = world.setting_json(_commands_key(_scope(world, params), _language(params))) or []
    return commands


def delete_my_commands(world: World, params: Params) -> bool:
    world.store.put_setting(_commands_key(_scope(world, params), _language(params)), None)
    _tell_commands(world)
    return True


def commands_for(world: World, person: Person) -> list[Json]:
    """The command menu of a person, by the documented order of scopes and their two-letter language."""
    language = str(person.profile.get("language_code", ""))[:2].lower()
    for scope in (f"chat:{person.id}", "all_private_chats", "default"):
        for wanted in (language, ""):
            found: list[Json] | None = world.setting_json(_commands_key(scope, wanted))
            if found:
                return found
    return []


def _tell_commands(world: World) -> None:
    for person in world.people.values():
        world.publish(person.id, {"type": "commands", "commands": commands_for(world, person)})


def _commands_key(scope: str, language: str) -> str:
    return f"commands:{scope}:{language}"


def _scope(world: World, params: Params) -> str:
    where = "Can't parse BotCommandScope: "
    scope = params.nested("scope", "Can't parse BotCommandScope JSON object")
    if scope is None:
        return "default"
    if not isinstance(scope, dict):
        raise bad_request(f"{where}BotCommandScope must be an Object")
    kind = scope.get("type")
    if kind is None:
        raise bad_request(f'{where}Can\'t find field "type"')
    if kind in _SCOPES:
        return str(kind)
    if kind not in _CHAT_SCOPES:
        raise bad_request(f"{where}Unsupported type specified")
    person = world.person_of_chat(str(scope.get("chat_id", "")))
    if kind != "chat":
        raise bad_request("Can't use specified scope in private chats")
    return f"chat:{person.id}"


def _language(params: Params) -> str:
    code = params.text("language_code")
    if code and not re.fullmatch(r"[a-z]{2}", code):
        raise bad_request("Invalid language code specified")
    return code


def _command(item: object) -> Json:
    where = "Can't parse BotCommand: "
    if not isinstance(item, dict):
        raise bad_request(f"{where}expected an Object")
    for name in ("command", "description"):
        if name not in item:
            raise bad_request(f'{where}Can\'t find field "{name}"')
    command = str(item["command"]).strip().removeprefix("/")
    description = str(item["description"]).strip()
    if not command:
        raise bad_request("Command must be non-empty")
    if len(command) > _NAME_LIMIT:
        raise bad_request(f"Command length must not exceed {_NAME_LIMIT}")
    if not description:
        raise bad_request("Command description must be non-empty")
    if len(description) > _DESCRIPTION_LIMIT:
        raise bad_request(f"Command description length must not exceed {_DESCRIPTION_LIMIT}")
    if not re.fullmatch(r"[a-z0-9_]+", command):
        raise bad_request("BOT_COMMAND_INVALID")
    return {"command": command, "description": description}


# name and descriptions


def set_about(world: World, params: Params, name: str) -> bool:
    """setMyName, setMyDescription, setMyShortDescription; an empty text removes it for that language."""
    text, language = params.text(name), _language(params)
    if len(text) > _ABOUT_LIMITS[name]:
        raise bad_request(f"BOT_{name.upper()}_TOO_LONG")
    world.store.put_setting(f"{name}:{language}", text or None)
    return True


def get_about(world: World, params: Params, name: str) -> Json:
    """getMyName, getMyDescription, getMyShortDescription: in the language asked for, else the default."""
    stored = world.store.setting(f"{name}:{_language(params)}") or world.store.setting(f"{name}:")
    return {name: stored or (world.bot_user["first_name"] if name == "name" else "")}


# menu button


def set_chat_menu_button(world: World, params: Params) -> bool:
    button = params.nested("menu_button", "Can't parse menu button JSON object") or {"type": "default"}
    where = "Can't parse menu button: "
    if not isinstance(button, dict):
        raise bad_request(f"{where}MenuButton must be an Object")
    kind = button.get("type")
    if kind is not None and not isinstance(kind, str):
        raise bad_request(f'{where}Field "type" must be of type String')
    if kind == "web_app":
        raise unsupported("a menu button of type web_app")
    if kind not in {"default", "commands"}:
        raise bad_request(f"{where}MenuButton has unsupported type")
    world.store.put_setting(_menu_key(world, params), json.dumps({"type": kind}))
    return True


def get_chat_menu_button(world: World, params: Params) -> Json:
    """A chat without its own button has the bot's; "default" of the bot itself is the command menu."""
    found: Json | None = world.setting_json(_menu_key(world, params))
    if found is None or found["type"] == "default":
        found = world.setting_json("menu:")
    return found if found and found["type"] != "default" else {"type": "commands"}


def _menu_key(world: World, params: Params) -> str:
    raw = params.text("chat_id")
    return f"menu:{world.person_of_chat(raw).id}" if raw else "menu:"
