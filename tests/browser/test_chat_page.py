"""The chat page in real Chromium, at a phone's width."""

import aiohttp
import pytest

from bot.sandbox.telegram_server import SandboxTelegram
from tests.browser.chat_desk import becomes, chat, part, photo
from tests.browser.chromium import PHONE, needs_chromium
from tests.ports import kept_port

playwright_api = pytest.importorskip("playwright.async_api", reason="playwright is not installed")

__all__ = ["chat"]
TABLE = (
    "<b>Plano</b>\n<pre>"
    + "\n".join(f"{k:2}  {k / 10:5.2f}%  61.680,4{k}    {k * 25:8},00  corta aqui" for k in range(9))
    + "</pre>"
)
KEYBOARD = {
    "inline_keyboard": [
        [{"text": "Plano", "callback_data": "plan"}, {"text": "Parar", "callback_data": "stop"}]
    ]
}

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.browser,
    needs_chromium,
]


async def test_a_person_starts_writes_and_presses(chat):
    page = chat.page
    await chat.bot("setMyDescription", description="Compra em quedas.")
    await page.reload()
    await page.get_by_text("Compra em quedas.").wait_for()
    await chat.begin()
    assert (await chat.last_update())["message"]["text"] == "/start"

    box = page.get_by_role("textbox", name="Mensagem")
    await box.fill("3,5% <script>alert(1)</script>")
    await box.press("Enter")
    await page.locator(".message.user").get_by_text("3,5% <script>alert(1)</script>").wait_for()
    assert (await chat.last_update())["message"]["text"] == "3,5% <script>alert(1)</script>"
    await playwright_api.expect(box).to_have_value("")

    asked = await chat.say("O que vamos <b>fazer</b>? Veja /help", reply_markup=KEYBOARD)
    await playwright_api.expect(chat.message(asked).locator("strong")).to_have_text("fazer")
    plan = chat.message(asked).get_by_role("button", name="Plano")
    await plan.click()
    await playwright_api.expect(plan).to_have_attribute("aria-busy", "true")
    query = (await chat.last_update("callback_query"))["callback_query"]
    assert query["data"] == "plan"
    await chat.bot("answerCallbackQuery", callback_query_id=query["id"], text="Pronto")
    await playwright_api.expect(plan).not_to_have_attribute("aria-busy", "true")
    await playwright_api.expect(page.locator("#toast")).to_have_text("Pronto")

    await chat.message(asked).get_by_role("button", name="Parar").click()
    query = (await chat.last_update("callback_query"))["callback_query"]
    await chat.bot("answerCallbackQuery", callback_query_id=query["id"], text="Nada roda.", show_alert=True)
    await playwright_api.expect(page.get_by_role("dialog")).to_contain_text("Nada roda.")
    await page.get_by_role("button", name="OK").click()

    await chat.message(asked).get_by_role("button", name="/help").click()
    await page.locator(".message.user").get_by_text("/help").wait_for()
    assert (await chat.last_update())["message"]["text"] == "/help"


async def test_messages_are_edited_deleted_pinned_and_never_scroll_the_page(chat):
    await chat.begin()
    table = await chat.say(TABLE)
    scrolled = (
        await chat.message(table).locator("pre").evaluate("e => { e.scrollLeft = 30; return e.scrollLeft; }")
    )
    assert scrolled > 0, "a table wider than the phone scrolls inside its bubble"
    await chat.stays_in_width()

    card = await chat.say("ciclo 1", reply_markup=KEYBOARD)
    await chat.bot("editMessageReplyMarkup", chat_id=1, message_id=card)
    await playwright_api.expect(chat.message(card).get_by_role("button")).to_have_count(0)
    assert "editada" not in await chat.message(card).inner_text()
    await chat.bot("editMessageText", chat_id=1, message_id=card, text="ciclo 2")
    await playwright_api.expect(chat.message(card)).to_contain_text("ciclo 2")
    await playwright_api.expect(chat.message(card)).to_contain_text("editada")
    await playwright_api.expect(chat.message(card).get_by_role("button")).to_have_count(0)

    await chat.bot("pinChatMessage", chat_id=1, message_id=card)
    await playwright_api.expect(chat.page.locator("#pinned")).to_contain_text("ciclo 2")
    await chat.bot("deleteMessage", chat_id=1, message_id=card)
    await playwright_api.expect(chat.message(card)).to_have_count(0)
    await playwright_api.expect(chat.page.locator("#pinned")).to_be_hidden()
    await chat.say("x" * 400 + " <code>" + "y" * 200 + "</code>")
    await chat.stays_in_width()


