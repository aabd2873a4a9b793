"""The catalogues: complete, alike, and valid as Telegram reads them."""

import re
from decimal import Decimal
from pathlib import Path
from string import Formatter
from typing import get_args

import pytest

from bot.domain.events import RefusalReason, StopMode
from bot.domain.market import Symbol
from bot.domain.money import Base, Price, Quote
from bot.domain.notices import (
    CycleClosed,
    Digest,
    Earned,
    FirstBuyFilled,
    KeyExpires,
    KeyMayWithdraw,
    KeyUnbound,
    NotEnough,
    Notice,
    Paused,
    PutBack,
    RebuyFilled,
    RebuysHeld,
    Refused,
    Started,
    Stopped,
    StrayFill,
    VaultLockedNotice,
)
from bot.domain.orders import Leg
from bot.domain.params import StrategyParams
from bot.domain.state import Phase
from bot.errors import (
    AccessDenied,
    DuplicateOrderId,
    InsufficientBalance,
    InvalidInput,
    KeyElsewhere,
    NotAllowed,
    OrderGone,
    OrderRejected,
    OutcomeUnknown,
    RateLimited,
    RuleViolation,
    StoreError,
    Unavailable,
    VaultDamaged,
    VaultError,
    VaultLocked,
    WrongPassword,
)
from bot.ports import Environment, RunStatus, Strategy
from bot.sandbox.telegram_html import parse_html
from handlers.commands import COMMANDS
from handlers.failures import explain, way_out
from handlers.formats import Formats
from handlers.start import help_text
from handlers.texts import LOCALES, texts_for
from handlers.views import notice_keyboard, notices_text

ROOT = Path(__file__).parents[2]
EVIL = '<b>Tom & Jerry</b> </i> &amp; "q" {x}'
STRATEGY = Strategy(
    id=1,
    person_id=1,
    name=EVIL,
    environment=Environment.BYBIT,
    symbol=Symbol("BTCUSDT", "BTC", "USDT"),
    params=StrategyParams(),
    status=RunStatus.RUNNING,
    pause_reason=None,
    created_at=0,
)
P, Q, B = Price.of("61680.42"), Quote.of("300.5"), Base.of("0.005151")
NOTICES: tuple[Notice, ...] = (
    Started(resumed=False),
    Started(resumed=True),
    *(RebuysHeld(paused, price, price) for paused in (True, False) for price in (P, None)),
    FirstBuyFilled(1, P, B, Q, P, P),
    FirstBuyFilled(1, P, B, Q, P, None, rebuys_paused=True),
    FirstBuyFilled(1, P, B, Q, None, None),
    RebuyFilled(1, 2, 20, P, B, Q, P, P, P, P),
    RebuyFilled(1, 20, 20, P, B, Q, P, None, P, None),
    RebuyFilled(1, 20, 20, P, B, Q, P, None, None, None),
    CycleClosed(1, 0, P, B, Q, Q, Decimal("0.0329"), Q, 1, by_hand=False),
    CycleClosed(3, 1, P, B, Q, Quote.of("-3"), Decimal("-0.01"), Q, 2, by_hand=True),
    CycleClosed(3, 5, P, B, Q, Quote.zero(), Decimal(0), Q, 2, by_hand=False),
    NotEnough(Q, Quote.zero()),
    *(PutBack(leg, 3, price) for leg in Leg for price in (P, None)),
    *(Refused(leg, 3, reason, EVIL) for leg in Leg for reason in RefusalReason),
    *(Stopped(mode, kept, Q, Q) for mode in StopMode for kept in (B, Base.zero())),
    StrayFill("ta-1", B, Q),
    Paused("no_key"),
    Paused(EVIL),
    VaultLockedNotice(("one",)),
    VaultLockedNotice((EVIL, "two")),
    KeyExpires("bybit", 7, 1_800_000_000_000),
    KeyExpires("bybit-demo", 1, 1_800_000_000_000),
    KeyExpires("sandbox-bybit", 0, 1_800_000_000_000),
    KeyUnbound("bybit"),
    KeyMayWithdraw("bybit"),
    Digest("2026-11-22", (Earned("USDT", True, Q, 3, 7), Earned("USDT", False, Quote.of("-1"), 1, 1))),
)


