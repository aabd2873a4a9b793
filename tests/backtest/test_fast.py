"""The fast engines fill what the exact one does, one by one, on real files and on made-up ones."""

from collections import Counter
from dataclasses import dataclass, field, replace
from decimal import Decimal

import numpy as np
import pytest

from bot.backtest import batch
from bot.backtest.exact import run_exact
from bot.backtest.fast import run, run_fast, tree_of
from bot.backtest.figures import figures
from bot.backtest.first_cycle import Starts, StartsBench, cycles_from
from bot.backtest.history import History
from bot.backtest.judging import Ground
from bot.backtest.kernel_plain import LeftToExact
from bot.backtest.model import BacktestRun, Engine, Terms
from bot.backtest.ticks import NoTicks
from bot.domain.market import Side
from bot.domain.money import Quote
from bot.domain.params import StrategyParams
from tests.backtest.candles import FILES, candles, real, rules_of
from tests.backtest.draws import drawn, made_up, terms_drawn, window

D = Decimal
BIN = replace(StrategyParams(), taxa=D(0), lucro_reaplicar=False, saldo_limite=D(0))


@dataclass
class Count:
    runs: int = 0
    fills: int = 0
    compiled: int = 0
    left: Counter = field(default_factory=Counter)
    unproven: Counter = field(default_factory=Counter)

    def told(self, where: str) -> str:
        return (
            f"{where}: {self.runs} runs, {self.fills} fills equal, {self.compiled} by the compiled one; "
            f"left to the exact path {dict(self.left)}; not proven by the compiled one {dict(self.unproven)}"
        )


def agree(params: StrategyParams, terms: Terms, history: History, count: Count) -> None:
    """Both fast engines against the exact one: fills, cycles, profit, what is open."""
    exact = run_exact(params, terms, history)
    count.runs += 1
    try:
        fast = run_fast(params, terms, history)
    except LeftToExact as why:
        count.left[str(why)] += 1
    else:
        assert fast.fills == exact.fills
        count.fills += len(exact.fills)
        assert (fast.cycles, fast.net_profit, fast.open) == (exact.cycles, exact.net_profit, exact.open)
    try:
        prepared = batch.prepare(history, terms)
    except NoTicks as none:
        count.unproven[str(none)] += 1
        return
    rows, why_not = batch.fills_of(prepared, terms, params)
    if why_not:
        count.unproven[batch.REASONS[why_not]] += 1
        return
    assert rows.tolist() == in_ticks_and_lots(exact)
    count.compiled += len(exact.fills)
    (summary,) = batch.evaluate(prepared, terms, [params])
    assert (summary["proven"], summary["fills"]) == (1, len(exact.fills))
    assert summary["cycles"] == len(exact.cycles)
    assert summary["net_profit"] == near(exact.net_profit)
    assert summary["rebuys"] == sum(fill.side is Side.BUY and fill.k > 0 for fill in exact.fills)
    assert summary["open_rebuys"] == (exact.open.rebuys if exact.open else -1)
    found = figures(exact, history)
    assert summary["unrealised"] == near(found.unrealised)
    assert summary["worst_loss"] == near(found.worst.amount)
    assert summary["max_invested"] == near(found.most_invested)
    assert summary["fees"] == near(found.fees.buys + found.fees.sells)


def near(amount: Quote):
    return pytest.approx(float(amount.value), rel=1e-9, abs=1e-6)


def in_ticks_and_lots(run: BacktestRun) -> list[list[int]]:
    rules = run.terms.rules
    return [
        [
            fill.candle,
            fill.cycle,
            fill.k if fill.side is Side.BUY else -1 - fill.k,
            int(fill.price.value / rules.tick),
            int(fill.quantity.value / rules.lot_step),
        ]
        for fill in run.fills
    ]


@pytest.mark.parametrize("name", FILES)
def test_random_strategies_fill_alike_on_slices_of_real_files(name: str) -> None:
    history, count = real(name), Count()
    for number in range(12):
        seed = f"{name}/{number}"
        agree(drawn(seed), terms_drawn(seed, history.scale), window(history, seed, 6_000), count)
    print(count.told(name))
    assert sum(count.unproven.values()) < count.runs / 2


def test_random_strategies_fill_alike_on_made_up_prices_that_leap() -> None:
    count = Count()
    for number in range(25):
        history = made_up(number, 3_000, spread=0.0015)
        agree(drawn(f"leap/{number}"), terms_drawn(f"leap/{number}", 2), history, count)
    print(count.told("made up"))
    assert sum(count.unproven.values()) < count.runs / 2


def test_random_strategies_fill_alike_where_candles_span_both_orders() -> None:
    count = Count()
    for number in range(25):
        history = made_up(100 + number, 1_500, spread=0.012)
        agree(drawn(f"wide/{number}"), terms_drawn(f"wide/{number}", 2), history, count)
    print(count.told("wide"))
    assert sum(count.unproven.values()) < count.runs / 2


