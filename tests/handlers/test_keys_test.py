"""/keys, then test: every step with its time, refusals that say what to do, and an order only on a press."""

import re
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import pytest

from bot.errors import AccessDenied, KeyElsewhere, NotAllowed
from bot.exchanges.environments import Endpoints
from bot.exchanges.factory import build_exchange
from bot.ports import Credentials, Environment, KeyFacts, Secret, SystemClock
from bot.sandbox.exchange import ExchangeOptions, SandboxExchange
from bot.service.key_test import KeyTest, Step
from handlers.failures import explain
from handlers.secrets_typed import validity_line
from handlers.texts import texts_for

STEPS_PT = [
    "corretora alcançada",
    "relógio",
    "assinatura aceita",
    "permissões",
    "saldo",
    "canal privado: conectado",
    "canal privado: autenticado",
    "canal privado: inscrito",
]


async def to_card(household, part):
    await household.ask("/keys", "Sandbox")
    return await household.tap("Testar", part)


async def keep(household, key, secret):
    """A key in the vault that /keys would have refused, or that has changed since."""
    pair = Credentials(Secret(key), Secret(secret))
    await household.app.vault.put((await household.person()).id, Environment.SANDBOX_BYBIT, pair)


async def test_each_step_is_told_with_its_time_in_one_message(household):
    await household.ready()
    before = len(await household.messages())
    told = await to_card(household, "Tudo funciona")
    lines = [line for line in told["text"].splitlines() if line.startswith("✅") and " ms" in line]
    assert len(lines) == len(STEPS_PT)
    for line, step in zip(lines, STEPS_PT, strict=True):
        assert step in line
        assert re.search(r"· \d+ ms", line), line
    assert "IP" in told["text"]
    assert "10.000,00\N{NO-BREAK SPACE}USDT livres" in told["text"]
    assert len(await household.messages()) == before + 3, "the question, the card and one message that grew"


async def test_an_order_is_placed_and_cancelled_only_where_the_person_presses_for_it(household):
    await household.ready()
    await to_card(household, "Tudo funciona")
    assert household.venue.core.orders == {}
    asked = await household.tap("Testar também uma ordem", "dinheiro de brincadeira")
    assert household.venue.core.orders == {}
    told = await household.tap("Enviar e cancelar", "nada foi comprado")
    assert re.search(r"ordem de teste enviada · \d+ ms\n✅ ordem de teste cancelada · \d+ ms", told["text"])
    (order,) = household.venue.core.orders.values()
    assert (order.is_open, order.filled) == (False, 0)
    assert order.price < household.venue.market.price * 9 / 10
    await household.press_again(asked, "Enviar e cancelar")
    await household.wait_for("confirmação não vale mais")
    assert len(household.venue.core.orders) == 1


async def test_a_key_that_may_withdraw_is_refused_by_the_test(household):
    await household.ready()
    await keep(household, *household.venue.add_account("rich", wallet_permissions=("Withdraw",)))
    told = await to_card(household, "O teste parou aqui")
    assert "permite saques" in told["text"]
    assert "saldo" not in told["text"]
    assert not [b for b in await household.buttons() if "uma ordem" in b]


async def test_a_wrong_key_stops_at_the_signature(household):
    await household.ready()
    await keep(household, "wrong" * 4, household.venue.api_secret)
    told = await to_card(household, "O teste parou aqui")
    assert "❌ assinatura aceita" in told["text"] or "❌" in told["text"]
    assert "recusa a chave" in told["text"]


async def test_a_locked_vault_is_asked_to_open_first(household):
    await household.ready()
    await household.ask("/lock", "Trancado")
    await household.ask("/keys", "Sandbox")
    await household.tap("Testar", "cofre está trancado")


class OneKey:
    def __init__(self, credentials):
        self.held = credentials

    async def credentials(self, person_id, environment):
        return self.held


@pytest.fixture
async def two_venues():
    """Bybit's main site and its demo, each a stand-in of its own."""
    options = ExchangeOptions(paused=True)
    async with SandboxExchange(options) as main, SandboxExchange(options) as demo:
        yield {Environment.BYBIT: main, Environment.BYBIT_DEMO: demo}


@contextmanager
def a_key_test(venues, shown_to, key, secret):
    """The key in the vault; `shown_to` tells each environment that a key was shown to."""
    with ThreadPoolExecutor(4) as pool:

        def build(environment, credentials):
            shown_to.append(environment)
            venue = venues[environment]
            where = Endpoints(venue.rest_url, venue.ws_private_url)
            return build_exchange(environment, credentials, pool=pool, clock=SystemClock(), endpoints=where)

        yield KeyTest(
            vault=OneKey(Credentials(Secret(key), Secret(secret))),
            exchanges=build,
            environments=(Environment.SANDBOX_BYBIT, *venues),
            clock=SystemClock(),
            pair="BTCUSDT",
        )


async def test_a_key_of_another_environment_is_named(two_venues):
    shown_to = []
    key, secret = two_venues[Environment.BYBIT_DEMO].add_account("only-here")
    with a_key_test(two_venues, shown_to, key, secret) as test:
        outcomes = [o async for o in test.run(PERSON, Environment.BYBIT)]
    assert outcomes[-1].step is Step.SIGNATURE
    assert isinstance(outcomes[-1].fault, AccessDenied)
    assert outcomes[-1].belongs_to is Environment.BYBIT_DEMO
    assert shown_to == [Environment.BYBIT, Environment.BYBIT_DEMO], "a sandbox is not shown a real key"


async def test_a_key_of_another_environment_is_named_before_it_is_kept(two_venues):
    shown_to = []
    key, secret = two_venues[Environment.BYBIT_DEMO].add_account("only-here")
    with a_key_test(two_venues, shown_to, key, secret) as test:
        with pytest.raises(KeyElsewhere) as refused:
            await test.check(Environment.BYBIT, Credentials(Secret(key), Secret(secret)))
        with pytest.raises(AccessDenied) as nowhere:
            await test.check(Environment.BYBIT, Credentials(Secret("of-nobody"), Secret("x")))
        assert (await test.check(Environment.BYBIT_DEMO, Credentials(Secret(key), Secret(secret)))).can_trade
    assert type(nowhere.value) is AccessDenied
    assert Environment.SANDBOX_BYBIT not in shown_to
    told = explain(texts_for("pt_BR"), refused.value)
    assert told is not None
    assert texts_for("pt_BR").plain("environment.bybit-demo") in told


async def test_without_a_key_there_is_nothing_to_test():
    test = KeyTest(vault=OneKey(None), exchanges=None, environments=(), clock=SystemClock(), pair="BTCUSDT")
    with pytest.raises(NotAllowed):
        [o async for o in test.run(PERSON, Environment.BYBIT)]


class PERSON:
    id = 1


@pytest.mark.parametrize(
    ("days", "told"),
    [
        (5, "5"),
        (90, "90"),
        (800, "2029"),
        (3652, "2036"),
        (3700, "no end"),
        (400_000, "no end"),
        (None, "no end"),
    ],
)
def test_days_left_are_told_unless_they_are_absurd(days, told):
    now = 1_795_000_000_000
    ends = None if days is None else now + days * 86_400_000
    facts = KeyFacts(can_trade=True, can_withdraw=False, ip_bound=True, expires_at=ends, read_only=False)
    line = validity_line(texts_for("en"), facts, now)
    ever = line == texts_for("en")("facts.no_end")
    assert ever if told == "no end" else told in line
