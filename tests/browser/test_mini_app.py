"""The one-time page as a Mini App in the demo's chat: opened from a message, filled in, answered in the chat."""

import sqlite3
from pathlib import Path

import pytest

from tests.browser.chromium import needs_chromium
from tests.browser.demo_desk import demo, phone
from tests.browser.phone import Phone
from tests.end_to_end.processes import PASSWORD, Street

playwright_api = pytest.importorskip("playwright.async_api", reason="playwright is not installed")
axe_api = pytest.importorskip("axe_playwright_python.async_playwright", reason="axe-core is not installed")

PT = {
    "add": "➕ Adicionar chave",
    "sandbox": "Sandbox (regras da Bybit)",
    "open": "🔐 Abrir aqui",
    "new": "Senha nova, com 12 caracteres ou mais",
    "again": "A senha nova mais uma vez",
    "send": "Enviar",
    "back": "Voltar à conversa",
    "kept": "pode negociar",
    "locked": "Trancado",
    "password": "Sua senha",
    "wrong": "A senha não é essa. Tente de novo.",
    "unlocked": "Aberto. Nenhuma estratégia esperava",
}
EN = {
    "add": "➕ Add a key",
    "sandbox": "Sandbox (Bybit rules)",
    "open": "🔐 Open here",
    "new": "New password, 12 characters or more",
    "again": "The new password once more",
    "send": "Send",
    "back": "Back to the chat",
    "kept": "may trade",
    "locked": "Locked",
    "password": "Your password",
    "wrong": "That is not the password. Please try again.",
    "unlocked": "Open. No strategy was waiting",
}

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.browser, needs_chromium]


@pytest.mark.parametrize(("language", "words", "colours"), [("pt", PT, "light"), ("en", EN, "dark")])
async def test_a_key_and_a_password_are_entered_in_the_chats_own_frame(
    browser, tmp_path: Path, language, words, colours
):
    async with (
        demo(tmp_path) as (street, _),
        phone(browser, street, tmp_path, f"app-{language}", colours, but="422") as chat,
    ):
        await chat.press("Começar")
        await chat.sees("Olá, Ana")
        if language == "en":
            await speak_english(chat)
        await enter_the_key(chat, street, words)
        await unlock(chat, words)
        shown = await chat.page.locator("#log").inner_text()
    assert PASSWORD not in shown
    assert street.exchange["api_secret"] not in shown
    with sqlite3.connect(f"file:{street.database}?mode=ro", uri=True) as db:
        assert db.execute("SELECT DISTINCT environment FROM secrets").fetchall() == [("sandbox-bybit",)]


async def speak_english(chat: Phone) -> None:
    await chat.type("/language")
    await chat.press("🇬🇧 English")
    await chat.sees("English", edited=True)
    await chat.page.get_by_role("button", name="Pessoa: Ana").click()
    await chat.page.get_by_label("Idioma do aplicativo").select_option("en")
    await chat.page.get_by_label("App language").wait_for()
    await chat.page.keyboard.press("Escape")


async def enter_the_key(chat: Phone, street: Street, words: dict[str, str]) -> None:
    await chat.type("/keys")
    await chat.press(words["add"])
    await chat.press(words["sandbox"])
    inside = await opened(chat, words)
    await chat.shoot("form")
    await inside.get_by_label(words["new"], exact=True).fill(PASSWORD)
    await inside.get_by_label(words["again"], exact=True).fill(PASSWORD)
    await inside.get_by_label("API key", exact=True).fill(street.exchange["api_key"])
    await inside.get_by_label("API secret", exact=True).fill(street.exchange["api_secret"])
    await inside.get_by_role("button", name=words["send"], exact=True).click()
    await back_to_the_chat(chat, inside, words, "done")
    await chat.sees(words["kept"])
    await chat.shoot("kept")


async def unlock(chat: Phone, words: dict[str, str]) -> None:
    await chat.type("/lock")
    await chat.sees(words["locked"])
    await chat.type("/unlock")
    inside = await opened(chat, words)
    await inside.get_by_label(words["password"], exact=True).fill("certainly not it")
    await inside.get_by_role("button", name=words["send"], exact=True).click()
    await inside.get_by_text(words["wrong"]).wait_for()
    await chat.shoot("wrong")
    await inside.get_by_label(words["password"], exact=True).fill(PASSWORD)
    await inside.get_by_role("button", name=words["send"], exact=True).click()
    await back_to_the_chat(chat, inside, words, "unlocked")
    await chat.sees(words["unlocked"])


async def opened(chat: Phone, words: dict[str, str]):
    """Our page in its frame; nothing in it or around it keeps anybody out."""
    await chat.page.get_by_role("button", name=words["open"], exact=True).last.click()
    frame = await (await chat.page.locator("#web-app iframe").element_handle()).content_frame()
    await frame.locator("#form").wait_for()
    await no_complaint(frame)
    await no_complaint(chat.page)
    wide = await frame.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert wide == 0
    return frame


async def back_to_the_chat(chat: Phone, inside, words: dict[str, str], what: str) -> None:
    chat.seen = 0
    back = inside.get_by_role("button", name=words["back"], exact=True)
    await back.wait_for()
    await no_complaint(inside)
    await chat.shoot(what)
    await back.click()
    await playwright_api.expect(chat.page.locator("#web-app")).to_be_hidden()


async def no_complaint(where) -> None:
    # by document: axe's own talk between frames of two origins is complained of by the browser
    found = await axe_api.Axe().run(where, options={"resultTypes": ["violations"], "iframes": False})
    assert [(each["id"], each["nodes"][0]["html"][:120]) for each in found.response["violations"]] == []
