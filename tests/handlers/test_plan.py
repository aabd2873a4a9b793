"""The plan for a phone: tables of at most 34 columns, and a picture."""

from dataclasses import replace
from decimal import Decimal
from io import BytesIO

import pytest
from PIL import Image

from bot.domain.market import MarketRules, Symbol
from bot.domain.money import Base, Price, Quote
from bot.domain.params import Curve, CurveChoice, StrategyParams
from bot.domain.plan import Plan, build_plan
from bot.sandbox.telegram_html import parse_html
from handlers.plan_picture import _CUT, draw
from handlers.plan_table import WIDTH, as_file, messages, shortened, summary, tables, verdict
from handlers.texts import LOCALES, texts_for

D = Decimal
BTC = MarketRules(Symbol("BTCUSDT", "BTC", "USDT"), D("0.01"), D("0.000001"), D("0.01"), Quote.of(5))
SHIB = MarketRules(Symbol("SHIBUSDT", "SHIB", "USDT"), D("0.00000001"), D(1), D("0.01"), Quote.of(1))
ETHBTC = MarketRules(
    Symbol("ETHBTC", "ETH", "BTC"), D("0.000001"), D("0.0001"), D("0.000001"), Quote.of("0.0001")
)
WHALE = MarketRules(Symbol("BTCIDR", "BTC", "IDR"), D(1), D("0.000001"), D(1), Quote.of(50000))
DEFAULTS = StrategyParams()
UNLIMITED = replace(DEFAULTS, saldo_limite=D(0))
SMALL = replace(
    UNLIMITED,
    qty_inicial=D("0.003"),
    qty_minima=D("0.001"),
    qty_maxima=D("0.01"),
    multiplicador_qty=D("1.02"),
)
LARGE = replace(UNLIMITED, qty_inicial=D(10**9), qty_minima=D(10**8), qty_maxima=D(10**10))


def worked(params: StrategyParams = DEFAULTS, free: Quote | None = None) -> Plan:
    return build_plan(params, BTC, Price.of(60000), free)


PLANS = {
    "defaults": worked(),
    "no limit": worked(UNLIMITED),
    "one rung": worked(replace(DEFAULTS, limite_recompras=0)),
    "long": worked(replace(DEFAULTS, limite_recompras=200)),
    "long and cut late": worked(replace(DEFAULTS, limite_recompras=200, saldo_limite=D(50000))),
    "cheap coin": build_plan(UNLIMITED, SHIB, Price.of("0.00001234")),
    "quoted in btc": build_plan(SMALL, ETHBTC, Price.of("0.034567")),
    "millions": build_plan(LARGE, WHALE, Price.of(1_654_321_987)),
}


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", PLANS)
def test_no_line_is_wider_than_a_phone(name: str, locale: str) -> None:
    texts = texts_for(locale)
    for whole in (False, True):
        for _, lines in tables(texts, PLANS[name], whole=whole):
            assert max(map(len, lines)) <= WIDTH == 34
    for text in messages(texts, PLANS[name]):
        shown, _ = parse_html(text)
        assert len(shown) <= 4000


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", PLANS)
def test_the_summary_fits_a_caption(name: str, locale: str) -> None:
    shown, _ = parse_html(summary(texts_for(locale), PLANS[name], environment="binance-testnet", mode="SIM"))
    assert len(shown) <= 1024


def test_the_tables_say_what_the_strategy_reference_works_out() -> None:
    lines = [line for _, grid in tables(texts_for("en"), worked(UNLIMITED)) for line in grid]
    assert " 1  1.00 59400.00 306.00  605.97" in lines
    assert "13 12.25 52651.22 388.08 4791.83" in lines
    assert " 0 60000.00  3.500 62100.00" in lines
    assert "20 53770.98  1.255 54445.65" in lines


def test_numbers_of_the_table_follow_the_language() -> None:
    lines = [line for _, grid in tables(texts_for("pt_BR"), worked()) for line in grid]
    assert "  2  1,99 58806,00 312,12  918,05" in lines


