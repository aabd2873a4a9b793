from enum import StrEnum

from telegram import Update, User
from telegram.ext import (
    ApplicationBuilder,
    CommandHandler,
    ConversationHandler,
    ExtBot,
    MessageHandler,
    PersistenceInput,
    filters,
)

from storage.conversations import Conversations
from tests.storage.test_inbox import raw


class Asked(StrEnum):
    FIELD = "field"
    NAME = "name"


class OfflineBot(ExtBot):
    """Knows itself without asking Telegram."""

    async def get_me(self, **_):
        self._bot_user = User(1, "Trader", is_bot=True, username="trader_bot")
        return self._bot_user


def command(update_id, text):
    update = raw(update_id, text)
    update["message"]["entities"] = [{"type": "bot_command", "offset": 0, "length": len(text)}]
    return update


def conversation(answers):
    """Two questions; each answer is remembered."""

    async def start(update, context):
        return Asked.FIELD

    async def field(update, context):
        answers.append(("field", update.message.text))
        return Asked.NAME

    async def name(update, context):
        answers.append(("name", update.message.text))
        return ConversationHandler.END

    return ConversationHandler(
        [CommandHandler("newstrategy", start)],
        {
            Asked.FIELD: [MessageHandler(filters.TEXT, field)],
            Asked.NAME: [MessageHandler(filters.TEXT, name)],
        },
        [],
        name="new_strategy",
        persistent=True,
    )


async def answers_to(database, update):
    """What a process that has just started makes of one update; it ends without a word to its persistence."""
    answers = []
    builder = ApplicationBuilder().bot(OfflineBot("1:x")).job_queue(None).persistence(Conversations(database))
    app = builder.build()
    app.add_handler(conversation(answers))
    await app.initialize()
    await app.process_update(Update.de_json(update, app.bot))
    await app.update_persistence()
    await app.bot.shutdown()
    return answers


async def test_a_conversation_goes_on_at_the_same_question_after_a_restart(database):
    assert await answers_to(database, command(1, "/newstrategy")) == []
    assert await answers_to(database, raw(2, "300")) == [("field", "300")]
    assert await answers_to(database, raw(3, "lenta")) == [("name", "lenta")]
    assert await answers_to(database, raw(4, "mais")) == []
    assert await database.run(lambda db: list(db["conversations"].rows)) == []


async def test_states_come_back_as_what_they_equal(database):
    kept = Conversations(database)
    await kept.update_conversation(name="a", key=(7, 7), new_state=Asked.NAME)
    await kept.update_conversation(name="a", key=(8, 8), new_state=3)
    await kept.update_conversation(name="b", key=(7, 7), new_state=Asked.FIELD)
    assert await kept.get_conversations("a") == {(7, 7): Asked.NAME, (8, 8): 3}
    await kept.update_conversation(name="a", key=(7, 7), new_state=None)
    assert await kept.get_conversations("a") == {(8, 8): 3}


async def test_nothing_else_of_a_chat_is_kept(database):
    kept = Conversations(database)
    assert kept.store_data == PersistenceInput(False, False, False, False)
    await kept.update_user_data(user_id=7, data={"secret": 1})
    await kept.update_chat_data(chat_id=7, data={"secret": 1})
    await kept.update_bot_data(data={"secret": 1})
    await kept.update_callback_data(data=None)
    await kept.refresh_user_data(user_id=7, user_data={})
    await kept.refresh_chat_data(chat_id=7, chat_data={})
    await kept.refresh_bot_data(bot_data={})
    await kept.drop_user_data(user_id=7)
    await kept.drop_chat_data(chat_id=7)
    await kept.flush()
    assert (await kept.get_user_data(), await kept.get_chat_data(), await kept.get_bot_data()) == ({}, {}, {})
    assert await kept.get_callback_data() is None
