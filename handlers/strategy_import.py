"""A strategy file sent to the chat: read as data, never run, and shown on the review card before it is saved."""

from pathlib import PurePath

from telegram import Document, Update

from bot.domain.literal import MAX_BYTES
from bot.domain.strategy_file import StrategyFile, load
from bot.errors import AccessDenied, InvalidInput, Unavailable
from bot.ports import Environment
from handlers.context import ChatContext
from handlers.form import BASE, ENVIRONMENT, PAIR, QUOTE, WISH, Form, Step
from handlers.form_faults import fault_text, place_text
from handlers.form_turn import Outcome, trouble
from handlers.form_views import environment_label, paragraphs
from handlers.strategy_change import filled, opened
from handlers.talk import say
from handlers.texts import Texts

KINDS = frozenset({".js", ".json"})
_LONGEST_NAME = 60


async def imported(update: Update, context: ChatContext) -> Outcome | None:
    """A document of any kind; None, for no change, leaves the conversation and its draft where they stand."""
    document = update.message.document if update.message else None
    if document is None:
        return None
    refused = refusal(context.texts, document.file_name or "", document.file_size)
    if refused is None:
        content = await _content(document)
        refused = refusal(context.texts, document.file_name or "", len(content))
    if refused is not None:
        await say(update, context, refused)
        return None
    try:
        read = load(content)
    except InvalidInput as wrong:
        head = context.texts("import.fault", name=_short(document.file_name or ""))
        place, reason = place_text(context.texts, wrong), fault_text(context.texts, wrong)
        await say(update, context, "\n".join(line for line in (head, place, reason) if line))
        return None
    form, before = await _form_of(context, read)
    return await opened(update, context, form, before=before)


def refusal(texts: Texts, name: str, size: int | None) -> str | None:
    """Why a file is not even read, as HTML; None for one that may be a strategy."""
    if PurePath(name).suffix.lower() not in KINDS:
        return texts("import.wrong_kind", name=_short(name))
    if size is not None and size > MAX_BYTES:
        return texts("import.too_large", name=_short(name), limit=MAX_BYTES // 1024)
    if size == 0:
        return texts("import.empty", name=_short(name))
    return None


def _short(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[:_LONGEST_NAME]}…"


async def _content(document: Document) -> bytes:
    file = await document.get_file()
    return bytes(await file.download_as_bytearray())


async def _form_of(context: ChatContext, read: StrategyFile) -> tuple[Form, str]:
    """The filled form and what is to be said first; a market that cannot be used here is asked for."""
    texts, offered = context.texts, context.service.environments
    form = filled(read.params, environment=read.ambiente, pair=read.par, **{WISH: read.nome})
    said = [texts("import.read", name=read.nome), _defaults(texts, read)]
    environment = next((e for e in offered if e.value == read.ambiente), None)
    if environment is None:
        said.append(texts("import.not_offered", environment=read.ambiente))
        first = form.kept(**{ENVIRONMENT: offered[0].value})
        return first.at(Step.EDIT, ENVIRONMENT), paragraphs(*said)
    return await _with_market(context, form, environment, said)


async def _with_market(
    context: ChatContext, form: Form, environment: Environment, said: list[str]
) -> tuple[Form, str]:
    texts = context.texts
    try:
        symbol = (await context.service.market(context.person, environment, form.answers[PAIR])).symbol
    except InvalidInput as wrong:
        said.append(fault_text(texts, wrong))
        return form.at(Step.EDIT, PAIR), paragraphs(*said)
    except (Unavailable, AccessDenied) as exc:
        said.append(trouble(texts, exc))
        return form, paragraphs(*said)
    said.append(texts("import.place", environment=environment_label(texts, environment), pair=symbol.name))
    return form.kept(**{PAIR: symbol.name, BASE: symbol.base, QUOTE: symbol.quote}), paragraphs(*said)


def _defaults(texts: Texts, read: StrategyFile) -> str:
    if not read.missing:
        return texts("import.whole")
    return texts.count("import.missing", len(read.missing), names=", ".join(read.missing))