async def test_photos_open_large_and_documents_go_both_ways(chat, tmp_path):
    page = chat.page
    await chat.begin()
    sent = await chat.bot("sendPhoto", form=part("photo", "p.png", photo(), caption="escada"))
    shown = chat.message(sent["message_id"])
    await shown.get_by_role("button", name="Ampliar foto").click()
    large = page.get_by_role("dialog", name="Foto").locator("img")
    await playwright_api.expect(large).to_be_visible()
    assert await large.evaluate("e => e.decode().then(() => e.naturalWidth)") == 640
    await page.keyboard.press("Escape")

    sent = await chat.bot("sendDocument", form=part("document", "plano.js", b"module.exports = {};"))
    async with page.expect_download() as started:
        await chat.message(sent["message_id"]).get_by_role("link").click()
    download = await started.value
    assert download.suggested_filename == "plano.js"
    saved = tmp_path / "saved.js"
    await download.save_as(saved)
    assert saved.read_bytes() == b"module.exports = {};"

    mine = tmp_path / "meu.js"
    mine.write_text("module.exports = {nome: 'x'};")
    await page.locator("#file").set_input_files(mine)
    await page.get_by_label("Legenda").fill("importar")
    await page.get_by_role("dialog").get_by_role("button", name="Enviar", exact=True).click()
    await page.locator(".message.user").get_by_text("meu.js").wait_for()
    arrived = (await chat.last_update())["message"]
    assert (arrived["document"]["file_name"], arrived["caption"]) == ("meu.js", "importar")

    await page.evaluate(
        """() => {
            const dropped = new DataTransfer();
            dropped.items.add(new File(['arrastado'], 'solto.txt', {type: 'text/plain'}));
            for (const kind of ['dragover', 'drop']) {
                document.dispatchEvent(new DragEvent(kind, {dataTransfer: dropped, cancelable: true}));
            }
        }"""
    )
    await page.get_by_role("dialog").get_by_role("button", name="Enviar", exact=True).click()
    await page.locator(".message.user").get_by_text("solto.txt").wait_for()


async def test_the_menu_speaks_the_language_of_the_app_and_people_change_places(chat):
    page = chat.page
    await chat.bot("setMyCommands", commands=[{"command": "status", "description": "How it goes"}])
    pt = [{"command": "status", "description": "Como vai"}, {"command": "stop", "description": "Parar"}]
    await chat.bot("setMyCommands", commands=pt, language_code="pt")
    await chat.begin()
    box = page.get_by_role("textbox", name="Mensagem")
    await box.fill("/sto")
    await playwright_api.expect(page.locator("#commands button")).to_have_count(1)
    await page.get_by_role("button", name="/stop Parar").click()
    await page.locator(".message.user").get_by_text("/stop").wait_for()

    await page.get_by_role("button", name="Pessoa: Ana").click()
    await page.get_by_label("Idioma do aplicativo").select_option("en")
    await page.get_by_label("Block the bot").wait_for()
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Commands").click()
    await page.get_by_role("button", name="/status How it goes").wait_for()
    await page.keyboard.press("Escape")

    await page.get_by_role("button", name="Person: Ana").click()
    await page.get_by_label("Block the bot").click()
    await page.get_by_role("button", name="Unblock the bot").click()
    await page.get_by_role("textbox", name="Message").wait_for()

    await page.get_by_role("button", name="Person: Ana").click()
    await page.get_by_label("Bob · en").check()
    await page.get_by_role("button", name="Start", exact=True).click()
    await page.locator(".message.user").get_by_text("/start").wait_for()
    assert (await chat.last_update())["message"]["from"]["first_name"] == "Bob"


