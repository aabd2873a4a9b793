"""kill -9 at any moment: what was acknowledged is there, and nothing is half there."""

import asyncio
import random
import subprocess
import sys

from storage.store import open_store
from tests.storage.samples import filled, person_of, started, strategy_of, tick

WRITER = """
import asyncio, pathlib, sys
from storage.store import open_store
from tests.storage.samples import closed_cycle, fill, filled, tick

async def write(path):
    async with open_store(path) as store:
        (strategy,) = await store.running()
        while True:
            sequence = (await store.load(strategy.id)).sequence
            step = filled(strategy, fill(f"x-{sequence}"), sequence=sequence)
            if sequence % 2:
                step = tick(strategy, sequence, cycle=closed_cycle(sequence), notices=step.notices[:1])
            assert await store.commit(step)
            print(sequence + 1, flush=True)

asyncio.run(write(pathlib.Path(sys.argv[1])))
"""
KILLS = 20


def killed_writer(path, acknowledged_first):
    """Run the writer until it has acknowledged so many commits, kill it, and say the last one it acknowledged."""
    writer = subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE, text=True)
    with writer:
        last = 0
        for _ in range(acknowledged_first):
            last = int(writer.stdout.readline())
        writer.kill()
        rest = writer.stdout.read().split("\n")[:-1]  # a torn last line acknowledges nothing
    assert writer.returncode == -9
    return int(rest[-1]) if rest else last


async def test_no_acknowledged_commit_is_lost_and_none_is_torn(path):
    seed = random.Random(8)
    async with open_store(path) as store:
        person = await person_of(store)
        strategy = await strategy_of(store, person)
        await store.commit(started(strategy))
    for _ in range(KILLS):
        acknowledged = await asyncio.to_thread(killed_writer, path, seed.randint(1, 40))
        async with open_store(path) as store:
            saved = await store.load(strategy.id)
            assert saved.sequence in {acknowledged, acknowledged + 1}
            journal = await store.journal(strategy.id)
            assert [e.sequence for e in journal] == list(range(1, saved.sequence + 1))
            booked = [e.event.fill.exec_id for e in journal if e.event.kind == "fill_booked"]
            assert await store.known_fills(strategy.id) == set(booked)
            assert len(await store.cycles(person.id, strategy.id)) == saved.sequence - 1 - len(booked)
            owed = await store.outbox.due(sys.maxsize, 10**6)
            assert len(owed) == 1 + 2 * len(booked) + (saved.sequence - 1 - len(booked))
            assert await store._database.faults() == []


async def test_the_writer_of_this_test_does_what_its_assertions_count(store):
    """Two notices for a fill, one for a cycle: the sums above are not true by accident."""
    strategy = await strategy_of(store, await person_of(store))
    assert len(started(strategy).notices) == 1
    assert len(filled(strategy).notices) == 2
    assert tick(strategy, 1).fill is None