def test_random_strategies_fill_alike_where_a_price_has_few_ticks() -> None:
    """Cheap coins: ties between prices, quantities and limits are everyday there."""
    count = Count()
    for number in range(25):
        history = made_up(number, 2_000, start=900, scale=8, spread=0.004)
        rules = rules_of("0.00000001", "1", "0.5")
        agree(drawn(f"cheap/{number}"), Terms(rules), history, count)
    print(count.told("cheap"))
    assert sum(count.unproven.values()) < count.runs / 2


@pytest.mark.soak
@pytest.mark.parametrize("name", FILES)
def test_random_strategies_fill_alike_on_whole_files(name: str) -> None:
    history, count = real(name), Count()
    for number in range(150):
        seed = f"{name}/whole/{number}"
        agree(drawn(seed, calm=number % 3 > 0), terms_drawn(seed, history.scale), history, count)
    print(count.told(name))
    assert sum(count.unproven.values()) < count.runs / 2


def test_a_run_of_round_numbers_is_decided_though_every_price_is_a_tie() -> None:
    """60000 * 1.035 = 62100.00 and 300 / 60000 = 0.005 lots exactly: doubles alone would guess."""
    flat, up, down = (
        ("60000",) * 4,
        ("60000", "62100", "60000", "62100"),
        ("60000", "60000", "59400", "59400"),
    )
    history, terms = candles([flat, up, flat, down]), Terms(rules_of())
    prepared = batch.prepare(history, terms)
    rows, why_not = batch.fills_of(prepared, terms, BIN)
    assert why_not == 0
    assert rows.tolist()[:3] == [
        [0, 1, 0, 6_000_000, 5_000],
        [1, 1, -1, 6_210_000, 5_000],
        [2, 2, 0, 6_000_000, 5_000],
    ]
    assert rows[3, :4].tolist() == [3, 2, 1, 5_940_000]
    assert rows.tolist() == in_ticks_and_lots(run_exact(BIN, terms, history))


GAPS = {
    "up, over the exit": (("62200", "62300", "59000", "62250"), [-1]),
    "up, below the re-buy": (("59000", "63000", "59000", "60000"), [1, -2]),
    "down, over the exit": (("62500", "62600", "59000", "62000"), [-1]),
    "down, below the re-buy, up to the exit": (("59300", "63000", "58000", "59000"), [1, -2]),
    "down, up to the exit first": (("60000", "62100", "50000", "59000"), [-1]),
    "up, through both": (("60000", "63000", "59000", "60000"), [1, -2]),
    "down, through re-buys, closing over the new exit": (("59900", "60000", "53000", "59800"), None),
}


@pytest.mark.parametrize("where", GAPS)
def test_a_candle_that_spans_both_orders_is_walked_in_its_order(where: str) -> None:
    """A candle that opens beyond an order, or reaches both: which fills first, and is there a second."""
    row, fills = GAPS[where]
    history, terms = candles([("60000",) * 4, row, ("60000",) * 4]), Terms(rules_of())
    exact = run_exact(BIN, terms, history)
    rows, _ = batch.fills_of(batch.prepare(history, terms), terms, BIN)
    assert rows.tolist() == in_ticks_and_lots(exact)
    assert run_fast(BIN, terms, history).fills == exact.fills
    of_candle = rows[rows[:, 0] == 1]
    assert fills is None or of_candle[:, 2].tolist() == fills


def test_what_only_the_exact_path_can_do_falls_back_and_says_why() -> None:
    history = made_up(3, 500)
    terms = Terms(replace(rules_of(), lot_step=D(0)))
    fell = run(StrategyParams(), terms, history)
    assert (fell.engine, fell.fell_back) == (Engine.EXACT, "the pair has no tick or no lot step")
    fast = run(StrategyParams(), Terms(rules_of()), history)
    assert (fast.engine, fast.fell_back) == (Engine.FAST, None)
    asked = run(StrategyParams(), Terms(rules_of()), history, Engine.EXACT)
    assert (asked.engine, asked.fell_back, asked.fills) == (Engine.EXACT, None, fast.fills)


def test_candles_prepared_for_one_tick_are_refused_for_another() -> None:
    prepared = batch.prepare(made_up(1, 100), Terms(rules_of("0.01")))
    with pytest.raises(ValueError, match="another tick"):
        batch.evaluate(prepared, Terms(rules_of("0.1")), [StrategyParams()])


def test_a_tree_is_shared_by_runs_of_different_rules() -> None:
    history = made_up(5, 4_000)
    tree = tree_of(history)
    for tick in ("0.01", "0.5"):
        terms = Terms(rules_of(tick))
        assert (
            run_fast(drawn("shared"), terms, history, tree).fills
            == run_exact(drawn("shared"), terms, history).fills
        )


