"""/profit: sums, days of the person's own zone, pictures under 100 kB, and the file for a spreadsheet."""

import csv
import io
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

import pytest

from bot.domain.events import StopMode
from bot.domain.market import Symbol
from bot.domain.money import Base, Price, Quote
from bot.domain.notices import CycleClosed
from bot.domain.params import StrategyParams
from bot.ports import Environment, RunStatus, Strategy
from bot.sandbox.telegram_html import parse_html
from bot.service.reports import Period, Profits, Sale, _start_of
from handlers import profit_picture
from handlers.profit import profit_text
from handlers.profit_file import csv_file
from handlers.texts import LOCALES, texts_for
from tests.handlers.test_digest import today
from tests.handlers.test_status_live import move
from tests.handlers.test_trading_chat import running

SAO_PAULO = ZoneInfo("America/Sao_Paulo")
SIM = Strategy(
    1, 1, "lenta", Environment.SANDBOX_BYBIT, Symbol("BTCUSDT", "BTC", "USDT"), StrategyParams(),
    RunStatus.RUNNING, None, 0,
)  # fmt: skip
REAL = replace(SIM, id=2, name='=cmd("x");', environment=Environment.BYBIT)
NOON = int(datetime(2026, 11, 22, 12, tzinfo=SAO_PAULO).timestamp() * 1000)


def sale(strategy, profit, at=NOON, number=1):
    closed = CycleClosed(
        number, 2, Price.of("61680.42"), Base.of("0.005151"), Quote.of("317.7"), Quote.of(profit),
        Decimal("0.012345678"), Quote.of("9"), number, by_hand=False,
    )  # fmt: skip
    return Sale(strategy, closed, at)


def profits(*sales, period=Period.ALL):
    return Profits(period, SAO_PAULO, None, NOON, sales)


def test_real_money_simulation_and_coins_are_never_added_up():
    euros = replace(REAL, id=3, name="euro", symbol=Symbol("BTCEUR", "BTC", "EUR"))
    text = profit_text(
        texts_for("en"), profits(sale(SIM, "1"), sale(REAL, "2"), sale(euros, "4"), sale(REAL, "8"))
    )
    shown = parse_html(text)[0].replace("\xa0", " ")
    assert "REAL MONEY: +10.00 USDT" in shown
    assert "REAL MONEY: +4.00 EUR" in shown
    assert "SIMULATION: +1.00 USDT" in shown


@pytest.mark.parametrize(
    ("locale", "cells"),
    [
        ("pt_BR", ["22/11/2026 12:00:00", '\'=cmd("x");', "0,005151", "61680,42", "-3,25", "1,2346"]),
        ("en", ["2026-11-22 12:00:00", '\'=cmd("x");', "0.005151", "61680.42", "-3.25", "1.2346"]),
    ],
)
def test_the_file_opens_in_a_spreadsheet_of_the_country(locale, cells):
    name, content = csv_file(texts_for(locale), profits(sale(REAL, "-3.25")))
    assert name.endswith("2026-11-22.csv")
    assert content.startswith(b"\xef\xbb\xbf")
    rows = list(
        csv.reader(io.StringIO(content.decode("utf-8-sig")), delimiter=";" if locale == "pt_BR" else ",")
    )
    assert len(rows) == 2
    assert len(rows[0]) == len(rows[1]) == 12
    for cell in cells:
        assert cell in rows[1]


def test_periods_begin_at_the_persons_own_midnight():
    late = int(datetime(2026, 11, 1, 23, 30, tzinfo=SAO_PAULO).timestamp() * 1000)  # the 2nd already in UTC

    def begins(period):
        return datetime.fromtimestamp(_start_of(period, late, SAO_PAULO) / 1000, SAO_PAULO).isoformat()

    assert begins(Period.DAY) == "2026-11-01T00:00:00-03:00"
    assert begins(Period.WEEK) == "2026-10-26T00:00:00-03:00"
    assert begins(Period.MONTH) == "2026-11-01T00:00:00-03:00"
    assert _start_of(Period.ALL, late, SAO_PAULO) is None


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("period", list(Period))
def test_pictures_stay_under_100_kb(period, dark):
    many = tuple(
        sale(s, str(n % 7 - 2), NOON - (300 - n) * 3_600_000 * 11, n)
        for n in range(1, 300)
        for s in (SIM, REAL)
    )
    for locale in LOCALES:
        for sales in (many, ()):
            found = replace(profits(*sales, period=period), start=NOON - 6 * 86_400_000)
            png = profit_picture.draw(texts_for(locale), found, dark=dark)
            assert png.startswith(b"\x89PNG")
            assert len(png) < 100_000


async def test_profit_is_shown_by_period_and_sent_as_a_file(household):
    await household.ask("/lucro", "Nenhum ciclo foi encerrado ainda")
    await running(household)
    household.mark()
    move(household, "62500")
    await household.wait_for("Ciclo 1 encerrado")
    await household.ask("/profit", "últimos 7 dias")
    await household.tap("Hoje", "hoje")
    shown = [m for m in await household.messages() if "Lucro líquido ·" in m["text"]]
    assert len(shown) == 1
    assert "SIMULAÇÃO: +" in shown[0]["text"]
    assert "America/Sao_Paulo" in shown[0]["text"]
    await household.press("Planilha")
    await household.settled()
    sent = [m["document"] for m in await household.messages() if m["document"]]
    assert sent[0]["name"].startswith("lucro-day-")
    await household.forge("v1:profit:century")
    await household.wait_for("não vale mais")


async def test_a_deleted_strategy_stays_in_the_sums_the_log_and_the_digest_under_its_name(household):
    await running(household)
    household.mark()
    move(household, "62500")
    await household.wait_for("Ciclo 1 encerrado")
    person, service = await household.person(), household.app.service
    await service.stop(person, 1, StopMode.KEEP_COINS)
    await household.until_rows("SELECT status FROM strategies", [("idle",)])
    before = (await household.app.reports.profits(person, Period.ALL)).sales
    await service.saved.delete(person, 1)
    again = await household.strategy("lenta")
    assert [s.id for s in await service.strategies(person)] == [again.id]
    after = (await household.app.reports.profits(person, Period.ALL)).sales
    assert [sale.closed for sale in after] == [sale.closed for sale in before] != []
    told = await household.ask("/lucro", "Lucro líquido")
    assert "· lenta (apagada): +" in told["text"]
    name, content = csv_file(texts_for("pt_BR"), await household.app.reports.profits(person, Period.ALL))
    assert ";lenta;BTCUSDT;" in content.decode("utf-8-sig"), name
    told = await household.ask("/registro", "Últimos acontecimentos")
    assert "lenta: ⏹ parada" in told["text"]
    moment, reports = await today(household)
    await reports.set_digest(person, 0)
    household.mark()
    moment.at += 24 * 3_600_000
    await reports.announce_digests()
    assert "1 ciclo encerrado" in (await household.wait_for("Seu dia"))["text"]
