"""The engine's regular work, on APScheduler."""

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.engine.supervisor import Supervisor

RECONCILE_S = 60


def schedule(supervisor: Supervisor) -> AsyncIOScheduler:
    """A scheduler, not started: reconciliation every minute, the pairs' rules once a day.

    It lives in memory on purpose: every job follows from the state in the database.
    """
    scheduler = AsyncIOScheduler(timezone="UTC")
    scheduler.add_job(
        supervisor.reconcile_all, "interval", seconds=RECONCILE_S, coalesce=True, max_instances=1
    )
    scheduler.add_job(supervisor.reload_rules, "cron", hour=4, minute=17, coalesce=True, max_instances=1)
    return scheduler