def test_prepared_candles_travel_as_a_folder(tmp_path) -> None:
    import pickle

    terms = Terms(rules_of())
    prepared = batch.prepare(made_up(2, 5_000), terms)
    kept = prepared.kept(tmp_path / "prepared")
    sent = pickle.dumps(kept)
    assert len(sent) < 1_000
    sets = [drawn(f"travel/{number}") for number in range(8)]
    one, other = (batch.evaluate(p, terms, sets) for p in (prepared, pickle.loads(sent)))
    assert np.array_equal(one, other)


def test_no_set_at_all_is_no_answer_at_all() -> None:
    terms = Terms(rules_of())
    assert len(batch.evaluate(batch.prepare(made_up(2, 100), terms), terms, [])) == 0


def test_a_cycle_from_any_start_is_the_first_cycle_of_a_run_from_there() -> None:
    history = made_up(11, 3_000, spread=0.0012)
    params = replace(StrategyParams(), limite_recompras=4, saldo_limite=D(0), lucro_alvo_inicial=D("0.02"))
    terms = Terms(rules_of())
    prepared = batch.prepare(history, terms)
    starts = np.arange(0, 3_000, 97)
    rows = batch.first_cycles(prepared, params, terms, starts)
    assert rows["proven"].all()
    assert {-1} < set(rows["exit"])  # some cycles end, some do not
    for start, row in zip(starts.tolist(), rows, strict=True):
        later = history.between(int(history.times[start]), None)
        exact = run_exact(params, terms, later)
        first = [fill for fill in exact.fills if fill.cycle == 1]
        closed = first[-1].side is Side.SELL
        assert row["exit"] == (start + first[-1].candle if closed else -1)
        assert row["rebuys"] == first[-1].k
        cycle = later.between(None, first[-1].time + 1) if closed else later
        worst = figures(run_exact(params, terms, cycle), cycle).worst.amount
        assert row["worst_loss"] == near(worst)
        paid = sum(fill.price.value * fill.quantity.value for fill in first if fill.side is Side.BUY)
        assert row["max_invested"] == near(Quote(paid))


FREE = {"saldo_limite": D(0)}
ENDS = {
    "the last re-buy": (FREE | {"limite_recompras": 2}, "1000000", 2, False),
    "saldo_limite": ({"saldo_limite": D(700)}, "1000000", 1, True),
    "the wallet": (FREE, "1000", 2, True),
    "the least order": (FREE | {"multiplicador_qty": D("0.1"), "qty_minima": D(1)}, "1000000", 1, True),
    "nothing yet": (FREE, "1000000", 10, False),
}


@pytest.mark.parametrize("what", ENDS)
def test_what_ended_a_ladder_is_told(what: str) -> None:
    falling = [(str(p), str(p), str(p - 400), str(p - 400)) for p in range(60_000, 54_000, -400)]
    changes, money, rebuys, cut = ENDS[what]
    params = replace(StrategyParams(), **changes)
    terms, history = Terms(rules_of(), balance=Quote(D(money))), candles(falling)
    (row,) = batch.first_cycles(batch.prepare(history, terms), params, terms, np.array([0], dtype=np.int64))
    assert (row["proven"], row["exit"], row["started"]) == (1, -1, 1)
    assert (row["rebuys"], row["cut_short"]) == (rebuys, cut)
    bench = StartsBench(params, terms, Ground(history, batch.prepare(history, terms)))
    for exact in (False, True):
        (start,) = cycles_from(bench, Starts(np.array([0]), exact=exact))
        ended = (start["out_of_rebuys"], start["out_of_money"])
        assert ended == (rebuys == params.limite_recompras, cut)


def test_a_first_buy_that_the_balance_does_not_pay_for_starts_nothing() -> None:
    terms = Terms(rules_of(), balance=Quote(D(299)))
    (row,) = batch.first_cycles(
        batch.prepare(made_up(1, 50), terms), StrategyParams(), terms, np.array([3], dtype=np.int64)
    )
    assert (row["started"], row["exit"], row["proven"]) == (0, -1, 1)


def test_compiled_code_is_kept_by_what_it_is_made_of_or_not_at_all(tmp_path, monkeypatch) -> None:
    from bot.backtest.compiled_code import kept_in

    monkeypatch.setenv("TRADER_AUTOMATA_CACHE", str(tmp_path))
    folder = kept_in()
    assert folder is not None
    assert folder.parent == tmp_path / "compiled"
    assert folder == kept_in()
    (tmp_path / "a file").touch()
    monkeypatch.setenv("TRADER_AUTOMATA_CACHE", str(tmp_path / "a file"))
    assert kept_in() is None
