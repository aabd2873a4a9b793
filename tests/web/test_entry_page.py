"""The one-time page: with nothing typed in the chat a person comes from /keys to an open vault."""

import time

import pytest
from aiohttp import web
from aiohttp.test_utils import make_mocked_request

from bot.service import tickets
from bot.settings import Settings
from bot.web.guard import Guard
from tests.handlers.household import PASSWORD, a_household
from tests.web.visitor import Visitor, init_data, link_in, ticket_in

NEW = {"new_password": PASSWORD, "new_password_again": PASSWORD}
PUBLIC = "https://bot.example.org"


@pytest.fixture
async def home(tmp_path):
    async with a_household(tmp_path, secrets_in_chat=False, web_port=0) as opened:
        yield opened


@pytest.fixture
async def public(tmp_path):
    async with a_household(tmp_path, secrets_in_chat=False, web_port=0, web_public_url=PUBLIC) as opened:
        yield opened


async def to_key_page(home):
    await home.ask("/keys", "ainda não tem senha")
    await home.tap("Adicionar chave", "qual ambiente")
    return link_in(await home.tap("Sandbox", "na minha página"))


async def to_unlock_page(home):
    return link_in(await home.ask("/unlock", "Abra o cofre"))


async def with_key(home):
    visitor = Visitor(home)
    form = await visitor.open(ticket_in(await to_key_page(home)))
    home.mark()
    venue = home.venue
    status, told = await visitor.send(form, **NEW, api_key=venue.api_key, api_secret=venue.api_secret)
    assert status == 200, told
    await home.wait_for("pode negociar")
    return visitor


async def state(home):
    return await home.app.service.vault_state(await home.person())


async def test_from_nothing_to_a_kept_key_without_typing_a_secret_in_the_chat(home):
    link = await to_key_page(home)
    visitor = Visitor(home)
    form = await visitor.open(ticket_in(link))
    assert form["lang"] == "pt-BR"
    assert [f["name"] for f in form["fields"]] == [
        "new_password",
        "new_password_again",
        "api_key",
        "api_secret",
    ]
    assert len(form["suggestion"].split("-")) == 5
    assert 290 <= form["seconds"] <= 300
    home.mark()
    venue = home.venue
    status, told = await visitor.send(form, **NEW, api_key=venue.api_key, api_secret=venue.api_secret)
    assert (status, told["done"]) == (200, "✅ A chave funciona e está guardada, criptografada.")
    said = await home.wait_for("pode negociar")
    assert "Seu cofre está criado" in said["text"] or "cofre" in said["text"]
    assert [e.value for e in (await state(home)).environments] == ["sandbox-bybit"]
    gone = [m for m in await home.messages() if not m["deleted"] and "na minha página" in m["text"]]
    assert gone == [], "the used link stays in the chat"


async def test_a_restarted_bot_is_unlocked_on_the_page_and_strategies_go_on(home):
    await with_key(home)
    strategy = await home.strategy()
    await home.app.service.run(await home.person(), strategy.id)
    await home.wait_for("Primeira compra")
    home.mark()
    await home.restart()
    locked = await home.wait_for("trancado desde")
    assert "saída ainda em" in locked["text"]
    visitor = Visitor(home)
    form = await visitor.open(ticket_in(await to_unlock_page(home)))
    assert [f["name"] for f in form["fields"]] == ["password"]
    home.mark()
    assert (await visitor.send(form, password=PASSWORD))[0] == 200
    await home.wait_for("1 estratégia")
    summary = await home.wait_for("nenhuma execução nesse meio-tempo")
    assert "saída agora em" in summary["text"]


async def test_a_ticket_is_good_once(home):
    visitor = await with_key(home)
    await home.ask("/lock", "Trancado")
    form = await visitor.open(ticket_in(await to_unlock_page(home)))
    assert (await visitor.send(form, password=PASSWORD))[0] == 200
    status, told = await visitor.send(form, password=PASSWORD)
    assert (status, told["over"]) == (410, True)
    assert (await visitor.ask("open", {"ticket": form["ticket"]}))[0] == 410


async def test_a_newer_link_ends_the_older_one(home):
    visitor = await with_key(home)
    await home.ask("/lock", "Trancado")
    old = ticket_in(await to_unlock_page(home))
    new = ticket_in(await to_unlock_page(home))
    assert (await visitor.ask("open", {"ticket": old}))[0] == 410
    assert (await visitor.ask("open", {"ticket": new}))[0] == 200


