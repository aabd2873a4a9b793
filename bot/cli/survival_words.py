"""A survival study as lines that a person reads."""

from collections.abc import Iterator

from bot.backtest.survival import CrashReplay, Spread, Survival
from bot.backtest.words import Words
from bot.cli.run_words import filled, table

_MINUTE_MS = 60_000


def lines(words: Words, found: Survival, coin: str) -> Iterator[str]:
    yield from filled(line(words, found))
    yield ""
    yield from table(list(_rows(words, found, coin)))
    yield ""
    yield from filled(words("starts.open.note"))
    if found.crashes:
        yield f"\n{words('starts.crashes')}"
    for one in found.crashes:
        yield from _crash(words, one, coin)


def line(words: Words, found: Survival) -> str:
    """The whole in one sentence."""
    ran_out = words("starts.line.rebuys", share=words.percent(found.out_of_rebuys))
    if found.out_of_money:
        ran_out = words("starts.line.money", share=words.percent(found.ran_out))
    exit_ms = found.exit_ms[0]
    half = words("starts.line.none")
    if exit_ms is not None:
        half = words("starts.line.half", length=_length(words, exit_ms))
    return words(
        "starts.line", starts=counted(words, "starts.n", found.starts), day=words.date(found.since), ran_out=ran_out, half=half,
        worst=words.percent(found.worst_of_budget),
    )  # fmt: skip


def counted(words: Words, key: str, number: int) -> str:
    """A number with its noun."""
    return words(f"{key}.one") if number == 1 else words(key, n=words.tick(number))


def _rows(words: Words, found: Survival, coin: str) -> Iterator[tuple[str, str]]:
    start, end = words.moment(found.since), words.moment(found.until)
    yield words("starts.period"), words("starts.period.days", start=start, end=end)
    yield words("starts.count"), words.tick(found.starts)
    yield words("starts.rebuys"), words.percent(found.out_of_rebuys)
    yield words("starts.money"), words.percent(found.out_of_money)
    still = words.percent(found.still_open)
    if found.longest_open_ms is not None:
        still = words("starts.open.longest", share=still, length=words.duration(found.longest_open_ms))
    yield words("starts.open"), still
    for key, ms in zip(("half", "most", "nearly"), found.exit_ms, strict=True):
        yield words(f"starts.{key}"), words("starts.never") if ms is None else _length(words, ms)
    longest = found.longest_exit_ms
    yield words("starts.longest"), words("starts.never") if longest is None else _length(words, longest)
    yield words("starts.worst"), _spread(words, "starts.spread", found.worst, coin)
    parts = {
        "share": words.percent(found.worst_of_budget),
        "budget": words.amount(found.budget),
        "at": words.moment(found.worst_start),
    }
    yield words("starts.worst.budget"), words("starts.worst.parts", **parts)
    yield words("starts.locked"), _spread(words, "starts.locked.spread", found.locked, coin)


def _spread(words: Words, key: str, spread: Spread, coin: str) -> str:
    half, most, worst = (words.amount(amount) for amount in (spread.half, spread.most, spread.worst))
    return words(key, half=half, most=most, worst=worst, coin=coin)


def _length(words: Words, ms: int) -> str:
    """How long until the exit; in the candle of the start it was less than one can tell."""
    return words("ms.minutes", n="< 1") if ms < _MINUTE_MS else words.duration(ms)


def _crash(words: Words, one: CrashReplay, coin: str) -> Iterator[str]:
    crash = one.crash
    days = words.date(crash.start)
    if crash.first != crash.last:
        days = words("starts.crash.days", start=days, end=words.date(crash.end - 1))
    name = words(f"crash.{crash.key}")
    yield "  " + words("starts.crash", name=name, days=days, fall=words.percent(-one.fall))
    end = words("starts.crash.no_exit")
    if one.exit_ms is not None:
        end = words("starts.crash.exit", length=_length(words, one.exit_ms))
    key = "starts.crash.went.out" if one.ran_out else "starts.crash.went"
    went = words(
        key,
        rebuys=counted(words, "starts.rebuys.n", one.rebuys),
        worst=words.amount(one.worst),
        coin=coin,
        end=end,
    )
    yield from filled(went, "    ")
    others = words(
        "starts.crash.within", starts=counted(words, "starts.n", one.starts), ran_out=words.tick(one.ran_out_within),
        worst=words.amount(one.worst_within),
    )  # fmt: skip
    yield from filled(others, "    ")
