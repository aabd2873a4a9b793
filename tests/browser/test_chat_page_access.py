"""The chat page for everybody: axe-core finds nothing, the keyboard reaches everything, any width will do."""

import pytest

from tests.browser.chat_desk import Chat, becomes, chat, part, photo
from tests.browser.chromium import needs_chromium

playwright_api = pytest.importorskip("playwright.async_api", reason="playwright is not installed")
axe_api = pytest.importorskip("axe_playwright_python.async_playwright", reason="axe-core is not installed")

__all__ = ["chat"]
RICH = (
    "<b>Plano</b> de <i>compras</i>, veja /status, $BTC e <a href='https://example.org/x'>a página</a>\n"
    "<blockquote>citado</blockquote><blockquote expandable>um\ndois\ntrês\nquatro\ncinco</blockquote>"
    "<tg-spoiler>oculto</tg-spoiler> <code>id-7</code> <s>velho</s>\n<pre>k  queda   preço\n1  1,00%  61.680,42</pre>"
)
BUTTONS = {
    "inline_keyboard": [
        [{"text": "Sim, executar", "callback_data": "y", "style": "success"}],
        [
            {"text": "Não, parar", "callback_data": "n", "style": "danger"},
            {"text": "Copiar", "copy_text": {"text": "x"}},
        ],
        [
            {"text": "Abrir", "callback_data": "o", "style": "primary"},
            {"text": "Site", "url": "https://example.org"},
        ],
    ]
}
CUT_OFF = """[...document.querySelectorAll('button, a, textarea, .bubble')]
    .filter(e => e.checkVisibility() && !e.closest('pre, .spoiler'))
    .filter(e => { const r = e.getBoundingClientRect(); return r.left < 0 || r.right > innerWidth + 0.5; })
    .map(e => e.outerHTML.slice(0, 80))"""
TOO_SMALL = """[...document.querySelectorAll('.inline, .icon, .menu, .person, .key, .wide')]
    .filter(e => e.checkVisibility()).filter(e => e.getBoundingClientRect().height < 33)
    .map(e => e.outerHTML.slice(0, 80))"""
PT = [{"command": "status", "description": "Como vai"}, {"command": "stop", "description": "Parar"}]

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.browser, needs_chromium]


async def violations(chat: Chat) -> list[tuple[str, str, str]]:
    """(rule, weight, where) of all that axe-core holds against the page as it stands."""
    await chat.page.evaluate(
        "Promise.all(document.getAnimations().map(each => each.finished.catch(() => 0)))"
    )
    found = await axe_api.Axe().run(chat.page)
    return [
        (each["id"], each["impact"], node["html"][:120])
        for each in found.response["violations"]
        for node in each["nodes"]
    ]


async def furnish(chat: Chat) -> int:
    """A conversation in which everything occurs that a message can hold; the id of the text with buttons."""
    await chat.bot("setMyCommands", commands=PT, language_code="pt")
    await chat.begin()
    sent = await chat.bot("sendPhoto", form=part("photo", "p.png", photo(), caption="escada"))
    await chat.bot("sendDocument", form=part("document", "plano.js", b"module.exports = {};"))
    rich = await chat.say(RICH, reply_markup=BUTTONS, reply_parameters={"message_id": sent["message_id"]})
    await chat.bot("pinChatMessage", chat_id=1, message_id=rich)
    await chat.bot("editMessageCaption", chat_id=1, message_id=sent["message_id"], caption="escada nova")
    box = chat.page.get_by_role("textbox", name="Mensagem")
    await box.fill("Tudo bem em https://example.org ? /help")
    await box.press("Enter")
    await chat.say("responda", reply_markup={"keyboard": [["Bybit", "Binance"]]})
    await chat.page.locator("#keyboard button").first.wait_for()
    return rich


