"""The files of a report: what stands in them is the run, to the digit, in both languages, and nothing runs from them."""

import csv
import io
import json
import re
from dataclasses import replace
from decimal import Decimal
from functools import cache
from html.parser import HTMLParser

import pytest

from bot.backtest.exact import run_exact
from bot.backtest.figures import figures
from bot.backtest.files import cycles_csv, fills_csv, write
from bot.backtest.html import page
from bot.backtest.html_tables import MOST_CYCLES, cycles_table, settings_table
from bot.backtest.model import Engine, Terms
from bot.backtest.run_json import run_as_json
from bot.backtest.statements import assumptions
from bot.backtest.words import LANGUAGES, Words
from bot.domain.market import Symbol
from bot.domain.money import Quote
from bot.domain.params import Curve, CurveChoice, StrategyParams
from tests.backtest.naive import RULES, history_of
from tests.backtest.test_charts import HOUR, QUICK, noisy

EVIL = "\"><script>alert(1)</script>&'<img src=x onerror=alert(2)>"
MOST_BYTES = 2_000_000


@cache
def some_run(evil=False):
    rules = replace(RULES, symbol=Symbol(f"BTC{EVIL}", f"B{EVIL}", f"U{EVIL}")) if evil else RULES
    history = noisy(1003, step_ms=2 * HOUR)
    if evil:
        history = replace(history, source=f"file {EVIL}")
    run = run_exact(QUICK, Terms(rules), history)
    if evil:
        run = replace(run, fell_back=f"because {EVIL}")
    assert len(run.cycles) > 50
    return run, figures(run, history)


class Read(HTMLParser):
    """The tags of a page and what they point at."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.targets, self.texts, self.ids = [], [], [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.targets += [value for name, value in attrs if name in {"src", "srcset", "href"}]
        self.ids += [value for name, value in attrs if name == "id"]

    def handle_data(self, data):
        self.texts.append(data)


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The files in both languages, by language."""
    run, found = some_run()
    folder = tmp_path_factory.mktemp("reports")
    return {
        language: write(run, found, folder / language / "new", language, "mine") for language in LANGUAGES
    }


def test_four_files_are_written_and_named_in_the_language(written):
    stem = "backtest-BTCUSDT-2011-03-13-2011-06-04"
    assert [path.name for path in written["en"]] == [
        f"{stem}.html", f"{stem}.json", f"{stem}-fills.csv", f"{stem}-cycles.csv",
    ]  # fmt: skip
    assert [path.name for path in written["pt_BR"]][2:] == [f"{stem}-execucoes.csv", f"{stem}-ciclos.csv"]
    for path in (*written["en"], *written["pt_BR"]):
        assert 0 < path.stat().st_size < MOST_BYTES


def test_a_pair_with_a_path_in_its_name_stays_in_the_directory(tmp_path):
    run, found = some_run()
    symbol = Symbol("../../etc/pass wd", "BTC", "USDT")
    away = replace(run, terms=Terms(replace(RULES, symbol=symbol)))
    paths = write(away, found, tmp_path / "here", "en")
    assert write(away, found, tmp_path / "here", "en") == paths
    assert sorted(path for path in tmp_path.rglob("*") if path.is_file()) == sorted(paths)
    assert {path.parent for path in paths} == {tmp_path / "here"}


# --- json -------------------------------------------------------------------------------------------------


def test_the_json_of_a_run_has_the_promised_shape():
    run, _ = some_run()
    told = json.loads(json.dumps(run_as_json(run)))
    assert {*told} >= {"fills", "cycles", "net_profit", "open", "engine", "seconds"}
    assert [*told["fills"][0]] == ["time", "side", "k", "price", "quantity"]
    assert [*told["cycles"][0]] == ["start", "end", "rebuys", "net_profit"]
    assert {*told["open"]} >= {"held", "cost", "rebuys", "value", "unrealised"}
    assert told["engine"] == "exact"
    for fill, shown in zip(run.fills, told["fills"], strict=True):
        assert Decimal(shown["price"]) == fill.price.value
        assert Decimal(shown["quantity"]) == fill.quantity.value
        assert (shown["time"], shown["side"], shown["k"]) == (fill.time, fill.side.value, fill.k)
    assert abs(sum(Decimal(c["net_profit"]) for c in told["cycles"]) - run.net_profit.value) < Decimal(
        "1e-20"
    )


def test_the_json_report_holds_every_figure_as_a_string(written):
    _, found = some_run()
    text = next(path.read_text() for path in written["en"] if path.suffix == ".json")
    told = json.loads(text)
    assert Decimal(told["figures"]["net_profit"]) == pytest.approx(found.net_profit.value)
    assert told["figures"]["rebuys_used"] == list(found.rebuys_used)
    assert told["figures"]["worst_loss"]["at"] == found.worst.at
    assert told["params"]["qty_inicial"] == "300"
    assert told["params"]["limite_recompras"] == 60
    assert told["terms"]["tick"] == "0.01"
    assert len(told["months"]) == len(found.months)
    assert len(told["days"]) == len(found.days) == 84
    assert sum(Decimal(m["result"]) for m in told["months"]) == pytest.approx(found.result.value)
    told.pop("seconds")
    assert not re.search(r'"-?\d[\d.]*[eE]', text)
    json.loads(json.dumps(told), parse_float=lambda number: pytest.fail(f"a float: {number}"))