async def test_a_wrong_password_is_told_and_may_be_tried_again_until_the_lockout(home):
    visitor = await with_key(home)
    await home.ask("/lock", "Trancado")
    form = await visitor.open(ticket_in(await to_unlock_page(home)))
    seen = {form["ticket"]}
    for _ in range(4):
        status, form = await visitor.send(form, password="certainly not it")
        assert (status, form["error"]) == (422, "A senha não é essa. Tente de novo.")
        assert form["ticket"] not in seen
        seen.add(form["ticket"])
    status, form = await visitor.send(form, password="certainly not it")
    assert "próxima tentativa" in form["error"]
    status, form = await visitor.send(form, password=PASSWORD)
    assert status == 422, "the right password does not end the wait"
    assert not (await state(home)).unlocked


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({}, "Preencha todos os campos."),
        ({**NEW, "new_password_again": "another long one"}, "não são iguais"),
        ({"new_password": "short", "new_password_again": "short"}, "menos de 12"),
        ({"new_password": "a" * 30, "new_password_again": "a" * 30}, "poucos caracteres"),
        ({**NEW, "new_password": "x" * 5000}, "Preencha todos os campos."),
        ({**NEW, "new_password": {"not": "text"}}, "Preencha todos os campos."),
    ],
)
async def test_what_does_not_fit_is_told_in_plain_words(home, values, told):
    visitor = Visitor(home)
    form = await visitor.open(ticket_in(await to_key_page(home)))
    status, answer = await visitor.ask(
        "submit",
        {"ticket": form["ticket"], "values": {"api_key": "k" * 18, "api_secret": "s" * 36, **values}},
    )
    assert status == 422
    assert told in answer["error"]
    assert not (await state(home)).exists


async def test_a_refused_key_leaves_the_vault_made_and_asks_for_the_key_again(home):
    visitor = Visitor(home)
    key, secret = home.venue.add_account("rich", wallet_permissions=("Withdraw",))
    form = await visitor.open(ticket_in(await to_key_page(home)))
    home.mark()
    status, form = await visitor.send(form, **NEW, api_key=key, api_secret=secret)
    assert status == 422
    assert "saques" in form["error"]
    assert [f["name"] for f in form["fields"]] == ["api_key", "api_secret"]
    await home.wait_for("cofre")
    assert (await state(home)).environments == ()
    home.mark()
    venue = home.venue
    assert (await visitor.send(form, api_key=venue.api_key, api_secret=venue.api_secret))[0] == 200
    await home.wait_for("pode negociar")


async def test_the_password_is_changed_on_the_page(home):
    visitor = await with_key(home)
    await home.ask("/keys", "Sandbox")
    link = link_in(await home.tap("Trocar a senha", "Troque sua senha"))
    form = await visitor.open(ticket_in(link))
    another = {"new_password": "four other plain words", "new_password_again": "four other plain words"}
    status, form = await visitor.send(form, password="not the old one", **another)
    assert status == 422
    home.mark()
    assert (await visitor.send(form, password=PASSWORD, **another))[0] == 200
    await home.wait_for("senha nova já vale")
    await home.ask("/lock", "Trancado")
    form = await visitor.open(ticket_in(await to_unlock_page(home)))
    assert (await visitor.send(form, password=PASSWORD))[0] == 422
    form = await visitor.open(ticket_in(await to_unlock_page(home)))
    assert (await visitor.send(form, password="four other plain words"))[0] == 200


async def test_the_sandbox_key_needs_only_a_password_on_the_page(home):
    await home.ask("/keys", "ainda não tem senha")
    link = link_in(await home.tap("sandbox", "na minha página"))
    visitor = Visitor(home)
    form = await visitor.open(ticket_in(link))
    assert [f["name"] for f in form["fields"]] == ["new_password", "new_password_again"]
    home.mark()
    assert (await visitor.send(form, **NEW))[0] == 200
    await home.wait_for("pode negociar")