def read(markup: str) -> str:
    """The text as Telegram reads it; ApiError where it cannot."""
    return parse_html(markup)[0]


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def forms(entry: str | tuple[str, ...]) -> tuple[str, ...]:
    return (entry,) if isinstance(entry, str) else entry


def test_both_languages_have_the_same_keys():
    english, portuguese = (set(texts_for(locale)._catalogue) for locale in ("en", "pt_BR"))
    assert english == portuguese


@pytest.mark.parametrize("key", sorted(texts_for("en")._catalogue))
def test_a_text_takes_the_same_values_in_both_languages_and_is_valid_markup(key):
    entries = [forms(texts_for(locale)._catalogue[key]) for locale in LOCALES]
    assert len(entries[0]) == len(entries[1])
    wanted = fields(entries[0][-1])
    for text in (*entries[0], *entries[1]):
        assert text.strip()
        assert fields(text) | {"n"} == wanted | {"n"}
        shown = read(text.format(**dict.fromkeys(fields(text), "7")))
        assert 0 < len(shown) <= 4096 - 1024
        if key.startswith(("button.", "form.button")):
            assert len(text) <= 40, "a phone cuts longer labels"


SOURCE = "\n".join(p.read_text("utf-8") for p in sorted((ROOT / "handlers").glob("*.py")))


def test_every_key_in_the_code_is_in_the_catalogues():
    literal = set(re.findall(r'(?:texts|_texts|plain|count)\(\s*"([a-z_]+\.[a-zA-Z_.-]+)"', SOURCE))
    assert len(literal) > 100
    assert sorted(key for key in literal if key not in texts_for("en")) == []


def test_every_text_is_said_somewhere():
    """A key stands in the code as it is, or begins like one that is put together there."""
    begun = tuple(set(re.findall(r'f"([a-z_]+\.[a-z_.]*){', SOURCE)))
    catalogue = (ROOT / "handlers/locale/en/LC_MESSAGES/chat.po").read_text("utf-8")
    keys = [k for k in re.findall(r'^msgid "(.+)"', catalogue, re.MULTILINE) if not k.startswith(begun)]
    assert len(keys) > 100
    assert sorted(k for k in keys if k.removesuffix("_away") not in SOURCE) == []


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("notice", NOTICES, ids=lambda n: n.kind)
def test_every_notice_reads_well_in_both_languages(notice, locale):
    texts = texts_for(locale)
    for strategy in (STRATEGY, None):
        text = notices_text(texts, [notice], strategy)
        shown = read(text)
        assert 0 < len(shown) <= 4096
        assert "None" not in shown
        assert "{" not in shown.replace("{x}", "")
        notice_keyboard(texts, notice, strategy)
    first = read(notices_text(texts, [notice], STRATEGY)).splitlines()[0]
    assert first == f"{EVIL} · BTCUSDT · {texts.plain('mode.real')}"


def test_all_kinds_of_notices_are_covered():
    assert {type(n) for n in NOTICES} == set(get_args(Notice))


def test_a_rebuy_says_where_the_exit_moved():
    notice = RebuyFilled(
        1, 2, 20, P, B, B.at(P), P, Price.of("61680.42"), Price.of("61266.13"), Price.of("58217.94")
    )
    english = read(notices_text(texts_for("en"), [notice], STRATEGY))
    assert "Re-buy 2/20: 0.005151\N{NO-BREAK SPACE}BTC at 61,680.42" in english
    assert "Exit: 61,680.42 → 61,266.13" in english
    portuguese = read(notices_text(texts_for("pt_BR"), [notice], STRATEGY))
    assert "Recompra 2/20: 0,005151\N{NO-BREAK SPACE}BTC a 61.680,42" in portuguese
    assert "Saída: 61.680,42 → 61.266,13" in portuguese
    assert "Próxima recompra: 58.217,94" in portuguese


def test_a_rebuy_says_what_it_really_cost_a_coin():
    notice = RebuyFilled(
        4, 1, 20, Price.of("24229.21"), Base.of("0.012816"), Quote.of("304.446"), P, None, P, None
    )
    text = read(notices_text(texts_for("en"), [notice], STRATEGY)).replace("\N{NO-BREAK SPACE}", " ")
    assert "0.012816 BTC at 23,755.15 (304.45 USDT)" in text


