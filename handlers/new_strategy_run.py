"""Items 7 to 10 of the setup: the plan, saving, running, another."""

from dataclasses import dataclass

from telegram import InlineKeyboardMarkup

from bot.domain.money import Quote
from bot.domain.plan import Plan
from bot.domain.strategy_file import strategy_name
from bot.domain.validation import problems
from bot.errors import AccessDenied, InvalidInput, NotAllowed, Unavailable, VaultLocked
from bot.ports import Environment, RunStatus, Strategy
from bot.service import Market
from handlers import plan_table, survival
from handlers.callback import Press
from handlers.context import ChatContext
from handlers.form import BASE, DRAFT, NAME, WISH, Form, Step
from handlers.form_faults import fault_text
from handlers.form_numbers import number, percent
from handlers.form_shelf import emptied
from handlers.form_turn import Outcome, Turn, trouble
from handlers.form_views import (
    Screen,
    another,
    ask_name,
    button,
    environment_label,
    paragraphs,
    press,
    review,
    save_button,
)
from handlers.formats import Formats
from handlers.keyboards import GOOD, GRAVE, Button, keyboard
from handlers.plan_picture import picture
from handlers.strategy_texts import shortage_text
from handlers.texts import Texts


@dataclass(frozen=True, slots=True)
class RunFromForm:
    """What a confirmed press starts."""

    strategy_id: int


# --- item 7 -----------------------------------------------------------------------------------------------


async def show_plan(turn: Turn) -> Outcome:
    form, texts = turn.form.at(Step.REVIEW), turn.texts
    planned = await _planned(turn)
    if isinstance(planned, Screen):
        return await turn.go(form, planned)
    market, plan = planned
    screen = _plan_screen(texts, form, plan, await send_plan(turn.context, market, plan))
    outcome = await turn.go(form, screen)
    if not plan.problems:
        await survival.line_under(turn, screen)
    return outcome


async def send_plan(context: ChatContext, market: Market, plan: Plan) -> str:
    """The picture, the long table as a file, and the tables but for the last, which is given back as HTML."""
    texts, chat_id, sender = context.texts, context.person.chat_id, context.bot
    png = await picture(texts, plan)
    await sender.send_photo(chat_id, png, caption=_summary(texts, market, plan), filename="plan.png")
    if plan_table.shortened(plan):
        name = f"{texts.plain('plan.file')}-{market.symbol}.txt"
        await sender.send_document(chat_id, plan_table.as_file(texts, plan).encode(), filename=name)
    *first, last = plan_table.messages(texts, plan)
    for text in first:
        await sender.send_message(chat_id, text)
    return last


def _summary(texts: Texts, market: Market, plan: Plan) -> str:
    mode = texts.plain("form.mode.real" if market.environment.real_money else "form.mode.sim")
    return plan_table.summary(texts, plan, environment=market.environment.value, mode=mode)


def _plan_screen(texts: Texts, form: Form, plan: Plan, tables: str) -> Screen:
    """The last tables with the verdict and the ways on; a plan that breaks a rule cannot be saved."""
    save = [] if plan.problems else [save_button(texts, form)]
    leave = "unsaved" if form.edits is None else "cancel"
    ways = [button(texts, "review", "review"), button(texts, leave, leave)]
    past = [
        Button(texts.plain("button.bt_test"), Press("bt_of", (DRAFT,))),
        Button(texts.plain("button.bt_survival"), Press("survival", (DRAFT,))),
    ]
    text = paragraphs(tables, plan_table.verdict(texts, plan))
    return Screen(text, keyboard(save, [] if plan.problems else past, ways))


async def _planned(turn: Turn) -> tuple[Market, Plan] | Screen:
    """The plan at the price of now, or the review card that says why there is none."""
    texts, form = turn.texts, turn.form
    if problems(form.params):
        return review(texts, form)
    try:
        market = await turn.market()
    except InvalidInput as wrong:
        return review(texts, form, before=fault_text(texts, wrong))
    except (Unavailable, AccessDenied) as exc:
        return review(texts, form, before=trouble(texts, exc))
    return market, turn.service.plan(market, form.params)


# --- item 8 -----------------------------------------------------------------------------------------------


