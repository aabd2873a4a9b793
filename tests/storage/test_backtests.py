"""Who waits for a backtest survives the process; one row a person."""

from bot.ports import Role
from bot.ports.backtests import WaitingRun
from storage.backtests import WaitingRuns
from storage.database import Database
from storage.store import SqliteStore


async def test_who_waits_is_known_to_the_next_process_until_told(tmp_path):
    path = tmp_path / "trader.sqlite"
    async with await Database.open(path) as database:
        people = [
            await SqliteStore(database).add_person(chat_id=n, name="", locale="en", role=Role.USER)
            for n in (1, 2)
        ]
        book = WaitingRuns(database)
        for person in people:
            await book.note(WaitingRun(person.id, 10, "v1:bt_go:1:BTCUSDT:1y", 5))
        await book.note(WaitingRun(people[0].id, 11, "v1:survival:1", 6))
    async with await Database.open(path) as database:
        book = WaitingRuns(database)
        assert [(run.person_id, run.message_id, run.again) for run in await book.waiting()] == [
            (people[0].id, 11, "v1:survival:1"),
            (people[1].id, 10, "v1:bt_go:1:BTCUSDT:1y"),
        ]
        await book.forget(people[0].id, 10)  # an older message: the newer one is still waited for
        await book.forget(people[1].id, 10)
        assert [run.message_id for run in await book.waiting()] == [11]