def test_a_closed_cycle_says_profit_percent_and_total():
    notice = CycleClosed(
        1, 0, P, B, Q, Quote.of("3.2931"), Decimal("0.032931"), Quote.of("12.5"), 4, by_hand=False
    )
    text = read(notices_text(texts_for("en"), [notice], STRATEGY)).replace("\N{NO-BREAK SPACE}", " ")
    assert "Net profit: +3.29 USDT (+3.29%)" in text
    assert "So far: +12.50 USDT in 4 cycles" in text


ERRORS = (
    InvalidInput("par", "a pair", key="no_such_key", values={"field": EVIL}),
    InvalidInput("nome", EVIL),
    NotAllowed("no_key"),
    NotAllowed(EVIL),
    WrongPassword(),
    WrongPassword(retry_after=0.5),
    WrongPassword(retry_after=3600),
    VaultLocked(EVIL),
    VaultDamaged(EVIL),
    VaultError(EVIL),
    AccessDenied(EVIL),
    KeyElsewhere(EVIL, belongs_to="bybit-demo"),
    Unavailable(EVIL),
    RateLimited(EVIL, retry_after=3),
    OutcomeUnknown("ta-1", EVIL),
    InsufficientBalance(EVIL),
    RuleViolation(EVIL),
    DuplicateOrderId(EVIL),
    OrderRejected(EVIL),
    OrderGone(EVIL),
    StoreError(EVIL),
    TimeoutError(),
)


@pytest.mark.parametrize("locale", LOCALES)
@pytest.mark.parametrize("error", ERRORS, ids=lambda e: type(e).__name__)
def test_every_error_has_plain_words(error, locale):
    text = explain(texts_for(locale), error)
    assert text is not None
    assert read(text)
    way_out(texts_for(locale), error)


def test_an_unknown_error_is_not_explained():
    assert explain(texts_for("en"), RuntimeError("boom")) is None


def test_reasons_of_refusal_in_the_code_have_words():
    source = "\n".join(p.read_text("utf-8") for p in (ROOT / "bot").rglob("*.py"))
    reasons = set(re.findall(r'NotAllowed\("([a-z_]+)"\)', source))
    assert {"no_key", "not_running"} <= reasons
    assert [r for r in sorted(reasons) if f"error.{r}" not in texts_for("pt_BR")] == []


@pytest.mark.parametrize("locale", LOCALES)
def test_states_modes_environments_and_commands_have_words(locale):
    texts = texts_for(locale)
    for key in (
        *(f"status.phase_{p.value}" for p in Phase),
        *(f"environment.{e.value}" for e in Environment),
        *(f"run_status.{s.value}" for s in RunStatus),
        *(f"command.{c.name}" for c in COMMANDS),
        *(f"order.{leg.name.lower()}" for leg in Leg),
        *(f"notice.refused_{r.value}" for r in RefusalReason),
        *(f"stop.{m.value}" for m in StopMode),
    ):
        assert key in texts, key
    assert read(help_text(texts))


@pytest.mark.parametrize(
    ("value", "english", "portuguese"),
    [
        ("61680.42", "61,680.42", "61.680,42"),
        ("0.0000123456", "0.0000123456", "0,0000123456"),
        ("1850.5", "1,850.50", "1.850,50"),
        ("142.3571", "142.357", "142,357"),
        ("0", "0.00", "0,00"),
    ],
)
def test_prices_keep_the_digits_that_count(value, english, portuguese):
    assert Formats("en").price(Price.of(value)) == english
    assert Formats("pt_BR").price(Price.of(value)) == portuguese


def test_amounts_carry_their_coin_and_small_ones_their_digits():
    usdt = STRATEGY.symbol
    assert Formats("pt_BR").quote(Quote.of("-12345.678"), usdt, signed=True) == "-12.345,68\xa0USDT"
    assert Formats("en").quote(Quote.of("0.0123"), usdt, signed=True) == "+0.0123\xa0USDT"
    assert Formats("en").quote(Quote.of("-0.000000000000000000001"), usdt, signed=True) == "0.00\xa0USDT"
    assert Formats("en").base(Base.of("0.00000123"), usdt) == "0.00000123\xa0BTC"
    assert Formats("en").percent(Decimal("-0.00001"), signed=True) == "0%"
    assert Formats("pt_BR").percent(Decimal("0.0332")) == "3,32%"