# --- csv --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_csv_files_hold_the_run_to_the_digit(language):
    run, _ = some_run()
    portuguese = language == "pt_BR"
    fills, cycles = fills_csv(run, language), cycles_csv(run, language)
    assert fills.startswith(b"\xef\xbb\xbf") == portuguese
    assert cycles.startswith(b"\xef\xbb\xbf") == portuguese

    def rows_of(content):
        text = content.decode("utf-8-sig")
        return list(csv.reader(io.StringIO(text, newline=""), delimiter=";" if portuguese else ","))

    def number(cell):
        return Decimal(cell.replace(",", ".")) if portuguese else Decimal(cell)

    head, *rows = rows_of(fills)
    assert len(head) == 8
    for row, fill in zip(rows, run.fills, strict=True):
        assert number(row[4]) == fill.price.value
        assert number(row[5]) == fill.quantity.value
        assert row[2] == {"buy": ("compra", "buy"), "sell": ("venda", "sell")}[fill.side][not portuguese]
    head, *rows = rows_of(cycles)
    assert len(head) == 7
    for row, cycle in zip(rows, run.cycles, strict=True):
        assert number(row[4]) == round(cycle.net_profit.value, 10)
        assert int(row[2]) == cycle.rebuys
    assert re.fullmatch(
        r"13/03/2011 \d\d:\d\d:\d\d" if portuguese else r"2011-03-13 \d\d:\d\d:\d\d", rows[0][0]
    )


# --- the page ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_page_needs_nothing_beside_itself(language, written):
    read = Read(written[language][0].read_text())
    assert "script" not in read.tags
    for target in read.targets:
        assert target.startswith(("data:", "#"))
        if target.startswith("#"):
            assert target[1:] in read.ids
    assert len(read.ids) == len(set(read.ids))
    assert read.tags.count("h1") == 1
    assert read.tags.count("img") == 4


def test_whatever_comes_from_outside_is_escaped():
    run, found = some_run(evil=True)
    text = page(run, found, "en", EVIL)
    read = Read(text)
    assert "script" not in read.tags
    assert read.tags.count("img") == 4
    assert "<script" not in text.lower()
    assert EVIL in "".join(read.texts)
    assert f"because {EVIL}" in "".join(read.texts)


def test_the_page_tells_the_figures_and_the_assumptions(written):
    _, found = some_run()
    text = " ".join(Read(written["en"][0].read_text()).texts)
    for told in ("Worst paper loss", "Time with the ladder exhausted", "Buy and hold", "What this assumes"):
        assert told in text
    for amount in (found.net_profit, found.worst.amount, found.most_invested, found.fees.total):
        assert f"{round(amount.value, 2):,.2f}" in text
    assert "The history has no gap." in text
    assert "exact engine" in text
    assert "".join(text.split()).count("lucro_alvo_inicial") == 1


def test_the_engine_and_its_falling_back_are_told():
    run, found = some_run()
    words = Words("en")
    quick = replace(found, assumptions=replace(found.assumptions, engine=Engine.FAST))
    assert any("fast engine, which is held equal" in line for line in assumptions(words, run, quick))
    fell = replace(found, assumptions=replace(found.assumptions, fell_back="a curve was chosen."))
    assert any("the exact one ran: a curve was chosen." in line for line in assumptions(words, run, fell))


def test_gaps_slippage_and_a_given_balance_are_told():
    run, found = some_run()
    told = replace(
        found.assumptions, gaps=3, missing=17, slippage=Decimal("0.0005"), balance=Quote(Decimal(900))
    )
    given = replace(run, terms=replace(run.terms, balance=Quote(Decimal(900))))
    lines = list(assumptions(Words("pt_BR"), given, replace(found, assumptions=told)))
    assert "3 lacunas no histórico, 17 velas faltando; ficam como estão." in lines
    assert any("na abertura de uma vela, 0,05% mais cara" in line for line in lines)
    assert any(line.startswith("Saldo no início, como informado: 900,00") for line in lines)


def test_a_run_that_never_bought_has_a_page_too():
    history = history_of([(100, 100.5, 99.8, 100.1)])
    run = replace(run_exact(StrategyParams(), Terms(RULES), history), fills=(), open=None)
    text = page(run, figures(run, history), "pt_BR")
    assert "Nenhum ciclo está aberto no fim." in text
    assert "Nenhum ciclo foi encerrado." in text
    assert run_as_json(run)["open"] is None
    assert fills_csv(run, "en").count(b"\r\n") == cycles_csv(run, "en").count(b"\r\n") == 1


def test_a_curve_stands_among_the_settings():
    params = replace(StrategyParams(), curva_lucro=CurveChoice(Curve.LINEAR, Decimal("0.006")))
    text = settings_table(Words("en"), replace(some_run()[0], params=params))
    assert "linear \N{RIGHTWARDS ARROW} 0.006" in text
    assert ">curva_<wbr>lucro<" in text
    assert ">curva_<wbr>qty<" not in text


def test_a_very_long_list_of_cycles_is_cut_and_says_so():
    run, _ = some_run()
    many = replace(run, cycles=run.cycles * (MOST_CYCLES // len(run.cycles) + 1))
    text = cycles_table(Words("en"), many)
    assert "all are in the csv file" in text
    assert text.count('<tr><th scope="row">2011-') == MOST_CYCLES
    whole = cycles_table(Words("en"), replace(run, cycles=run.cycles[:50]))
    assert "all are in the csv file" not in whole
    assert f"{round(run.net_profit.value, 2):+,.2f}" in whole
