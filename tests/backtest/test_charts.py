"""The pictures: small enough, drawn for the ugliest runs too, and no extreme lost when a long series is thinned."""

import io
import random
import re
from dataclasses import replace
from decimal import ROUND_HALF_EVEN, Decimal, localcontext
from functools import cache
from pathlib import Path
from string import Formatter

import numpy as np
import pytest
from babel.numbers import format_decimal
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from bot.backtest import batch, canvas, kernel_plain
from bot.backtest.canvas import COLUMNS, thinned, thinned_line
from bot.backtest.charts import equity_png, price_png, rebuys_png
from bot.backtest.charts_months import months_png
from bot.backtest.charts_studies import Look, compare_png, front_png, survival_png
from bot.backtest.exact import run_exact
from bot.backtest.figures import figures
from bot.backtest.model import Terms
from bot.backtest.words import LANGUAGES, Words
from bot.backtest.words_en import TEXTS as EN
from bot.backtest.words_pt import REASONS
from bot.backtest.words_pt import TEXTS as PT
from bot.domain.money import EXACT, Price, Quote
from bot.domain.params import StrategyParams
from bot.palette import LIGHT
from tests.backtest.naive import BTC, RULES, D, history_of

PICTURES = (price_png, equity_png, rebuys_png, months_png)
MOST_BYTES = 100_000
HOUR, DAY = 3_600_000, 86_400_000


def noisy(count, *, step_ms, spread=0.01):
    """Candles that keep coming back to 100."""
    chance, price, rows = random.Random(3), 10_000, []
    for _ in range(count):
        points = [price]
        for _ in range(3):
            points.append(int(points[-1] * (1 + chance.gauss(0, spread)) + (10_000 - points[-1]) * 0.02))
        rows.append([Decimal(x) / 100 for x in (points[0], max(points), min(points), points[-1])])
        price = points[-1]
    return history_of(rows, step_ms=step_ms, start=1_300_000_000_000)


def falling(count):
    rows = [(2000 - i, 2000 - i + D("0.5"), 2000 - i - D("1.5"), 2000 - i - 1) for i in range(count)]
    return history_of(rows, step_ms=HOUR)


QUICK = replace(
    StrategyParams(),
    recompra_queda_inicial=D("0.004"),
    recompra_queda_minimo=D("0.001"),
    lucro_alvo_inicial=D("0.005"),
    limite_recompras=60,
    saldo_limite=D(0),
)
RUNS = {
    "one candle": lambda: (StrategyParams(), history_of([(100, 100.5, 99.8, 100.1)])),
    "no cycle": lambda: (StrategyParams(), history_of([(100, 100.5, 99.8, 100.1)] * 300, step_ms=HOUR)),
    "under water": lambda: (StrategyParams(), falling(1500)),
    "no re-buys": lambda: (replace(StrategyParams(), limite_recompras=0), falling(20)),
    "thousands of fills": lambda: (QUICK, noisy(2_200, step_ms=8 * HOUR)),
    "tiny prices": lambda: (
        replace(StrategyParams(), qty_inicial=D(20)),
        replace(noisy(500, step_ms=HOUR), scale=8),
    ),
}


@cache
def ran(name):
    params, history = RUNS[name]()
    run = run_exact(params, Terms(replace(RULES, tick=D("1e-8"))), history)
    return run, figures(run, history)


def looked_at(png: bytes) -> Image.Image:
    assert len(png) < MOST_BYTES
    with Image.open(io.BytesIO(png)) as picture:
        assert picture.format == "PNG"
        assert picture.width == 810
        assert picture.height < 2 * picture.width
        return picture.convert("RGB")


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.__name__)
@pytest.mark.parametrize("name", RUNS)
def test_every_picture_of_every_run_is_drawn_small_in_both_lights(name, picture):
    run, found = ran(name)
    light = looked_at(picture(run, found, "pt_BR"))
    dark = looked_at(picture(run, found, "en", dark=True))
    assert light.getpixel((2, 2)) == (255, 255, 255)
    assert max(dark.getpixel((2, 2))) < 60


def test_thousands_of_fills_are_thousands_of_fills():
    assert len(ran("thousands of fills")[0].fills) > 4_000


@pytest.mark.parametrize("name", ["price", "buy", "exit"])
def test_what_is_told_apart_by_colour_keeps_its_colour(name):
    run, found = ran("under water") if name != "exit" else ran("thousands of fills")
    colour = getattr(LIGHT, name)
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    pixels = np.asarray(looked_at(price_png(run, found, "en"))).reshape(-1, 3).astype(int)
    assert int(np.abs(pixels - wanted).sum(axis=1).min()) < 24


# --- thinning out -----------------------------------------------------------------------------------------


def test_thinning_keeps_every_extreme_and_the_last():
    chance = np.random.default_rng(5)
    times = np.cumsum(chance.integers(1, 1000, 50_000)).astype(np.int64)
    values = chance.normal(size=50_000).cumsum()
    thin = thinned(times, values - 1, values + 1, values)
    assert len(thin.times) <= COLUMNS
    assert thin.low.min() == (values - 1).min()
    assert thin.high.max() == (values + 1).max()
    assert thin.last[-1] == values[-1]
    for place, time in enumerate(thin.times[:-1]):
        inside = (times >= time) & (times < thin.times[place + 1])
        assert thin.low[place] == (values[inside] - 1).min()


def test_a_gap_leaves_its_columns_out():
    times = np.concatenate((np.arange(5000), np.arange(900_000, 905_000))).astype(np.int64)
    values = np.arange(10_000, dtype=np.float64)
    thin = thinned(times, values, values, values)
    assert len(thin.times) < 20
    assert np.array_equal(thinned_line(times[:3], values[:3])[1], values[:3])


