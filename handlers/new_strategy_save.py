"""Items 7 and 8 of the setup: the plan, and saving."""

from bot.domain.plan import Plan
from bot.domain.strategy_file import strategy_name
from bot.domain.validation import problems
from bot.errors import AccessDenied, InvalidInput, NotAllowed, Unavailable
from bot.ports import RunStatus, Strategy
from bot.service import Market
from handlers import new_strategy_run as run
from handlers import plan_table, survival
from handlers.callback import Press
from handlers.form import BASE, DRAFT, NAME, WISH, Form, Step
from handlers.form_faults import fault_text
from handlers.form_numbers import number, percent
from handlers.form_turn import Outcome, Turn, trouble
from handlers.form_views import Screen, another, ask_name, button, paragraphs, review, save_button
from handlers.keyboards import Button, keyboard
from handlers.plan_messages import send_plan
from handlers.texts import Texts

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
    return await run.ask_to_run(turn, saved)


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
