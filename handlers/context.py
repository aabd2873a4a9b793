"""What every handler is given: the service, the person, and the person's texts."""

from collections.abc import Callable, Coroutine
from contextvars import ContextVar
from typing import Any, cast

from telegram import Update
from telegram.ext import Application, CallbackContext, ExtBot

from bot.ports import Person
from bot.service import Service
from bot.service.vault_care import Opened
from handlers.confirm import Confirmations
from handlers.secret_entry import SecretEntry
from handlers.texts import Texts, texts_for

SERVICE = "service"
CONFIRMATIONS = "confirmations"
VAULT_NEWS = "vault_news"
SECRET_ENTRY = "secret_entry"  # noqa: S105 - a name
# PTB gives the error handler a context of its own; the task, one for each update, is what both share
_LET_IN: ContextVar[Person | None] = ContextVar("let_in", default=None)


class ChatContext(CallbackContext[ExtBot[Any], dict[Any, Any], dict[Any, Any], dict[Any, Any]]):
    """PTB's context with typed access; the gate (handlers/access.py) sets the person for each update."""

    @property
    def _person(self) -> Person | None:
        return _LET_IN.get()

    @property
    def service(self) -> Service:
        return cast("Service", self.application.bot_data[SERVICE])

    @property
    def confirmations(self) -> Confirmations:
        return cast("Confirmations", self.application.bot_data[CONFIRMATIONS])

    @property
    def secret_entry(self) -> SecretEntry:
        return cast("SecretEntry", self.application.bot_data[SECRET_ENTRY])

    def tell_away(self, opened: Opened) -> None:
        """What happened while the vault was locked follows by itself."""
        tell = self.application.bot_data.get(VAULT_NEWS)
        if tell is not None:
            cast("Callable[[Person, Opened], None]", tell)(self.person, opened)

    @property
    def known(self) -> bool:
        """Whether the gate has let this update in."""
        return self._person is not None

    @property
    def person(self) -> Person:
        """The known person behind this update; handlers behind the gate may rely on it."""
        if self._person is None:
            raise LookupError("the gate has not let this update in")
        return self._person

    def let_in(self, person: Person) -> None:
        _LET_IN.set(person)

    @property
    def texts(self) -> Texts:
        return texts_for(self.person.locale)


ChatApplication = Application[ExtBot[Any], ChatContext, dict[Any, Any], dict[Any, Any], dict[Any, Any], Any]
Handler = Callable[[Update, ChatContext], Coroutine[Any, Any, Any]]