# --- pictures of many runs --------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("dark", [False, True])
def test_pictures_of_many_runs_are_drawn_small(language, dark):
    chance = np.random.default_rng(1)
    look = Look("1000SATSUSDT", "USDT", "8.760", language, dark=dark)
    waited = chance.lognormal(1, 1.4, 9000)
    waited[waited > 100] = np.nan
    looked_at(survival_png(look, waited, chance.random(9000) < 0.1))
    losses = chance.gamma(4, 300, 100_000)
    profits = losses * chance.random(100_000)
    looked_at(front_png(look, losses, profits, profits >= np.quantile(profits, 0.9995), 7))
    times = np.arange(400_000) * 60_000
    both = [chance.normal(size=400_000).cumsum() for _ in range(2)]
    looked_at(compare_png(look, times, both, ["_minha $x$", "outra $"]))


def test_pictures_of_many_runs_are_drawn_of_the_least_there_can_be():
    look = Look("BTCUSDT", "USDT", "", "en")
    looked_at(survival_png(look, [float("nan")], [True]))
    looked_at(survival_png(look, [0.0], [False]))
    looked_at(survival_png(look, [float("inf"), 2.0], [True, False]))
    looked_at(front_png(look, [0.0], [0.0], [True]))
    looked_at(compare_png(look, [5], [[1.0], [2.0]], ["a", "b"]))


# --- words ------------------------------------------------------------------------------------------------


def placeholders(text):
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_both_languages_say_the_same_things():
    assert EN.keys() == PT.keys()
    for key, text in EN.items():
        assert placeholders(text) == placeholders(PT[key]), key
        assert text.strip()
        assert PT[key].strip()


def test_no_text_is_there_without_a_use():
    here = Path(canvas.__file__).parent
    files = [path for path in here.glob("*.py") if path.name[:6] != "words_"]
    files += [here.parent / "cli" / name for name in ("run_words.py", "market_options.py", "worker_jobs.py")]
    sources = "".join(path.read_text() for path in files)
    parts = {
        "price.",
        "equity.",
        "months.",
        "col.",
        "csv.",
        "alt.",
        "assume.engine.",
        "assume.whose.",
        "open.",
        "hold.",
    }
    for key in EN:
        begins, _, ends = key.rpartition(".")
        put_together = (f"{begins}." in parts and f'"{ends}"' in sources) or (
            ends == "title" and f'"{begins}"' in sources
        )
        assert f'"{key}"' in sources or f"'{key}'" in sources or put_together, key


def test_every_reason_for_the_exact_engine_is_known_in_portuguese():
    known = {reason for code, reason in batch.REASONS.items() if code}
    source = Path(kernel_plain.__file__).read_text()
    known |= set(re.findall(r'LeftToExact\("([^"]+)"\)', source))
    assert len(known) >= 6
    assert known <= REASONS.keys()
    assert Words("pt_BR").reason("a first buy is less than a lot").startswith("uma primeira compra")
    assert Words("en").reason("x") == Words("pt_BR").reason("x") == "x"


def test_numbers_and_times_are_written_as_each_language_writes_them():
    english, portuguese = Words("en"), Words("pt_BR")
    assert english.quote(Quote.of("-1234.5"), BTC) == "-1,234.50\N{NO-BREAK SPACE}USDT"
    assert portuguese.quote(Quote.of("1234.5"), BTC, signed=True) == "+1.234,50\N{NO-BREAK SPACE}USDT"
    assert portuguese.price(Price.of("0.0000123456")) == "0,0000123456"
    assert english.percent(D("0.12345")) == "12.34%"
    assert english.amount(Quote.of("0.00012345")) == "0.000123"
    assert portuguese.number(D("-0.001"), most=2) == "0"
    assert english.duration(0) == "within one candle"
    assert english.duration(HOUR + 90_000) == "1 h 1 min"
    assert portuguese.duration(3 * DAY) == "3 dias"
    assert english.duration(5 * DAY + DAY // 2) == "5.5 days"
    assert (english.month(2022, 9), portuguese.month(2022, 9)) == ("Sep 2022", "set. 2022")
    assert (english.step(300_000), english.step(DAY), english.step(4 * HOUR)) == ("5 min", "1 day", "4 h")
    with pytest.raises(ValueError, match="pt_BR"):
        Words("pt")


@given(st.decimals(allow_nan=False, allow_infinity=False, places=9), st.integers(0, 3), st.booleans())
def test_numbers_are_grouped_as_the_locales_say(value, least, signed):
    shown = value.quantize(D("0.000001"), ROUND_HALF_EVEN, EXACT) or D(0)
    pattern = "#,##0." + "0" * least + "#" * (6 - least)
    pattern = f"{'+' * (signed and bool(shown))}{pattern};-{pattern}"
    for language in ("en", "pt_BR"):
        with localcontext(EXACT):
            expected = format_decimal(shown, pattern, language, decimal_quantization=False)
        assert Words(language).number(value, least=least, most=6, signed=signed) == expected


def test_the_period_of_one_day_names_the_hours():
    start = 1_700_000_040_000
    assert Words("en").period(start, start + 60_000, 1, 60_000) == (
        "Nov 14, 2023, 22:14 to 22:15 (UTC), one candle of 1 min"
    )
    assert Words("en").period(start, start + 3 * DAY, 72, HOUR) == (
        "Nov 14, 2023 to Nov 17, 2023 (UTC), 72 candles of 1 h"
    )