async def test_another_site_cannot_post_and_another_name_for_this_machine_is_refused(home):
    ticket = ticket_in(await to_key_page(home))
    good = Visitor(home)
    for headers in (
        {"Origin": "https://evil.example"},
        {"Origin": "null"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Host": "evil.example"},
    ):
        assert (await good.ask("open", {"ticket": ticket}, headers))[0] == 403, headers
    async with home.http.post(f"{good.base}/entry/open", json={"ticket": ticket}) as answer:
        assert answer.status == 403  # no Origin at all
    async with home.http.post(
        f"{good.base}/entry/open", data={"ticket": ticket}, headers={"Origin": good.base}
    ) as answer:
        assert answer.status == 415  # what a form elsewhere could send
    assert (await good.ask("open", {"ticket": ticket}))[0] == 200


async def test_every_answer_is_kept_nowhere_and_loads_nothing_foreign(home):
    base = Visitor(home).base
    for path in ("/entry", "/entry/entry.js", "/entry/entry.css", "/nothing", "/health"):
        async with home.http.get(base + path) as answer:
            content = await answer.text()
            assert answer.headers["Cache-Control"] == "no-store"
            assert answer.headers["Referrer-Policy"] == "no-referrer"
            policy = answer.headers["Content-Security-Policy"]
            assert "default-src 'none'" in policy
            assert "unsafe" not in policy
            assert "http" not in policy
            assert "://" not in content
    async with home.http.put(base + "/entry") as answer:
        assert answer.status == 403


async def test_guesses_are_held_up_and_a_good_ticket_is_not(home):
    visitor = Visitor(home)
    good = ticket_in(await to_key_page(home))
    answers = [(await visitor.ask("open", {"ticket": f"guess-{n}"}))[0] for n in range(70)]
    assert answers.count(410) == 60
    assert answers[-1] == 429
    assert (await visitor.ask("open", {"ticket": good}))[0] == 200
    assert (await visitor.ask("open", {"ticket": "x" * 20_000}))[0] == 413


async def test_health_says_ready_and_nothing_else(home):
    async with home.http.get(f"{Visitor(home).base}/health") as answer:
        assert (answer.status, await answer.json()) == (200, {"ready": True, "reasons": []})
    home.app.database.faulted.set()
    async with home.http.get(f"{Visitor(home).base}/health") as answer:
        assert (answer.status, await answer.json()) == (
            503,
            {"ready": False, "reasons": ["the database failed"]},
        )


# --- the Mini App -------------------------------------------------------------------------------------------------


def app_buttons(home, message):
    stored = home.telegram.world.store.message(1, message["message_id"])
    return [button for row in stored.markup["inline_keyboard"] for button in row]


async def to_public_buttons(home):
    await home.ask("/keys", "ainda não tem senha")
    app, browser = app_buttons(home, await home.tap("sandbox", "Primeiro sua senha"))
    assert app["web_app"]["url"] == f"{PUBLIC}/entry?for=sandbox"
    return ticket_in(browser["url"])


async def test_the_mini_app_proves_the_person_and_each_signature_is_good_once(public):
    ticket = await to_public_buttons(public)
    visitor = Visitor(public, PUBLIC)
    signed = init_data(public.telegram.token, 1)
    status, form = await visitor.ask("open", {"init_data": signed, "for": "sandbox"})
    assert status == 200
    assert (await visitor.ask("open", {"init_data": signed, "for": "sandbox"}))[0] == 410
    assert (await visitor.ask("open", {"ticket": ticket}))[0] == 410, (
        "the link ends with the Mini App's ticket"
    )
    public.mark()
    assert (await visitor.send(form, **NEW))[0] == 200
    await public.wait_for("pode negociar")


async def test_a_signature_that_is_not_telegrams_opens_nothing(public):
    await to_public_buttons(public)
    visitor, token = Visitor(public, PUBLIC), public.telegram.token
    good = init_data(token, 1)
    bad = {
        "another bot's": init_data(token[:-1] + "x", 1),
        "too old": init_data(token, 1, at=time.time() - 301),
        "from the future": init_data(token, 1, at=time.time() + 120),
        "another person": good.replace("%22id%22%3A1", "%22id%22%3A2"),
        "a stranger": init_data(token, 999),
        "nobody": init_data(token, 1, user="{}"),
        "no json": init_data(token, 1, user="{"),
        "twice": good + "&auth_date=1",
        "empty": "hash=",
        "no hash": good.rpartition("&hash=")[0],
    }
    for name, signed in bad.items():
        assert (await visitor.ask("open", {"init_data": signed, "for": "unlock"}))[0] == 410, name
    for errand in ("", "nothing", "key", "key.mars", "unlock.bybit"):
        assert (await visitor.ask("open", {"init_data": good, "for": errand}))[0] == 410, errand
    assert (await visitor.ask("open", {"init_data": good, "for": "unlock"}))[0] == 200


async def test_only_telegrams_web_client_may_frame_a_public_page(public):
    async with public.http.get(f"{Visitor(public).base}/entry") as answer:
        assert "frame-ancestors https://web.telegram.org" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Strict-Transport-Security"]


async def test_the_demos_chat_opens_the_page_of_this_machine_as_a_mini_app(tmp_path):
    async with a_household(tmp_path, offline=True, secrets_in_chat=False, web_port=0) as home:
        visitor = Visitor(home)
        await home.ask("/keys", "ainda não tem senha")
        asked = await home.tap("sandbox", "Primeiro sua senha")
        (app,) = app_buttons(home, asked)
        assert app["web_app"]["url"] == f"{visitor.base}/entry?for=sandbox"
        assert ticket_in(link_in(asked)), "the browser is a way as well"
        async with home.http.get(app["web_app"]["url"]) as answer:
            port = home.telegram.url.rpartition(":")[2]
            wanted = f"frame-ancestors http://127.0.0.1:{port} http://localhost:{port}"
            assert answer.headers["Content-Security-Policy"].endswith(wanted)
        signed = init_data(home.telegram.token, 1)
        status, form = await visitor.ask("open", {"init_data": signed, "for": "sandbox"})
        assert status == 200
        home.mark()
        assert (await visitor.send(form, **NEW))[0] == 200
        await home.wait_for("pode negociar")


async def test_a_page_of_this_machine_is_no_mini_app_anywhere_else(home):
    await home.ask("/keys", "ainda não tem senha")
    asked = await home.tap("sandbox", "Primeiro sua senha")
    assert asked["buttons"] == []
    async with home.http.get(link_in(asked)) as answer:
        assert "frame-ancestors 'none'" in answer.headers["Content-Security-Policy"]


async def test_the_link_goes_when_the_secret_was_typed_instead(tmp_path):
    async with a_household(tmp_path, secrets_in_chat=True, web_port=0) as home:
        await home.ask("/keys", "ainda não tem senha")
        ticket = ticket_in(link_in(await home.tap("sandbox", "12 caracteres")))
        await home.ask(PASSWORD, "Mais uma vez")
        await home.ask(PASSWORD, "pode negociar")
        await home.settled()
        left = [m["text"] for m in await home.messages() if not m["deleted"]]
        assert not any("nunca veja" in text for text in left)
        assert (await Visitor(home).ask("open", {"ticket": ticket}))[0] == 410


@pytest.mark.parametrize(
    ("page", "chat", "framed_by"),
    [
        ("http://127.0.0.1:5", None, "'none'"),
        ("http://127.0.0.1:5", "https://api.telegram.org", "'none'"),
        ("http://127.0.0.1:5", "http://192.168.0.7:81", "'none'"),
        ("https://bot.example.org", "http://127.0.0.1:81", "https://web.telegram.org"),
        ("http://localhost:5", "http://127.0.0.1:81", "http://127.0.0.1:81 http://localhost:81"),
    ],
)
async def test_only_the_stand_in_on_this_machine_frames_a_page_of_this_machine(page, chat, framed_by):
    guard = Guard(page, sandbox_chat=chat)
    answer = await guard.middleware(make_mocked_request("GET", "/health"), _fine)
    assert answer.headers["Content-Security-Policy"].endswith(f"frame-ancestors {framed_by}")


async def _fine(_):
    return web.Response()


# --- parts --------------------------------------------------------------------------------------------------------


def test_a_ticket_lives_five_minutes_and_ten_tries():
    now = [0.0]
    box = tickets.Tickets(lambda: now[0])
    errand = tickets.Errand(tickets.Purpose.UNLOCK)
    token = box.issue(1, errand)
    now[0] = 299.9
    assert box.look(token) is not None
    now[0] = 300.0
    assert box.look(token) is None
    assert box.take(token) is None
    token = box.issue(1, errand)
    for tries in range(tickets.MOST_TRIES):
        ticket = box.take(token)
        assert ticket is not None
        assert ticket.until == 600.0, "another try does not win time"
        again = box.again(ticket)
        assert (again is None) == (tries == tickets.MOST_TRIES - 1)
        token = again or ""


def test_no_token_is_kept_in_memory():
    box = tickets.Tickets(lambda: 0.0)
    token = box.issue(1, tickets.Errand(tickets.Purpose.UNLOCK))
    assert token not in repr(vars(box))


@pytest.mark.parametrize(
    ("url", "port", "fine"),
    [
        ("https://bot.example.org", 8080, True),
        ("https://bot.example.org/", 8080, True),
        ("http://127.0.0.1:8080", 8080, True),
        ("http://localhost:8080", 8080, True),
        ("http://bot.example.org", 8080, False),
        ("http://192.168.0.7:8080", 8080, False),
        ("https://bot.example.org/path", 8080, False),
        ("https://", 8080, False),
        ("ftp://bot.example.org", 8080, False),
        ("https://bot.example.org", None, False),
    ],
)
def test_a_public_address_is_https_or_on_this_machine(url, port, fine):
    settings = Settings(_env_file=None, web_public_url=url, web_port=port)
    assert bool([p for p in settings.problems({}) if "WEB_" in p]) is not fine
