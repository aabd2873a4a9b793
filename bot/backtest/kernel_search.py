"""The searches of bot.backtest.index in compiled code, BRANCH entries at a time in the processor's vector registers.

Which of an index's entries is hit cannot be foretold, so a loop that leaves at the first one costs a mispredicted jump
at each level; comparing them all at once costs less than half of that. What is found is the same.
"""

from collections.abc import Callable
from typing import Any, cast

from llvmlite import ir  # type: ignore[import-untyped]
from numba import types
from numba.extending import intrinsic

from bot.backtest import index
from bot.backtest.index import BRANCH, LAST, SHIFT, Whole
from bot.backtest.kernel_compile import compiled, inlined

# ruff: noqa: PLR0917, ANN401 - compiled code takes its arguments by place; numba's own values have no types

lowest = compiled(index.lowest)

_WORD = ir.IntType(64)
_PLACE = ir.IntType(32)
_ENTRIES = ir.VectorType(_WORD, BRANCH)
_ANYTHING = ir.Constant(_ENTRIES, ir.Undefined)


def _first_hit(
    _typing: Any, lows: Any, highs: Any, _at: Any, _skip: Any, _buy: Any, _sell: Any
) -> tuple[Any, Any]:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        at, skip, buy, sell = args[2:]

        def entries(which: int) -> Any:
            column = context.make_array(signature.args[which])(context, builder, args[which])
            place = builder.bitcast(builder.gep(column.data, [at]), _ENTRIES.as_pointer())
            return builder.load(place, align=8)

        def everywhere(value: Any) -> Any:
            first = builder.insert_element(_ANYTHING, value, _PLACE(0))
            return builder.shuffle_vector(
                first, _ANYTHING, ir.Constant(ir.VectorType(_PLACE, BRANCH), [0] * BRANCH)
            )

        bought = builder.icmp_signed("<=", entries(0), everywhere(buy))
        sold = builder.icmp_signed(">=", entries(1), everywhere(sell))
        hits = builder.zext(builder.bitcast(builder.or_(bought, sold), ir.IntType(BRANCH)), _WORD)
        hits = builder.and_(hits, builder.shl(_WORD(-1), skip))
        return builder.cttz(builder.or_(hits, _WORD(1 << BRANCH)), ir.IntType(1)(1))

    return types.int64(lows, highs, *[types.int64] * 4), codegen


first_hit = cast("Callable[[Whole, Whole, int, int, int, int], int]", intrinsic(_first_hit))
"""first_hit(lows, highs, at, skip, buy, sell): of the BRANCH entries from `at` on the number of the first, `skip` or
above, that is touched; BRANCH if none is."""


@inlined
def next_touch(lows: Whole, highs: Whole, levels: Whole, first: int, buy: int, sell: int) -> int:
    """index.next_touch."""
    top = len(levels) - 2
    level, at, start = 0, first, levels[0]
    while True:
        if at >= levels[level + 1] - start:
            return -1
        group = at & ~LAST
        place = first_hit(lows, highs, start + group, at & LAST, buy, sell)
        at = group + place
        if place < BRANCH:
            break
        if level == top:
            return -1
        at >>= SHIFT
        level += 1
        start = levels[level]
    while level > 0:
        level -= 1
        at <<= SHIFT
        at += first_hit(lows, highs, levels[level] + at, 0, buy, sell)
    return at
