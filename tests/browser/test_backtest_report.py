"""The backtest's page in real Chromium: axe-core finds nothing, it fits every width, and it asks nobody for anything."""

from dataclasses import replace

import pytest
import pytest_asyncio

from bot.backtest.exact import run_exact
from bot.backtest.figures import figures
from bot.backtest.files import write
from bot.backtest.model import Terms
from tests.backtest.naive import RULES
from tests.backtest.test_charts import HOUR, QUICK, noisy
from tests.browser.chromium import complaints_of, needs_chromium
from tests.browser.phone import pictures_in

playwright_api = pytest.importorskip("playwright.async_api", reason="playwright is not installed")
axe_api = pytest.importorskip("axe_playwright_python.async_playwright", reason="axe-core is not installed")

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.browser, needs_chromium]
LANGUAGE = {"light": "pt_BR", "dark": "en"}
WIDTHS = (360, 390, 768, 1280)
PAPER = {"light": "rgb(255, 255, 255)", "dark": "rgb(23, 33, 43)"}
TOO_WIDE = """[document.documentElement, ...document.querySelectorAll('body, section, dl, dd, figure, .facts, .settings')]
    .filter(e => e.scrollWidth > e.clientWidth + 1).map(e => e.outerHTML.slice(0, 120))"""
SHOWN = "[...document.images].map(i => i.currentSrc === i.src)"
LOADED = "[...document.images].every(i => i.complete && i.naturalWidth === 810)"


@pytest.fixture(scope="module")
def pages(tmp_path_factory):
    """A report in each language, by language."""
    history = replace(noisy(403, step_ms=6 * HOUR), source="binance")
    run = run_exact(QUICK, Terms(RULES), history)
    found, folder = figures(run, history), tmp_path_factory.mktemp("report")
    return {
        language: write(run, found, folder, language, "minha escada")[0] for language in LANGUAGE.values()
    }


@pytest_asyncio.fixture(params=["light", "dark"], loop_scope="module")
async def report(request, browser, pages):
    """The open page; anything it asks of a network, and any complaint of its console, fails the test."""
    context = await browser.new_context(
        viewport={"width": 390, "height": 844}, color_scheme=request.param, reduced_motion="reduce"
    )
    page = await context.new_page()
    asked: list[str] = []
    page.on("request", lambda one: asked.append(one.url) if not one.url.startswith("data:") else None)
    complaints = complaints_of(page)
    here = pages[LANGUAGE[request.param]].as_uri()
    await page.goto(here)
    page.scheme = request.param
    yield page
    await context.close()
    assert asked == [here]
    assert complaints == []


async def violations(page):
    found = await axe_api.Axe().run(page)
    return [
        (each["id"], each["impact"], node["html"][:120])
        for each in found.response["violations"]
        for node in each["nodes"]
    ]


async def test_axe_finds_nothing_with_the_cycles_shut_or_open(report):
    assert await violations(report) == []
    await report.locator("summary").click()
    await report.locator("details table").wait_for()
    assert await violations(report) == []


async def test_it_fits_a_phone_and_a_desk(report, tmp_path):
    await report.locator("summary").click()
    for width in WIDTHS:
        await report.set_viewport_size({"width": width, "height": 844})
        assert await report.evaluate(TOO_WIDE) == [], width
        name = f"report-{report.scheme}-{width}.png"
        await report.screenshot(path=pictures_in(tmp_path) / name, full_page=width == 390)


async def test_the_pictures_follow_the_light_and_paper_takes_the_light_ones(report):
    dark = report.scheme == "dark"
    assert await report.evaluate(LOADED)
    assert await report.evaluate(SHOWN) == [not dark] * 4
    assert await report.evaluate("getComputedStyle(document.body).backgroundColor") == PAPER[report.scheme]
    await report.emulate_media(media="print", color_scheme=report.scheme)
    await report.wait_for_function(f"{SHOWN}.every(light => light)")
    assert await report.evaluate("getComputedStyle(document.body).backgroundColor") == PAPER["light"]
    assert len(await report.pdf(format="A4")) > 10_000


async def test_the_keyboard_reaches_the_wide_tables_and_every_link_leads_somewhere(report):
    for link in await report.locator("nav a").all():
        await link.click()
        target = (await link.get_attribute("href") or "")[1:]
        assert await report.locator(f"[id='{target}']").is_visible()
    frame = report.locator(".scroll").first
    await frame.focus()
    await report.keyboard.press("ArrowRight")
    await report.wait_for_function("document.querySelector('.scroll').scrollLeft > 0")
