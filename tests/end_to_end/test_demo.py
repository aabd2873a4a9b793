"""The demo as a newcomer starts it: killed and started again, it is found where it stood."""

import json
from pathlib import Path

import aiohttp

from tests.end_to_end.conversation import open_account, run_by_defaults, unlock
from tests.end_to_end.processes import Process, Street, spawn


async def demo(folder: Path, http: aiohttp.ClientSession) -> tuple[Process, Street]:
    args = ("demo", "--json", "--port", "0", "--speed", "max", "--data-dir", str(folder / "demo"))
    process = await spawn("demo", *args, log=folder / "demo.log")
    exchange, telegram = await process.first_line(), await process.first_line()
    return process, Street(folder, exchange, telegram, http)


async def test_a_killed_demo_is_found_where_it_stood(tmp_path: Path) -> None:
    async with aiohttp.ClientSession() as http:
        process, place = await demo(tmp_path, http)
        try:
            chat = place.chat()
            await open_account(chat)
            await run_by_defaults(chat)
            await chat.sees("Primeira compra")
            before = {m["message_id"] for m in await chat.messages()}
            process.kill()
            await process.child.wait()
            process, again = await demo(tmp_path, http)
            assert (again.exchange["api_key"], again.telegram["token"]) == (
                place.exchange["api_key"],
                place.telegram["token"],
            )
            chat = again.chat()
            assert before <= {m["message_id"] for m in await chat.messages()}
            await chat.sees("/unlock|desbloque")
            await unlock(chat)
            await chat.sees("1 estratégia continua")
            await chat.say("/status")
            await chat.sees(r"Ciclo \d+ · recompras")
        finally:
            await process.end()
        said = (tmp_path / "demo.log").read_text()
        assert place.exchange["api_secret"] not in said
        assert place.telegram["token"] not in said
        assert "Traceback" not in said


async def test_the_demos_first_lines_are_the_stand_ins_own(tmp_path: Path) -> None:
    async with aiohttp.ClientSession() as http:
        process, place = await demo(tmp_path, http)
        await process.end()
    assert set(place.exchange) == {"rest", "ws_private", "ws_public", "api_key", "api_secret"}
    assert set(place.telegram) == {"url", "token", "chat_url", "key"}
    assert json.dumps(place.telegram)