def test_every_rung_that_the_limit_cuts_off_is_marked_in_each_table() -> None:
    for _, grid in tables(texts_for("en"), worked()):
        marked = [line for line in grid if "×" in line]
        assert [line.split()[0] for line in marked] == [f"×{k}" for k in range(14, 21)]
    assert "</pre>\n× is not bought" in messages(texts_for("en"), worked())[0]
    assert not any("×" in text for text in messages(texts_for("en"), worked(UNLIMITED)))


def test_a_long_ladder_is_shortened_in_the_chat_and_whole_in_the_file() -> None:
    plan, texts = PLANS["long and cut late"], texts_for("en")
    assert shortened(plan)
    chat = "\n".join(messages(texts, plan))
    cut = plan.cut_by_limit_at
    assert cut is not None
    assert f" ×{cut} " in chat
    assert "\n×200 " in chat
    assert "×150 " not in chat
    assert sum(line.startswith("×150 ") for line in as_file(texts, plan).splitlines()) == 3


def test_the_summary_names_cost_fees_depth_cut_minimum_and_balance() -> None:
    texts = texts_for("pt_BR")
    shown, _ = parse_html(summary(texts, worked(free=Quote.of(1000)), environment="bybit", mode="REAL"))
    for part in ("REAL", "4.791,83", "4.796,62", "12,25%", "recompra 14", "5 USDT", "1.000,00"):
        assert part in shown.replace("\xa0", " ")
    assert "não a escada toda" in shown


@pytest.mark.parametrize(
    ("free", "words"),
    [
        (None, "unknown"),
        ("10", "does not cover the first buy"),
        ("400", "not the whole ladder"),
        ("9000", "covers the ladder"),
    ],
)
def test_the_summary_says_whether_the_balance_covers_the_ladder(free: str | None, words: str) -> None:
    plan = worked(free=Quote.of(free) if free else None)
    assert words in summary(texts_for("en"), plan, environment="bybit", mode="REAL")


def test_a_plan_under_the_minimum_names_the_smallest_that_would_pass() -> None:
    plan = worked(replace(DEFAULTS, qty_inicial=D(2), qty_minima=D(1), qty_maxima=D(3)))
    told = verdict(texts_for("pt_BR"), plan)
    assert "Assim não pode ser salva" in told
    for problem in plan.problems:
        assert problem.values["smallest"].replace(".", ",") in told


def test_an_oversized_order_names_the_largest() -> None:
    rules = replace(BTC, max_quantity=Base.of("0.004"))
    told = verdict(texts_for("en"), build_plan(DEFAULTS, rules, Price.of(60000)))
    assert "give at most 240" in told


# --- the picture ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("name", ["defaults", "one rung", "long", "cheap coin", "millions"])
def test_the_picture_is_a_png_of_phone_size_under_100_kb(name: str, locale: str) -> None:
    png = draw(texts_for(locale), PLANS[name])
    assert len(png) < 100_000
    with Image.open(BytesIO(png)) as image:
        assert image.format == "PNG"
        assert 600 <= image.width <= 1200
        assert image.width < image.height
        assert image.convert("RGB").getpixel((2, 2)) == (255, 255, 255)


def test_the_cut_is_drawn_where_there_is_one() -> None:
    red = tuple(int(_CUT[i : i + 2], 16) for i in (1, 3, 5))

    def reds(plan: Plan) -> int:
        with Image.open(BytesIO(draw(texts_for("en"), plan))) as image:
            return sum(
                count for count, colour in image.convert("RGB").getcolors(1 << 24) or () if colour == red
            )

    assert reds(worked()) > 50
    assert reds(worked(UNLIMITED)) == 0


def test_each_chosen_curve_changes_the_picture_and_names_differ_by_language() -> None:
    curved = replace(UNLIMITED, curva_qty=CurveChoice(Curve.POWER), multiplicador_qty=D(2))
    assert draw(texts_for("en"), worked(curved)) != draw(texts_for("en"), worked(UNLIMITED))
    assert draw(texts_for("en"), worked()) != draw(texts_for("pt_BR"), worked())