async def test_a_reader_further_up_is_left_there_and_told_of_news(chat):
    page = chat.page
    await chat.begin()
    for number in range(25):
        await chat.say(f"linha {number}\ne mais uma")
    await page.locator("#log").evaluate("e => e.scrollTo(0, 0)")
    await page.get_by_role("button", name="Para a mensagem mais nova").wait_for()
    await chat.say("nova")
    await playwright_api.expect(page.locator("#unread")).to_have_text("1")
    assert await page.locator("#log").evaluate("e => e.scrollTop") == 0
    await playwright_api.expect(page).to_have_title("(1) Trader Automata")
    await page.get_by_role("button", name="Para a mensagem mais nova").click()
    await playwright_api.expect(page.locator("#jump")).to_be_hidden()
    await playwright_api.expect(page).to_have_title("Trader Automata")


async def status_after_a_change(chat) -> str:
    """What is said of the bot, which types, once the person's state was read again: it lasts for five seconds."""
    page, shown = chat.page, ""
    await chat.bot("sendChatAction", chat_id=1, action="typing")
    await playwright_api.expect(page.locator("#status")).to_have_text("digitando…")
    for language, seen in (("en", "Person: Ana"), ("pt-br", "Pessoa: Ana")):
        await chat.session.post(
            f"{chat.server.url}/chat/user",
            json={"user": 1, "language": language},
            headers={"X-Chat-Key": chat.server.key},
        )
        await playwright_api.expect(page.get_by_role("button", name=seen)).to_be_visible()
        shown = shown or await page.locator("#status").inner_text()
    return shown


async def test_quick_answers_typing_and_spoilers(chat):
    page = chat.page
    await chat.begin()
    assert "typing…" in [await status_after_a_change(chat) for _ in range(5)]
    secret = await chat.say(
        "<tg-spoiler>abracadabra</tg-spoiler>", reply_markup={"keyboard": [["Bybit", "Binance"]]}
    )
    await playwright_api.expect(page.locator("#status")).to_have_text("bot")
    await chat.message(secret).get_by_role("button", name="Texto oculto, mostrar").click()
    await playwright_api.expect(chat.message(secret).locator(".spoiler")).to_have_class("spoiler shown")
    await page.get_by_role("button", name="Binance").click()
    await page.locator(".message.user").get_by_text("Binance").wait_for()
    await chat.say("obrigado", reply_markup={"remove_keyboard": True})
    await playwright_api.expect(page.locator("#keyboard")).to_be_hidden()
    asked = await chat.say("qual valor?", reply_markup={"force_reply": True})
    await playwright_api.expect(page.locator("#reply-bar")).to_contain_text("qual valor?")
    await page.get_by_role("textbox", name="Mensagem").fill("7")
    await page.keyboard.press("Enter")

    async def newest():
        return (await chat.bot("getUpdates", offset=-1))[-1]["message"].get("text")

    await becomes(newest, "7")
    await playwright_api.expect(page.locator("#reply-bar")).to_be_hidden()
    assert (await chat.last_update())["message"]["reply_to_message"]["message_id"] == asked


async def test_the_page_finds_its_stand_in_again_after_a_restart(browser, tmp_path):
    state = tmp_path / "telegram.db"
    with kept_port() as port:
        first = SandboxTelegram(path=state, port=port)
        await first.start()
        page = await browser.new_page(viewport=PHONE)
        await page.goto(first.chat_url)
        await page.get_by_role("button", name="Começar", exact=True).click()
        await page.locator("#message-1").wait_for()
        await first.stop()
        await playwright_api.expect(page.locator("#status")).to_have_text("reconectando…")
        async with SandboxTelegram(path=state, port=port) as second, aiohttp.ClientSession() as session:
            body = {"chat_id": 1, "text": "de volta"}
            async with session.post(f"{second.url}/bot{second.token}/sendMessage", json=body) as response:
                assert response.status == 200
            await page.get_by_text("de volta").wait_for()
            await playwright_api.expect(page.locator("#status")).to_have_text("bot")
            await page.close()