async def test_axe_finds_nothing_in_the_conversation_nor_in_what_opens_over_it(chat):
    page = chat.page
    await page.locator("#start").wait_for()
    assert await violations(chat) == [], "the first sight"
    await furnish(chat)
    assert await violations(chat) == [], "a conversation"
    await page.get_by_role("button", name="Comandos", exact=True).click()
    assert await violations(chat) == [], "the command menu"
    await page.keyboard.press("Escape")
    await chat.bot("sendMessage", chat_id=1, text="x")
    await page.get_by_role("button", name="Pessoa: Ana").click()
    assert await violations(chat) == [], "the person's settings"
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Ampliar foto").click()
    assert await violations(chat) == [], "the photo, large"
    await page.keyboard.press("Escape")
    await page.locator("#file").set_input_files(
        files=[{"name": "a.png", "mimeType": "image/png", "buffer": photo()}]
    )
    await page.get_by_role("dialog", name="Enviar arquivo").wait_for()
    assert await violations(chat) == [], "sending a file"
    await page.get_by_role("button", name="Cancelar").click()
    await page.get_by_role("button", name="Sim, executar").click()
    query = (await chat.last_update("callback_query"))["callback_query"]
    await chat.bot("answerCallbackQuery", callback_query_id=query["id"], text="Feito.", show_alert=True)
    await page.get_by_role("dialog").get_by_text("Feito.").wait_for()
    assert await violations(chat) == [], "an answer to read"
    await page.get_by_role("button", name="OK").click()
    await page.get_by_role("button", name="Pessoa: Ana").click()
    await page.get_by_label("Bloquear o bot").click()
    await page.get_by_role("button", name="Desbloquear o bot").wait_for()
    assert await violations(chat) == [], "a blocked bot"


async def test_axe_does_find_what_is_wrong(chat):
    await chat.begin()
    await chat.page.evaluate("document.querySelector('#send').removeAttribute('aria-label')")
    assert ("button-name", "critical") in {(rule, weight) for rule, weight, _ in await violations(chat)}


async def test_the_keyboard_alone_writes_presses_opens_and_closes(chat):
    page = chat.page
    await furnish(chat)
    focused = "document.activeElement.textContent.trim() || document.activeElement.getAttribute('aria-label')"
    box = page.get_by_role("textbox", name="Mensagem")
    await box.focus()
    await page.keyboard.type("/st")
    await page.locator("#commands button").first.wait_for()
    await page.keyboard.press("ArrowUp")
    await becomes(lambda: page.evaluate(focused), "/stopParar")
    await page.keyboard.press("ArrowDown")
    await becomes(lambda: page.evaluate(focused), "/statusComo vai")
    await page.keyboard.press("Enter")
    await page.locator(".message.user").get_by_text("/status").last.wait_for()
    await becomes(lambda: page.evaluate("document.activeElement.id"), "text")
    assert await reached(page, "Sim, executar", "Shift+Tab")
    await page.keyboard.press("Enter")
    assert (await chat.last_update("callback_query"))["callback_query"]["data"] == "y"
    assert await reached(page, "Texto oculto, mostrar", "Shift+Tab")
    await page.keyboard.press(" ")
    await playwright_api.expect(page.locator(".spoiler.shown")).to_be_visible()
    assert await reached(page, "Ampliar foto", "Shift+Tab")
    await page.keyboard.press("Enter")
    await page.get_by_role("dialog", name="Foto").wait_for()
    await page.keyboard.press("Escape")
    await becomes(lambda: page.evaluate("document.activeElement.getAttribute('aria-label')"), "Ampliar foto")
    assert await reached(page, "Pessoa: Ana", "Shift+Tab")
    await page.keyboard.press("Enter")
    await page.keyboard.press("Tab")
    await becomes(lambda: page.evaluate("document.activeElement.type"), "radio")
    await page.keyboard.press("Escape")
    await becomes(lambda: page.evaluate("document.activeElement.id"), "person")


async def reached(page, label: str, key: str) -> bool:
    """Whether so many strokes of a key lead to the control of that name; each stop on the way is seen."""
    for _ in range(60):
        await page.keyboard.press(key)
        name, outlined = await page.evaluate(
            """[document.activeElement.getAttribute('aria-label') || document.activeElement.textContent,
                getComputedStyle(document.activeElement).outlineStyle !== 'none'
                || document.activeElement.id === 'text']"""
        )
        assert outlined, f"no focus ring on {name}"
        if name.startswith(label):
            return True
    return False


async def test_the_page_fits_from_a_small_phone_to_a_desktop(chat):
    await furnish(chat)
    for width in (360, 390, 768, 1440):
        await chat.page.set_viewport_size({"width": width, "height": 740})
        await chat.stays_in_width()
        assert await chat.page.evaluate(CUT_OFF) == [], width
        assert await chat.page.evaluate(TOO_SMALL) == [], f"a finger finds every button at {width}"
