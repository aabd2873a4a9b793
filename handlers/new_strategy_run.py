"""Items 9 and 10 of the setup: running, and another."""

from dataclasses import dataclass

from telegram import InlineKeyboardMarkup

from bot.domain.money import Quote
from bot.domain.plan import Plan
from bot.errors import AccessDenied, NotAllowed, Unavailable, VaultLocked
from bot.ports import Environment, RunStatus, Strategy
from handlers import plan_table
from handlers.callback import Press
from handlers.form import Step
from handlers.form_shelf import emptied
from handlers.form_turn import Outcome, Turn, trouble
from handlers.form_views import Screen, another, button, environment_label, paragraphs, press
from handlers.formats import Formats
from handlers.keyboards import GOOD, GRAVE, Button, keyboard
from handlers.strategy_texts import shortage_text
from handlers.texts import Texts


@dataclass(frozen=True, slots=True)
class RunFromForm:
    """What a confirmed press starts."""

    strategy_id: int


# --- item 9 -----------------------------------------------------------------------------------------------


async def ask_to_run(turn: Turn, saved: Strategy) -> Outcome:
    row = keyboard([button(turn.texts, "run", "run"), button(turn.texts, "later", "later")])
    form = emptied(turn.form).at(Step.SAVED, str(saved.id))
    return await turn.go(form, Screen(turn.texts("form.ask.run"), row))


async def confirm(turn: Turn, *, before: str = "") -> Outcome:
    """The one confirmation: what runs, where, with how much, and whether the money is real."""
    saved = await turn.service.strategy(turn.person, int(turn.form.cursor.about or 0))
    if saved.status is RunStatus.RUNNING:
        return await _started(turn, saved)
    lacking = await _lacking(turn, saved)
    if lacking is not None:
        return await turn.go(turn.form, lacking)
    try:
        market = await turn.service.market(turn.person, saved.environment, saved.symbol.name)
    except (Unavailable, AccessDenied) as exc:
        return await turn.go(turn.form, _try_again(turn.texts, trouble(turn.texts, exc)))
    plan = turn.service.plan(market, saved.params)
    if plan.problems:
        refused = paragraphs(
            turn.texts("form.run.refused", name=saved.name), plan_table.verdict(turn.texts, plan)
        )
        return await turn.go(turn.form, another(turn.texts, before=refused))
    nonce = turn.context.confirmations.ask(turn.person.id, RunFromForm(saved.id))
    short = await turn.service.saved.shortage(turn.person, saved)
    if short is not None:
        before = paragraphs(before, shortage_text(turn.texts, saved, short))
    return await turn.go(turn.form, _confirmation(turn.texts, saved, plan, nonce, before))


def _confirmation(texts: Texts, saved: Strategy, plan: Plan, nonce: str, before: str) -> Screen:
    real, symbol, formats = saved.environment.real_money, saved.symbol, Formats(texts.locale)
    kind = "real" if real else "sim"
    text = texts(
        "form.run.confirm",
        name=saved.name,
        mode=texts.plain(f"form.mode.{kind}_long"),
        environment=environment_label(texts, saved.environment),
        pair=symbol.name,
        first=formats.quote(plan.rungs[0].amount, symbol),
        ladder=formats.quote(plan.total_cost, symbol),
        limit=_most(texts, plan),
    )
    yes = Button(texts.plain(f"form.button.confirm_{kind}"), press("yes", nonce), GRAVE if real else GOOD)
    return Screen(paragraphs(before, text), keyboard([yes], [button(texts, "later", "later")]))


def _most(texts: Texts, plan: Plan) -> str:
    """What may be invested at most, plain: reinvested profits fill the limit, not only today's ladder."""
    formats, symbol = Formats(texts.locale), plan.rules.symbol
    if plan.params.saldo_limite:
        return formats.quote(Quote(plan.params.saldo_limite), symbol)
    if plan.free is None:
        return texts.plain("form.run.all_free")
    return texts.plain("form.run.all_free_now", free=formats.quote(plan.free, symbol))


async def _lacking(turn: Turn, saved: Strategy) -> Screen | None:
    """The screen that says which of keys and open vault is missing."""
    texts, vault = turn.texts, await turn.service.vault_state(turn.person)
    if not vault.exists or saved.environment not in vault.environments:
        return _needs_keys(texts, saved.environment)
    return None if vault.unlocked else _needs_unlock(texts)


def _needs_keys(texts: Texts, environment: Environment) -> Screen:
    keys = Button(texts.plain("form.button.keys"), Press("keys"))
    text = texts("form.run.needs_keys", environment=environment.value)
    return Screen(text, _with_run_again(texts, keys))


def _needs_unlock(texts: Texts) -> Screen:
    unlock = Button(texts.plain("form.button.unlock"), Press("unlock"))
    return Screen(texts("form.run.needs_unlock"), _with_run_again(texts, unlock))


def _try_again(texts: Texts, why: str) -> Screen:
    return Screen(why, _with_run_again(texts))


def _with_run_again(texts: Texts, *first: Button) -> InlineKeyboardMarkup:
    return keyboard(first, [button(texts, "again_run", "run"), button(texts, "later", "later")])


async def run(turn: Turn) -> Outcome:
    """The second press."""
    wanted = RunFromForm(int(turn.form.cursor.about or 0))
    if turn.context.confirmations.take(turn.person.id, turn.word(1)) != wanted:
        return await confirm(turn, before=turn.texts("form.run.late"))
    saved = await turn.service.strategy(turn.person, wanted.strategy_id)
    try:
        await turn.service.run(turn.person, saved.id)
    except VaultLocked:
        return await turn.go(turn.form, _needs_unlock(turn.texts))
    except NotAllowed:
        return await turn.go(turn.form, _needs_keys(turn.texts, saved.environment))
    except (Unavailable, AccessDenied) as exc:
        return await turn.go(turn.form, _try_again(turn.texts, trouble(turn.texts, exc)))
    return await _started(turn, saved)


async def _started(turn: Turn, saved: Strategy) -> Outcome:
    before = turn.texts("form.run.started", name=saved.name)
    return await turn.go(turn.form, another(turn.texts, before=before))


# --- item 10 ----------------------------------------------------------------------------------------------


async def later(turn: Turn) -> Outcome:
    return await turn.go(turn.form, another(turn.texts))


async def again(turn: Turn) -> Outcome:
    return await turn.show(emptied(turn.form))


async def done(turn: Turn) -> Outcome:
    return await turn.leave(turn.texts("form.done"))
