from bot.domain.notices import Paused
from storage.store import open_store
from tests.storage.samples import NOW, person_of, started, strategy_of


async def owed(store, person, *reasons):
    for reason in reasons:
        await store.announce(person.id, Paused(reason), key=reason)


async def reasons(store, now=NOW, limit=100):
    return [i.notice.reason for i in await store.outbox.due(now, limit)]


async def test_what_is_sent_is_not_due_again(store):
    await owed(store, await person_of(store), "a", "b")
    first, second = await store.outbox.due(NOW)
    await store.outbox.sent(first.id)
    assert [i.id for i in await store.outbox.due(NOW)] == [second.id]


async def test_a_failed_message_waits_and_nothing_overtakes_it(store):
    ana, rui = await person_of(store), await person_of(store, 8)
    await owed(store, ana, "a", "b")
    await owed(store, rui, "c")
    first = (await store.outbox.due(NOW))[0]
    await store.outbox.failed(first.id, NOW + 500)
    assert await reasons(store) == ["c"]
    assert await reasons(store, NOW + 500) == ["a", "b", "c"]
    assert [i.attempts for i in await store.outbox.due(NOW + 500)] == [1, 0, 0]


async def test_what_is_given_up_blocks_nobody(store):
    await owed(store, await person_of(store), "a", "b")
    first = (await store.outbox.due(NOW))[0]
    await store.outbox.failed(first.id, NOW + 500)
    await store.outbox.dropped(first.id)
    assert await reasons(store) == ["b"]


async def test_an_unreadable_row_is_dropped_with_a_loud_word_and_holds_up_nobody(store):
    person = await person_of(store)
    await owed(store, person, "a", "b")
    spoil = "UPDATE outbox SET payload = '{}' WHERE id = (SELECT min(id) FROM outbox)"
    await store._database.run(lambda db: db.execute(spoil).rowcount)
    assert await reasons(store) == ["b"]
    waiting = "SELECT count(*) FROM outbox WHERE dropped_at IS NULL"
    assert await store._database.run(lambda db: db.execute(waiting).fetchone()[0]) == 1


async def test_no_more_than_asked_for_oldest_first(store):
    await owed(store, await person_of(store), "a", "b", "c")
    assert await reasons(store, limit=2) == ["a", "b"]


async def test_one_persons_many_alerts_do_not_hide_anothers(store):
    ana, rui = await person_of(store), await person_of(store, 8)
    await owed(store, ana, *(f"a{n}" for n in range(5)))
    await owed(store, rui, "r")
    assert await reasons(store, limit=3) == ["a0", "a1", "a2", "r"]


async def test_nothing_is_due_before_its_time_and_the_time_is_told(store):
    assert await store.outbox.next_due() is None
    await owed(store, await person_of(store), "a")
    assert await reasons(store, NOW - 1) == []
    assert await store.outbox.next_due() == NOW
    (item,) = await store.outbox.due(NOW)
    await store.outbox.failed(item.id, NOW + 9)
    assert await store.outbox.next_due() == NOW + 9


async def test_a_commit_with_notices_wakes_the_notifier(store):
    strategy = await strategy_of(store, await person_of(store))
    assert not store.outbox.changed.is_set()
    await store.commit(started(strategy))
    assert store.outbox.changed.is_set()


async def test_what_is_owed_survives_the_process(path):
    async with open_store(path) as store:
        await owed(store, await person_of(store), "a")
    async with open_store(path) as store:
        assert [i.notice for i in await store.outbox.due(2 * NOW)] == [Paused("a")]
