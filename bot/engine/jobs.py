"""The engine's regular work, on APScheduler."""

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.engine.supervisor import Supervisor

RECONCILE_S = 60


def schedule(supervisor: Supervisor) -> AsyncIOScheduler:
    """A scheduler, not started: reconciliation every minute, the pairs' rules once a day.

    It lives in memory on purpose: every job follows from the state in the database. The jobs are coroutines
    because APScheduler runs plain functions in a thread, where the engine's loop cannot be reached.
    """

    async def reconcile() -> None:
        supervisor.reconcile_all()

    async def reload_rules() -> None:
        supervisor.reload_rules()

    scheduler = AsyncIOScheduler(timezone="UTC")
    scheduler.add_job(
        reconcile, "interval", seconds=RECONCILE_S, id="reconcile", coalesce=True, max_instances=1
    )
    scheduler.add_job(reload_rules, "cron", hour=4, minute=17, id="rules", coalesce=True, max_instances=1)
    return scheduler