async def ask_to_save(turn: Turn) -> Outcome:
    planned = await _planned(turn)
    if isinstance(planned, Screen):
        return await turn.go(turn.form.at(Step.REVIEW), planned)
    market, plan = planned
    if plan.problems:
        verdict = plan_table.verdict(turn.texts, plan)
        return await turn.go(turn.form.at(Step.REVIEW), review(turn.texts, turn.form, before=verdict))
    if turn.form.edits is not None:
        return await _keep(turn, turn.form.edits, market)
    suggestion = suggested_name(turn, {s.name for s in await turn.service.strategies(turn.person)})
    return await turn.go(turn.form.kept(**{NAME: suggestion}).at(Step.NAME), ask_name(turn.texts, suggestion))


async def _keep(turn: Turn, strategy_id: int, market: Market) -> Outcome:
    """The changes to a saved strategy; one that has run takes them when its next cycle begins."""
    texts = turn.texts
    try:
        kept = await turn.service.saved.edit(
            turn.person,
            strategy_id,
            turn.form.params,
            environment=market.environment,
            symbol=market.symbol,
        )
    except NotAllowed as no:
        return await turn.leave(texts(f"error.{no}"))
    key = "idle" if kept.status is RunStatus.IDLE else "running" if kept.pending else "running_same"
    card = Button(texts.plain("button.strategy"), Press("strategy", (str(kept.id),)))
    return await turn.leave(texts(f"strategy.kept_{key}", name=kept.name), keyboard([card]))


def suggested_name(turn: Turn, taken: set[str]) -> str:
    """`BTC 300 1%`: coin, first buy, first drop; numbered where that is taken."""
    params, locale = turn.form.params, turn.texts.locale
    base = turn.form.answers.get(BASE, "")
    drop = percent(params.recompra_queda_inicial, locale)
    name = turn.form.answers.get(WISH) or f"{base} {number(params.qty_inicial, locale)} {drop}".strip()
    name = name[:48].strip()
    numbered = (f"{name} ({n})" for n in range(2, len(taken) + 3))
    return name if name not in taken else next(n for n in numbered if n not in taken)


async def save_suggested(turn: Turn) -> Outcome:
    return await save(turn, turn.form.answers.get(NAME, ""))


async def save(turn: Turn, typed: str) -> Outcome:
    """Saves under the name, sends the file, asks item 9."""
    try:
        name = strategy_name(typed)
    except InvalidInput as wrong:
        return await _ask_name_again(turn, fault_text(turn.texts, wrong))
    planned = await _planned(turn)
    if isinstance(planned, Screen):
        return await turn.go(turn.form.at(Step.REVIEW), planned)
    market, plan = planned
    if plan.problems:
        return await show_plan(turn)
    saved = await _saved(turn, name, market)
    if saved is None:
        return await _ask_name_again(turn, turn.texts("form.name_taken"))
    await _send_file(turn, saved)
    return await _ask_to_run(turn, saved)


async def _ask_name_again(turn: Turn, wrong: str) -> Outcome:
    suggestion = turn.form.answers.get(NAME, "")
    return await turn.go(turn.form, ask_name(turn.texts, suggestion, before=wrong))


async def _saved(turn: Turn, name: str, market: Market) -> Strategy | None:
    """The saved strategy; None for a name in use, unless a process that died has just saved this very one."""
    params = turn.form.params
    for known in await turn.service.strategies(turn.person):
        if known.name == name:
            same = (known.params, known.symbol, known.environment) == (
                params,
                market.symbol,
                market.environment,
            )
            return known if same and known.status is RunStatus.IDLE else None
    return await turn.service.save_strategy(turn.person, name=name, market=market, params=params)


async def _send_file(turn: Turn, saved: Strategy) -> None:
    name, text = turn.service.saved.export(saved)
    caption = turn.texts("form.saved", name=saved.name)
    await turn.context.bot.send_document(turn.person.chat_id, text.encode(), filename=name, caption=caption)


async def do_not_save(turn: Turn) -> Outcome:
    before = turn.texts("form.not_saved")
    return await turn.go(turn.form.at(Step.SAVED), another(turn.texts, before=before))


# --- item 9 -----------------------------------------------------------------------------------------------


async def _ask_to_run(turn: Turn, saved: Strategy) -> Outcome:
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
