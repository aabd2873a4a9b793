"""How the kernel is compiled: by numba, without the interpreter's lock, kept on disk for the next process.

Importing this costs 0.3 s and 130 MB: only what runs many backtests does (bot.backtest.batch).
"""
# ruff: noqa: ANN401 - what numba hands to an intrinsic has no types

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba.extending import intrinsic
from numpy.typing import NDArray

from bot.backtest.compiled_code import claimed

F = TypeVar("F", bound=Callable[..., Any])
Array = TypeVar("Array", bound=NDArray[Any])


_FOLDER = claimed()
if _FOLDER is not None:
    numba.config.CACHE_DIR = str(_FOLDER)  # type: ignore[attr-defined]


def entry(function: F) -> F:
    """`function` in machine code, compiled when it is first called for the types that it is given."""
    return _compiled(function)


def compiled(function: F) -> F:
    """The same for what only compiled code calls."""
    return _compiled(function, no_cpython_wrapper=True)


def inlined(function: F) -> F:
    """The same, put into whatever calls it: for what is done at every fill."""
    return _compiled(function, no_cpython_wrapper=True, forceinline=True)


def _compiled(function: F, **more: bool) -> F:
    options: dict[str, Any] = {
        "cache": _FOLDER is not None,
        "nogil": True,
        "error_model": "numpy",
        "no_cfunc_wrapper": True,
        **more,
    }
    return cast("F", numba.njit(**options)(function))


def _uncounted(_typing: Any, array: Any) -> tuple[Any, Callable[..., Any]]:
    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        view = context.make_array(signature.args[0])(context, builder, args[0])
        for owner in ("meminfo", "parent"):
            setattr(view, owner, getattr(view, owner).type(None))
        return view._getvalue()  # noqa: SLF001 - as numba's own do

    return array(array), codegen


uncounted = cast("Callable[[Array], Array]", intrinsic(_uncounted))
"""In compiled code: an array without its count of references, valid as long as whoever called keeps the array.

numba counts, with locked instructions, at every call that an array is handed to: half the time of a run.
"""
